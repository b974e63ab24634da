"""What the daemon answers: values that the API gives, the client reads and every face shows.

A number that is not known is a Number without a value, never 0. All times are Unix seconds or seconds, all sizes bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from inferdeck.model.annotations import Event
from inferdeck.model.metric import Quality
from inferdeck.model.past import Past


@dataclass(frozen=True, slots=True)
class Number:
    """One figure: value in base units (None where it is not known), its unit, quality, age and where it came from.

    unit: "seconds", "bytes", "ratio" (0..1), "usd/h", "tokens/s", "requests/s", "bytes/s", "count", ...
    """

    value: float | None = None
    unit: str = ""
    quality: str = Quality.MISSING.value
    age_seconds: float | None = None
    source: str = ""


def number(
    value: float | None, unit: str, *, source: str = "", age_seconds: float | None = None, quality: str = ""
) -> Number:
    """Return the figure; None, NaN and infinities become a missing one."""
    if value is None or not math.isfinite(value):
        return Number(None, unit, Quality.MISSING.value, None, source)
    return Number(float(value), unit, quality or Quality.MEASURED.value, age_seconds, source)


@dataclass(frozen=True, slots=True)
class Service:
    """One watched target: is it up, how fast does it answer, where does it listen."""

    id: str
    name: str
    kind: str
    environment: str
    instance: str
    url: str
    health: str
    """up, down or unknown (not read yet)."""
    origin: str
    """configured or discovered."""
    port: int | None
    version: str
    latency: Number
    age: Number
    """Since the last successful collection."""
    error: str
    next_attempt_seconds: float | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """One upstream provider as one gateway sees it."""

    name: str
    gateway: str
    environment: str
    state: str
    """ok, failing, down, idle or unknown; from its health series where there is one, else from its errors."""
    requests: Number
    errors: Number
    latency_p95: Number


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway; two gateways are never added up."""

    name: str
    kind: str
    environment: str
    requests: Number
    errors: Number
    latency_p50: Number
    latency_p95: Number
    ttft_p95: Number
    tokens: dict[str, Number]
    """By token type: input, output, cached_input, cache_creation, reasoning."""
    cost: Number
    active: Number
    queued: Number
    cache_hits: Number
    latency_p99: Number = Number(unit="seconds")
    cached: Number = Number(unit="requests/s")
    """What the response cache answered; without a value where the gateway has never counted such an answer."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One inference engine."""

    name: str
    kind: str
    environment: str
    model: str
    state: str
    running: Number
    waiting: Number
    kv_cache: Number
    prefill: Number
    decode: Number


@dataclass(frozen=True, slots=True)
class Cache:
    """One Redis or Valkey; `hits` is the server's own keyspace figure, not that of the response cache."""

    name: str
    environment: str
    memory: Number
    memory_limit: Number
    keys: Number
    hits: Number
    evicted: Number
    clients: Number
    ttl: Number = Number(unit="seconds")
    """For how long keys with an end still live, on average, by the server's own estimate."""
    expiring: Number = Number(unit="ratio")
    """Share of the keys that have an end."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine."""

    name: str
    environment: str
    cpu: Number
    memory: Number
    memory_total: Number
    disk: Number
    disk_mount: str
    network_in: Number
    network_out: Number
    load: Number
    cores: Number


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that doctor or discovery has to say; `fix` is the line that mends it."""

    id: str
    severity: str
    """error, warning or info."""
    subject: str
    message: str
    evidence: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Discovered:
    """One answer on this machine: what it is (kind "" = an unknown HTTP service) and the marks that say so."""

    kind: str
    address: str
    process: str
    marks: tuple[str, ...]
    watched: bool
    note: str = ""
    fix: str = ""
    """The line that tells more: of configuration, or a command."""
    container: str = ""
    """The name of the container behind it, "" where there is none or it is not known."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """One kind of source that discovery looked for in vain; `fix` is the line that watches one elsewhere."""

    kind: str
    title: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class StoreState:
    """The history on disk."""

    path: str
    writing: bool
    trouble: str
    series: Number
    samples: Number
    size: Number
    oldest: Number
    """Age of the oldest sample."""
    quarantined: Number


@dataclass(frozen=True, slots=True)
class RemoteWrite:
    """One receiver of every sample: what waits on disk now, and what happened since the daemon started."""

    name: str
    waiting: Number
    """Bytes in the spool."""
    waiting_samples: Number
    sent: Number
    rejected: Number
    """Samples that the receiver refused for good."""
    overflow: Number
    """Samples dropped unsent, oldest first, because the spool was full."""
    damaged: Number
    """Records of the spool that could not be read."""
    failed: Number
    """Requests that did not work; those that were not refused are tried again."""
    last_success: Number
    """Seconds since the receiver last took something."""
    error: str
    """What went wrong last, "" where nothing did."""
    error_age: Number
    sending: bool
    """Whether nothing has gone wrong since the receiver last took something."""


@dataclass(frozen=True, slots=True)
class Own:
    """What watching costs."""

    version: str
    pid: int
    started: float
    url: str
    cpu: Number
    memory: Number
    targets: Number
    requests: Number
    loop_lag: Number
    note: str = ""
    """What is to be known before anything else is believed, such as that the whole stack is simulated."""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole stack at one moment."""

    time: float
    window_seconds: float
    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...]
    providers: tuple[Provider, ...]
    engines: tuple[Engine, ...]
    caches: tuple[Cache, ...]
    hosts: tuple[Host, ...]
    found: tuple[Discovered, ...]
    advice: tuple[Finding, ...]
    store: StoreState
    own: Own
    remote_write: tuple[RemoteWrite, ...] = ()
    not_found: tuple[NotFound, ...] = ()
    changes: tuple[Event, ...] = ()
    """What changed last, newest first: deployments, configuration, restarts, annotations."""
    past: Past | None = None
    """Which moment it is about where that is not now."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """One request that a source sends, and the harm it declares."""

    name: str
    request: str
    effect: str
    note: str
    enabled: bool
    never: bool = False
    """It does harm, and no key switches it on."""


@dataclass(frozen=True, slots=True)
class FactAnswer:
    """One thing a target has or is."""

    kind: str
    name: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """Everything the daemon knows of one target."""

    service: Service
    interval_seconds: float
    consecutive_failures: int
    last_error_age_seconds: float | None
    native_series: int
    canonical_series: int
    dropped_series: int
    collections: int
    failures: int
    skipped: int
    requests: int
    response_bytes: int
    cpu: Number
    """Average CPU per collection."""
    probes: tuple[ProbeAnswer, ...]
    inventory: tuple[FactAnswer, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """All targets; what discovery found beside them, and what it did not find."""

    sources: tuple[SourceAnswer, ...]
    found: tuple[Discovered, ...] = ()
    not_found: tuple[NotFound, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One collection made to see whether it works; nothing of it is stored."""

    kind: str
    url: str
    ok: bool
    message: str
    version: str = ""
    native_series: int = 0
    canonical_series: int = 0
    seconds: float = 0.0
    requests: int = 0
    warnings: tuple[str, ...] = ()
    probes: tuple[ProbeAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """What adding a source did: the file that was changed and the lines that stand there now."""

    file: str
    lines: str
    watched: bool
    trial: Trial


@dataclass(frozen=True, slots=True)
class Imported:
    """What a block of samples brought: how many series and samples were written."""

    series: int
    samples: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings of doctor, the worst first, and how many checks were made."""

    checks: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class DayFile:
    """One day of the history."""

    day: str
    bytes: int
    series: int
    samples: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class StoreReport:
    """The history, day by day."""

    state: StoreState
    bytes_per_sample: Number
    free: Number
    head_samples: Number
    days: tuple[DayFile, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A long piece of work: running, done or failed; progress from 0 to 1; `lines` are what it says at the end."""

    id: str
    kind: str
    state: str
    progress: float
    message: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """The effective configuration with secrets masked, as (key, value, origin) in the file's order."""

    file: str
    entries: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...] = ()
