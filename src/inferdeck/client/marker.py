"""A small file in the data directory that says which daemon owns it and where it answers; clients look there first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "daemon.json"


@dataclass(frozen=True, slots=True)
class Marker:
    """One running daemon."""

    pid: int
    url: str
    socket_path: str
    version: str
    started: float


def write(data_dir: Path, marker: Marker) -> None:
    """Leave the marker, readable by our user alone."""
    draft = data_dir / f".{NAME}.{marker.pid}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(marker)) + "\n", encoding="utf-8")
    draft.replace(data_dir / NAME)


def remove(data_dir: Path, pid: int) -> None:
    """Remove the marker if it is still that process' own."""
    found = read(data_dir)
    if found is not None and found.pid == pid:
        (data_dir / NAME).unlink(missing_ok=True)


def read(data_dir: Path) -> Marker | None:
    """Return the marker, None where there is none or it cannot be read."""
    try:
        found = json.loads((data_dir / NAME).read_text(encoding="utf-8"))
        return Marker(**{name: found[name] for name in Marker.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None
