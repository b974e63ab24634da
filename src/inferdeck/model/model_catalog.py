"""What is known of models and of who serves them; where sources differ, each says what it says.

A text that is not known is "", a number that is not known a Number without a value. Prices are USD per million tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inferdeck.model.answers import Number
from inferdeck.model.page import USUAL_LIMIT
from inferdeck.model.past import Past

PRICED, FREE, SELF_HOSTED, UNPRICED = "priced", "free", "self-hosted", "unpriced"
"""Of a price: somebody names one above 0; somebody says 0; it runs here, so nobody sends a bill; nobody names one."""
PRICE_WORDS = (PRICED, FREE, SELF_HOSTED, UNPRICED)
STATES = ("available", "degraded", "loading", "error", "unknown")
"""Of a model, the best first: it has the best state of its places."""
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Said:
    """One value and who says so; numbers as plain decimal text in base units."""

    value: str
    source: str
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """The value that is believed ("" where nobody knows), who says so, and what others say instead."""

    value: str = ""
    source: str = ""
    age_seconds: float | None = None
    others: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether a model can do something: yes, no, or "" where nobody says."""

    name: str
    value: str = ""
    sources: tuple[str, ...] = ()
    """Who says so; of sources that contradict each other, those who say yes."""
    against: tuple[str, ...] = ()
    """Who says the opposite."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one source says a million tokens cost; None where it does not say, which is never 0."""

    source: str
    """"gateway NAME" (what it reckons with) or "genai-prices VERSION" (what the provider publishes)."""
    input: float | None = None
    output: float | None = None
    cached_input: float | None = None
    cache_creation: float | None = None
    age_seconds: float | None = None
    """Since the source was read, or, of genai-prices, since the newest day that its data names."""
    detail: str = ""
    """Which entry it is, and what else its price depends on."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, by the most binding source; `word` is one of PRICE_WORDS.

    A model with several places has the highest of their prices, `varies` where they differ, and all of their words.
    """

    word: str
    input: Number
    output: Number
    cached_input: Number
    cache_creation: Number
    varies: bool = False
    offers: tuple[Offer, ...] = ()
    difference: str = ""
    """Where two sources disagree: which, and by how much."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A model that ends or has ended: YYYY-MM-DD where the day is known, and what to use instead where that is."""

    date: str = ""
    days_left: int | None = None
    """Whole days from now to the beginning of that day (UTC); negative once it is over."""
    replacement: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What one gateway counted of a model over the window; gateways are never added up."""

    gateway: str
    requests: Number
    errors: Number
    tokens: dict[str, Number]
    """By token type: input, output, cached_input, cache_creation, reasoning."""
    cost: Number
    """USD per hour."""
    latency_p50: Number
    latency_p95: Number
    ttft_p95: Number


@dataclass(frozen=True, slots=True)
class Place:
    """One way to reach a model: a deployment of a gateway, or an engine itself (`gateway` is "")."""

    gateway: str
    deployment: str
    provider: str
    target: str
    """What is asked there, such as openai/gpt-4o or the engine's own name of the model."""
    endpoint: str
    """URL without secrets, "" where the gateway does not tell."""
    engine: str
    """Id of the watched engine behind it, "" where none is known."""
    evidence: str
    """Why that engine is believed to be the one."""
    state: Known
    price: Price


@dataclass(frozen=True, slots=True)
class EngineUse:
    """One engine that serves the model, at this moment."""

    id: str
    name: str
    kind: str
    version: str
    state: Known
    running: Number
    waiting: Number
    kv_cache: Number
    prefill: Number
    decode: Number


@dataclass(frozen=True, slots=True)
class Example:
    """How to ask for the model; the key is the name of an environment variable, never a value."""

    name: str
    """curl, python or javascript."""
    text: str
    key_variable: str = ""
    """Which variable must hold a key, "" where none is needed."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model as the list shows it."""

    name: str
    environment: str
    id: str
    """What the first provider calls it."""
    type: str
    """LLM, Embedding, Reranker, … or "" where nobody says."""
    providers: tuple[str, ...]
    gateways: tuple[str, ...]
    endpoints: tuple[str, ...]
    state: Known
    size: Number
    parameters: Number
    quantization: str
    context: Number
    price: Price
    licence: str
    link: str
    """Its page on the Hugging Face Hub, "" where no repository is known."""
    capabilities: tuple[str, ...]
    """What it can do, by at least one source."""
    version: str
    deprecation: Deprecation | None
    requests: Number
    """Requests per second, of the gateway that counts most."""


@dataclass(frozen=True, slots=True)
class PriceSource:
    """The published prices: which release, how old at most, and what is wrong with them ("" where nothing is)."""

    name: str
    version: str = ""
    as_of: str = ""
    """The newest day that its data names, YYYY-MM-DD."""
    age_days: int | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    """One page of the catalog; `total` counts all that match."""

    items: tuple[ModelRow, ...]
    total: int
    offset: int = 0
    limit: int = USUAL_LIMIT
    window_seconds: float = 0.0
    prices: PriceSource = field(default_factory=lambda: PriceSource(""))
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Everything that is known of one model."""

    row: ModelRow
    time: float
    window_seconds: float
    facts: dict[str, Known]
    """By name: type, parameters, size_bytes, quantization, context, licence, repository, version, …"""
    capabilities: tuple[Capability, ...]
    places: tuple[Place, ...]
    fallbacks: tuple[str, ...]
    """What its gateways try after it, in order, each as "GATEWAY: MODEL, MODEL"."""
    use: tuple[Use, ...]
    engines: tuple[EngineUse, ...]
    examples: tuple[Example, ...]
    prices: PriceSource
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One part of a score: its weight, the figure it is made from, and how good that is from 0 to 1."""

    name: str
    weight: float
    figure: Number
    value: float | None
    """None where the figure is missing; its weight is then shared by the others."""


@dataclass(frozen=True, slots=True)
class Score:
    """A provider's score; docs/score.md has the formula."""

    value: float
    """0 to 100."""
    grade: str
    recommendation: str
    parts: tuple[ScorePart, ...]
    quality: str
    """measured, or estimated where a part is missing or few requests were seen."""


@dataclass(frozen=True, slots=True)
class ProviderSeries:
    """The series of a provider that shares its name with others at the same gateway: openai at two addresses.

    label: their label `provider`; whole: all series of the gateway with this label are its own. Otherwise those of its
    deployments are, and of series without a deployment those of its models.
    """

    label: str
    whole: bool = False
    deployments: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One upstream provider as one gateway sees it over the window."""

    name: str
    gateway: str
    environment: str
    state: str
    """ok, degraded, failing, down, idle."""
    requests: Number
    """Attempts per second where the gateway counts them, else requests."""
    errors: Number
    """The share of them that failed, also where a fallback then answered."""
    latency_p50: Number
    latency_p95: Number
    ttft_p95: Number
    models: int
    tokens: dict[str, Number]
    cost: Number
    cache_hits: Number
    """Cached share of the input tokens."""
    availability: Number
    speed: Number
    """Output tokens per second of answering."""
    score: Score | None
    """None where there was no traffic."""
    series: ProviderSeries | None = None
    """Which series are its own, where their label `provider` does not tell."""


@dataclass(frozen=True, slots=True)
class Providers:
    """One page of providers."""

    items: tuple[ProviderRow, ...]
    total: int
    offset: int = 0
    limit: int = USUAL_LIMIT
    window_seconds: float = 0.0
    past: Past | None = None
