"""The catalog answered in the daemon: from the targets' facts, the store's reader and the price list."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.answers import Engine as EngineFigures
from inferdeck.model.answers import Number
from inferdeck.model.model_catalog import (
    STATES,
    EngineUse,
    Example,
    Known,
    ModelPage,
    ModelRow,
    Models,
    ProviderRow,
    Providers,
)
from inferdeck.model.stack import Chain
from inferdeck.model.target import TargetState
from inferdeck.pricing.matching import host_of
from inferdeck.pricing.published import PriceBook
from inferdeck.query import engines
from inferdeck.query.catalog import figures as counted
from inferdeck.query.catalog.drafted import Around, Ending, Finished, engine_source, finished, no_requests, row
from inferdeck.query.catalog.examples import GATEWAY_KEY, examples
from inferdeck.query.catalog.gathered import Draft, age_of, gateway_name, gather
from inferdeck.query.figures import Figures, intervals
from inferdeck.query.narrowed import Narrowed
from inferdeck.query.past import moment
from inferdeck.query.past.moment import Moment
from inferdeck.query.provider_names import ProviderNames, provider_name, series_names
from inferdeck.query.rows import Group
from inferdeck.query.stack.interface import EVERYTHING, Wanted, chosen
from inferdeck.query.status import WINDOW_SECONDS, Surroundings, service
from inferdeck.store.interface import Matcher, MatchOp, MetricReader

T = TypeVar("T")
MOST_NEAR = 3
MOST_COMPARED = 2000
PROVIDER_STATES = ("ok", "degraded", "failing", "down", "idle")
_MODELS_OF_NOW = "where models are deployed, what is told of them and their prices are as they are now"


@dataclass(frozen=True, slots=True)
class LocalCatalog:
    """Implements CatalogQuestions; `around` and `chains` are asked anew at each question, from any thread.

    chains: which engine each deployment's address leads to. endings: what the user says of models' ends, by name.
    """

    reader: MetricReader
    around: Callable[[], Surroundings]
    prices: PriceBook
    chains: Callable[[], Iterable[Chain]] = tuple
    endings: Mapping[str, Ending] = field(default_factory=dict)

    def models(self, wanted: Wanted = EVERYTHING, sort: str = "name") -> Models:
        """Return one page of the catalog."""
        seen = self._seen(wanted.at, _MODELS_OF_NOW)
        around = seen.around
        figures = _figures(seen, counted.LISTED)
        rates = _busiest(counted.requests(figures))
        against = self._against(around, figures)
        rows = [
            row(finished(draft, against, whole=False), rates.get((draft.environment, draft.name), no_requests()))
            for draft in gather(around.states, self.chains())
        ]
        found = chosen(
            _sorted(rows, sort, _MODEL_ORDERS),
            wanted,
            {
                "type": lambda one: (one.type,),
                "provider": lambda one: one.providers,
                "capability": lambda one: one.capabilities,
                "status": lambda one: (one.state.value,),
                "environment": lambda one: (one.environment,),
            },
            _texts,
            {"status": STATES},
        )
        source = self.prices.source(self._now(seen))
        return Models(found.items, found.total, found.offset, found.limit, WINDOW_SECONDS, source, seen.past)

    def model(self, name: str, environment: str = "", at: float | None = None) -> ModelPage:
        """Return one model's page."""
        seen = self._seen(at, _MODELS_OF_NOW)
        around = seen.around
        draft = _one(gather(around.states, self.chains()), name, environment)
        behind = _behind(draft, seen)
        model = finished(draft, self._against(around, behind))
        figures = _figures(seen, counted.OF_MODEL, Matcher("model", MatchOp.EQUAL, draft.name))
        every = sorted(counted.use(figures).items())
        used = [one for key, one in every if (key[0], key[2]) == (draft.environment, draft.name)]
        rate = max((one.requests for one in used), key=_value, default=no_requests())
        return ModelPage(
            row=row(model, rate),
            time=around.now,
            window_seconds=WINDOW_SECONDS,
            facts=model.facts,
            capabilities=model.capabilities,
            places=model.places,
            fallbacks=tuple(f"{gateway_name(state)}: {fact.facts.get('to', '')}" for state, fact in draft.fallbacks),
            use=tuple(used),
            engines=_engines(draft, around, behind),
            examples=_examples(model),
            prices=self.prices.source(self._now(seen)),
            past=seen.past,
        )

    def providers(self, wanted: Wanted = EVERYTHING, sort: str = "name") -> Providers:
        """Return one page of providers."""
        seen = self._seen(wanted.at, "which deployments there are, and whose, is as it is configured now")
        models = _models_by_provider(gather(seen.around.states, ()))
        own = ProviderNames(seen.around.states).series
        rows = counted.providers(_figures(seen, counted.OF_PROVIDERS), WINDOW_SECONDS, models, own)
        found = chosen(
            _sorted(rows, sort, _PROVIDER_ORDERS),
            wanted,
            {
                "state": lambda one: (one.state,),
                "gateway": lambda one: (one.gateway,),
                "environment": lambda one: (one.environment,),
            },
            lambda one: (one.name, one.gateway, one.state),
            {"state": PROVIDER_STATES},
        )
        return Providers(found.items, found.total, found.offset, found.limit, WINDOW_SECONDS, seen.past)

    def _seen(self, at: float | None, of_now: str) -> Moment:
        return moment.seen(self.reader, self.around(), at, of_now)

    def _now(self, seen: Moment) -> float:
        """Return the present, which says how old published prices are."""
        return seen.around.now if seen.past is None else self.around().now

    def _against(self, around: Surroundings, figures: Figures) -> Around:
        watched = {(key[0], key[1], key[2]): watch for key, watch in counted.watched(figures).items()}
        return Around(around.now, self.prices, self.endings, watched)


def _figures(seen: Moment, names: Sequence[str], only: Matcher | None = None) -> Figures:
    reader = seen.reader if only is None else Narrowed(seen.reader, only)
    states, now_ms = seen.around.states, int(seen.around.now * 1000)
    return Figures(reader, names, now_ms, int(WINDOW_SECONDS * 1000), intervals(states), series_names(states))


def _behind(draft: Draft, seen: Moment) -> Figures:
    """Return the figures of a model's engines, and what its gateways say of their deployments."""
    states = [*draft.states, *(one.state for one in draft.engines)]
    pattern = "|".join(sorted({_escaped(state.key.instance) for state in states}))
    names = (*engines.METRICS, *counted.LISTED[1:])
    return _figures(seen, names, Matcher("instance", MatchOp.MATCH, pattern))


def _engines(draft: Draft, around: Surroundings, figures: Figures) -> tuple[EngineUse, ...]:
    states = {one.state.key.id: one.state for one in draft.engines}
    found = {(one.environment, one.name): one for one in engines.engines(figures, states.values())}
    return tuple(
        _engine(state, found[state.key.environment, state.name], around)
        for state in sorted(states.values(), key=lambda one: one.key.id)
        if (state.key.environment, state.name) in found
    )


def _engine(state: TargetState, one: EngineFigures, around: Surroundings) -> EngineUse:
    return EngineUse(
        id=state.key.id,
        name=state.name,
        kind=state.source_kind,
        version=service(state, around.now).version,
        state=Known(one.state, engine_source(state), age_of(state, around.now)),
        running=one.running,
        waiting=one.waiting,
        kv_cache=one.kv_cache,
        prefill=one.prefill,
        decode=one.decode,
    )


def _escaped(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else f"\\{letter}" for letter in text)


def _one(drafts: list[Draft], name: str, environment: str) -> Draft:
    named = [draft for draft in drafts if draft.name == name]
    found = [draft for draft in named if environment in ("", draft.environment)]
    if len(found) == 1:
        return found[0]
    if found:
        every = ", ".join(draft.environment for draft in found)
        raise UsageError(f'"{name}" is a model of several environments; say which one with environment: {every}')
    where = f" in {environment}; it is one of {', '.join(one.environment for one in named)}" if named else ""
    near = "" if named else _near(name, {draft.name for draft in drafts})
    raise NotFoundError(f'no model is called "{name}"{where}{near}; `inferdeck models` names them all')


def _near(name: str, names: Collection[str]) -> str:
    """Return the names that were perhaps meant: those that hold this one, then those written much like it."""
    low = name.lower()
    found = sorted((one for one in names if low in one.lower()), key=lambda one: (len(one), one))
    if len(names) <= MOST_COMPARED:
        found += get_close_matches(name, sorted(names), MOST_NEAR)
    told = list(dict.fromkeys(found))[:MOST_NEAR]
    return f"; did you mean {' or '.join(told)}?" if told and name else ""


def _busiest(rates: Mapping[Group, Number]) -> dict[tuple[str, str], Number]:
    """Return the largest rate of any gateway by environment and model: what two gateways count is never added up."""
    found: dict[tuple[str, str], Number] = {}
    for (environment, _, model), rate in rates.items():
        known = found.get((environment, model))
        if known is None or _value(rate) > _value(known):
            found[environment, model] = rate
    return found


def _models_by_provider(drafts: Iterable[Draft]) -> dict[Group, int]:
    named: dict[Group, set[str]] = {}
    for draft in drafts:
        for one in draft.deployments:
            name = provider_name(one.provider, one.endpoint)
            named.setdefault((draft.environment, one.gateway, name), set()).add(draft.name)
    return {key: len(models) for key, models in named.items()}


def _texts(one: ModelRow) -> Iterable[str]:
    return (
        one.name,
        one.id,
        one.type,
        one.environment,
        one.quantization,
        one.licence,
        one.link,
        one.price.word,
        one.state.value,
        *one.providers,
        *one.gateways,
        *one.endpoints,
        *one.capabilities,
    )


def _examples(model: Finished) -> tuple[Example, ...]:
    """Return how the first gateway is asked, else the engine itself."""
    draft, kind = model.draft, model.facts["type"].value
    for state in draft.states:
        if host_of(state.url):
            return examples(draft.name, kind, f"{_root(state.url)}/v1", GATEWAY_KEY)
    for engine in draft.engines:
        if host_of(engine.state.url):
            return examples(engine.fact.name, kind, f"{_root(engine.state.url)}/v1", "")
    return ()


def _root(url: str) -> str:
    return url.rstrip("/").removesuffix("/v1")


def _value(number: Number) -> float:
    return -math.inf if number.value is None else number.value


def _sorted(rows: Sequence[T], sort: str, orders: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Return the rows in an order of `orders`; "-" before its name reverses it, and what is not known comes last."""
    name = sort.removeprefix("-")
    order = orders.get(name)
    if order is None:
        raise UsageError(f'sort: there is no "{name}"; there are {", ".join(orders)}')
    told = [one for one in rows if order(one) not in (None, "")]
    rest = [one for one in rows if order(one) in (None, "")]
    return [*sorted(told, key=order, reverse=sort.startswith("-")), *rest]


_MODEL_ORDERS: dict[str, Callable[[ModelRow], Any]] = {
    "name": lambda one: one.name,
    "type": lambda one: one.type,
    "provider": lambda one: ", ".join(one.providers),
    "status": lambda one: STATES.index(one.state.value),
    "context": lambda one: one.context.value,
    "parameters": lambda one: one.parameters.value,
    "price": lambda one: one.price.output.value if one.price.output.value is not None else one.price.input.value,
    "requests": lambda one: one.requests.value,
}
_PROVIDER_ORDERS: dict[str, Callable[[ProviderRow], Any]] = {
    "name": lambda one: one.name,
    "state": lambda one: PROVIDER_STATES.index(one.state),
    "requests": lambda one: one.requests.value,
    "errors": lambda one: one.errors.value,
    "latency": lambda one: one.latency_p95.value,
    "cost": lambda one: one.cost.value,
    "score": lambda one: one.score.value if one.score else None,
}
