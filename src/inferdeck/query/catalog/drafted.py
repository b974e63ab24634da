"""From a draft to what a face shows: facts with their sources, places with state and price, the row of the list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from inferdeck.model.answers import Number, number
from inferdeck.model.model_catalog import (
    STATES,
    YES,
    Capability,
    Deprecation,
    Known,
    ModelRow,
    Place,
    Price,
    Said,
)
from inferdeck.model.target import Fact, Health, TargetState
from inferdeck.pricing.published import PriceBook, Published
from inferdeck.pricing.reckoned import price, reckoned, together
from inferdeck.query.catalog.gathered import Deployment, Draft, Engine, age_of, gateway_name
from inferdeck.query.catalog.told import capabilities, figure, kind_of, known, names, quantization

HUB = "Hugging Face"
HUB_PAGE = "https://huggingface.co/"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_SNAPSHOT = re.compile(r"[-@](20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?=$|[-:])")
INVENTORY = "inventory"
COST_MAP = "cost map"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the user says of a model's end."""

    date: str = ""
    replacement: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a gateway's series say of a deployment: its word, how old, and whether answers came over the window."""

    state: str = ""
    age_seconds: float | None = None
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """What drafts are read against; `now` is Unix seconds."""

    now: float
    prices: PriceBook
    endings: Mapping[str, Ending]
    watched: Mapping[tuple[str, str, str], Watch]
    """By environment, gateway and deployment."""
    _ages: dict[tuple[str, str], float | None] = field(default_factory=dict)

    def age(self, state: TargetState, what: str = "") -> float | None:
        """Return the seconds since a target told its facts."""
        key = (state.key.id, what)
        if key not in self._ages:
            self._ages[key] = age_of(state, self.now, what)
        return self._ages[key]


@dataclass(frozen=True, slots=True)
class Finished:
    """One model put together, without its figures."""

    draft: Draft
    facts: dict[str, Known]
    capabilities: tuple[Capability, ...]
    places: tuple[Place, ...]
    price: Price
    deprecation: Deprecation | None

    @property
    def state(self) -> Known:
        """The best state of its places."""
        known_places = [place.state for place in self.places if place.state.value]
        return min(known_places, key=lambda one: STATES.index(one.value)) if known_places else Known("unknown")


def finished(draft: Draft, around: Around, *, whole: bool = True) -> Finished:
    """Return the model that a draft comes to; not `whole`: with the facts of the list alone."""
    published = {one.fact.name: _published(one, around) for one in draft.deployments}
    facts = _facts(draft, published, around, whole=whole)
    places = tuple(_places(draft, published, around))
    return Finished(
        draft,
        facts,
        _capabilities(draft),
        places,
        together([place.price for place in places] or [price(None, None, runs_here=False)]),
        _deprecation(draft, published, around),
    )


def row(model: Finished, requests: Number) -> ModelRow:
    """Return the model as the list shows it."""
    draft, facts = model.draft, model.facts
    repository = facts["repository"].value
    return ModelRow(
        name=draft.name,
        environment=draft.environment,
        id=next((place.target for place in model.places if place.target), draft.name),
        type=facts["type"].value,
        providers=tuple(sorted({place.provider for place in model.places if place.provider})),
        gateways=tuple(sorted({gateway_name(state) for state in draft.states})),
        endpoints=tuple(dict.fromkeys(place.endpoint for place in model.places if place.endpoint)),
        state=model.state,
        size=figure(facts["size_bytes"], "bytes"),
        parameters=figure(facts["parameters"], "count"),
        quantization=facts["quantization"].value,
        context=figure(facts["context"], "tokens"),
        price=model.price,
        licence=facts["licence"].value,
        link=f"{HUB_PAGE}{repository}" if repository else "",
        capabilities=tuple(one.name for one in model.capabilities if one.value == YES),
        version=facts["version"].value,
        deprecation=model.deprecation,
        requests=requests,
    )


def engine_source(state: TargetState) -> str:
    """Return how an engine is named as a source."""
    return f"engine {state.name}"


def gateway_source(state: TargetState) -> str:
    """Return how a gateway is named as a source."""
    return f"gateway {gateway_name(state)}"


_LISTED_KEYS = ("parameters", "size_bytes", "licence", "version")
"""What the list shows of what engines and the Hub tell; a page shows the rest too."""
_FURTHER_KEYS = (
    "family",
    "format",
    "adapter_of",
    "sleeping",
    "pipeline",
    "gated",
    "updated",
    "tags",
)
_HUB_FIRST = ("parameters", "licence")
"""What the Hub counts or states, and an engine only repeats or rounds."""


def _facts(draft: Draft, published: Mapping[str, Published | None], around: Around, *, whole: bool) -> dict[str, Known]:
    engines = [(one.state, one.fact, engine_source(one.state)) for one in draft.engines]
    hub = [(one.state, one.fact, HUB) for one in draft.repositories]
    found = {
        key: known(_told(key, [*hub, *engines] if key in _HUB_FIRST else [*engines, *hub], around))
        for key in (*_LISTED_KEYS, *(_FURTHER_KEYS if whole else ()))
    }
    found["quantization"] = known(
        Said(quantization(one.value), one.source, one.age_seconds)
        for one in _told("quantization", [*engines, *hub], around)
    )
    modes = [*_told("mode", _of_gateways(draft), around), *_told("type", engines, around)]
    modes += _told("pipeline", hub, around)
    found["type"] = known(Said(kind_of(one.value), one.source, one.age_seconds) for one in modes if one.value)
    found["context"] = known(
        [
            *_told("context", engines, around),
            *_told("max_input_tokens", _of_gateways(draft), around),
            *_told("context", hub, around),
            *(Said(str(one.context), one.offer.source) for one in published.values() if one and one.context),
        ]
    )
    if whole:
        found["output"] = known(_told("max_output_tokens", _of_gateways(draft), around))
        found["description"] = known(_told("description", _of_gateways(draft), around))
    found["repository"] = known(_repository(draft, around))
    if not found["version"].value:
        found["version"] = known(_snapshots(draft))
    return found


def _of_gateways(draft: Draft) -> list[tuple[TargetState, Fact, str]]:
    single = [(one.state, one.fact, gateway_source(one.state)) for one in draft.deployments]
    return [*single, *((state, fact, gateway_source(state)) for state, fact in draft.groups)]


def _told(key: str, sources: Iterable[tuple[TargetState, Fact, str]], around: Around) -> Iterator[Said]:
    for state, fact, source in sources:
        if value := fact.facts.get(key, ""):
            yield Said(value, source, around.age(state, INVENTORY))


def _repository(draft: Draft, around: Around) -> Iterator[Said]:
    for one in draft.repositories:
        yield Said(one.fact.name, HUB, around.age(one.state))
    for engine in draft.engines:
        for name in (engine.fact.facts.get("repository", ""), engine.fact.facts.get("root", ""), engine.fact.name):
            # A path such as /models/x is none, and of an Ollama's own library it is not known.
            if _REPOSITORY.fullmatch(name) and engine.state.source_kind != "ollama":
                yield Said(name, engine_source(engine.state), around.age(engine.state))


def _snapshots(draft: Draft) -> Iterator[Said]:
    for one in draft.deployments:
        if found := _SNAPSHOT.search(one.target):
            yield Said("-".join(found.groups()), f"the name {one.target}")


def _capabilities(draft: Draft) -> tuple[Capability, ...]:
    can: list[tuple[str, str]] = []
    cannot: list[tuple[str, str]] = []
    for _, fact, source in _of_gateways(draft):
        can += [(name, source) for name in names(fact.facts.get("supports", ""))]
        cannot += [(name, source) for name in names(fact.facts.get("supports_not", ""))]
    for engine in draft.engines:
        can += [(name, engine_source(engine.state)) for name in names(engine.fact.facts.get("capabilities", ""))]
    for one in draft.repositories:
        if one.fact.facts.get("pipeline") in ("image-text-to-text", "any-to-any"):
            can.append(("vision", HUB))
    return capabilities(can, cannot)


def _published(one: Deployment, around: Around) -> Published | None:
    if one.runs_here:
        return None
    return around.prices.look_up(one.provider, one.target, one.endpoint, around.now)


def _places(draft: Draft, published: Mapping[str, Published | None], around: Around) -> Iterator[Place]:
    for one in draft.deployments:
        listed = published[one.fact.name]
        own = reckoned(one.fact.facts, gateway_source(one.state), around.age(one.state, INVENTORY))
        yield Place(
            gateway=one.gateway,
            deployment=one.fact.name,
            provider=one.provider,
            target=one.target,
            endpoint=one.endpoint,
            engine=one.engine.state.key.id if one.engine else "",
            evidence=one.evidence,
            state=_state(one, around),
            price=price(own, listed.offer if listed else None, runs_here=one.runs_here),
        )
    if not draft.deployments:
        yield from _groups(draft, around)
    for engine in draft.engines if not draft.states else ():
        yield Place(
            gateway="",
            deployment="",
            provider=engine.state.source_kind,
            target=engine.fact.name,
            endpoint=engine.state.url,
            engine=engine.state.key.id,
            evidence=f"read at {engine.state.url}",
            state=_engine_state(engine, around),
            price=price(None, None, runs_here=True),
        )


def _groups(draft: Draft, around: Around) -> Iterator[Place]:
    """Yield the model as a key sees it that may not look at deployments."""
    for state, fact in draft.groups:
        source = gateway_source(state)
        own = reckoned(fact.facts, source, around.age(state, INVENTORY))
        down = state.health is Health.DOWN
        said = Known("error", source, around.age(state)) if down else Known("unknown")
        for provider in names(fact.facts.get("providers", "")) or [""]:
            worth = price(own, None, runs_here=False)
            yield Place(gateway_name(state), "", provider, "", "", "", "", said, worth)


def _state(one: Deployment, around: Around) -> Known:
    """Return whether a deployment can be used: a gateway or engine that is down says no, then the engine's own word.

    An engine that is well while its gateway says otherwise is degraded: something between them is wrong.
    """
    source, age = gateway_source(one.state), around.age(one.state)
    if one.state.health is Health.DOWN:
        return Known("error", f"{source} does not answer", age)
    key = (one.state.key.environment, one.gateway, one.fact.name)
    watch = around.watched.get(key, Watch())
    seen = watch.state or ("available" if watch.answered else "")
    said = Said(seen, source, watch.age_seconds)
    if one.engine is None:
        return Known(seen, source, watch.age_seconds) if seen else Known("unknown")
    own = _engine_state(one.engine, around)
    if own.value in ("", "unknown"):
        return Known(seen, source, watch.age_seconds) if seen else own
    others = (said,) if seen and seen != own.value else ()
    worse = bool(seen) and own.value == "available" and seen in ("degraded", "error")
    return Known("degraded" if worse else own.value, own.source, own.age_seconds, others)


def _engine_state(engine: Engine, around: Around) -> Known:
    source, age = engine_source(engine.state), around.age(engine.state)
    if engine.state.health is Health.DOWN:
        return Known("error", f"{source} does not answer", age)
    word = engine.fact.facts.get("status", "")
    if not word:
        word = "available" if engine.state.health is Health.UP else "unknown"
    return Known(word if word in STATES else "unknown", source, age)


def _deprecation(draft: Draft, published: Mapping[str, Published | None], around: Around) -> Deprecation | None:
    """Return the end that the user set, else the first that a cost map names, else what the price list flags."""
    ending = around.endings.get(draft.name)
    days = [
        (one.fact.facts["deprecation_date"], f"{gateway_source(one.state)}, cost map")
        for one in draft.deployments
        if one.fact.facts.get("deprecation_date")
    ]
    day, source = min(days, default=("", ""))
    if ending is not None:
        day, source = (ending.date, "configuration") if ending.date else (day, source or "configuration")
    flagged = [one.offer.source for one in published.values() if one and one.deprecated]
    if not source and not flagged:
        return None
    replacement = ending.replacement if ending else ""
    return Deprecation(day, _days_left(day, around.now), replacement, source or flagged[0])


def _days_left(day: str, now: float) -> int | None:
    try:
        return (date.fromisoformat(day) - datetime.fromtimestamp(now, UTC).date()).days
    except ValueError:
        return None


def no_requests() -> Number:
    """Return the figure of a model that nobody counts."""
    return number(None, "requests/s", source="llm_requests_total")
