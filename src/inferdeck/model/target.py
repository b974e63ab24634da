"""What the runner knows of one target: is it read, when, at what cost, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ANOTHER_READER = "another program reads"
"""How a source's warning begins where reading has an effect that another reader's would hide."""


class Health(StrEnum):
    """Whether the last collection of a target worked; UNKNOWN before the first one ended."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TargetKey:
    """Which target: the source kind (`job`), host:port (`instance`) and the environment it belongs to."""

    job: str
    instance: str
    environment: str

    @property
    def id(self) -> str:
        """The text under which stores and routes know the target."""
        return f"{self.environment}/{self.job}/{self.instance}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a target has or is (service, deployment, model, database), with facts for display and joins."""

    kind: str
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbeEffect:
    """A probe that a target's source may send and its declared side effect (model/metric.py SideEffect)."""

    name: str
    request: str
    effect: str
    note: str
    enabled: bool
    never: bool = False
    """It does harm, and no key switches it on."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """One target at one moment; seconds and milliseconds as named, counts since the daemon started.

    last_success_ms is 0 before the first success. native_series and canonical_series are those of the last success.
    cpu_seconds_total is what fetching, parsing, repairing, mapping and storing this target has cost the daemon.
    """

    key: TargetKey
    name: str
    url: str
    origin: str
    """"configured" or "discovered"."""
    health: Health = Health.UNKNOWN
    interval_seconds: float = 15.0
    last_attempt_ms: int = 0
    last_success_ms: int = 0
    last_duration_seconds: float = 0.0
    next_attempt_ms: int = 0
    last_error: str = ""
    last_error_kind: str = ""
    """errors.kind() of it ("auth", "connect", "deadline", ...), "internal" for a bug of ours."""
    last_error_ms: int = 0
    consecutive_failures: int = 0
    version: str = ""
    native_series: int = 0
    canonical_series: int = 0
    dropped_series: int = 0
    """Series of the last success that were over the limit and not stored."""
    collections_total: int = 0
    failures_total: int = 0
    skipped_total: int = 0
    """Scheduled collections that did not run because the one before had not ended."""
    requests_total: int = 0
    response_bytes_total: int = 0
    cpu_seconds_total: float = 0.0
    warnings: tuple[str, ...] = ()
    inventory: tuple[Fact, ...] = ()
    probes: tuple[ProbeEffect, ...] = ()
    kind: str = ""
    """The source kind where it is not the job."""
    gateway: str = ""
    """The configured value of the label `gateway` on its series, "" where that is the instance."""

    @property
    def called(self) -> str:
        """What messages call it: its kind, its configured name where it has one, and where it is."""
        name = f" {self.name}" if self.name not in ("", self.key.instance) else ""
        return f"{self.source_kind}{name} at {self.key.instance}"

    @property
    def source_kind(self) -> str:
        """The source kind, which is the job unless the configuration gives the target another job."""
        return self.kind or self.key.job

    @property
    def error_kind(self) -> str:
        """The kind of the error that holds now, "" where the last collection brought all that there is."""
        holds = self.health is Health.DOWN or (self.health is Health.UP and self.last_error_ms >= self.last_success_ms)
        return self.last_error_kind if holds else ""
