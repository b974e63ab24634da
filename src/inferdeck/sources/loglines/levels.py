"""The level of a line, in the words of the programs of an LLM stack."""

from __future__ import annotations

import re
from typing import Any

WORDS = {
    "trace": "trace",
    "finest": "trace",
    "debug": "debug",
    "dbug": "debug",
    "verbose": "debug",
    "info": "info",
    "information": "info",
    "notice": "info",
    "log": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "err": "error",
    "severe": "error",
    "critical": "critical",
    "crit": "critical",
    "fatal": "critical",
    "alert": "critical",
    "emerg": "critical",
    "emergency": "critical",
    "panic": "critical",
}
PRIORITIES = ("critical", "critical", "critical", "error", "warning", "info", "info", "debug")
"""syslog(3)'s numbers 0 to 7, which the journal uses too."""
LETTERS = {"D": "debug", "I": "info", "W": "warning", "E": "error", "F": "critical"}
"""klog and llama.cpp."""
REDIS = {".": "debug", "-": "debug", "*": "info", "#": "warning"}
_NUMBERS = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "critical"}
"""pino and bunyan."""

_HEAD = 120
"""Characters in which a level stands; further on it is a word of the message."""
_PAIR = re.compile(r"(?:^|[\s,{])(?:level|lvl|severity|loglevel)=\"?([A-Za-z]+)", re.IGNORECASE)
_UPPER = re.compile(
    r"(?:^|[\s:\[|(<-])(TRACE|DEBUG|VERBOSE|INFO|NOTICE|LOG|WARN(?:ING)?|ERROR|ERR|CRITICAL|CRIT|FATAL|PANIC)"
    r"(?=[\s:\]|)>,-]|$)"
)
_LOWER = re.compile(r"\[(trace|debug|info|notice|warn|warning|error|err|crit|critical|alert|emerg|fatal)\]")
_STATUS = re.compile(r"\"[A-Z]{3,8} [^\"]{1,200}\" (\d{3})\b|\| (\d{3}) \|")
"""The status in an access line of nginx, Apache and GIN, which have no level."""
_FIRST_WORD = re.compile(r"[ \t\]]{1,4}([a-z]{3,9})\b")


def of_text(text: str, end: int) -> str:
    """Return the level that a line states, "" where it states none; `end` is where its time ends, 0 without one."""
    head = text[: end + _HEAD]
    if "=" in head and (found := _PAIR.search(head)):
        return WORDS.get(found[1].lower(), "")
    if found := _UPPER.search(head):
        return WORDS[found[1].lower()]
    if "[" in head and (found := _LOWER.search(head)):
        return WORDS[found[1]]
    if end and (found := _FIRST_WORD.match(text, end)) and found[1] in WORDS:
        return WORDS[found[1]]
    if ('"' in text or "|" in text) and (found := _STATUS.search(text[:400])):
        return "error" if (found[1] or found[2]) >= "500" else "info"
    return ""


_BAD_WORDS = (b"warn", b"err", b"crit", b"fatal", b"panic", b"alert", b"emerg", b"severe")
# pino, access lines, Redis, llama.cpp.
_BAD_SIGNS = tuple(b'"level":%s%d' % (space, tens) for space in (b"", b" ") for tens in (4, 5, 6))
_BAD_SIGNS += (b'" 5', b"| 5", b" # ", b" W ", b" E ", b" F ")


def may_be_bad(raw: bytes) -> bool:
    """Whether a line can be a warning or worse; faster than recognising it, and never wrong when it says no."""
    if raw[:1] in (b"<", b"W", b"E", b"F"):
        # syslog's number, klog's letter.
        return True
    folded = raw.lower()
    for word in _BAD_WORDS:
        if word in folded:
            return True
    for sign in _BAD_SIGNS:  # noqa: SIM110 - any() with a generator takes three times as long
        if sign in raw:
            return True
    return False


def of_value(value: Any) -> str:
    """Return the level that a JSON line gives as a word or a number."""
    if isinstance(value, str):
        return WORDS.get(value.strip().lower(), "")
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBERS.get(value, "")
    return ""
