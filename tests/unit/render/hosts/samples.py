"""A widget of each name as a fixed value, in the layouts of the widgets: what the golden files are drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from inferdeck.model.answers import Number, number
from inferdeck.model.widget import NAMES, Cell, Column, Figure, Look, State, Widget

OK, WARNING, CRITICAL, UNKNOWN = State
GOOD, WARN, BAD, DIM, STRONG = Look.GOOD, Look.WARNING, Look.BAD, Look.DIM, Look.STRONG
LEFT, RIGHT = Column(), Column(right=True)


def _facts(rows: Iterable[tuple[str, str]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple((Cell(f"{title}:"), Cell(text)) for title, text in rows)


def _figure(path: str, value: float | None, unit: str, **labels: str) -> Figure:
    family = f"inferdeck_{path.split('.')[0]}"
    return Figure(path, number(value, unit, source="test"), family, tuple(labels.items()))


def _health() -> Widget:
    rows = (
        ("LiteLLM", OK, "(4000)", "UP", GOOD, "12.3 ms"),
        ("Ollama", OK, "(11434)", "UP", GOOD, "45.2 ms"),
        ("llama.cpp", WARNING, "(8000)", "DOWN", WARN, "–"),
        ("Redis", UNKNOWN, "(6379)", "?", DIM, "–"),
    )
    return Widget(
        "health",
        "Service Health Status",
        WARNING,
        columns=(LEFT, Column(drop=1), LEFT, Column(right=True, drop=2)),
        rows=tuple((Cell(n, sign=s), Cell(p, DIM), Cell(u, look), Cell(t)) for n, s, p, u, look, t in rows),
        line=(Cell("2/4 up", WARN, WARNING), Cell("llama.cpp down", WARN)),
        figures=(
            _figure("up", 2, "count"),
            _figure("latency.LiteLLM", 0.0123, "seconds", service="LiteLLM"),
            _figure("latency.Redis", None, "seconds", service="Redis"),
        ),
        facts={"state.llama.cpp": "down"},
        note="llama.cpp: connection refused",
        age_seconds=3.0,
        link="inferdeck status",
    )


def _providers() -> Widget:
    rows = (
        ("ollama", "active", GOOD, "3", "45.0/min", "123 ms"),
        ("vllm-qwen", "active", GOOD, "1", "12.0/min", "89.0 ms"),
        ("ollama_cloud", "failing", BAD, "6", "8.00/min", "–"),
    )
    return Widget(
        "providers",
        "Provider Overview",
        CRITICAL,
        columns=(
            Column("Provider"),
            Column("Status"),
            Column("Models", right=True, drop=1),
            Column("Load", right=True, drop=3),
            Column("Latency", right=True, drop=2),
        ),
        rows=tuple((Cell(n), Cell(s, look), Cell(m), Cell(load), Cell(t)) for n, s, look, m, load, t in rows),
        line=(Cell("2/3 active", BAD, CRITICAL), Cell("ollama_cloud failing", BAD)),
        figures=(_figure("load.ollama", 45, "requests/min", provider="ollama"),),
        age_seconds=130.0,
    )


def _metrics() -> Widget:
    rows = (
        ("Requests", "1.23 k total (45.0/min)"),
        ("Latency", "P50=89.0 ms P95=234 ms P99=456 ms"),
        ("Errors", "12 (1.0 %)"),
        ("Cache Hits", "678 (55.0 %)"),
    )
    return Widget(
        "metrics",
        "LiteLLM Metrics (Last 5m)",
        OK,
        columns=(LEFT, LEFT),
        rows=_facts(rows),
        line=(Cell("45.0/min", GOOD, OK), Cell("p95 234 ms"), Cell("err 1.0 %")),
        figures=(
            _figure("requests", 1234, "count"),
            _figure("latency.p95", 0.234, "seconds"),
            _figure("errors.ratio", 0.0097, "ratio"),
        ),
        age_seconds=12.0,
        simulated=True,
    )


def _cache() -> Widget:
    rows = (("Keys", "1.46 k"), ("Memory", "23.4 MiB"), ("Hit Rate", "67.8 %"), ("Evictions", "23"))
    return Widget(
        "cache",
        "Redis Cache Performance",
        OK,
        columns=(LEFT, LEFT),
        rows=_facts(rows),
        line=(Cell("67.8 % hits", GOOD, OK), Cell("23.4 MiB")),
        figures=(_figure("hits", 0.678, "ratio"), _figure("keys", 1456, "count")),
        age_seconds=1.0,
    )


def _score() -> Widget:
    rows = (("vllm-qwen", "92", "A", GOOD, "Primary"), ("ollama_cloud", "71", "C", WARN, "Fallback only"))
    return Widget(
        "score",
        "Provider Performance Scores",
        WARNING,
        columns=(Column("Provider"), Column("Score", right=True), Column("Grade"), Column("Recommendation", drop=1)),
        rows=tuple((Cell(n), Cell(s), Cell(g, look), Cell(r)) for n, s, g, look, r in rows),
        line=(Cell("vllm-qwen A", GOOD, WARNING), Cell("ollama_cloud C", WARN)),
        figures=(_figure("score.vllm-qwen", 92, "count", provider="vllm-qwen"),),
    )


def _logs() -> Widget:
    rows = (
        ("[14:30:45]", "INFO:", DIM, "Request routed to ollama"),
        ("[14:30:46]", "INFO:", DIM, "Cache hit for model llama3.1:8b"),
        ("[14:30:47]", "ERROR:", BAD, "Provider vllm timeout"),
        ("[14:30:48]", "INFO:", DIM, "Fallback to ollama successful"),
    )
    return Widget(
        "logs",
        "Recent LiteLLM Logs (Last 40 lines)",
        WARNING,
        columns=(Column(drop=1), LEFT, LEFT),
        rows=tuple((Cell(at, DIM), Cell(level, look), Cell(text)) for at, level, look, text in rows),
        line=(Cell("1 error", BAD, WARNING), Cell("Provider vllm timeout")),
        figures=(_figure("errors", 1, "count"),),
        facts={"last": "Fallback to ollama successful"},
        tail=True,
    )


def _status() -> Widget:
    rows = (
        ("Status", "active (running)"),
        ("Uptime", "3 d 14 h"),
        ("PID", "12345"),
        ("CPU", "4.2 %"),
        ("Config", "0a1b2c3d (unchanged)"),
    )
    return Widget(
        "status",
        "LiteLLM Service Status",
        OK,
        columns=(LEFT, LEFT),
        rows=_facts(rows),
        line=(Cell("LiteLLM active", GOOD, OK), Cell("up 3 d 14 h")),
        figures=(_figure("uptime", 310_980, "seconds"), _figure("cpu", 0.042, "ratio")),
        facts={"state": "active"},
    )


def _cost() -> Widget:
    return Widget(
        "cost",
        "Cost (Last 24h)",
        UNKNOWN,
        columns=(Column("Model"), Column("Cost", right=True), Column("Share", right=True, drop=1)),
        rows=((Cell("gpt-4o"), Cell("$12.34"), Cell("98.0 %")), (Cell("llama3.1:8b"), Cell("–", DIM), Cell("–", DIM))),
        line=(Cell("$12.34", DIM, UNKNOWN), Cell("$0.51/h")),
        figures=(_figure("total", 12.34, "usd"), _figure("total.llama3.1:8b", None, "usd", model="llama3.1:8b")),
        note="llama3.1:8b has no price. Add one with inferdeck models price llama3.1:8b.",
    )


def _gpu() -> Widget:
    cards = (("gpu-1", "GPU 0 H200", "87 %", "120 GiB", "61 °C"), ("gpu-1", "GPU 1 H200", "3 %", "1.00 GiB", "34 °C"))
    heading = (Cell("gpu-1", STRONG, OK),)
    return Widget(
        "gpu",
        "GPUs",
        OK,
        columns=(
            Column("Card"),
            Column("Load", right=True),
            Column("Memory", right=True, drop=2),
            Column("Heat", right=True, drop=1),
        ),
        rows=(heading, *(tuple(map(Cell, card[1:])) for card in cards)),
        line=(Cell("45 %", GOOD, OK), Cell("121 GiB"), Cell("61 °C")),
        figures=(_figure("load", 0.45, "ratio"),),
    )


def _models() -> Widget:
    return Widget(
        "models",
        "Models",
        OK,
        columns=(Column("Model"), Column("Engine", drop=1), Column("Speed", right=True)),
        rows=(
            (Cell("qwen2.5-coder:32b-instruct-q4_K_M"), Cell("vLLM"), Cell("38.0 tok/s")),
            (Cell("东方-7b-对话"), Cell("Ollama"), Cell("12.0 tok/s")),
        ),
        line=(Cell("2 models", GOOD, OK), Cell("50.0 tok/s")),
        figures=(_figure("speed", 50, "tokens/s"),),
    )


def _alerts() -> Widget:
    return Widget(
        "alerts",
        "Alerts",
        UNKNOWN,
        line=(Cell("no rules", DIM, UNKNOWN),),
        figures=(Figure("firing", Number(None, "count"), "inferdeck_firing"),),
        note="No rule has been evaluated yet. Run inferdeck rules check to see whether they can be.",
        link="inferdeck rules",
    )


WIDGETS: dict[str, Widget] = {
    one.name: one
    for one in (
        _health(),
        _providers(),
        _metrics(),
        _cache(),
        _score(),
        _logs(),
        _status(),
        _cost(),
        _gpu(),
        _models(),
        _alerts(),
    )
}
assert tuple(WIDGETS) == NAMES


def named(name: str) -> Widget:
    """Return a widget whose every text from outside is this name."""
    cell = Cell(name)
    column = Column("Name")
    return Widget(
        "models",
        f"Models of {name}",
        OK,
        columns=(column, Column("Load", right=True, drop=1), column),
        rows=(
            (Cell(name, sign=OK), Cell("1/s"), cell),
            (Cell(name, STRONG, CRITICAL),),
            (cell, Cell("2/s"), Cell(name, BAD)),
        ),
        line=(Cell(name, GOOD, OK), Cell(name, BAD), cell),
        figures=(Figure(f"load.{name}", number(0.5, "ratio"), "inferdeck_models_load", (("model", name),)),),
        facts={f"engine.{name}": name},
        note=f"{name} is new.",
        link="inferdeck models",
        simulated=True,
    )


def bare(widget: Widget) -> Widget:
    """Return the widget without a mark."""
    return replace(widget, simulated=False, age_seconds=None)
