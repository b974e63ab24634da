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
    """Of the prompt."""
    output: float = 0.0
    """Of the answer."""
    cached_input: float | None = None
    """Of prompt tokens that the target remembered."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A log-normal length or time: its median, the standard deviation of its logarithm, and what it is cut at."""

    median: float
    """Half of all values are smaller."""
    sigma: float = 0.6
    """0: always the median; 0.6: two thirds lie between 0.55 and 1.8 times the median."""
    smallest: float = 1.0
    """What would be smaller becomes this."""
    largest: float = 1e9
    """What would be larger becomes this."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """What a kind of request looks like."""

    name: str
    prompt_tokens: Spread
    """The new part of a prompt: without `system_tokens` and without earlier turns."""
    output_tokens: Spread
    """The answer; 0: there is none, as of embeddings."""
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
    """The path that requests are sent to."""
    max_tokens: int = 4096
    """Answers are cut here."""
    quality: float = 0.85
    """Mean score of a judged answer, 0..1."""
    feedback: float = 0.05
    """Share of answers that a user rates."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who pays. `budget_usd` None: unlimited; it starts anew every `budget_seconds`."""

    name: str
    budget_usd: float | None = None
    """What it may spend; then its requests are refused."""
    budget_seconds: float = 86_400.0
    """The length of a budget period."""
    requests_per_minute: int | None = None
    """More are refused with 429; null: unlimited."""
    tokens_per_minute: int | None = None
    """More are refused with 429; null: unlimited."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One application that sends requests, with its team, its key and its habits."""

    name: str
    team: str
    """The team that pays."""
    use_case: str
    """What its requests look like."""
    models: Mapping[str, float]
    """Public model name -> share of this agent's requests."""
    requests_per_minute: float
    """Mean over a week; sessions arrive as a Poisson process whose rate follows `rhythm`."""
    users: int = 5
    """People who use it."""
    rhythm: str = "office"
    """office (days of weekdays), evening, steady, night (batch work)."""
    gateway: str = ""
    """The gateway that it uses; "" is the first one."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place that can serve a public model."""

    id: str
    """Its name in the gateway, unique over the fleet."""
    model: str
    """The public name."""
    target: str
    """The name of an engine or of a provider."""
    served: str
    """The name that the target knows the model by."""
    weight: float = 1.0
    """Of its share among the deployments of the same model."""
    price: Price = Price()
    """What the gateway reckons for it; without prices its cost is not known."""
    requests_per_minute: int | None = None
    """The gateway sends it no more; null: unlimited."""
    tokens_per_minute: int | None = None
    """The gateway sends it no more; null: unlimited."""
    supports: tuple[str, ...] | None = None
    """What its model can do, of vision, tools, json and reasoning; null: the gateway does not say."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One LiteLLM proxy."""

    name: str
    version: str = "1.109.1"
    """Decides the dialect: 1.80 and 1.109 are known."""
    database: bool = False
    """Keys, teams and spend are kept in a database; without one those endpoints fail."""
    workers: int = 1
    """With more than one, each worker counts for itself and they answer scrapes in turn."""
    host: str = ""
    deployments: tuple[Deployment, ...] = ()
    """What can serve its public models."""
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Public model -> models that are tried, in order, after it failed."""
    retries: int = 1
    """Further attempts within the model before a fallback."""
    allowed_fails: int = 3
    """Failures of a deployment within a minute before it is left alone."""
    cooldown_seconds: float = 30.0
    """How long it is then left alone."""
    overhead_seconds: Spread = Spread(0.008, 0.4, 0.001, 2.0)
    """What the gateway adds to each request."""
    timeout_seconds: float = 600.0
    """An attempt that takes longer fails."""
    cache_seconds: float | None = 600.0
    """How long a response is remembered in the cache; None: no response cache."""
    cache: str = ""
    """The name of the Redis that it uses."""
    mock_testing: bool = False
    """A client may let a request fail on demand (dangerously_allow_mock_testing_request_params)."""
    guardrails: tuple[str, ...] = ()
    """What its configuration file has every request checked by; the time that takes is part of `overhead_seconds`."""


@dataclass(frozen=True, slots=True)
class EngineModel:
    """A model as an engine serves it."""

    name: str
    """The name under which the engine serves it."""
    weights_bytes: float
    """Memory that its weights need, over all cards."""
    parameters: float
    """How many."""
    context: int = 32_768
    """Longest prompt and answer together; more fails with context_window."""
    quantization: str = ""
    """Such as fp8, awq, Q4_K_M; empty: none."""
    repository: str = ""
    """On the Hugging Face Hub."""
    licence: str = "apache-2.0"
    """As its page on the Hub says."""
    mode: str = "chat"
    """chat, completion, embedding or rerank."""
    kv_token_bytes: float = 131_072.0
    """Memory that the keys and values of one token need: 2 x layers x key-value heads x head size x bytes each."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One inference server with continuous batching."""

    name: str
    kind: str
    """vllm, llamacpp, ollama, sglang or tgi."""
    version: str
    """Decides the names of its metrics."""
    model: EngineModel
    """What it serves."""
    gpus: tuple[str, ...] = ()
    """The cards that it uses; none: it computes on the processor."""
    host: str = ""
    prefill_speed: float = 8000.0
    """Tokens of prompts per second with nothing else to do."""
    decode_speed: float = 60.0
    """Tokens per second of one sequence alone."""
    decode_batch: float = 32.0
    """The batch at which a sequence's speed has fallen to half."""
    max_sequences: int = 64
    """Sequences that it computes at the same time; the others queue."""
    kv_tokens: int = 200_000
    """Tokens that fit into its key-value memory."""
    load_seconds: Mapping[str, float] = field(
        default_factory=lambda: {"download": 0.0, "weights": 20.0, "compile": 15.0, "warmup": 5.0}
    )
    """How long each phase of a start takes: download, weights, compile, warmup."""
    sleep_after_seconds: float | None = None
    """Without requests for this long it frees its memory and must load again; null: never."""
    prefix_cache: bool = True
    """Remembers the keys and values of prompts' beginnings."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider in the cloud: no queue that we see, a time to the first token and a speed with noise."""

    name: str
    first_token_seconds: Spread = Spread(0.45, 0.35, 0.05, 60.0)
    """Time to the first token."""
    decode_speed: Spread = Spread(80.0, 0.25, 5.0, 1000.0)
    """Tokens per second of one answer."""
    requests_per_minute: int | None = None
    """More are refused with 429; null: unlimited."""
    tokens_per_minute: int | None = None
    """More are refused with 429; null: unlimited."""
    error_share: float = 0.001
    """Share of requests that fail on an ordinary day."""
    api_base: str = ""
    """Its address as the gateway shows it; nothing is sent there."""
    key: bool = True
    """The gateways have a key for it; without one, whatever they would send there fails."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card."""

    name: str
    host: str
    index: int
    """Its number on its host, from 0."""
    model: str = "NVIDIA H100 80GB HBM3"
    """As the driver calls it."""
    memory_bytes: float = 80 * 2.0**30
    """Its memory."""
    idle_watts: float = 70.0
    """What it draws with nothing to do."""
    limit_watts: float = 700.0
    """What it draws at most."""
    ambient_celsius: float = 30.0
    """The air that cools it."""
    celsius_per_watt: float = 0.06
    """By how much a watt warms it above the air."""
    heat_seconds: float = 60.0
    """The time constant of its temperature."""
    slowdown_celsius: float = 87.0
    """Above this it lowers its clock."""
    clock_mhz: float = 1980.0
    """Its clock when nothing slows it."""


@dataclass(frozen=True, slots=True)
class Host:
    """One machine."""

    name: str
    cores: int = 32
    """Processors."""
    memory_bytes: float = 256 * 2.0**30
    """Its memory."""
    disk_bytes: float = 2e12
    """Its disk."""
    disk_used_bytes: float = 6e11
    """Of which used."""
    docker: bool = True
    """Its programs run in containers."""


@dataclass(frozen=True, slots=True)
class Cache:
    """One Redis."""

    name: str
    host: str = ""
    version: str = "7.0.15"
    """As INFO says."""
    max_memory_bytes: float = 2 * 2.0**30
    """Keys are evicted above this."""


@dataclass(frozen=True, slots=True)
class Application:
    """A program of the user's own: `metrics` is llm (its own `llm_*` families) or llm_gateway (the doubled prefix)."""

    name: str
    metrics: str
    host: str = ""
    agents: tuple[str, ...] = ()
    """The agents that run in it; none named: all."""


@dataclass(frozen=True, slots=True)
class Langfuse:
    """Where the traces go; `requests_per_minute` is its limit on readers, None on one's own machine."""

    name: str
    version: str = "4.16.0"
    """3 or 4 decides the interface."""
    requests_per_minute: int | None = None
    """Readers that ask more are refused with 429; null: unlimited."""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that exists. Names are unique over all of it; `fleet_file` checks what refers to what."""

    name: str = "empty"
    environment: str = "demo"
    """What the label `environment` says."""
    hosts: tuple[Host, ...] = ()
    """Machines."""
    gpus: tuple[Gpu, ...] = ()
    """Cards."""
    engines: tuple[Engine, ...] = ()
    """Inference servers."""
    providers: tuple[Provider, ...] = ()
    """Providers in the cloud."""
    gateways: tuple[Gateway, ...] = ()
    """LiteLLM proxies."""
    caches: tuple[Cache, ...] = ()
    """Redis servers."""
    use_cases: tuple[UseCase, ...] = ()
    """Kinds of requests."""
    teams: tuple[Team, ...] = ()
    """Who pays."""
    agents: tuple[Agent, ...] = ()
    """Who asks."""
    applications: tuple[Application, ...] = ()
    """Programs with metrics of their own."""
    langfuse: tuple[Langfuse, ...] = ()
    """Where traces go."""
    hub: bool = False
    """A Hugging Face Hub that knows the engines' models."""
