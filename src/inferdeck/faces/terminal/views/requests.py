"""What gateways count of requests as rows, one gateway a row."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.drawing.grid import Column
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.table import Entry, Table, entry, figure, text
from inferdeck.model.answers import Gateway, Number

COLUMNS = (
    Column("Gateway", most=28),
    Column("Requests", right=True),
    Column("Errors", right=True),
    Column("In flight", right=True, drop=9),
    Column("Queued", right=True, drop=5),
    Column("p50", right=True, drop=8),
    Column("p95", right=True),
    Column("TTFT p95", right=True, drop=7),
    Column("Input", right=True, drop=6),
    Column("Output", right=True, drop=10),
    Column("Cached input", right=True, drop=3),
    Column("Reasoning", right=True, drop=2),
    Column("From cache", right=True, drop=4),
    Column("Cost", right=True, drop=11),
    Column("Kind", drop=1),
)
CHARTS = (
    Wanted(
        "Requests",
        "sum by (gateway, status) (rate(llm_requests_total{ENVIRONMENT}[RANGE]))",
        "rate",
        "{{gateway}} {{status}}",
    ),
    Wanted(
        "Latency p95",
        "histogram_quantile(0.95, sum by (le, gateway)"
        " (rate(llm_request_duration_seconds_bucket{ENVIRONMENT}[RANGE])))",
        "seconds",
        "{{gateway}}",
    ),
)


def entry_of(one: Gateway) -> Entry:
    """Return a gateway as a row."""

    def tokens(name: str) -> Number:
        return one.tokens.get(name, Number(None, "tokens/s"))

    return entry(
        f"{one.environment}/{one.name}",
        (
            text(one.name, "strong"),
            figure(one.requests),
            figure(one.errors, warn=0.01, critical=0.05),
            figure(one.active),
            figure(one.queued, warn=1.0),
            figure(one.latency_p50),
            figure(one.latency_p95, warn=10.0, critical=30.0),
            figure(one.ttft_p95, warn=5.0),
            figure(tokens("input")),
            figure(tokens("output")),
            figure(tokens("cached_input")),
            figure(tokens("reasoning")),
            figure(one.cache_hits),
            figure(one.cost),
            text(one.kind, "dim"),
        ),
    )


def rows(gateways: Sequence[Gateway], width: int, look: Look) -> list[Row]:
    """Return the gateways under the titles of their figures; nothing is selected."""
    table = Table(COLUMNS, look)
    table.take([entry_of(one) for one in gateways])
    table.selected = ""
    table.redraw()
    return [table.heading(width), *(table.row(place, width) for place in range(len(gateways)))]
