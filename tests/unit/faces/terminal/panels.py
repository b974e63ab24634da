"""One panel of each kind with data, for goldens and for sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from inferdeck.faces.terminal.drawing.frame import Moment
from inferdeck.model.dashboard import (
    Column,
    Empty,
    Level,
    Panel,
    PanelKind,
    Query,
    Threshold,
    ValueMapping,
)
from inferdeck.model.dashboard_answers import Mark, PanelData, QueryData, Series

END = 1_790_000_000.0
STEP = 30.0
POINTS = 121
START = END - (POINTS - 1) * STEP
MOMENT = Moment(
    START,
    END,
    STEP,
    END,
    zone=ZoneInfo("Europe/Berlin"),
    marks=(
        Mark("Deployments", START + 1500, None, "Deployment", "gateway 1.80", ("deployment",), "ok"),
        Mark("Budget Alerts", START + 2700, START + 3000, "Budget", "80 %", (), "warn"),
    ),
)
MODELS = ("gpt-4o", "llama-3.1-70b", "mistral-small", "embedding")
WARN = (Threshold(5.0, Level.WARN), Threshold(10.0, Level.CRITICAL))
UP = (
    ValueMapping(1.0, "up", Level.OK),
    ValueMapping(0.0, "down", Level.CRITICAL),
    ValueMapping(2.0, "slow", Level.WARN),
)
EMPTY = Empty("No request was timed.", "Choose a longer range, or run inferdeck doctor.")


def wave(base: float, size: float, phase: float = 0.0, points: int = POINTS) -> tuple[float | None, ...]:
    """Return a smooth line with some noise that is the same on every machine."""
    return tuple(
        base + size * math.sin(place / 9 + phase) + size * 0.2 * ((place * 7919) % 13) / 13 for place in range(points)
    )


def data(queries: Sequence[QueryData], **more: object) -> PanelData:
    """Return data that is fresh and measured."""
    fields: dict[str, object] = {"status": "ok", "age": 2.0, "quality": "measured", **more}
    return PanelData(id="p", queries=tuple(queries), **fields)  # type: ignore[arg-type]


def instant(found: Mapping[str, float | None], label: str = "model", ref: str = "A") -> QueryData:
    """Return one value for each name."""
    return QueryData(ref, True, tuple(Series({label: name}, name, (value,)) for name, value in found.items()))


def ranged(found: Mapping[str, Sequence[float | None]], label: str = "model") -> QueryData:
    """Return values over time for each name."""
    return QueryData("A", False, tuple(Series({label: name}, name, tuple(line)) for name, line in found.items()))


def latency() -> QueryData:
    """Return three lines: one with a spike, one with a gap."""
    spiked = list(wave(2.0, 1.0))
    spiked[44] = 8.2
    gap = [None if 60 < place < 80 else value for place, value in enumerate(wave(1.2, 0.4, 1.0))]
    return ranged({"gpt-4o": spiked, "llama-3.1-70b": gap, "mistral-small": wave(0.5, 0.1, 2.0)})


def bucketed(points: int) -> QueryData:
    """Return cumulative buckets of a histogram of seconds."""
    edges = ("0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
    shares = (0.02, 0.1, 0.35, 0.7, 0.9, 0.97, 0.99, 1.0)
    series = []
    for edge, share in zip(edges, shares, strict=True):
        load = [100 + 80 * math.sin(place / 12) for place in range(points)]
        series.append(Series({"le": edge}, edge, tuple(round(one * share) for one in load)))
    return QueryData("A", points == 1, tuple(series))


def states() -> QueryData:
    """Return what some programs were over time."""
    first = [1.0] * POINTS
    first[40:52] = [2.0] * 12
    second = [1.0] * 90 + [0.0] * 10 + [1.0] * (POINTS - 100)
    return ranged({"litellm": first, "vllm-a": second, "redis": [None] * 20 + [1.0] * (POINTS - 20)}, "job")


EXPR = "sum by (le) (increase(llm_request_duration_seconds_bucket[5m]))"


def panel(kind: PanelKind, **more: object) -> Panel:
    """Return a panel of this kind."""
    fields: dict[str, object] = {"help": "One sentence.", "empty": EMPTY, **more}
    return Panel("p", str(fields.pop("title", "Latency p95")), kind, **fields)  # type: ignore[arg-type]


SAMPLES: dict[str, tuple[Panel, PanelData]] = {
    "stat": (
        panel(PanelKind.STAT, unit="seconds", base=Level.OK, thresholds=WARN),
        data([ranged({"litellm": wave(2.0, 1.0)})]),
    ),
    "stat-several": (
        panel(PanelKind.STAT, unit="tokens_per_second", title="Tokens"),
        data([ranged({name: wave(900.0 * place + 40, 30.0) for place, name in enumerate(MODELS)})]),
    ),
    "gauge": (
        panel(
            PanelKind.GAUGE,
            title="CPU",
            unit="percent",
            base=Level.OK,
            thresholds=(Threshold(0.8, Level.WARN), Threshold(0.95, Level.CRITICAL)),
            minimum=0.0,
            maximum=1.0,
        ),
        data([instant({"": 0.83})]),
    ),
    "timeseries": (panel(PanelKind.TIMESERIES, unit="seconds", base=Level.OK, thresholds=WARN), data([latency()])),
    "timeseries-stacked": (
        panel(PanelKind.TIMESERIES, title="Tokens by model", unit="tokens_per_second", stacked=True),
        data([ranged({name: wave(400.0 / (place + 1), 90.0, place) for place, name in enumerate(MODELS)})]),
    ),
    "timeseries-ratio": (
        panel(PanelKind.TIMESERIES, title="Errors", unit="percent"),
        data([ranged({"errors": wave(0.012, 0.005)})]),
    ),
    "bar": (
        panel(PanelKind.BAR, title="Requests by model", unit="rate"),
        data([instant({"gpt-4o": 12.5, "llama-3.1-70b": 3.2, "mistral-small": 0.04, "embedding": None})]),
    ),
    "pie": (
        panel(PanelKind.PIE, title="Cost per team", unit="money"),
        data([instant({"search": 120.5, "support": 64.0, "research": 12.25, "": 0.4}, "team")]),
    ),
    "histogram": (
        panel(PanelKind.HISTOGRAM, title="How long answers take", unit="count", queries=(Query(EXPR),)),
        data([bucketed(1)]),
    ),
    "heatmap": (
        panel(PanelKind.HEATMAP, title="Latency over time", unit="count", queries=(Query(EXPR),)),
        data([bucketed(POINTS)]),
    ),
    "table": (
        panel(
            PanelKind.TABLE,
            title="Deployments",
            join=("deployment",),
            columns=(
                Column("deployment", "Deployment"),
                Column("provider", "Provider"),
                Column("state", "State", mappings=UP),
                Column("p95", "p95", unit="seconds", base=Level.OK, thresholds=WARN),
            ),
        ),
        data(
            [
                QueryData(
                    "state",
                    True,
                    tuple(
                        Series({"deployment": f"{name}-{place}", "provider": "openai"}, name, (float(place % 3),))
                        for place, name in enumerate(MODELS)
                    ),
                ),
                QueryData(
                    "p95",
                    True,
                    tuple(
                        Series({"deployment": f"{name}-{place}"}, name, (place * 4.0,))
                        for place, name in enumerate(MODELS[:3])
                    ),
                ),
            ]
        ),
    ),
    "matrix": (
        panel(PanelKind.MATRIX, title="GPUs", unit="text", mappings=UP, rows_by="model", columns_by="gpu"),
        data(
            [
                QueryData(
                    "A",
                    True,
                    tuple(
                        Series({"model": name, "gpu": str(gpu)}, "", (1.0,))
                        for place, name in enumerate(MODELS)
                        for gpu in range(4)
                        if gpu != place
                    ),
                )
            ]
        ),
    ),
    "state_timeline": (panel(PanelKind.STATE_TIMELINE, title="Up", unit="text", mappings=UP), data([states()])),
    "tagcloud": (
        panel(PanelKind.TAGCLOUD, title="Models", unit="count"),
        data(
            [instant({name: 4000.0 / (place * place + 1) for place, name in enumerate([*MODELS, "qwen-2.5", "phi-4"])})]
        ),
    ),
    "graph": (
        panel(PanelKind.GRAPH, title="Routes", unit="rate"),
        data(
            [
                QueryData(
                    "A",
                    True,
                    tuple(
                        Series({"source": source, "target": target}, "", (rate,))
                        for source, target, rate in (
                            ("chat", "gpt-4o", 12.0),
                            ("chat", "llama", 3.0),
                            ("gpt-4o", "openai", 12.0),
                            ("llama", "vllm-a", 3.0),
                            ("llama", "vllm-b", 0.0),
                        )
                    ),
                )
            ]
        ),
    ),
    "text": (
        panel(
            PanelKind.TEXT, title="Ask a model", content="# How\n\nAsk [here].\n\n```sh\ncurl http://GATEWAY/v1\n```"
        ),
        data([], status="text", age=None),
    ),
    "native": (
        panel(PanelKind.LOGS, title="Logs", question="logs"),
        data([], status="native", age=None, question="logs?limit=100"),
    ),
}
"""Name -> panel and fresh data; every kind is there, the seven native ones as one."""
