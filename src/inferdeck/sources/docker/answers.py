"""Safe access to JSON from outside, and the check that text must pass before anybody is shown it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from inferdeck.model.masking import mask
from inferdeck.sources.dockerd import nanoseconds

LONGEST_NAME = 200
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@+\-]*")


def at(body: Any, *path: str) -> Any:
    """Return what stands under these keys; None where something on the way is no object or lacks the key."""
    for key in path:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def text(body: Any, *path: str) -> str:
    """Return the text under these keys, "" where there is none."""
    found = at(body, *path)
    return found if isinstance(found, str) else ""


def number(body: Any, *path: str) -> float | None:
    """Return the number under these keys, None where there is none."""
    found = at(body, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def whole(body: Any, *path: str) -> int:
    """Return the whole number under these keys, 0 where there is none."""
    found = at(body, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def items(body: Any, *path: str) -> list[Any]:
    """Return the list under these keys, an empty one where there is none."""
    found = at(body, *path)
    return found if isinstance(found, list) else []


def texts(body: Any, *path: str) -> list[str]:
    """Return the texts of the list under these keys."""
    return [one for one in items(body, *path) if isinstance(one, str)]


def pairs(body: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of the object under these keys."""
    found = at(body, *path)
    if isinstance(found, dict):
        yield from ((key, value) for key, value in found.items() if isinstance(key, str))


def seconds(body: Any, *path: str) -> float | None:
    """Return the time under these keys as Unix seconds; None for "never", which Go writes as year 1."""
    nanos = nanoseconds(text(body, *path))
    return None if nanos is None else nanos / 1e9


def name(value: str) -> str:
    """Return the text where it is a plain name that looks like no secret, else ""."""
    if len(value) > LONGEST_NAME or not _NAME.fullmatch(value) or mask(value) != value:
        return ""
    return value
