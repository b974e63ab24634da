"""What the checks of doctor look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from inferdeck.query.figures import Figures
from inferdeck.query.status import Surroundings


@dataclass(frozen=True, slots=True)
class Facts:
    """What the daemon saw of the machine and of its own configuration; sizes in bytes, times in seconds."""

    data_dir: str = ""
    filesystem: str = ""
    """Type of the file system under data_dir, "" where it is not known."""
    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    config_file: str = ""
    config_readable_by_others: bool = False
    config_has_secrets: bool = False
    config_warnings: tuple[str, ...] = ()
    listen: str = ""
    loopback: bool = True
    clock_jumps: tuple[tuple[float, float], ...] = ()
    """Of the last hour: how long ago, and by how many seconds the wall clock was moved."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per target id, the metric names it stored lately."""
    claimed: Callable[[str, str], bool] = lambda _kind, _name: True
    """(source kind, metric name) -> whether the kind's catalog knows that name."""
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Per source kind, the oldest and the newest version that its catalog was written for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One examination: the surroundings, the facts and the stored figures of the last window."""

    around: Surroundings
    facts: Facts
    figures: Figures
