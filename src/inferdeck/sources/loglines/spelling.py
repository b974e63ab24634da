"""A line as it may be shown: no colours, no control characters, no secrets, not endless."""

from __future__ import annotations

import re

from inferdeck.model.masking import mask

LONGEST_LINE = 8_000
"""Characters of a line that are shown."""
LONGEST_ENTRY = 32_000
"""Characters of an entry of several lines."""
LARGEST_LINE_BYTES = 65_536
"""Bytes of a line that are looked at."""
# ECMA-48: CSI sequences, OSC and other strings up to their end, and two-character escapes.
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]?|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|[ -/]{0,4}[0-~]?)"
    r"|\x9b[0-?]{0,64}[@-~]?"
)
# C0, DEL, C1, line and paragraph separators, and what reorders or hides text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def decode(raw: bytes) -> str:
    """Return the bytes of a line as plain text without its line break; what is no UTF-8 becomes U+FFFD."""
    return plain(raw[:LARGEST_LINE_BYTES].decode("utf-8", "replace"))


def plain(text: str) -> str:
    """Return the text without escape sequences and control characters; a tab becomes a space."""
    if not text.isprintable():
        text = _ANSI.sub("", text) if "\x1b" in text or "\x9b" in text else text
        text = _CONTROL.sub("", text.replace("\t", "    ").rstrip("\r\n"))
    return text.rstrip()


def shown(lines: list[str]) -> tuple[str, int]:
    """Return an entry's masked text and how many characters were left out of it."""
    cut = sum(max(0, len(line) - LONGEST_LINE) for line in lines)
    text = mask("\n".join(_cut(line) for line in lines))
    if len(text) > LONGEST_ENTRY:
        cut += len(text) - LONGEST_ENTRY
        text = text[:LONGEST_ENTRY]
    return text, cut


def _cut(line: str) -> str:
    """A secret at the edge would escape masking, so the word that the edge goes through is left out too."""
    if len(line) <= LONGEST_LINE:
        return line
    head = line[:LONGEST_LINE]
    edge = max(head.rfind(" ", LONGEST_LINE - 512), head.rfind('"', LONGEST_LINE - 512))
    return head[:edge] if edge > 0 else head
