"""The figures of models and providers at one moment, from the canonical series."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from inferdeck.analysis.score import Performance, score
from inferdeck.model.answers import Number, Provider
from inferdeck.model.model_catalog import ProviderRow, ProviderSeries, Score, Use
from inferdeck.query import gateways
from inferdeck.query.catalog.drafted import Watch
from inferdeck.query.figures import Figures, ratio, total
from inferdeck.query.rows import Group

BY_MODEL = ("environment", "gateway", "model")
BY_DEPLOYMENT = ("environment", "gateway", "deployment")
BY_PROVIDER = gateways.BY_PROVIDER
LISTED = ("llm_requests_total", "llm_model_status", "llm_provider_attempts_total")
OF_MODEL = (
    "llm_requests_total",
    "llm_tokens_used_total",
    "llm_cost_total",
    "llm_request_duration_seconds_bucket",
    "llm_time_to_first_token_seconds_bucket",
    "inferdeck_quality",
)
OF_PROVIDERS = (
    *OF_MODEL,
    "llm_provider_attempts_total",
    "llm_provider_health",
    "llm_model_status",
    "llm_request_duration_seconds_sum",
)
_DURATION, _FIRST = gateways.DURATION, "llm_time_to_first_token_seconds"
_TOKENS = "llm_tokens_used_total"
_ORDER = ("available", "error", "degraded", "loading")
"""Which of two words about one deployment counts."""


def watched(figures: Figures) -> dict[Group, Watch]:
    """Return what each gateway says of its deployments: the word that it gives them, and whether they answered."""
    words: dict[Group, tuple[str, float]] = {}
    for row in figures.last("llm_model_status"):
        key, word = row.named.group(BY_DEPLOYMENT), row.labels.get("status", "")
        if row.value != 1 or not key[2] or word not in _ORDER:
            continue
        # Of one deployment LiteLLM has series under two names, of which one is never taken back (gateways.healthy).
        known = words.get(key)
        if known is None or _ORDER.index(word) < _ORDER.index(known[0]):
            words[key] = (word, row.age_seconds)
    answered = total(figures.rate("llm_provider_attempts_total"), BY_DEPLOYMENT, status="success")
    silent: tuple[str, float | None] = ("", None)
    return {key: Watch(*words.get(key, silent), answered.get(key, 0.0) > 0) for key in {*words, *answered}}


def requests(figures: Figures) -> dict[Group, Number]:
    """Return requests per second by environment, gateway and model."""
    rates = total(figures.rate("llm_requests_total"), BY_MODEL)
    return {key: figures.number(rate, "requests/s", "llm_requests_total", BY_MODEL, key) for key, rate in rates.items()}


def use(figures: Figures) -> dict[Group, Use]:
    """Return everything that gateways count, by environment, gateway and model."""
    asked = figures.rate("llm_requests_total")
    rates, failed = total(asked, BY_MODEL), total(asked, BY_MODEL, status="error")
    tokens = total(figures.rate(_TOKENS), (*BY_MODEL, "token_type"))
    cost = total(figures.rate("llm_cost_total"), BY_MODEL)
    p50, p95 = (figures.quantile(q, _DURATION, BY_MODEL) for q in (0.5, 0.95))
    first = figures.quantile(0.95, _FIRST, BY_MODEL)
    shaky = _estimated(figures)

    def seconds(values: Mapping[Group, float], family: str, key: Group) -> Number:
        return figures.number(values.get(key), "seconds", family, BY_MODEL, key, quality=shaky.get((*key, family), ""))

    found = {}
    for key in {*rates, *cost, *(one[:3] for one in tokens)}:
        found[key] = Use(
            gateway=key[1],
            requests=_rate(figures, rates.get(key), "requests/s", "llm_requests_total", key, shaky),
            errors=_rate(figures, ratio(failed.get(key), rates.get(key)), "ratio", "llm_requests_total", key, shaky),
            tokens={
                kind: _tokens(figures, tokens, BY_MODEL, key, kind, shaky.get((*key, _TOKENS), ""))
                for kind in gateways.TOKEN_TYPES
            },
            cost=_rate(figures, _hourly(cost.get(key)), "usd/h", "llm_cost_total", key, shaky),
            latency_p50=seconds(p50, _DURATION, key),
            latency_p95=seconds(p95, _DURATION, key),
            ttft_p95=seconds(first, _FIRST, key),
        )
    return found


def _estimated(figures: Figures) -> dict[Group, str]:
    """Return "estimated" by environment, gateway, model and family where a companion series says so."""
    rows = [row for row in figures.last("inferdeck_quality") if row.labels.get("quality") == "estimated"]
    return {row.named.group((*BY_MODEL, "family")): "estimated" for row in rows}


def _rate(
    figures: Figures, value: float | None, unit: str, family: str, key: Group, shaky: Mapping[Group, str]
) -> Number:
    return figures.number(value, unit, family, BY_MODEL, key, quality=shaky.get((*key, family), ""))


def _tokens(
    figures: Figures, rates: Mapping[Group, float], by: tuple[str, ...], key: Group, kind: str, quality: str
) -> Number:
    rate = rates.get((*key, kind))
    return figures.number(rate, "tokens/s", _TOKENS, (*by, "token_type"), (*key, kind), quality=quality)


def _hourly(per_second: float | None) -> float | None:
    return None if per_second is None else per_second * 3600


def providers(
    figures: Figures,
    window_seconds: float,
    models: Mapping[Group, int],
    own: Callable[[str, str, str], ProviderSeries | None],
) -> list[ProviderRow]:
    """Return every provider of every gateway.

    models: counts those that a gateway has from each; own: which series are whose, by environment, gateway, name.
    """
    read = gateways.ProviderReading(figures)
    told = read.number
    seen: dict[Group, Provider] = {(one.environment, one.gateway, one.name): one for one in read.providers()}
    tokens = total(figures.rate(_TOKENS), (*BY_PROVIDER, "token_type"))
    cost = total(figures.rate("llm_cost_total"), BY_PROVIDER)
    busy = total(figures.rate("llm_request_duration_seconds_sum"), BY_PROVIDER)
    health = gateways.healthy(figures.average("llm_provider_health"), figures.average("llm_model_status"))
    p50 = figures.quantile(0.5, _DURATION, BY_PROVIDER)
    first = figures.quantile(0.95, _FIRST, BY_PROVIDER)
    found = []
    every: set[Group] = {*seen, *(key for key in models if key[2])}
    for key in sorted(every):
        known = seen.get(key)
        written = tokens.get((*key, "output"))
        figure = {
            "latency_p95": read.latency_p95(key),
            "errors": read.errors(key),
            "availability": told(health.get(key), "ratio", "llm_provider_health", key),
            "speed": told(ratio(written, busy.get(key)) if written else None, "tokens/s", _TOKENS, key),
        }
        asked = read.requests(key)
        found.append(
            ProviderRow(
                name=key[2],
                gateway=key[1],
                environment=key[0],
                state=known.state if known else "idle",
                requests=asked,
                latency_p50=told(p50.get(key), "seconds", _DURATION, key),
                ttft_p95=told(first.get(key), "seconds", _FIRST, key),
                models=models.get(key, 0),
                tokens={
                    kind: _tokens(figures, tokens, BY_PROVIDER, key, kind, read.quality(_TOKENS, key))
                    for kind in gateways.TOKEN_TYPES
                },
                cost=told(_hourly(cost.get(key)), "usd/h", "llm_cost_total", key),
                cache_hits=told(_cached(tokens, key), "ratio", _TOKENS, key),
                score=_score(asked.value, window_seconds, figure),
                series=own(key[0], key[1], key[2]),
                **figure,
            )
        )
    return found


def _score(rate: float | None, window_seconds: float, figure: Mapping[str, Number]) -> Score | None:
    return score(Performance(None if rate is None else rate * window_seconds, **figure))


def _cached(tokens: Mapping[Group, float], key: Group) -> float | None:
    """Return the cached share of the input; a gateway that counts no cached tokens leaves it unknown."""
    cached = tokens.get((*key, "cached_input"))
    return None if cached is None else ratio(cached, tokens.get((*key, "input")))
