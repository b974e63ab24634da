"""What a scenario does to a world: each action is one entry of its timeline, a verb with typed arguments.

The docstring of each is its documentation (docs/simulator.md and `inferdeck simulate describe` show it). Names refer to
things of the fleet; "" or () means all of them. What lasts, ends with `for` (then the world is as before), or stays.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done to the world at a moment."""


@dataclass(frozen=True, slots=True)
class ProviderOutage(Action):
    """A cloud provider fails a share of its requests with an HTTP status (429 counts as a rate limit)."""

    provider: str
    share: float = 1.0
    """Share of its requests that fail."""
    status: int = 503
    """The HTTP status of the failures."""


@dataclass(frozen=True, slots=True)
class ProviderSlow(Action):
    """A cloud provider takes `factor` times as long to the first token, and per token."""

    provider: str
    factor: float = 4.0
    """2: twice as slow."""


@dataclass(frozen=True, slots=True)
class Load(Action):
    """Agents send `factor` times as many sessions; `agents` and `teams` choose which, none chosen means all."""

    factor: float
    """2: twice as many; 0: none."""
    agents: tuple[str, ...] = ()
    """Which; with neither agents nor teams named: all."""
    teams: tuple[str, ...] = ()
    """All agents of these teams."""


@dataclass(frozen=True, slots=True)
class Lengths(Action):
    """Prompts and answers of agents grow by these factors."""

    prompt: float = 1.0
    """Factor of the prompts' tokens."""
    output: float = 1.0
    """Factor of the answers' tokens."""
    agents: tuple[str, ...] = ()
    """Whose; none named: all."""


@dataclass(frozen=True, slots=True)
class Runaway(Action):
    """An agent is caught in a loop: it sends this many requests a minute on top, each after the other."""

    agent: str
    requests_per_minute: float
    """On top of what it sends anyway."""


@dataclass(frozen=True, slots=True)
class TeamLimit(Action):
    """A team's limits become these; one that is not named stays as it is."""

    team: str
    requests_per_minute: int | None = None
    """More are refused with 429."""
    tokens_per_minute: int | None = None
    """More are refused with 429."""
    budget_usd: float | None = None
    """More spent in a budget period, and requests are refused."""


@dataclass(frozen=True, slots=True)
class Heat(Action):
    """The air at the cards has this temperature (a broken fan, a hot room)."""

    celsius: float
    """Temperature of the air."""
    gpus: tuple[str, ...] = ()
    """Which cards; with neither cards nor hosts named: all."""
    hosts: tuple[str, ...] = ()
    """All cards of these hosts."""


@dataclass(frozen=True, slots=True)
class Restart(Action):
    """A process ends (exit 0) and begins again after `down` seconds; an engine then loads its model."""

    process: str
    down: float = 1.0
    """Until it begins again."""


@dataclass(frozen=True, slots=True)
class Crash(Action):
    """A process dies with an exit code (137: killed for memory); its container starts it again after `down`."""

    process: str
    code: int = 1
    """Its exit code."""
    down: float = 5.0
    """Until its container starts it again."""


@dataclass(frozen=True, slots=True)
class CrashLoop(Action):
    """A process dies `after` each of its beginnings; Docker starts it again after a growing pause."""

    process: str
    code: int = 1
    """Its exit code."""
    after: float = 10.0
    """How long it lives each time."""


@dataclass(frozen=True, slots=True)
class ColdLoad(Action):
    """An engine ends and loads its model from nothing; the phases take these seconds."""

    engine: str
    download: float = 60.0
    """Fetching the model."""
    weights: float = 40.0
    """Loading the weights."""
    compile: float = 30.0
    """Compiling."""
    warmup: float = 10.0
    """Warming up."""


@dataclass(frozen=True, slots=True)
class CacheFlush(Action):
    """A Redis loses all its keys."""

    cache: str


@dataclass(frozen=True, slots=True)
class Reachable(Action):
    """How processes answer the network: ok, refused, hanging, garbage, error (HTTP 500) or slow (5 s)."""

    mode: str
    """What a client meets."""
    processes: tuple[str, ...] = ()
    """Which; none named: all."""
    share: float = 1.0
    """Of the processes chosen, this share in the order of their names."""


@dataclass(frozen=True, slots=True)
class EngineSlow(Action):
    """An engine computes at `factor` times its speed (0.5: half), as after a bad driver or a lost link."""

    engine: str
    factor: float
    """Of its speed."""


@dataclass(frozen=True, slots=True)
class GatewayChange(Action):
    """Somebody changes a gateway's configuration, in its file too; what is not named stays as it is."""

    gateway: str
    text: str
    """What the annotation of the change says."""
    overhead_factor: float | None = None
    """Factor of what the gateway adds to each request."""
    retries: int | None = None
    """Further attempts within a model."""
    cooldown_seconds: float | None = None
    """How long a failing deployment is left alone."""
    cache_seconds: float | None = None
    """How long a response is remembered."""
    weights: tuple[tuple[str, float], ...] = ()
    """Deployment id, weight."""
    guardrails: tuple[str, ...] | None = None
    """What every request is checked by, as its file names it; what that takes, `overhead_factor` says."""
    file_only: bool = False
    """The gateway goes on as before until it begins again (`restart`, `upgrade`, a crash), also when this ends."""


@dataclass(frozen=True, slots=True)
class PriceChange(Action):
    """The deployments of a served model cost these USD per million tokens from now on."""

    served: str
    """The name that engines or providers know the model by."""
    input: float
    """USD per million tokens of prompts."""
    output: float
    """USD per million tokens of answers."""
    cached_input: float | None = None
    """USD per million remembered tokens; null: as `input`."""


@dataclass(frozen=True, slots=True)
class RenameModel(Action):
    """A public model gets another name on a gateway; its agents ask for the new one after `adopt` seconds."""

    gateway: str
    model: str
    """Its public name before."""
    to: str
    """Its public name afterwards."""
    adopt: float = 600.0
    """How long its agents go on asking for the old name (and fail)."""


@dataclass(frozen=True, slots=True)
class Upgrade(Action):
    """A process comes back with another version (of which its metrics' names depend) after `down` seconds."""

    process: str
    version: str
    """The new version."""
    down: float = 20.0
    """Until it begins again."""


@dataclass(frozen=True, slots=True)
class ClockSkew(Action):
    """A host's clock is wrong by this much."""

    host: str
    seconds: float
    """How far it is ahead; negative: behind."""


@dataclass(frozen=True, slots=True)
class Quality(Action):
    """Judged answers of a public model score this much less (0.1: from 0.85 to 0.75)."""

    model: str
    """The public model."""
    drop: float
    """0..1."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a timeline: `at` seconds after the world's beginning, for `seconds` (None: it stays)."""

    at: float
    action: Action
    seconds: float | None = None


AT_ONCE: frozenset[type[Action]] = frozenset({Restart, Crash, ColdLoad, CacheFlush, Upgrade})
"""What happens at a moment and cannot last."""
