"""Gateways and their providers, each gateway by itself: what two of them count is never added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inferdeck.model.answers import Gateway, Number, Provider
from inferdeck.model.metric import Quality
from inferdeck.query.figures import Figures, ratio, total
from inferdeck.query.rows import Group, Row

BY = ("environment", "gateway")
BY_PROVIDER = (*BY, "provider")
DURATION = "llm_request_duration_seconds"
TOKEN_TYPES = ("input", "output", "cached_input", "cache_creation", "reasoning")
FAILING_RATIO = 0.5
DEGRADED_RATIO = 0.05
METRICS = (
    "llm_requests_total",
    "llm_provider_attempts_total",
    "llm_errors_total",
    "llm_tokens_used_total",
    "llm_cost_total",
    "llm_cache_hits_total",
    "llm_cache_misses_total",
    "llm_active_requests",
    "llm_queue_depth",
    "llm_provider_health",
    "llm_model_status",
    "llm_request_duration_seconds_bucket",
    "llm_time_to_first_token_seconds_bucket",
    "inferdeck_quality",
)


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums that gateways and providers share, by group."""

    figures: Figures
    by: tuple[str, ...]
    requests: dict[Group, float]
    failed: dict[Group, float]

    def request_rate(self, key: Group) -> Number:
        return self.figures.number(self.requests.get(key), "requests/s", "llm_requests_total", self.by, key)

    def error_ratio(self, key: Group) -> Number:
        value = ratio(self.failed.get(key), self.requests.get(key))
        return self.figures.number(value, "ratio", "llm_requests_total", self.by, key)


def _totals(figures: Figures, rows: Iterable[Row], by: tuple[str, ...]) -> Totals:
    return Totals(figures, by, total(rows, by), total(rows, by, status="error"))


def gateways(figures: Figures, known: Iterable[tuple[str, str, str]]) -> tuple[Gateway, ...]:
    """Return every gateway that has series or is in `known` (environment, gateway, kind), in that order."""
    reading = _Reading(figures)
    kinds = {(environment, name): kind for environment, name, kind in known}
    for row in reading.requests:
        kinds.setdefault((row.labels.get("environment", ""), row.labels.get("gateway", "")), row.labels.get("job", ""))
    return tuple(reading.gateway(key, kinds[key]) for key in sorted(kinds))


class _Reading:
    """The figures of all gateways, each computed once for all of them."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self.requests = figures.rate("llm_requests_total")
        self._totals = _totals(figures, self.requests, BY)
        self._tokens = total(figures.rate("llm_tokens_used_total"), (*BY, "token_type"))
        self._cost = total(figures.rate("llm_cost_total"), BY)
        self._active = total(figures.last("llm_active_requests"), BY)
        self._queued = total(figures.last("llm_queue_depth"), BY)
        self._hits = total(figures.increase("llm_cache_hits_total"), BY)
        self._misses = total(figures.increase("llm_cache_misses_total"), BY)
        self._p50 = figures.quantile(0.5, "llm_request_duration_seconds", BY)
        self._p95 = figures.quantile(0.95, "llm_request_duration_seconds", BY)
        self._p99 = figures.quantile(0.99, "llm_request_duration_seconds", BY)
        self._cached = total(figures.rate("llm_cache_hits_total"), BY)
        self._ttft = figures.quantile(0.95, "llm_time_to_first_token_seconds", BY)
        self._estimated = estimated(figures)

    def gateway(self, key: tuple[str, str], kind: str) -> Gateway:
        hits, misses = self._hits.get(key), self._misses.get(key)
        # Without a count of misses nobody knows how many lookups there were.
        looked_up = None if misses is None else (hits or 0.0) + misses
        cost = self._cost.get(key)
        return Gateway(
            name=key[1],
            kind=kind,
            environment=key[0],
            requests=self._totals.request_rate(key),
            errors=self._totals.error_ratio(key),
            latency_p50=self._seconds(self._p50, key, "llm_request_duration_seconds"),
            latency_p95=self._seconds(self._p95, key, "llm_request_duration_seconds"),
            ttft_p95=self._seconds(self._ttft, key, "llm_time_to_first_token_seconds"),
            tokens={kind: self._token_rate((*key, kind)) for kind in TOKEN_TYPES},
            cost=self._number(None if cost is None else cost * 3600, "usd/h", "llm_cost_total", key),
            active=self._number(self._active.get(key), "count", "llm_active_requests", key),
            queued=self._number(self._queued.get(key), "count", "llm_queue_depth", key),
            cache_hits=self._number(ratio(hits, looked_up), "ratio", "llm_cache_hits_total", key),
            latency_p99=self._seconds(self._p99, key, "llm_request_duration_seconds"),
            cached=self._number(self._cached.get(key), "requests/s", "llm_cache_hits_total", key),
        )

    def _token_rate(self, key: Group) -> Number:
        by = (*BY, "token_type")
        return self._figures.number(self._tokens.get(key), "tokens/s", "llm_tokens_used_total", by, key)

    def _number(self, value: float | None, unit: str, name: str, key: Group) -> Number:
        return self._figures.number(value, unit, name, BY, key)

    def _seconds(self, values: Mapping[Group, float], key: Group, family: str) -> Number:
        quality = Quality.ESTIMATED.value if (*key, family) in self._estimated else ""
        return self._figures.number(values.get(key), "seconds", family, BY, key, quality=quality)


def estimated(figures: Figures) -> frozenset[Group]:
    """Return (environment, gateway, family) of what a companion series marks as estimated."""
    rows = figures.last("inferdeck_quality")
    return frozenset(row.named.group((*BY, "family")) for row in rows if row.labels.get("quality") == "estimated")


class ProviderReading:
    """What several answers say of providers, computed once for all of them."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._totals = attempts(figures)
        self._p95 = figures.quantile(0.95, DURATION, BY_PROVIDER)
        self._estimated = estimated_of_providers(figures)

    def number(self, value: float | None, unit: str, family: str, key: Group) -> Number:
        """Return a figure of a provider, which is an estimate where one of its models' is."""
        return self._figures.number(value, unit, family, BY_PROVIDER, key, quality=self.quality(family, key))

    def quality(self, family: str, key: Group) -> str:
        """Return "estimated" where a family is that of one of the provider's models, else ""."""
        return Quality.ESTIMATED.value if (*key, family) in self._estimated else ""

    def requests(self, key: Group) -> Number:
        """Return what the provider was asked."""
        return self.number(self._totals.requests.get(key), "requests/s", "llm_requests_total", key)

    def errors(self, key: Group) -> Number:
        """Return the share of it that failed."""
        value = ratio(self._totals.failed.get(key), self._totals.requests.get(key))
        return self.number(value, "ratio", "llm_requests_total", key)

    def latency_p95(self, key: Group) -> Number:
        """Return how long 95 % of the requests took at most."""
        return self.number(self._p95.get(key), "seconds", DURATION, key)

    def providers(self) -> tuple[Provider, ...]:
        """Return every provider of every gateway that had traffic in the window or has a health series."""
        figures = self._figures
        health = healthy(figures.last("llm_provider_health"), figures.last("llm_model_status"))
        keys = {key for key in {*self._totals.requests, *health} if key[2]}
        return tuple(self._provider(key, health.get(key)) for key in sorted(keys))

    def _provider(self, key: Group, health: float | None) -> Provider:
        errors = self.errors(key)
        return Provider(
            name=key[2],
            gateway=key[1],
            environment=key[0],
            state=_state(self._totals.requests.get(key), errors.value, health),
            requests=self.requests(key),
            errors=errors,
            latency_p95=self.latency_p95(key),
        )


def providers(figures: Figures) -> tuple[Provider, ...]:
    """Return every provider of every gateway that had traffic in the window or has a health series."""
    return ProviderReading(figures).providers()


def estimated_of_providers(figures: Figures) -> frozenset[Group]:
    """Return (environment, gateway, provider, family) where a companion series marks that family of one of its models.

    What is marked without a model is so for every model of its gateway.
    """
    by = (*BY, "model")
    marked: dict[Group, set[str]] = {}
    for row in figures.last("inferdeck_quality"):
        if row.labels.get("quality") == "estimated":
            marked.setdefault(row.named.group(by), set()).add(row.labels.get("family", ""))
    if not marked:
        return frozenset()
    none: set[str] = set()
    served = total(figures.rate("llm_requests_total"), (*BY_PROVIDER, "model"))
    return frozenset(
        (environment, gateway, provider, family)
        for environment, gateway, provider, model in served
        for one in {model, ""}
        for family in marked.get((environment, gateway, one), none)
    )


_BY_STATUS = (*BY_PROVIDER, "deployment", "status")


def healthy(providers: Iterable[Row], deployments: Iterable[Row]) -> dict[Group, float]:
    """Return by provider from 0 (down) to 1 (well): the mean of its deployments, else its own series' lowest value.

    The rows may be values of a moment or means over a window. Of one deployment LiteLLM has series under two names, of
    which the one that tells of a cooldown is never taken back: it counts only while the other one is not well.
    """
    well: dict[Group, dict[str, float]] = {}
    ill: dict[Group, dict[str, float]] = {}
    for row in deployments:
        *group, deployment, status = row.named.group(_BY_STATUS)
        key = tuple(group)
        if deployment and key[1] and status in ("available", "error"):
            side = (well if status == "available" else ill).setdefault(key, {})
            side[deployment] = max(side.get(deployment, 0.0), row.value)
    found: dict[Group, float] = {}
    for key, parts in well.items():
        lost = [min(ill.get(key, {}).get(name, 0.0), 1.0 - value) for name, value in parts.items()]
        found[key] = 1.0 - sum(lost) / len(lost)
    own: dict[Group, float] = {}
    for row in providers:
        key = row.named.group(BY_PROVIDER)
        own[key] = min(own.get(key, 1.0), row.value)
    return {**own, **found}


def attempts(figures: Figures) -> Totals:
    """Return what providers were asked and failed, where their gateway counts attempts, else requests.

    A request whose fallback answered is no error of the gateway, but it is one of the provider that failed it. Some
    failures (a refused key) are counted as requests alone, so the larger of the two counts is taken.
    """
    asked = figures.rate("llm_requests_total")
    requests = total(asked, BY_PROVIDER)
    failed = total(asked, BY_PROVIDER, status="error")
    rows = figures.rate("llm_provider_attempts_total")
    answered = total(rows, BY_PROVIDER, status="success")
    missed = total(rows, BY_PROVIDER, status="error")
    for key in {*answered, *missed}:
        failed[key] = max(missed.get(key, 0.0), failed.get(key, 0.0))
        requests[key] = answered.get(key, 0.0) + failed[key]
    named = {key: value for key, value in requests.items() if key[2]}
    return Totals(figures, BY_PROVIDER, named, failed)


def _state(requests: float | None, errors: float | None, health: float | None) -> str:
    if health is not None and health <= 0:
        return "down"
    if errors is not None and errors >= FAILING_RATIO:
        return "failing"
    if errors is not None and errors >= DEGRADED_RATIO:
        return "degraded"
    if requests is not None and requests > 0:
        return "ok"
    if health is not None:
        return "ok" if health >= 1 else "degraded"
    return "idle"
