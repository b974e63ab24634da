"""What was read of repositories, kept in a file: a hub is asked once a day, and not at all where it is out of reach."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from inferdeck.sources.huggingface.repository import Repository, kept

FORM = 1
LARGEST_FILE = 32 * 2**20
MOST_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer: when it came (Unix seconds), whether a token was shown; repository None where there is none."""

    read: float
    with_key: bool
    repository: Repository | None

    def is_due(self, now: float, max_age: float, with_key: bool) -> bool:
        """Whether to ask again: too old, from a clock that was ahead, or refused to who had no token."""
        if self.repository is None and with_key and not self.with_key:
            return True
        return not now - max_age < self.read <= now + 300.0


def load(path: Path) -> dict[str, Entry]:
    """Read the file; what cannot be read is forgotten, for it can be asked for again."""
    try:
        with path.open("rb") as stream:
            found = orjson.loads(stream.read(LARGEST_FILE))
    except (OSError, orjson.JSONDecodeError):
        return {}
    entries = found.get("entries") if isinstance(found, dict) and found.get("form") == FORM else None
    made = ((name, _entry(one)) for name, one in entries.items()) if isinstance(entries, dict) else ()
    return {name: entry for name, entry in made if entry is not None}


def save(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write the file at once or not at all, the newest entries where there are too many; raises OSError."""
    newest = sorted(entries.items(), key=lambda item: item[1].read, reverse=True)[:MOST_ENTRIES]
    body = {"form": FORM, "entries": {name: asdict(entry) for name, entry in newest}}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(orjson.dumps(body))
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _entry(found: Any) -> Entry | None:
    if not isinstance(found, dict) or not isinstance(found.get("read"), int | float):
        return None
    inner = found.get("repository")
    repository = kept(inner) if isinstance(inner, dict) else None
    if inner is not None and repository is None:
        return None
    return Entry(float(found["read"]), found.get("with_key") is True, repository)
