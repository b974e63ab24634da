"""Providers as rows, and some of them side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.views.charts import Wanted, quoted
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model import cells, numbers
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.model_catalog import ProviderRow, ProviderSeries, Score

COLUMNS = (
    Column("Provider", most=32),
    Column("Gateway", drop=8, most=20),
    Column("State"),
    Column("Score", right=True),
    Column("Grade", drop=3),
    Column("Use as", drop=1, most=14),
    Column("Load", right=True, drop=12),
    Column("Errors", right=True),
    Column("p95", right=True),
    Column("TTFT p95", right=True, drop=5),
    Column("Output", right=True, drop=11),
    Column("Models", right=True, drop=10),
    Column("Cached", right=True, drop=9),
    Column("There", right=True, drop=4),
    Column("Cost", right=True, drop=6),
)
_LATENCY, _LOAD = "llm_request_duration_seconds_bucket", "llm_requests_total"
_STATES = {"ok": "ok", "degraded": "warn", "failing": "critical", "down": "critical", "idle": "dim"}
_GRADES = {"A": "ok", "B": "ok", "C": "warn", "D": "warn", "F": "critical"}


def in_several(rows: Sequence[ProviderRow]) -> bool:
    """Return whether the rows are of several environments."""
    return len({one.environment for one in rows}) > 1


def place_of(one: ProviderRow, *, several: bool) -> str:
    """Return the gateway that a row is of; several: with its environment, since there are several."""
    return f"{one.gateway} {one.environment}" if several else one.gateway


def columns_of(rows: Sequence[ProviderRow]) -> tuple[Column, ...]:
    """Return the columns: of several gateways the name stays where all else goes, since it tells rows apart."""
    several = len({(one.environment, one.gateway) for one in rows}) > 1
    return tuple(replace(one, drop=0) if several and one.title == "Gateway" else one for one in COLUMNS)


def charts_of(rows: Sequence[ProviderRow]) -> tuple[Wanted, ...]:
    """Return what is charted: a series for each row, also for those of several that share a provider's name."""
    legend = "{{provider}} {{gateway}} {{environment}}" if in_several(rows) else "{{provider}} {{gateway}}"
    return (
        Wanted("Latency p95", _each(rows, _LATENCY, "histogram_quantile(0.95, {})", "le, "), "seconds", legend),
        Wanted("Load", _each(rows, _LOAD, "{}"), "rate", legend),
    )


def _each(rows: Sequence[ProviderRow], metric: str, form: str, by: str = "") -> str:
    """Return PromQL with one series for each provider of each gateway, called as the rows are."""

    def of(*selectors: str) -> str:
        rates = " or ".join(f"rate({metric}{{{one}}}[RANGE])" for one in selectors)
        return form.format(f"sum by ({by}environment, gateway, provider) ({rates})")

    shared: dict[str, set[str]] = {}
    for row in rows:
        if row.series is not None:
            shared.setdefault(row.series.label, set()).add(row.gateway)
    if not shared:
        return of("ENVIRONMENT")
    # Those whose label says all, then each of the others by what is its own.
    parts = [of(f"ENVIRONMENT, provider!~{_any(shared)}")]
    for label, gateways in sorted(shared.items()):
        parts.append(of(f"ENVIRONMENT, provider={quoted(label)}, gateway!~{_any(gateways)}"))
    for row in rows:
        own = row.series
        if own is None and row.gateway in shared.get(row.name, ()):
            # A gateway of the same name in another environment, where the label says all.
            own = ProviderSeries(row.name, whole=True)
        if own is not None and (mine := _selectors(row, own)):
            name = quoted(row.name.replace("$", "$$"))
            parts.append(f'label_replace({of(*mine)}, "provider", {name}, "gateway", "(?s:.*)")')
    return " or ".join(parts)


def _selectors(row: ProviderRow, series: ProviderSeries) -> list[str]:
    mine = (
        f"ENVIRONMENT, environment={quoted(row.environment)}, gateway={quoted(row.gateway)}, "
        f"provider={quoted(series.label)}"
    )
    if series.whole:
        return [mine]
    found = [f"{mine}, deployment=~{_any(series.deployments)}"] if series.deployments else []
    return [*found, f'{mine}, deployment="", model=~{_any(series.models)}'] if series.models else found


def _any(texts: Iterable[str]) -> str:
    return quoted("|".join(re.escape(one) for one in sorted(texts)))


CHARTS = charts_of(())


def key_of(one: ProviderRow) -> str:
    """Return what tells a provider from all others."""
    return f"{one.environment}/{one.gateway}/{one.name}"


def load_of(one: ProviderRow) -> float:
    """Return how many requests a second it gets, 0 where nobody knows."""
    return one.requests.value or 0.0


def entry_of(one: ProviderRow, *, several: bool = False) -> Entry:
    """Return a provider as a row; several: of one of several environments."""
    return entry(
        key_of(one),
        (
            text(one.name),
            text(place_of(one, several=several), "dim"),
            (Field(one.state, _STATES.get(one.state, "dim")), one.state),
            _score(one.score),
            text(one.score.grade if one.score else ""),
            text(one.score.recommendation if one.score else "", "dim"),
            figure(one.requests),
            figure(one.errors, warn=0.01, critical=0.05),
            figure(one.latency_p95, warn=10.0, critical=30.0),
            figure(one.ttft_p95, warn=5.0),
            figure(one.tokens.get("output", Number(None, "tokens/s"))),
            figure(Number(float(one.models), "count", "measured")),
            figure(one.cache_hits),
            figure(one.availability),
            figure(one.cost),
        ),
    )


def _score(score: Score | None) -> tuple[Field, Rank]:
    if score is None:
        return Field(numbers.MISSING, "dim"), None
    sign = "~" if score.quality == "estimated" else ""
    # Rounded down, as everywhere: what is shown never reaches a grade that the score does not.
    return Field(f"{sign}{math.floor(score.value)}", _GRADES.get(score.grade[:1], "")), score.value


_COMPARED: tuple[tuple[str, Callable[[ProviderRow], Number], bool | None], ...] = (
    ("p50", lambda one: one.latency_p50, True),
    ("p95", lambda one: one.latency_p95, True),
    ("TTFT p95", lambda one: one.ttft_p95, True),
    ("errors", lambda one: one.errors, True),
    ("there", lambda one: one.availability, False),
    ("speed", lambda one: one.speed, False),
    ("load", lambda one: one.requests, None),
    ("cached", lambda one: one.cache_hits, False),
    ("cost", lambda one: one.cost, None),
)
"""Figure by figure: what it is called, where it stands, whether less is better (None: neither)."""
_NAME = 10
_BAR = 24


def compared(chosen: Sequence[ProviderRow], width: int, full: str = "█", rest: str = "·") -> list[Row]:
    """Return providers side by side, a bar for each figure as a share of the largest; the best one is marked."""
    if not chosen:
        return [fit((("mark providers with space to compare them here", "dim"),), width)]
    room = max(12, (width - _NAME) // len(chosen))
    places = [place_of(one, several=in_several(chosen)) for one in chosen]
    several = len(set(places)) > 1
    names = [
        cells.clean(f"{one.name} ({place})" if several else one.name) for one, place in zip(chosen, places, strict=True)
    ]
    rows: list[Row] = [fit(((" " * _NAME, ""), *((f"{cells.fit(name, room - 1)} ", "title") for name in names)), width)]
    for name, get, less in _COMPARED:
        figures = [get(one) for one in chosen]
        known = [one.value for one in figures if one.value is not None]
        most = max(known, default=0.0)
        best = None if less is None or len(known) < 2 else min(known) if less else max(known)
        spans = [(name.ljust(_NAME), "dim")]
        for number in figures:
            value = number.value
            size = min(_BAR, max(0, room - 16))
            filled = 0 if value is None or most <= 0 else round(size * max(0.0, value / most))
            style = "ok" if best is not None and value == best else ""
            spans += [(full * filled, style or "series1"), (rest * (size - filled), "dim")]
            spans.append((cells.fit(f" {shown(number)}", room - size), style))
        rows.append(fit(spans, width))
    return rows
