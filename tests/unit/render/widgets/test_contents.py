"""What every widget shows, from small answers: layouts, states, missing figures, several gateways."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from inferdeck.analysis.score import RECOMMENDATIONS
from inferdeck.model.answers import Service
from inferdeck.model.conditions import Condition, Conditions
from inferdeck.model.labels import labels
from inferdeck.model.log_lines import LogAnswer, LogLine, LogStream
from inferdeck.model.stack import StackService
from inferdeck.model.widget import NAMES, Look, State, Widget
from inferdeck.render.interface import EVERYTHING, Part
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
    telling,
)
from inferdeck.render.widgets import status as status_widget
from inferdeck.render.widgets.contents import CONTENTS, content
from inferdeck.rules.loader import shipped
from tests.unit.render.widgets import answers

NOW = 1_800_000_000.0
CACHED = {
    "response-cache": ({"gateway": "gate"}, 0.55),
    "redis-hit-rate": ({"instance": "redis:6379"}, 0.678),
}
SPENT = {"cost-today": ({"gateway": "gate"}, 36.0), "cost-month": ({"gateway": "gate"}, 1080.0)}
REDIS = answers.service("redis", "redis", instance="redis:6379")


def texts(found: Widget) -> list[list[str]]:
    """Return the rows as text."""
    return [[cell.text for cell in row] for row in found.rows]


def figures(found: Widget) -> dict[str, float | None]:
    """Return the figures by path."""
    return {one.path: one.number.value for one in found.figures}


def line(lines: list[tuple[str, str]], stream: str = "litellm") -> LogAnswer:
    """Return entries a second apart, the last one now."""
    every = [
        LogLine(NOW - len(lines) + place + 1, level, stream, "default/logs/here", text, position=str(place))
        for place, (level, text) in enumerate(lines)
    ]
    return LogAnswer(tuple(every), looked_at=1)


FULL: dict[str, Callable[[Part], Widget]] = {
    "health": lambda part: health.widget(answers.status((answers.service("gate"), REDIS)), part),
    "providers": lambda part: providers.widget(answers.providers(answers.provider("openai")), part),
    "metrics": lambda part: metrics.widget(answers.status(gateways=(answers.gateway(),)), part),
    "cache": lambda part: cache.widget(
        answers.status((REDIS,), (answers.gateway(),), (answers.cache(),)), {"default": answers.panels(CACHED)}, part
    ),
    "score": lambda part: score.widget(answers.providers(answers.provider("openai", score=82.5)), part),
    "logs": lambda part: logs.widget(line([("info", "ready"), ("error", "boom\nat line 1")]), ("litellm",), NOW, part),
    "status": lambda part: status_widget.widget((answers.stacked(answers.service("gate")),), (), part),
    "cost": lambda part: cost.widget(
        answers.status(gateways=(answers.gateway(),)),
        {panels.key("default", "gate"): answers.panels(SPENT)},
        answers.models(answers.model("m", price="unpriced")),
        part,
    ),
    "gpu": lambda part: gpu.widget((answers.card(),), part),
    "models": lambda part: models.widget(answers.models(answers.model("m")), part),
    "alerts": lambda part: alerts.widget(
        Conditions(NOW, 2, (Condition("GpuHot", "warning", labels({"gpu": "0"}), "hot", 90.0, "5m"),)), part
    ),
}
EMPTY: dict[str, Callable[[Part], Widget]] = {
    "health": lambda part: health.widget(answers.status(), part),
    "providers": lambda part: providers.widget(answers.providers(), part),
    "metrics": lambda part: metrics.widget(answers.status(), part),
    "cache": lambda part: cache.widget(answers.status(), {}, part),
    "score": lambda part: score.widget(answers.providers(), part),
    "logs": lambda part: logs.widget(logs.NOTHING, (), NOW, part),
    "status": lambda part: status_widget.widget((), (), part),
    "cost": lambda part: cost.widget(answers.status(), {}, answers.models(), part),
    "gpu": lambda part: gpu.widget((), part),
    "models": lambda part: models.widget(answers.models(), part),
    "alerts": lambda part: alerts.widget(Conditions(NOW, 0, failed=("rules: cannot be read",)), part),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_fits_the_columns_and_every_figure_is_told(name: str) -> None:
    found = FULL[name](EVERYTHING)
    assert found.name == name
    assert found.rows
    assert found.line
    for row in found.rows:
        assert len(row) in (1, len(found.columns))
    paths = {one.path for one in found.figures} | set(found.facts)
    told = [re.escape(one.path).replace("NAME", ".+") for one in CONTENTS[name].told]
    assert paths
    for path in paths:
        assert any(re.fullmatch(pattern, path) for pattern in told), path
    families = {one.path: one.family for one in found.figures}
    assert len({(one.family, one.labels) for one in found.figures}) == len(families)
    units = {(one.path.removesuffix(".NAME"), one.unit) for one in CONTENTS[name].told if one.unit}
    for figure in found.figures:
        word = next(word for word, _ in sorted(units, key=lambda pair: -len(pair[0])) if figure.path.startswith(word))
        assert (word, figure.number.unit) in units, figure


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_show_says_why_and_is_unknown(name: str) -> None:
    for part in (EVERYTHING, Part(environment="nowhere")):
        found = EMPTY[name](part)
        assert (found.state, found.rows) == (State.UNKNOWN, ())
        assert found.note
        assert found.line
        assert 0 not in figures(found).values(), "missing is never 0"


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"logs", "alerts"}))
def test_another_environment_is_not_shown(name: str) -> None:
    found = FULL[name](Part(environment="elsewhere"))
    assert not found.rows
    assert found.state is State.UNKNOWN
    assert "elsewhere" in found.note or "there" in found.note


def test_health_has_its_layout() -> None:
    down = answers.service("llama", "llamacpp", "down")
    found = health.widget(
        answers.status((down, answers.service("vllm", "vllm"), REDIS, answers.service("gate"))), EVERYTHING
    )
    assert found.title == "Service Health Status"
    assert texts(found) == [
        ["gate", "(4000)", "UP", "12.3 ms"],
        ["llama", "(4000)", "DOWN", "–"],
        ["vllm", "(4000)", "UP", "12.3 ms"],
        ["redis", "(4000)", "UP", "12.3 ms"],
    ]
    assert [row[0].sign for row in found.rows] == [State.OK, State.WARNING, State.OK, State.OK]
    assert found.state is State.WARNING
    assert found.note == "llama: connection refused"
    assert [cell.text for cell in found.line] == ["3/4 up", "llama down"]


@pytest.mark.parametrize(
    ("services", "state"),
    [
        ((answers.service("gate", health="down"),), State.CRITICAL),
        ((answers.service("a", "vllm", "down"), answers.service("b", "tgi", "down")), State.CRITICAL),
        ((answers.service("a", "vllm", "down"), answers.service("b", "tgi")), State.WARNING),
        ((answers.service("a", "vllm", "down"), answers.service("b", "tgi", environment="x")), State.CRITICAL),
        ((REDIS, answers.service("r", "redis", "down")), State.WARNING),
        ((REDIS, answers.service("new", "vllm", "unknown")), State.UNKNOWN),
    ],
)
def test_health_is_critical_where_nothing_can_answer(services: tuple[Service, ...], state: State) -> None:
    assert health.widget(answers.status(services), EVERYTHING).state is state


def test_two_services_of_one_name_keep_their_own_paths() -> None:
    twin = answers.service("gate", instance="other:4000")
    found = health.widget(answers.status((answers.service("gate"), twin)), EVERYTHING)
    assert {"latency.gate gate:4000", "latency.gate other:4000"} <= set(figures(found))


def test_metrics_have_their_layout() -> None:
    found = FULL["metrics"](EVERYTHING)
    assert found.title == "LiteLLM Metrics (Last 5m)"
    assert texts(found) == [
        ["Requests:", "225 total (45/min)"],
        ["Latency:", "P50=89.0 ms P95=234 ms P99=456 ms"],
        ["Errors:", "2 (1.0 %)"],
        ["Cache Hits:", "90 (40.0 %)"],
    ]
    assert found.state is State.OK
    assert figures(found)["requests"] == 225.0


def test_two_gateways_are_never_added_up() -> None:
    two = (answers.gateway("a"), answers.gateway("b", requests=answers.told(1.5, "requests/s")))
    found = metrics.widget(answers.status(gateways=two), EVERYTHING)
    assert figures(found)["rate.a"] == 45.0
    assert figures(found)["rate.b"] == 90.0
    assert [row[0].text for row in found.rows if len(row) == 1] == ["a", "b"]
    alone = metrics.widget(answers.status(gateways=two), Part(gateway="b"))
    assert figures(alone)["rate"] == 90.0
    assert len(alone.rows) == 4


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"errors": answers.told(0.06, "ratio")}, State.WARNING),
        ({"errors": answers.told(0.21, "ratio")}, State.CRITICAL),
        ({"latency_p95": answers.told(11.0, "seconds")}, State.WARNING),
        ({"requests": answers.told(None, "requests/s"), "errors": answers.told(None, "ratio")}, State.UNKNOWN),
        ({"requests": answers.told(0.0, "requests/s"), "errors": answers.told(None, "ratio")}, State.OK),
    ],
)
def test_metrics_judge_errors_and_latency(changes: dict[str, Any], state: State) -> None:
    found = metrics.widget(answers.status(gateways=(answers.gateway(**changes),)), EVERYTHING)
    assert found.state is state
    if state is State.UNKNOWN:
        assert texts(found)[0] == ["Requests:", "–"]
        assert texts(found)[2] == ["Errors:", "–"]


def test_limits_are_those_of_the_alert_rules() -> None:
    def limit(alert: str) -> object:
        found = shipped().alert(alert)
        assert found is not None
        return next(value.default for value in found.values if value.name == "threshold")

    assert limit("HighErrorRate") == metrics.ERRORS_WARNING
    assert limit("CriticalErrorRate") == metrics.ERRORS_CRITICAL
    assert limit("HighLatencyP95") == metrics.SLOW_P95_SECONDS
    assert limit("GpuHot") == gpu.HOT_CELSIUS
    assert limit("GpuMemoryFull") == gpu.FULL
    assert limit("HighCost") == cost.HOUR_WARNING
    assert limit("HighDailyCost") == cost.DAY_WARNING
    assert [least for least, word in RECOMMENDATIONS if word != "Avoid"][-1] == score.AVOID


def test_providers_have_their_layout() -> None:
    found = providers.widget(
        answers.providers(answers.provider("ollama", rate=0.75), answers.provider("idle", rate=None, state="idle")),
        EVERYTHING,
    )
    assert [column.title for column in found.columns] == ["Provider", "Status", "Models", "Load", "Latency p50"]
    assert texts(found)[0] == ["ollama", "active", "3", "45/min", "123 ms"]
    assert texts(found)[1][3] == "–"
    assert found.state is State.OK


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("down", "failing", "idle"), State.CRITICAL),
        (("down", "ok"), State.WARNING),
        (("degraded", "ok"), State.WARNING),
        (("idle",), State.OK),
    ],
)
def test_providers_are_critical_where_none_is_left(states: tuple[str, ...], state: State) -> None:
    rows = [answers.provider(f"p{place}", state=one) for place, one in enumerate(states)]
    assert providers.widget(answers.providers(*rows), EVERYTHING).state is state


def test_a_provider_of_two_gateways_keeps_both_views() -> None:
    rows = (answers.provider("openai"), answers.provider("openai", rate=2.0, gateway="other"))
    found = providers.widget(answers.providers(*rows), EVERYTHING)
    assert found.columns[0].title == "Gateway"
    assert figures(found)["load.gate.openai"] == 60.0
    assert figures(found)["load.other.openai"] == 120.0


def test_scores_have_their_layout() -> None:
    few = answers.provider("new", score=99.0)
    assert few.score is not None
    rows = (
        answers.provider("none"),
        answers.provider("bad", score=59.6),
        answers.provider("good", score=92.0),
        replace(few, score=replace(few.score, recommendation="few requests", quality="estimated")),
    )
    found = score.widget(answers.providers(*rows), EVERYTHING)
    assert [cell.text for cell in found.line] == ["new ~99 B", "good 92 B", "bad 59 B"]
    assert texts(found) == [
        ["new", "~99", "B", "few requests"],
        ["good", "92", "B", "Secondary"],
        ["bad", "59", "B", "Secondary"],
        ["none", "–", "–", "no traffic"],
    ]
    assert found.state is State.WARNING
    assert figures(found)["score.none"] is None
    assert score.widget(answers.providers(rows[1]), EVERYTHING).state is State.CRITICAL


def test_the_cache_says_what_its_figures_are() -> None:
    found = FULL["cache"](EVERYTHING)
    assert found.title == "Redis Cache Performance"
    assert texts(found) == [
        ["Keys:", "1.46 k"],
        ["Memory:", "100 MiB of 1000 MiB"],
        ["Hit Rate:", "67.8 % (all reads of Redis, last hour)"],
        ["Evictions:", "23 (last 5m)"],
        ["Avg TTL:", "20 min 34 s (Redis' estimate, of the 90.0 % with an end)"],
        ["Answered:", "55.0 % (of the good answers, last hour)"],
    ]
    assert figures(found)["ttl.redis"] == 1234.0


@pytest.mark.parametrize(
    ("used", "evicted", "state"),
    [(0.5, 0.0, State.OK), (0.91, 0.0, State.WARNING), (0.99, 0.0, State.WARNING), (0.99, 1.0, State.CRITICAL)],
)
def test_a_full_cache_is_critical_where_it_throws_keys_out(used: float, evicted: float, state: State) -> None:
    one = answers.cache(memory=answers.told(used * 1000 * 2**20, "bytes"), evicted=answers.told(evicted, "count"))
    assert cache.widget(answers.status((REDIS,), (), (one,)), {}, EVERYTHING).state is state


def test_without_the_dashboard_rates_are_missing_not_zero() -> None:
    found = cache.widget(answers.status((REDIS,), (answers.gateway(),), (answers.cache(),)), {}, EVERYTHING)
    assert figures(found)["hits.redis"] is None
    assert [row[1] for row in texts(found)][2] == "–"


def test_status_has_its_layout() -> None:
    found = FULL["status"](EVERYTHING)
    assert found.title == "LiteLLM Service Status"
    shown = {row[0]: row[1] for row in texts(found)}
    assert shown["Status:"] == "active (running)"
    assert shown["Uptime:"] == "3 d 14 h"
    assert shown["PID:"] == "12345"
    assert shown["CPU:"] == "4.2 %"
    assert shown["Memory:"] == "235 MiB"
    assert shown["Connections:"] == "12 active"
    assert shown["Config:"] == "0a1b2c3d (unchanged)"
    assert re.fullmatch(r"2025-11-0[78] \d\d:00:00", shown["Last Start:"])
    assert found.age_seconds == 3.0


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (answers.stacked(answers.service("gate", health="down")), State.CRITICAL),
        (answers.stacked(answers.service("gate"), uptime=answers.told(60.0, "seconds")), State.WARNING),
        (answers.stacked(answers.service("gate"), config_changed=answers.told(NOW, "unix")), State.WARNING),
        (answers.stacked(answers.service("gate", health="unknown")), State.UNKNOWN),
    ],
)
def test_status_warns_of_young_and_changed_gateways(one: StackService, state: State) -> None:
    assert status_widget.widget((one,), (), EVERYTHING).state is state


@pytest.mark.parametrize(
    ("drift", "changed", "words", "state"),
    [
        ("same", None, "0a1b2c3d (unchanged)", State.OK),
        ("differs", None, "0a1b2c3d (differs from what runs)", State.WARNING),
        ("unknown", NOW, "0a1b2c3d (changed after the start, ", State.WARNING),
    ],
)
def test_the_configuration_is_beside_what_runs(drift: str, changed: float | None, words: str, state: State) -> None:
    one = answers.stacked(
        answers.service("gate"), config_changed=answers.told(changed, "unix") if changed else answers.NONE
    )
    found = status_widget.widget((one,), (answers.file(one.service.id, drift),), EVERYTHING)
    shown = {row[0]: row[1] for row in texts(found)}
    assert shown["Config:"].startswith(words)
    assert found.state is state
    assert found.facts["drift.gate"] == drift


def test_what_nobody_tells_of_a_process_is_missing() -> None:
    bare = answers.stacked(
        answers.service("gate"),
        pid=None,
        cpu=answers.NONE,
        memory=answers.NONE,
        connections=answers.NONE,
        uptime=answers.NONE,
        started=answers.NONE,
        config_hash="",
    )
    found = status_widget.widget((bare,), (), EVERYTHING)
    assert {row[1] for row in texts(found)[1:]} == {"–"}
    assert found.note


def test_cost_names_what_nobody_prices() -> None:
    found = FULL["cost"](EVERYTHING)
    assert texts(found) == [
        ["Now:", "$1.50/h"],
        ["24 h:", "$36.00"],
        ["Month:", "$1.08 k (at the pace of the last 24 h)"],
    ]
    assert found.note.startswith("Nobody prices m")
    assert figures(found) == {"now": 1.5, "day": 36.0, "month": 1080.0, "unpriced": 1.0}
    dear = answers.gateway(cost=answers.told(51.0, "usd/h"))
    assert cost.widget(answers.status(gateways=(dear,)), {}, answers.models(), EVERYTHING).state is State.WARNING


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.OK),
        ({"temperature": answers.told(86.0, "celsius")}, State.WARNING),
        ({"memory_used": answers.told(79.0 * 2**30, "bytes")}, State.WARNING),
        ({"xid": 79}, State.WARNING),
        ({"ecc": answers.told(1.0, "count")}, State.CRITICAL),
    ],
)
def test_a_card_is_judged_by_heat_memory_and_errors(changes: dict[str, Any], state: State) -> None:
    found = gpu.widget((answers.card(**changes),), EVERYTHING)
    assert found.state is state
    stale = {name: answers.told(1.0, "x", quality="stale") for name in ("utilisation", "memory_used", "temperature")}
    assert gpu.widget((answers.card(**{**changes, **stale}),), EVERYTHING).state is State.UNKNOWN


def test_cards_of_several_hosts_are_told_apart() -> None:
    found = gpu.widget((answers.card(), answers.card(host="h2"), answers.card(uuid="GPU-x", host="h2")), EVERYTHING)
    assert [row[0].text for row in found.rows] == ["h1:0", "GPU-0", "GPU-x"]
    assert texts(gpu.widget((answers.card(),), EVERYTHING))[0] == [
        "0",
        "50.0 %",
        "40.0 GiB of 80.0 GiB",
        "60 °C",
        "300 W",
        "vllm-a",
    ]


def test_models_that_do_not_work_come_first() -> None:
    found = models.widget(answers.models(answers.model("a"), answers.model("z", "error"), total=7), EVERYTHING)
    assert [row[0].text for row in found.rows] == ["z", "a"]
    assert found.state is State.WARNING
    assert figures(found)["error"] == 1.0
    assert "2 of 7" in found.note
    assert models.widget(answers.models(answers.model("z", "error")), EVERYTHING).state is State.CRITICAL
    assert models.widget(answers.models(answers.model("z", "unknown")), EVERYTHING).state is State.UNKNOWN


def test_logs_have_their_layout() -> None:
    found = FULL["logs"](EVERYTHING)
    assert found.title == "Recent LiteLLM Logs (Last 40 lines)"
    assert found.tail
    first, error, more = found.rows
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", first[0].text)
    assert [cell.text for cell in first[1:]] == ["INFO:", "ready"]
    assert [cell.text for cell in error[1:]] == ["ERROR:", "boom"]
    assert [cell.text for cell in more] == ["", "", "at line 1"]
    assert found.state is State.WARNING
    assert error[2].look is Look.BAD
    assert found.facts["last_error"] == "boom"
    later = logs.widget(line([("error", "boom")]), ("litellm",), NOW + 301, EVERYTHING)
    assert later.state is State.OK
    assert logs.widget(line([("critical", "x")]), ("litellm",), NOW, EVERYTHING).state is State.CRITICAL


def test_a_line_that_two_streams_have_is_shown_once() -> None:
    every = [
        LogLine(NOW, "info", stream, "default/logs/here", "same", position=str(place))
        for place, stream in enumerate(("file", "docker", "file"))
    ]
    found = logs.widget(LogAnswer(tuple(every)), ("file", "docker"), NOW, EVERYTHING)
    assert len(found.rows) == 2


def test_a_line_in_json_is_its_message_and_secrets_in_it_stay_masked() -> None:
    assert logs.said('{"level": "INFO", "message": "\\u001b[32m200 OK\\u001b[0m"}') == "200 OK"
    assert "sk-abcdefghijklmnopqrstuvwx" not in logs.said('{"msg": "key sk\\u002dabcdefghijklmnopqrstuvwx"}')
    assert logs.said('{"a": 1}') == '{"a": 1}'
    assert logs.said("{" * 50_000) == "{" * 50_000


def test_the_gateways_own_streams_are_shown_where_it_has_some() -> None:
    every = [
        LogStream("litellm", "docker", "", "default/docker/a"),
        LogStream("/var/log/proxy.log", "file", "", "prod/logs/b", "litellm"),
        LogStream("redis", "docker", "", "prod/docker/c"),
    ]
    assert logs.streams(every, EVERYTHING) == ("litellm", "/var/log/proxy.log")
    assert logs.streams(every, Part(environment="prod")) == ("/var/log/proxy.log",)
    assert logs.streams(every[2:], EVERYTHING) == ("redis",)
    assert logs.streams(every, Part(stream="RED")) == ("redis",)


def test_alerts_say_that_they_do_not_wait() -> None:
    found = FULL["alerts"](EVERYTHING)
    assert texts(found) == [["GpuHot", "warning", "hot"]]
    assert (found.state, found.note) == (State.WARNING, alerts.SAYING)
    assert figures(found)["condition.GpuHot"] == 1.0
    quiet = alerts.widget(Conditions(NOW, 40), EVERYTHING)
    assert (quiet.state, quiet.note) == (State.OK, "None of the conditions of 40 alert rules holds.")
    half = alerts.widget(Conditions(NOW, 40, failed=("A: limit", "B: limit")), EVERYTHING)
    assert (half.state, half.note) == (State.UNKNOWN, "A: limit (and 1 more rules)")


def test_names_from_outside_stay_data() -> None:
    bad = answers.HOSTILE
    found = [
        health.widget(answers.status((answers.service(bad, version=bad, error=bad),)), EVERYTHING),
        providers.widget(answers.providers(answers.provider(bad)), EVERYTHING),
        gpu.widget((answers.card(bad),), EVERYTHING),
        models.widget(answers.models(answers.model(bad)), EVERYTHING),
        score.widget(answers.providers(answers.provider(bad, score=80.0)), EVERYTHING),
    ]
    for one in found:
        assert any(cell.text == bad for row in one.rows for cell in row)
        assert any(bad in figure.path for figure in one.figures)
        assert any(text == bad for figure in one.figures for _, text in figure.labels)


def test_several_environments_are_told_apart() -> None:
    two = (answers.service("gate"), answers.service("gate", environment="staging"))
    found = health.widget(answers.status(two), EVERYTHING)
    assert found.columns[0].title == "Environment"
    assert {"latency.default.gate", "latency.staging.gate"} <= set(figures(found))
    assert set(figures(health.widget(answers.status(two), Part(environment="staging")))) >= {"latency.gate"}


def test_a_stale_figure_has_its_age_and_does_not_make_the_widget_old() -> None:
    old = answers.told(0.123, "seconds", quality="stale", age=300.0)
    found = providers.widget(answers.providers(answers.provider("p", latency_p50=old)), EVERYTHING)
    assert texts(found)[0][-1] == "123 ms, 5 min ago"
    assert found.age_seconds == 3.0
    assert telling.oldest((old,)) is None


def test_an_unknown_widget_is_refused_with_what_was_meant() -> None:
    with pytest.raises(Exception, match="did you mean health"):
        content("helth")
