"""What the routes need of the daemon beside the query service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from inferdeck.model.target import TargetState
from inferdeck.query.interface import FamilyFacts
from inferdeck.receive.remote_write import Written


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """The store at a glance: series and samples, and the Unix milliseconds of the oldest and newest sample."""

    series: int
    samples: int
    oldest_ms: int
    newest_ms: int


class Site(Protocol):
    """Asynchronous methods may wait for the disk; all belong to the event loop."""

    def now_ms(self) -> int:
        """Return the present Unix milliseconds."""
        ...

    def started_ms(self) -> int:
        """Return when the daemon started."""
        ...

    def targets(self) -> Sequence[TargetState]:
        """Return every watched target."""
        ...

    def target_families(self) -> Sequence[tuple[TargetState, Mapping[str, FamilyFacts]]]:
        """Return the families of each target's last good collection."""
        ...

    def config_yaml(self) -> str:
        """Return the effective configuration with secrets masked."""
        ...

    def flags(self) -> Mapping[str, str]:
        """Return settings under the names of Prometheus' flags, as far as both have them."""
        ...

    def directory(self) -> str:
        """Return where the history lies."""
        ...

    def retention(self) -> str:
        """Return how long the history is kept, as Prometheus says it."""
        ...

    async def head(self) -> HeadFacts:
        """Return the store at a glance."""
        ...

    async def write(self, body: bytes, version: int) -> Written:
        """Keep the samples of a remote write request of version 1 or 2 (see receive/remote_write.py)."""
        ...
