"""Redis 7.0.15's own words where it refuses, and how it reads its arguments."""

from __future__ import annotations

import re

from inferdeck.simulate.servers.redis.wire import Refusal

SYNTAX = Refusal("ERR syntax error")
NOT_INTEGER = Refusal("ERR value is not an integer or out of range")


def arity(name: str) -> Refusal:
    """Return the refusal of a command with too few or too many words."""
    return Refusal(f"ERR wrong number of arguments for '{name}' command")


def unknown_subcommand(name: str, word: bytes) -> Refusal:
    """Return the refusal of a subcommand that there is not."""
    return Refusal(f"ERR unknown subcommand '{word.decode('latin-1')[:128]}'. Try {name} HELP.")


def forbidden(name: str) -> Refusal:
    """Return the refusal of a command that would change the world."""
    return Refusal(f"NOPERM this user has no permissions to run the '{name}' command")


def integer(word: bytes) -> int | None:
    """Return an argument as a whole number; None where it is none."""
    digits = word[1:] if word.startswith(b"-") else word
    return int(word) if digits.isdigit() and len(digits) < 20 else None


def glob(wanted: bytes) -> re.Pattern[bytes]:
    """Return a pattern of Redis (`*`, `?`, `[a-z]`, `[^a]`, backslash) as a regular expression for a whole name."""
    parts, place = [], 0
    while place < len(wanted):
        letter = wanted[place : place + 1]
        if letter == b"*":
            parts.append(b".*")
        elif letter == b"?":
            parts.append(b".")
        elif letter == b"[" and (end := wanted.find(b"]", place + 2)) > 0:
            inner = wanted[place + 1 : end].replace(b"\\", b"\\\\").replace(b"[", b"\\[")
            parts.append(b"[%b]" % inner)
            place = end
        elif letter == b"\\" and place + 1 < len(wanted):
            place += 1
            parts.append(re.escape(wanted[place : place + 1]))
        else:
            parts.append(re.escape(letter))
        place += 1
    return re.compile(b"(?s:%b)\\Z" % b"".join(parts))
