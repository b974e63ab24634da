"""The literals of PromQL: numbers, durations, strings with Go's escapes; and Go's %q for messages."""

from __future__ import annotations

import math
import re

_DURATION = re.compile(
    r"(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?"
)
_UNIT_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_UNIT_NAMES = ("y", "w", "d", "h", "m", "s", "ms")
LONGEST_DURATION_MS = (1 << 63) // 1_000_000
"""What fits into Go's nanoseconds, about 292 years."""
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_CODED = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}
_GO_SHORT = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 34: r"\"", 92: r"\\"}


def number(text: str) -> float:
    """Return the value of a number as Go's ParseInt(base 0) or ParseFloat read it; raises ValueError."""
    lowered = text.lower().replace("_", "")
    if lowered.startswith("0x"):
        return float(int(lowered, 16))
    if re.fullmatch(r"0[0-7]+", lowered):
        return float(int(lowered, 8))
    value = float(lowered)
    if math.isinf(value) and "inf" not in lowered:
        raise ValueError(f"error parsing number: {quote(text)} is out of range")
    return value


def duration_ms(text: str) -> int:
    """Return a duration such as 1h30m in milliseconds; raises ValueError with Prometheus' words."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text:
        raise ValueError("empty duration string")
    if match is None:
        raise ValueError(f"not a valid duration string: {quote(text)}")
    total = sum(int(part) * unit for part, unit in zip(match.groups(), _UNIT_MS, strict=True) if part)
    if total > LONGEST_DURATION_MS:
        raise ValueError("duration out of range")
    return total


def duration_text(ms: int) -> str:
    """Return milliseconds as Prometheus writes a duration: years and weeks only where nothing is left over."""
    if ms == 0:
        return "0s"
    sign, rest = ("-" if ms < 0 else ""), abs(ms)
    parts = []
    for place, (unit, name) in enumerate(zip(_UNIT_MS, _UNIT_NAMES, strict=True)):
        exact_only = place < 3
        if exact_only and rest % unit:
            continue
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return sign + "".join(parts)


def unquote(text: str) -> str:
    """Return the content of a quoted string; bytes that are not UTF-8 stay as surrogates; raises ValueError."""
    body = text[1:-1]
    if text[0] == "`" or "\\" not in body:
        return body
    out = bytearray()
    place = 0
    while place < len(body):
        if body[place] != "\\":
            end = body.find("\\", place)
            end = len(body) if end < 0 else end
            out += body[place:end].encode("utf-8", "surrogateescape")
            place = end
        else:
            piece, place = _escape(body, place + 1, text[0])
            out += piece
    return out.decode("utf-8", "surrogateescape")


def _escape(body: str, place: int, quote_sign: str) -> tuple[bytes, int]:
    """Return the bytes of the escape whose backslash stands before `place`, and where it ends."""
    if place >= len(body):
        raise ValueError("escape sequence not terminated")
    letter = body[place]
    if letter == quote_sign:
        return letter.encode(), place + 1
    if letter in _ESCAPES:
        return bytes([_ESCAPES[letter]]), place + 1
    if letter in "01234567":
        digits, base, start = 3, 8, place
    elif letter in _CODED:
        (digits, base), start = _CODED[letter], place + 1
    else:
        raise ValueError(f"unknown escape sequence U+{ord(letter):04X} {letter!r}")
    written = body[start : start + digits]
    if len(written) < digits:
        raise ValueError("escape sequence not terminated")
    if not all(sign in "0123456789abcdefABCDEF"[: 8 if base == 8 else 22] for sign in written):
        raise ValueError(f"illegal character in escape sequence {quote(written)}")
    code = int(written, base)
    single = digits < 4
    if code > (255 if single else 0x10FFFF) or 0xD800 <= code < 0xE000:
        raise ValueError("escape sequence is an invalid Unicode code point")
    return (bytes([code]) if single else chr(code).encode()), start + digits


def quote(text: str) -> str:
    """Return the text as Go's %q writes it, which the messages of Prometheus use."""
    out = []
    for letter in text:
        code = ord(letter)
        if code in _GO_SHORT:
            out.append(_GO_SHORT[code])
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif letter.isprintable():
            out.append(letter)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        else:
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def float_text(value: float) -> str:
    """Return a number as Prometheus writes one in an expression: the shortest that reads back, Inf, -Inf or NaN."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else str(int(value))
    return repr(value)
