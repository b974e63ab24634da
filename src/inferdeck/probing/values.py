"""What a probe sends, what comes back, and what is concluded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a case asks."""

    DIRECT = "direct"
    """Does the model itself answer, without a fallback?"""
    MEMBER = "member"
    """Does this one deployment of a pool answer?"""
    STREAM = "stream"
    EMBEDDING = "embedding"
    CAPABILITY = "capability"
    """Can the model do what requests are sent to it for?"""
    POOL = "pool"
    """Do the members of a pool get their shares?"""
    FALLBACK = "fallback"
    """Who answers when the model fails?"""


class State(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NO_VERDICT = "no verdict"
    """It was asked, and the answers do not tell."""
    SKIPPED = "skipped"
    """It was not asked, for a reason that is told."""


class Cause(StrEnum):
    """The likely cause of a failure; docs/probe-routing.md says what each means and what helps."""

    NONE = ""
    KEY_UNSET = "provider key unset"
    KEY_REFUSED = "provider key refused"
    MAPPING_MISSING = "mapping missing"
    MODEL_ABSENT = "model absent from /v1/models"
    UNREACHABLE = "provider unreachable"
    PROVIDER_FAILS = "provider fails"
    BACKEND_MODEL = "provider has no such model"
    RATE_LIMITED = "rate limited"
    BUDGET = "budget spent"
    COOLING = "all deployments left alone"
    TOO_SLOW = "no answer in time"
    GATEWAY_KEY = "gateway refuses the key"
    GATEWAY_GONE = "gateway unreachable"
    GARBAGE = "answer cannot be read"
    REFUSED = "request refused"
    WRONG_DEPLOYMENT = "wrong deployment"
    WRONG_ORDER = "wrong order"
    NO_FALLBACK = "no fallback"
    STARVED = "starved pool member"
    UNEVEN = "uneven shares"
    CAPABILITY = "capability missing"
    NOT_STREAMED = "not streamed"
    STREAM_BROKEN = "stream broken off"
    NO_VECTOR = "no vector"


@dataclass(frozen=True, slots=True)
class Member:
    """One deployment of a pool, and the weight that it should have."""

    id: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to prove."""

    kind: Kind
    model: str
    """The public model, or the deployment's id of a MEMBER."""
    group: str = ""
    """The public model of a MEMBER."""
    deployments: tuple[str, ...] = ()
    """Which deployments may answer; () where that is not known."""
    members: tuple[Member, ...] = ()
    """Of a POOL."""
    requests: int = 1
    order: tuple[str, ...] = ()
    """Of a FALLBACK: public models, the first one first."""
    too_long: bool = False
    """Of a FALLBACK: for prompts that are too long for the model (LiteLLM's context_window_fallbacks)."""
    capability: str = ""
    embeds: bool = False
    """Its model makes vectors, so that it is asked for some."""
    dimensions: int | None = None
    """Of an EMBEDDING: how long its vector must be; None where any length will do."""
    source: str = ""
    """Who says that it should be so: "gateway", or a file with its line."""
    because: str = ""
    """Why it cannot be asked; it is then skipped."""

    @property
    def id(self) -> str:
        """What it is called in reports, unique within one."""
        name = f"{self.group}/{self.model}" if self.group else self.model
        name = f"context window/{name}" if self.too_long else name
        return f"{self.kind}:{self.capability}/{name}" if self.capability else f"{self.kind}:{name}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the path below the gateway's address, and its JSON body."""

    path: str
    body: Mapping[str, Any]
    tokens_in: int
    """At most."""
    tokens_out: int
    """At most."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `status` 0: nothing did, and `error` says why."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in lower case."""
    body: Any = None
    """The JSON of it; None where it is none, or a stream."""
    events: int = 0
    """Of a stream: how many with content."""
    finished: bool = False
    """Of a stream: whether its end was told."""
    streamed: bool = False
    error: str = ""
    """The message of an error, masked."""
    cut: str = ""
    """timeout, unreachable, garbage or interrupted, where no whole answer came."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300 and not self.cut and not self.error

    @property
    def deployment(self) -> str:
        return self.headers.get("x-litellm-model-id", "")

    @property
    def group(self) -> str:
        return self.headers.get("x-litellm-model-group", "")

    @property
    def fallbacks(self) -> int | None:
        """How many fallbacks the gateway says that it tried; None where it does not say."""
        text = self.headers.get("x-litellm-attempted-fallbacks", "")
        return int(text) if text.isdecimal() and len(text) < 9 else None

    @property
    def cost(self) -> float | None:
        """USD, as the gateway reckons."""
        try:
            return float(self.headers["x-litellm-response-cost"])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Share:
    """What one member of a pool got."""

    id: str
    expected: float
    count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The test of a pool; docs/probe-routing.md has the formulas."""

    requests: int
    """Answers that tell their deployment."""
    shares: tuple[Share, ...]
    statistic: float
    p_value: float
    alpha: float
    power: float
    """To see a member that lost half of its share."""
    smallest_loss: float | None
    """The smallest part of its share that a member may lose and be seen with power 0.8; None where no loss is."""
    needed: int
    """Requests for a verdict."""


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict of one case."""

    id: str
    kind: str
    model: str
    state: State
    summary: str
    cause: Cause = Cause.NONE
    advice: str = ""
    """What to do about it."""
    evidence: tuple[str, ...] = ()
    source: str = ""
    requests: int = 0
    seconds: float = 0.0
    cost_usd: float | None = None
    """As the gateway reckons; None where no answer told."""
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What a plan costs at most."""

    usd: float
    """Of what is priced."""
    priced: int
    free: int
    self_hosted: int
    unpriced: int
    """Requests whose cost is not known."""
    unpriced_models: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Whose prices these are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be sent."""

    gateway: str
    """Its address."""
    simulated: bool
    cases: tuple[Case, ...]
    requests: int
    bill: Bill
    left_out: int = 0
    """Models beyond the limit."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found."""

    gateway: str
    simulated: bool
    time: float
    """When it began, Unix seconds."""
    seconds: float
    plan: Bill
    planned_requests: int
    results: tuple[Result, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    def count(self, state: State) -> int:
        """Return how many cases ended so."""
        return sum(one.state is state for one in self.results)
