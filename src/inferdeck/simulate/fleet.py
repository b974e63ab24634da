"""What a fleet consists of: plain values, made from a scenario file and never changed while a world runs.

Speeds are tokens per second, sizes bytes, durations seconds, prices USD per million tokens, unless a name says else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; `cached_input` None: cached tokens cost what others do."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal length or time: its median, the standard deviation of its logarithm, and what it is cut at."""

    median: float
    sigma: float = 0.6
    smallest: float = 1.0
    largest: float = 1e9


@dataclass(frozen=True, slots=True)
class UseCase:
    """What a kind of request looks like."""

    name: str
    prompt_tokens: Spread
    output_tokens: Spread
    system_tokens: int = 200
    """Tokens at the beginning of every prompt that are the same for all of an agent's requests."""
    turns: float = 1.0
    """Mean number of requests of a session; each next prompt holds what came before it."""
    think_seconds: Spread = Spread(20.0, 0.8)
    """Time between an answer and the next request of its session."""
    stream: float = 0.7
    """Share of requests that are streamed."""
    repeat: float = 0.0
    """Share of requests that repeat an earlier prompt word for word, which a response cache can answer."""
    reasoning: float = 0.0
    """Share of the output tokens that are reasoning."""
    route: str = "/v1/chat/completions"
    max_tokens: int = 4096
    quality: float = 0.85
    """Mean score of a judged answer, 0..1."""
    feedback: float = 0.05
    """Share of answers that a user rates."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who pays. `budget_usd` None: unlimited; it starts anew every `budget_seconds`."""

    name: str
    budget_usd: float | None = None
    budget_seconds: float = 86_400.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """One application that sends requests, with its team, its key and its habits."""

    name: str
    team: str
    use_case: str
    models: Mapping[str, float]
    """Public model name -> share of this agent's requests."""
    requests_per_minute: float
    """Mean over a week; sessions arrive as a Poisson process whose rate follows `rhythm`."""
    users: int = 5
    rhythm: str = "office"
    """office (days of weekdays), evening, steady, night (batch work)."""
    gateway: str = ""
    """The gateway that it uses; "" is the first one."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place that can serve a public model."""

    id: str
    model: str
    """The public name."""
    target: str
    """The name of an engine or of a provider."""
    served: str
    """The name that the target knows the model by."""
    weight: float = 1.0
    price: Price = Price()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """One LiteLLM proxy."""

    name: str
    version: str = "1.109.1"
    database: bool = False
    workers: int = 1
    """With more than one, each worker counts for itself and they answer scrapes in turn."""
    host: str = ""
    deployments: tuple[Deployment, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    retries: int = 1
    allowed_fails: int = 3
    cooldown_seconds: float = 30.0
    overhead_seconds: Spread = Spread(0.008, 0.4, 0.001, 2.0)
    timeout_seconds: float = 600.0
    cache_seconds: float | None = 600.0
    """How long a response is remembered in the cache; None: no response cache."""
    cache: str = ""
    """The name of the Redis that it uses."""


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model as an engine serves it."""

    name: str
    weights_bytes: float
    parameters: float
    context: int = 32_768
    quantization: str = ""
    repository: str = ""
    """On the Hugging Face Hub."""
    licence: str = "apache-2.0"
    mode: str = "chat"


@dataclass(frozen=True, slots=True)
class Engine:
    """One inference server with continuous batching."""

    name: str
    kind: str
    """vllm, llamacpp, ollama, sglang or tgi."""
    version: str
    model: EngineModel
    gpus: tuple[str, ...] = ()
    host: str = ""
    prefill_speed: float = 8000.0
    """Tokens of prompts per second with nothing else to do."""
    decode_speed: float = 60.0
    """Tokens per second of one sequence alone."""
    decode_batch: float = 32.0
    """The batch at which a sequence's speed has fallen to half."""
    max_sequences: int = 64
    kv_tokens: int = 200_000
    load_seconds: Mapping[str, float] = field(
        default_factory=lambda: {"download": 0.0, "weights": 20.0, "compile": 15.0, "warmup": 5.0}
    )
    sleep_after_seconds: float | None = None
    prefix_cache: bool = True


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider in the cloud: no queue that we see, a time to the first token and a speed with noise."""

    name: str
    first_token_seconds: Spread = Spread(0.45, 0.35, 0.05, 60.0)
    decode_speed: Spread = Spread(80.0, 0.25, 5.0, 1000.0)
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    error_share: float = 0.001
    api_base: str = ""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card."""

    name: str
    host: str
    index: int
    model: str = "NVIDIA H100 80GB HBM3"
    memory_bytes: float = 80 * 2.0**30
    idle_watts: float = 70.0
    limit_watts: float = 700.0
    ambient_celsius: float = 30.0
    celsius_per_watt: float = 0.06
    heat_seconds: float = 60.0
    """The time constant of its temperature."""
    slowdown_celsius: float = 87.0
    clock_mhz: float = 1980.0


@dataclass(frozen=True, slots=True)
class Host:
    """One machine."""

    name: str
    cores: int = 32
    memory_bytes: float = 256 * 2.0**30
    disk_bytes: float = 2e12
    disk_used_bytes: float = 6e11
    docker: bool = True
    """Its programs run in containers."""


@dataclass(frozen=True, slots=True)
class Cache:
    """One Redis."""

    name: str
    host: str = ""
    version: str = "7.0.15"
    max_memory_bytes: float = 2 * 2.0**30


@dataclass(frozen=True, slots=True)
class Application:
    """A program of the brief: `metrics` is llm (its own `llm_*` families) or llm_gateway (the doubled prefix)."""

    name: str
    metrics: str
    host: str = ""
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Langfuse:
    """Where the traces go; `requests_per_minute` is its limit on readers, None on one's own machine."""

    name: str
    version: str = "4.16.0"
    requests_per_minute: int | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that exists. Names are unique over all of it; `fleet_file` checks what refers to what."""

    name: str = "empty"
    environment: str = "demo"
    hosts: tuple[Host, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    engines: tuple[Engine, ...] = ()
    providers: tuple[Provider, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    caches: tuple[Cache, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    teams: tuple[Team, ...] = ()
    agents: tuple[Agent, ...] = ()
    applications: tuple[Application, ...] = ()
    langfuse: tuple[Langfuse, ...] = ()
    hub: bool = False
    """A Hugging Face Hub that knows the engines' models."""
