"""RESP2 and RESP3, as much of them as a server that only answers needs (redis.io/docs/reference/protocol-spec).

Replies are Python values: str is a simple string, bytes a bulk string, int an integer, float a double (RESP2: a bulk
string), None a null, list an array, dict a map (RESP2: a flat array), Verbatim a text (RESP2: a bulk string).
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

LARGEST_ARRAY = 1024 * 1024
LARGEST_BULK = 512 * 1024 * 1024
LARGEST_INLINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error reply with its code, as "ERR syntax error"."""

    message: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A text for people."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Flags:
    """A set of words: an array of simple strings in RESP2."""

    words: tuple[str, ...]


Reply: TypeAlias = (
    "str | bytes | int | float | Refusal | Verbatim | Flags | Sequence[Reply] | Mapping[bytes, Reply] | None"
)


class ProtocolError(Exception):
    """What came is no RESP; the message is what Redis says before it hangs up."""


async def read(reader: asyncio.StreamReader) -> list[bytes] | None:
    """Return the next command's words; [] for an empty one, None at the end. Raises ProtocolError."""
    line = await _line(reader)
    if line is None:
        return None
    if not line.startswith(b"*"):
        return _inline(line)
    count = _number(line[1:], LARGEST_ARRAY, "invalid multibulk length")
    words = []
    for _ in range(max(0, count)):
        head = await _line(reader)
        if head is None:
            return None
        if not head.startswith(b"$"):
            raise ProtocolError(f"expected '$', got '{chr(head[0]) if head else ' '}'")
        size = _number(head[1:], LARGEST_BULK, "invalid bulk length")
        if size < 0:
            raise ProtocolError("invalid bulk length")
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise ProtocolError("too big inline request") from error
    return line.rstrip(b"\r\n")


def _number(text: bytes, largest: int, complaint: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise ProtocolError(complaint) from error
    if number > largest:
        raise ProtocolError(complaint)
    return number


def _inline(line: bytes) -> list[bytes]:
    if len(line) > LARGEST_INLINE:
        raise ProtocolError("too big inline request")
    try:
        return [word.encode("latin-1") for word in shlex.split(line.decode("latin-1"))]
    except ValueError as error:
        raise ProtocolError("unbalanced quotes in request") from error


def encode(reply: Reply, protocol: int) -> bytes:
    """Return a reply's bytes in RESP2 or RESP3."""
    parts: list[bytes] = []
    _write(reply, protocol, parts.append)
    return b"".join(parts)


def _write(reply: Reply, protocol: int, put: Callable[[bytes], object]) -> None:
    match reply:
        case Flags(words):
            put(b"%b%d\r\n" % (b"*" if protocol == 2 else b"~", len(words)))
            for word in words:
                put(f"+{word}\r\n".encode())
        case Mapping():
            put(b"*%d\r\n" % (2 * len(reply)) if protocol == 2 else b"%%%d\r\n" % len(reply))
            for key, value in reply.items():
                _write(key, protocol, put)
                _write(value, protocol, put)
        case Sequence() if not isinstance(reply, str | bytes):
            put(b"*%d\r\n" % len(reply))
            for item in reply:
                _write(item, protocol, put)
        case _:
            put(_scalar(reply, protocol))


def _scalar(reply: str | bytes | float | Refusal | Verbatim | None, protocol: int) -> bytes:
    match reply:
        case None:
            return b"$-1\r\n" if protocol == 2 else b"_\r\n"
        case Refusal(message):
            return f"-{message}\r\n".encode()
        case str():
            return f"+{reply}\r\n".encode()
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(reply), reply)
        case int():
            return b":%d\r\n" % reply
        case Verbatim(text):
            if protocol == 2:
                return b"$%d\r\n%b\r\n" % (len(text), text)
            return b"=%d\r\ntxt:%b\r\n" % (len(text) + 4, text)
        case _:
            text = b"%.17g" % reply
            return b"$%d\r\n%b\r\n" % (len(text), text) if protocol == 2 else b",%b\r\n" % text
