"""Providers as rows, and some of them side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, figure, text
from inferdeck.model import cells, numbers
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.model.model_catalog import ProviderRow, Score

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
CHARTS = (
    Wanted(
        "Latency p95",
        "histogram_quantile(0.95, sum by (le, gateway, provider)"
        " (rate(llm_request_duration_seconds_bucket{ENVIRONMENT}[RANGE])))",
        "seconds",
        "{{provider}} {{gateway}}",
    ),
    Wanted(
        "Load",
        "sum by (gateway, provider) (rate(llm_requests_total{ENVIRONMENT}[RANGE]))",
        "rate",
        "{{provider}} {{gateway}}",
    ),
)
_STATES = {"ok": "ok", "degraded": "warn", "failing": "critical", "down": "critical", "idle": "dim"}
_GRADES = {"A": "ok", "B": "ok", "C": "warn", "D": "warn", "F": "critical"}


def key_of(one: ProviderRow) -> str:
    """Return what tells a provider from all others."""
    return f"{one.environment}/{one.gateway}/{one.name}"


def load_of(one: ProviderRow) -> float:
    """Return how many requests a second it gets, 0 where nobody knows."""
    return one.requests.value or 0.0


def entry_of(one: ProviderRow) -> Entry:
    """Return a provider as a row."""
    return entry(
        key_of(one),
        (
            text(one.name),
            text(one.gateway, "dim"),
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
    several = len({one.gateway for one in chosen}) > 1
    names = [cells.clean(f"{one.name} ({one.gateway})" if several else one.name) for one in chosen]
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
