"""The event log: everything that happens in a world, in the order in which it happens.

Every number that the fleet shows is a fold of these events; nothing else is known of the past. Times are Unix seconds.
Tokens are whole numbers. A request is what a client sent; an attempt is one try of a gateway to have it served; a
sequence is what an engine makes of an attempt.

Nobody changes an event. They are not frozen, since a frozen one takes four times as long to make, and a day has
200,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inferdeck.simulate.fleet import Gateway


class Fault(StrEnum):
    """Why an attempt or a request failed, with LiteLLM's exception class and HTTP status in `FAULTS`."""

    RATE_LIMIT = "rate_limit"
    OUTAGE = "outage"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CONTEXT = "context_window"
    BUDGET = "budget"
    AUTH = "authentication"
    NO_KEY = "no_key"
    """The gateway has no key for the provider, so that nothing was sent there."""
    UNSUPPORTED = "unsupported"
    """The model cannot do what was asked for."""
    MOCKED = "mocked"
    """A real client wished it (mock_testing_fallbacks)."""
    UNKNOWN_MODEL = "unknown_model"
    NO_DEPLOYMENT = "no_deployment"
    ABORTED = "aborted"
    """Its process ended, or its client went away."""


FAULTS: dict[Fault, tuple[str, int]] = {
    Fault.RATE_LIMIT: ("RateLimitError", 429),
    Fault.OUTAGE: ("ServiceUnavailableError", 503),
    Fault.UNREACHABLE: ("APIConnectionError", 500),
    Fault.TIMEOUT: ("Timeout", 408),
    Fault.CONTEXT: ("ContextWindowExceededError", 400),
    Fault.BUDGET: ("BudgetExceededError", 400),
    Fault.AUTH: ("AuthenticationError", 401),
    Fault.NO_KEY: ("AuthenticationError", 401),
    Fault.UNSUPPORTED: ("BadRequestError", 400),
    Fault.MOCKED: ("InternalServerError", 500),
    Fault.UNKNOWN_MODEL: ("BadRequestError", 400),
    Fault.NO_DEPLOYMENT: ("RouterRateLimitError", 429),
    Fault.ABORTED: ("InternalServerError", 500),
}


@dataclass(slots=True)
class Request:
    """What a client asks for.

    `prompt` says which prompt it is: two requests with the same one are alike word for word.
    """

    id: int
    time: float
    gateway: str
    agent: str
    team: str
    user: str
    session: str
    turn: int
    model: str
    use_case: str
    route: str
    stream: bool
    prompt: int
    prompt_tokens: int
    shared_tokens: int
    """Tokens at the beginning of the prompt that its agent's other requests share."""
    context_tokens: int
    """Tokens at the beginning of the prompt that earlier turns of its session share (at least `shared_tokens`)."""
    output_tokens: int
    """How long the answer will be if nothing cuts it."""
    reasoning_tokens: int
    max_tokens: int
    outside: bool = False
    """A real client sent it to the fleet's endpoint."""
    retries: int | None = None
    """Further attempts that it allows; None: as its gateway has it."""
    fall_back: bool = True
    """Whether another model may answer."""
    mocked: bool = False
    """The model that it asks for is to fail, so that its fallbacks are seen."""
    image: bool = False
    """Its prompt holds a picture."""


@dataclass(slots=True)
class Usage:
    """Tokens of an answer; `input` includes `cached_input`, `output` includes `reasoning`. USD."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    reasoning: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class Event:
    """Something that happened at a moment."""

    time: float


@dataclass(slots=True)
class Arrived(Event):
    """A request reached its gateway. Exactly one `Answered` follows."""

    request: Request
    worker: int
    """Which worker of the gateway took it, from 0."""


@dataclass(slots=True)
class Missed(Event):
    """A client found its gateway down; the gateway never knew of the request."""

    request: Request


@dataclass(slots=True)
class CacheAsked(Event):
    """A gateway looked for a remembered response."""

    request: Request
    hit: bool


@dataclass(slots=True)
class Attempted(Event):
    """A gateway sent a request to a deployment. Exactly one `AttemptEnded` follows."""

    request: Request
    attempt: int
    """Unique in the world."""
    number: int
    """0 for the first attempt of a request."""
    group: str
    """The public model whose deployment it is: the one asked for, or a fallback."""
    deployment: str


@dataclass(slots=True)
class AttemptEnded(Event):
    """An attempt came to its end. latency = time - started = queue + prefill + decode (+ what noise a provider has)."""

    request: Request
    attempt: int
    number: int
    group: str
    deployment: str
    started: float
    first_token: float | None
    """When the first token came; None where none came."""
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    usage: Usage
    fault: Fault | None
    finish: str
    """stop, length, abort or error."""


@dataclass(slots=True)
class CooledDown(Event):
    """A gateway leaves a deployment alone until `until`."""

    gateway: str
    deployment: str
    until: float
    fault: Fault


@dataclass(slots=True)
class FellBack(Event):
    """A gateway tries another model, since the one asked for failed; `succeeded` is known when that attempt ends."""

    request: Request
    to: str
    fault: Fault
    succeeded: bool


@dataclass(slots=True)
class Limited(Event):
    """A gateway refused a request for a limit of its team: `limit` is requests, tokens or budget."""

    request: Request
    limit: str


@dataclass(slots=True)
class Answered(Event):
    """A request's end as its client sees it.

    time - request.time = overhead + all attempts (and the waits between them, which are none today).
    """

    request: Request
    worker: int
    group: str
    """The public model that served it; "" where none did."""
    deployment: str
    usage: Usage
    cached: bool
    """A remembered response: no attempt, no cost, but the tokens of the first answer."""
    fault: Fault | None
    attempts: int
    fallbacks: int
    overhead_seconds: float
    first_token: float | None
    finish: str


@dataclass(slots=True)
class Queued(Event):
    """An attempt reached an engine and waits there. Exactly one `Left` follows."""

    engine: str
    attempt: int
    prompt_tokens: int
    max_tokens: int


@dataclass(slots=True)
class Admitted(Event):
    """A sequence joined the batch (again, after a preemption: then `again`), its prefill begins."""

    engine: str
    attempt: int
    computed_tokens: int
    """Tokens whose keys and values must be computed."""
    cached_tokens: int
    """Tokens that were found in the prefix cache; computed + cached = prompt (+ what was generated before)."""
    again: bool
    """It was preempted before."""


@dataclass(slots=True)
class FirstToken(Event):
    """A sequence's prefill is done and its first token is out."""

    engine: str
    attempt: int
    queued: float
    """When it was queued."""
    prefill_seconds: float


@dataclass(slots=True)
class Preempted(Event):
    """The engine ran out of key-value memory and put its newest sequence back into the queue."""

    engine: str
    attempt: int
    generated: int


@dataclass(slots=True)
class Resumed(Event):
    """A preempted sequence computed its keys and values again and goes on where it was: at `generated` tokens."""

    engine: str
    attempt: int
    generated: int


@dataclass(slots=True)
class Left(Event):
    """A sequence left its engine: done (stop, length), given up (abort) or failed (error)."""

    engine: str
    attempt: int
    finish: str
    queued: float
    admitted: float | None
    """When it was first admitted; None where it never was."""
    first_token: float | None
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    """Tokens that were really generated."""
    max_tokens: int
    prefill_seconds: float
    decode_seconds: float
    preemptions: int


@dataclass(slots=True)
class BatchChanged(Event):
    """An engine's state from now until its next event: everything between is constant or linear in time."""

    engine: str
    waiting: int
    running: int
    decoding: int
    """Of the running ones, those past their prefill."""
    kv_tokens: float
    """Tokens in key-value memory at this moment, without what only the prefix cache holds."""
    kv_growth: float
    """Tokens per second by which that grows."""
    speed: float
    """Tokens per second of each decoding sequence."""


@dataclass(slots=True)
class GpuChanged(Event):
    """A card's state from now until its next event. Its temperature follows `settle_celsius` exponentially."""

    gpu: str
    busy: float
    """0..1."""
    watts: float
    clock_mhz: float
    celsius: float
    settle_celsius: float
    memory_bytes: float
    throttled: str
    """"", thermal or power."""


@dataclass(slots=True)
class Started(Event):
    """A process began: counters begin at 0. `reason` is start, restart, upgrade or crash."""

    process: str
    version: str
    pid: int
    reason: str


@dataclass(slots=True)
class Phase(Event):
    """An engine entered a phase of its loading: download, weights, compile, warmup, ready, sleeping."""

    engine: str
    phase: str


@dataclass(slots=True)
class Ended(Event):
    """A process ended. `code` is its exit status (137: killed for memory)."""

    process: str
    code: int
    reason: str


@dataclass(slots=True)
class Reachability(Event):
    """How a process answers the network from now on: ok, refused, hanging, garbage, error (HTTP 500) or slow."""

    process: str
    mode: str


@dataclass(slots=True)
class ClockShifted(Event):
    """A host's clock is wrong by this from now on."""

    host: str
    seconds: float


@dataclass(slots=True)
class Repriced(Event):
    """A deployment costs something else from now on (USD per million tokens)."""

    gateway: str
    deployment: str
    input: float
    output: float
    cached_input: float | None


@dataclass(slots=True)
class Reconfigured(Event):
    """A gateway works with these settings from now on; before the first of these events, with those of the fleet.

    What deployments cost is not among them: `Repriced` says that.
    """

    gateway: str
    settings: Gateway


@dataclass(slots=True)
class Filed(Event):
    """A gateway's configuration file says this from now on; before the first of these events, what the fleet says.

    Whether it works so, `Reconfigured` says; what deployments cost, `Repriced`.
    """

    gateway: str
    settings: Gateway


@dataclass(slots=True)
class Configured(Event):
    """Somebody changed something: what a deployment annotation would say."""

    subject: str
    text: str


@dataclass(slots=True)
class CacheFlushed(Event):
    """A Redis lost all its keys."""

    cache: str


@dataclass(slots=True)
class Rated(Event):
    """A user or a judge gave an answer a score: name `quality` (0..1) or `feedback` (0 or 1)."""

    request: Request
    name: str
    value: float
