"""The stack as a whole: what runs where, on which card, behind which public name; and what says so.

Values for `query/stack`, the API and every face. Numbers that are not known have no value; times are Unix seconds,
sizes bytes. Whatever was joined carries the evidence in words; what could not be joined says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from inferdeck.model.answers import Number, Service

UNTOLD = Number(unit="seconds")
"""An age that nobody knows."""


@dataclass(frozen=True, slots=True)
class Socket:
    """One listening socket of this machine and the process behind it; pid 0 and "" where they are not known."""

    host: str
    port: int
    pid: int = 0
    process: str = ""
    container: str = ""
    """The first 12 digits of its container's id."""
    unit: str = ""
    """Its systemd unit."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that the daemon runs on, as far as the daemon could see it."""

    name: str = ""
    """Its host name."""
    addresses: tuple[str, ...] = ()
    """The IP addresses of its interfaces, loopback left out."""
    container: str = ""
    """The container that the daemon itself runs in, 12 digits."""
    sockets: tuple[Socket, ...] = ()
    looked: bool = False
    """Whether `sockets` are all there are, with their processes."""
    ancestors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Process -> its parent, the parent's parent, ...; of the processes that use a card."""


class LinkState(StrEnum):
    """Known: joined, with evidence. Unknown: something may be there, nothing tells what. None: nothing is there."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain."""

    state: str
    """known, unknown or none."""
    name: str = ""
    """What it leads to, as people call it."""
    id: str = ""
    """What it leads to, as other answers call it: a target's id, a container's id, a PID, a card's UUID."""
    host: str = ""
    """The machine that it is on."""
    evidence: tuple[str, ...] = ()
    """What says so, or why it is not known."""
    candidates: tuple[str, ...] = ()
    """What it may be, where several are possible."""


@dataclass(frozen=True, slots=True)
class Chain:
    """From a gateway's deployment (or from an engine that no deployment leads to) down to the cards."""

    environment: str
    gateway: str
    """"" where no deployment leads to the engine."""
    deployment: str
    model: str
    """The public name; the engine's own where there is no deployment."""
    provider: str
    litellm_model: str
    api_base: str
    address: Link
    """Where requests go."""
    engine: Link
    container: Link
    process: Link
    gpus: tuple[Link, ...]
    """The cards; one link that is unknown or none where there are no known ones."""


@dataclass(frozen=True, slots=True)
class StackService:
    """One watched service with the process, the container or the unit behind it."""

    service: Service
    host: str
    container: Link
    process: Link
    unit: str
    status: str
    """The service's own word where it has one (available, loading, degraded, ...), else that of its container or unit,
    else whether it answers."""
    pid: int | None
    cpu: Number
    """Processors used: 1.5 is one and a half."""
    memory: Number
    connections: Number
    uptime: Number
    started: Number
    """When it started, Unix seconds."""
    restarts: Number
    config_hash: str
    config_changed: Number
    """When a file of its configuration was changed after it had started, Unix seconds; without a value where none was,
    or where nobody looks."""
    models: tuple[str, ...] = ()
    age: Number = UNTOLD
    """Since the docker of its container or the systemd of its unit told of them last; stale where that is long ago."""


@dataclass(frozen=True, slots=True)
class StackContainer:
    """One container."""

    name: str
    id: str
    host: str
    environment: str
    docker: str
    """The id of the target that tells of it."""
    image: str
    image_tag: str
    state: str
    """As its docker told it last; `age` says when."""
    health: str
    restarts: Number
    exit_code: str
    oom_killed: bool | None
    started: Number
    uptime: Number
    pid: int | None
    ports: tuple[str, ...]
    networks: tuple[str, ...]
    addresses: tuple[str, ...]
    project: str
    engine: str
    engine_version: str
    cuda_version: str
    model: str
    cpu: Number
    memory: Number
    memory_limit: Number
    service: Link
    """The watched service inside."""
    gpus: tuple[Link, ...]
    deployments: tuple[str, ...] = ()
    """GATEWAY/DEPLOYMENT of each deployment that leads here."""
    age: Number = UNTOLD
    """Since its docker told of it last; stale where that is long ago."""


@dataclass(frozen=True, slots=True)
class CardProcess:
    """One process on a card."""

    pid: int | None
    name: str
    memory: Number
    container: Link
    service: Link
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU; figures from whoever reads it under dcgm-exporter's names."""

    uuid: str
    index: str
    model: str
    host: str
    environment: str
    driver: str
    utilisation: Number
    memory_used: Number
    memory_total: Number
    temperature: Number
    """Degrees Celsius."""
    memory_temperature: Number
    power: Number
    """Watts."""
    energy: Number
    """Joules since the driver was loaded."""
    sm_clock: Number
    """Hertz."""
    memory_clock: Number
    throttled: tuple[str, ...]
    """Why its clock is held back, in words; empty where nothing holds it back or nobody tells."""
    throttle_known: bool
    """Whether anything tells now."""
    ecc: Number
    """Double-bit ECC errors, which are not corrected."""
    ecc_corrected: Number
    remapped_rows: Number
    """Rows remapped for uncorrectable errors."""
    xid: int | None
    """The last XID error; None where there was none, or nobody tells."""
    xid_text: str
    processes: tuple[CardProcess, ...] = ()
    used_by: tuple[Link, ...] = ()
    """Services whose chain ends at this card."""
    age: Number = UNTOLD
    """Since anything was read of it; stale where that is long ago."""


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """A deployment as something says it is configured."""

    id: str
    model: str
    provider: str = ""
    litellm_model: str = ""
    api_base: str = ""
    order: str = ""
    weight: str = ""
    requests_per_minute: str = ""
    tokens_per_minute: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RouteFallback:
    """What is tried, in order, after `model` failed for the reason `on`."""

    model: str
    to: tuple[str, ...]
    on: str = "any error"


@dataclass(frozen=True, slots=True)
class RouteSource:
    """Everything that one place says of a gateway's routes: the gateway itself, or a file."""

    origin: str
    """"gateway" where the running gateway says so, else the file's path."""
    gateway: str
    environment: str
    targets: Sequence[RouteTarget] = ()
    fallbacks: Sequence[RouteFallback] = ()
    strategy: str = ""
    retries: str = ""
    timeout: str = ""


@dataclass(frozen=True, slots=True)
class FallbackEdge:
    """From a public model to one that is tried after it."""

    on: str
    to: str
    position: int
    """1 is tried first."""
    exists: bool
    """Whether the gateway has a model of that name."""
    used: Number
    """Successful fallbacks per second."""
    failed: Number


@dataclass(frozen=True, slots=True)
class DeploymentEdge:
    """From a public model to one of its deployments, and on from there."""

    id: str
    provider: str
    litellm_model: str
    api_base: str
    order: str
    weight: str
    origin: str
    state: str
    """active, cooldown, degraded, down or unknown."""
    why: str
    """What says so."""
    load: Number
    """Requests per second that it answered or failed."""
    errors: Number
    chain: Chain


@dataclass(frozen=True, slots=True)
class Route:
    """One public model of one gateway, and where its requests go."""

    environment: str
    gateway: str
    model: str
    origin: str
    strategy: str
    state: str
    """active: every deployment works; degraded: some do; inactive: none does, a fallback may; unknown."""
    load: Number
    errors: Number
    deployments: tuple[DeploymentEdge, ...]
    fallbacks: tuple[FallbackEdge, ...]
    reached_from: tuple[str, ...] = ()
    """Models that fall back to this one."""
