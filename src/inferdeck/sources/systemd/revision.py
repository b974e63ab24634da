"""What a unit is configured by, as a sum that tells a change and not the content."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST_BYTES = 2**20
MOST_FILES = 40
_ENDINGS = (".yaml", ".yml", ".json", ".toml", ".conf", ".ini", ".env", ".cfg")


@dataclass(frozen=True, slots=True)
class Revision:
    """hash: 12 hexadecimal digits; changed: Unix seconds of the last change; unread: files that may not be read."""

    hash: str
    changed: float
    unread: int = 0


def files(unit: dict[str, Any], service: dict[str, Any]) -> Iterator[Path]:
    """Yield the files that configure a unit: its own, drop-ins, environment files, those that its command names."""
    named: list[Any] = [unit.get("FragmentPath"), unit.get("SourcePath"), *unit.get("DropInPaths", ())]
    named += [row[0] for row in service.get("EnvironmentFiles", ())]
    for command in service.get("ExecStart", ()):
        for word in command[1][1:]:
            value = word.partition("=")[2] if word.startswith("-") else word
            if value.startswith("/") and value.endswith(_ENDINGS):
                named.append(value)
    seen: dict[str, None] = dict.fromkeys(name for name in named if isinstance(name, str) and name.startswith("/"))
    yield from map(Path, list(seen)[:MOST_FILES])


def revision(paths: Iterable[Path]) -> Revision | None:
    """Return the sum over the files that are there and may be read; None where there is none.

    It is keyed with the machine's id, so that nobody elsewhere can try out which short secret gives the same sum.
    """
    total = hashlib.blake2b(digest_size=6, key=_machine())
    changed, unread, read = 0.0, 0, 0
    for path in paths:
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_BYTES:
                continue
            body = path.read_bytes()[:LARGEST_BYTES]
        except FileNotFoundError:
            continue
        except OSError:
            unread += 1
            continue
        total.update(f"{path}\0{len(body)}\0".encode())
        total.update(body)
        changed, read = max(changed, found.st_mtime), read + 1
    return Revision(total.hexdigest(), changed, unread) if read else None


def _machine() -> bytes:
    try:
        return Path("/etc/machine-id").read_bytes()[:64]
    except OSError:
        return b""
