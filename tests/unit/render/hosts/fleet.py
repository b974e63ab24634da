"""A stack as fixed answers, and the widgets made of them: what the golden files are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inferdeck.model.answers import Service
from inferdeck.model.conditions import Condition, Conditions
from inferdeck.model.labels import labels
from inferdeck.model.log_lines import LogAnswer, LogLine
from inferdeck.model.model_catalog import ProviderRow, Score, ScorePart
from inferdeck.model.widget import Widget
from inferdeck.render.interface import EVERYTHING
from inferdeck.render.widgets import (
    alerts,
    cache,
    cost,
    gpu,
    health,
    logs,
    metrics,
    models,
    panels,
    providers,
    score,
)
from inferdeck.render.widgets import status as service_status
from tests.unit.render.widgets import answers
from tests.unit.render.widgets.answers import told

NOW = 1_800_000_000.0
GATEWAY = answers.gateway("litellm")


def _service(name: str, kind: str, port: int, latency: float | None, health: str = "up") -> Service:
    return answers.service(name, kind, health, port=port, instance=f"host:{port}", latency=told(latency, "seconds"))


SERVICES = (
    _service("LiteLLM", "litellm", 4000, 0.0123),
    _service("Ollama", "ollama", 11434, 0.0452),
    _service("vLLM", "vllm", 8001, 0.0231),
    _service("llama.cpp", "llamacpp", 8000, None, "down"),
    _service("Redis", "redis", 6379, 0.0012),
)
PROVIDERS = (
    ("vllm-qwen", 0.2, 0.089, 1, 92.0),
    ("ollama", 0.75, 0.123, 3, 85.0),
    ("ollama_cloud", 0.133, 0.245, 6, 71.0),
)
GRADES = {92.0: ("A", "Primary"), 85.0: ("B+", "Secondary"), 71.0: ("C", "Fallback only")}
LINES = (
    ("info", "Request routed to ollama"),
    ("info", "Cache hit for model llama3.1:8b"),
    ("error", "Provider vllm timeout"),
    ("info", "Fallback to ollama successful"),
)


def _providers() -> tuple[ProviderRow, ...]:
    parts = tuple(ScorePart(name, 0.25, answers.NONE, 0.5) for name in ("latency", "errors"))
    return tuple(
        replace(
            answers.provider(name, rate=rate, models=count, latency_p50=told(latency, "seconds")),
            score=Score(value, *GRADES[value], parts, "measured"),
        )
        for name, rate, latency, count, value in PROVIDERS
    )


def _logs() -> Widget:
    lines = tuple(
        LogLine(NOW - len(LINES) + place, level, "litellm", "default/logs/litellm", text, position=str(place))
        for place, (level, text) in enumerate(LINES)
    )
    return logs.widget(LogAnswer(lines, looked_at=1), ("litellm",), NOW, EVERYTHING)


def _cache() -> Widget:
    status = answers.status(SERVICES[-1:], (GATEWAY,), (answers.cache("Redis", memory=told(23.4 * 2**20, "bytes")),))
    known = {
        "response-cache": ({"gateway": "litellm"}, 0.55),
        "redis-hit-rate": ({"instance": "host:6379"}, 0.678),
    }
    return cache.widget(status, {"default": answers.panels(known)}, EVERYTHING)


def _cost() -> Widget:
    spent = {"cost-today": ({"gateway": "litellm"}, 36.0), "cost-month": ({"gateway": "litellm"}, 1080.0)}
    return cost.widget(
        answers.status(gateways=(GATEWAY,)),
        {panels.key("default", "litellm"): answers.panels(spent)},
        answers.models(answers.model("llama3.1:8b", price="unpriced")),
        EVERYTHING,
    )


def _gpu() -> Widget:
    cards = (
        answers.card("0", utilisation=told(0.87, "ratio"), temperature=told(61.0, "celsius")),
        answers.card("1", utilisation=told(0.03, "ratio"), memory_used=told(2.0**30, "bytes"), used_by=()),
    )
    return gpu.widget(cards, EVERYTHING)


def _models() -> Widget:
    return models.widget(
        answers.models(
            answers.model("qwen2.5-coder:32b-instruct-q4_K_M", providers=("vllm-qwen",)),
            answers.model("东方-7b-对话", providers=("ollama",)),
            answers.model("kimi-k2:1t-cloud", "error", providers=("ollama_cloud",)),
        ),
        EVERYTHING,
    )


def _alerts() -> Widget:
    hot = Condition("GpuHot", "warning", labels({"gpu": "0"}), "GPU 0 of h1 is at 91 °C", 91.0, "5m")
    down = Condition("ServiceDown", "critical", labels({"instance": "host:8000"}), "llama.cpp is down", 0.0, "1m")
    return alerts.widget(Conditions(NOW, 40, (down, hot)), EVERYTHING)


def _providers_of_old() -> Widget:
    return replace(providers.widget(answers.providers(*_providers()), EVERYTHING), age_seconds=130.0)


def _simulated_metrics() -> Widget:
    return replace(metrics.widget(answers.status(gateways=(GATEWAY,)), EVERYTHING), simulated=True)


WIDGETS: dict[str, Callable[[], Widget]] = {
    "health": lambda: health.widget(answers.status(SERVICES), EVERYTHING),
    "providers": _providers_of_old,
    "metrics": _simulated_metrics,
    "cache": _cache,
    "score": lambda: score.widget(answers.providers(*_providers()), EVERYTHING),
    "logs": _logs,
    "status": lambda: service_status.widget((answers.stacked(SERVICES[0]),), (), EVERYTHING),
    "cost": _cost,
    "gpu": _gpu,
    "models": _models,
    "alerts": _alerts,
}
