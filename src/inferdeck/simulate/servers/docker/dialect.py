"""How daemons of different versions speak: 20.10 as captured, newer ones as the API changelog says (unverified)."""

from __future__ import annotations

from dataclasses import dataclass

CAPTURED = "20.10.24+dfsg1"
_APIS = {20: "1.41", 23: "1.42", 24: "1.43", 25: "1.44", 26: "1.45", 27: "1.47", 28: "1.51", 29: "1.52"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What depends on the daemon's version."""

    version: str
    api: str
    oldest: str
    unified: bool
    """The host has cgroup v2."""


def dialect(version: str) -> Dialect:
    """Return the dialect of a daemon."""
    head = version.partition(".")[0]
    major = int(head) if head.isdigit() else 20
    known = max((number for number in _APIS if number <= major), default=20)
    oldest = "1.12" if major < 25 else "1.24" if major < 29 else "1.44"
    return Dialect(version or CAPTURED, _APIS[known], oldest, major >= 23)


def number(api: str) -> tuple[int, ...]:
    """Return an API version as numbers."""
    return tuple(int(part) for part in api.split("."))


def refusal(asked: str, spoken: Dialect) -> str:
    """Return why a prefix is refused; "" where it is not."""
    if number(asked) > number(spoken.api):
        return f"client version {asked} is too new. Maximum supported API version is {spoken.api}"
    if number(asked) < number(spoken.oldest):
        return (
            f"client version {asked} is too old. Minimum supported API version is {spoken.oldest}, "
            "please upgrade your client to a newer version"
        )
    return ""
