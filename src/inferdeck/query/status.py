"""The status answer: what is up, what flows through it, what is wrong, composed from one read of the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from inferdeck.model.answers import (
    Discovered,
    FactAnswer,
    Finding,
    NotFound,
    Own,
    ProbeAnswer,
    RemoteWrite,
    Service,
    SourceAnswer,
    Status,
    StoreState,
    number,
)
from inferdeck.model.metric import Quality
from inferdeck.model.stack import Machine
from inferdeck.model.target import Health, TargetState
from inferdeck.query import engines, gateways, machines
from inferdeck.query.figures import STALE_INTERVALS, Figures, intervals
from inferdeck.query.provider_names import series_names
from inferdeck.store.interface import MetricReader

WINDOW_SECONDS = 300.0
GATEWAY_KINDS = frozenset({"litellm"})
METRICS = (*gateways.METRICS, *engines.METRICS, *machines.HOST_METRICS, *machines.CACHE_METRICS)
_DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the daemon knows at this moment beside the stored samples; `now` is Unix seconds."""

    now: float
    states: Sequence[TargetState]
    discovered: Sequence[Discovered]
    store: StoreState
    own: Own
    remote_write: Sequence[RemoteWrite] = ()
    not_found: Sequence[NotFound] = ()
    machine: Machine = field(default_factory=Machine)
    """The daemon's own machine: its name, addresses and listening sockets."""


def status(reader: MetricReader, around: Surroundings, advice: Sequence[Finding]) -> Status:
    """Return the whole stack at `around.now`; rates, ratios and percentiles are over the last WINDOW_SECONDS."""
    figures = Figures(
        reader,
        METRICS,
        int(around.now * 1000),
        int(WINDOW_SECONDS * 1000),
        intervals(around.states),
        series_names(around.states),
    )
    known = [
        (state.key.environment, _gateway_name(state), state.source_kind)
        for state in around.states
        if state.source_kind in GATEWAY_KINDS
    ]
    called = machines.names(around.states)
    return Status(
        time=around.now,
        window_seconds=WINDOW_SECONDS,
        services=tuple(service(state, around.now) for state in in_order(around.states)),
        gateways=gateways.gateways(figures, known),
        providers=gateways.providers(figures),
        engines=engines.engines(figures, around.states),
        caches=machines.caches(figures, called),
        hosts=machines.hosts(figures, called),
        found=tuple(around.discovered),
        advice=tuple(advice),
        store=around.store,
        own=around.own,
        remote_write=tuple(around.remote_write),
        not_found=tuple(around.not_found),
    )


def _gateway_name(state: TargetState) -> str:
    return state.gateway or state.key.instance


def in_order(states: Iterable[TargetState]) -> list[TargetState]:
    """Return targets by environment, kind and name, so that output can be compared with itself."""
    return sorted(states, key=lambda state: (state.key.environment, state.key.job, state.name, state.key.instance))


def service(state: TargetState, now: float) -> Service:
    """Return the target's row; its latency is that of the last collection, stale when that is long ago."""
    age = now - state.last_success_ms / 1000 if state.last_success_ms else None
    fresh = state.health is Health.UP and age is not None and age <= STALE_INTERVALS * state.interval_seconds
    quality = Quality.MEASURED if fresh else Quality.STALE
    latency = state.last_duration_seconds if state.last_success_ms else None
    return Service(
        id=state.key.id,
        name=state.name,
        kind=state.source_kind,
        environment=state.key.environment,
        instance=state.key.instance,
        url=state.url,
        health=state.health.value,
        origin=state.origin,
        port=port_of(state.url, state.key.instance),
        version=state.version,
        latency=number(latency, "seconds", source="scrape_duration_seconds", age_seconds=age, quality=quality.value),
        age=number(age, "seconds", source="last successful collection"),
        error=state.last_error if state.health is not Health.UP or state.error_kind else "",
        next_attempt_seconds=max(0.0, state.next_attempt_ms / 1000 - now) if state.next_attempt_ms else None,
        warnings=state.warnings,
    )


def port_of(url: str, instance: str) -> int | None:
    """Return the port that a target listens on; None where there is none (a unix socket, the host itself)."""
    try:
        parts = urlsplit(url)
        found = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        return found if found else urlsplit(f"//{instance}").port
    except ValueError:
        return None


def source(state: TargetState, now: float) -> SourceAnswer:
    """Return everything that is known of one target."""
    done = state.collections_total
    return SourceAnswer(
        service=service(state, now),
        interval_seconds=state.interval_seconds,
        consecutive_failures=state.consecutive_failures,
        last_error_age_seconds=now - state.last_error_ms / 1000 if state.last_error_ms else None,
        native_series=state.native_series,
        canonical_series=state.canonical_series,
        dropped_series=state.dropped_series,
        collections=done,
        failures=state.failures_total,
        skipped=state.skipped_total,
        requests=state.requests_total,
        response_bytes=state.response_bytes_total,
        cpu=number(state.cpu_seconds_total / done if done else None, "seconds", source="thread CPU time"),
        probes=tuple(ProbeAnswer(p.name, p.request, p.effect, p.note, p.enabled, p.never) for p in state.probes),
        inventory=tuple(FactAnswer(fact.kind, fact.name, dict(fact.facts)) for fact in state.inventory),
    )
