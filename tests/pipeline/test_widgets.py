"""What every widget says of a frozen fleet is what its ledger says; the truth comes from the world alone."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from inferdeck.analysis import score
from inferdeck.daemon.widgets import DaemonWidgets
from inferdeck.model.widget import NAMES, State, Widget
from inferdeck.query.provider_names import provider_name
from inferdeck.query.status import WINDOW_SECONDS
from inferdeck.render.interface import Part
from inferdeck.render.widgets import health
from inferdeck.simulate import scenario
from inferdeck.simulate.events import Answered, AttemptEnded, GpuChanged
from inferdeck.simulate.fleet import Gateway
from inferdeck.simulate.servers.dcgm import uuid
from inferdeck.simulate.servers.redis.server import Redis
from tests.pipeline.asking import widgets
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.counters import Truth, stored, summed
from tests.pipeline.gateways import GatewayTruth
from tests.pipeline.stack import HOST_NAME

INTERVAL = 15.0
EXTRAPOLATED = WINDOW_SECONDS / (WINDOW_SECONDS - INTERVAL)
"""What Prometheus adds for the part of the window before its first sample: the window does not hold its beginning."""
FEW = 5
"""Answers, of which each may be the first of its series: a new counter has no rate yet."""
MIB = 2**20
SCENARIOS = {
    "calm-day": 9 * 3600.0,
    "provider-outage": 1500.0,
    "hostile-names": 600.0,
    "gateway-without-database": 900.0,
}
"""Each with the second at which its window begins."""


@dataclass(slots=True)
class Frozen:
    """A scenario that stands still, what the widgets say of it, and the last that every card did."""

    stage: Stage
    asked: DaemonWidgets
    cards: dict[str, GpuChanged]
    gateway: Gateway
    truth: GatewayTruth

    @property
    def now(self) -> float:
        """The moment of the last collection."""
        return self.stage.world.now

    async def widget(self, name: str) -> Widget:
        """Return a widget of this moment; of gateways the proxy alone, for applications count as gateways too."""
        gateway = self.gateway.name if name in ("metrics", "providers", "score", "cost") else ""
        return (await self.asked.widget(name, Part(gateway=gateway))).widget

    def counted(self, family: str, **where: str) -> float:
        """Return what the ledger says that a counter did between the first and the last sample of the window."""
        claim = next(
            one for one in self.truth.claims() if one.family == family and dict(one.where).items() >= where.items()
        )
        return sum(_summed(claim.truth, self.now - WINDOW_SECONDS + INTERVAL, self.now).values())

    def answers(self) -> list[Answered]:
        """Return the gateway's answers between the first and the last sample of the window."""
        return list(self.truth.answers(self.now - WINDOW_SECONDS + INTERVAL, self.now))


def _summed(truth: Truth, start: float, end: float) -> dict[tuple[str, ...], float]:
    return summed(truth(start, end))


@asynccontextmanager
async def frozen(name: str, folder: Path) -> AsyncIterator[Frozen]:
    """Read a scenario every 15 s for as long as a window lasts, and freeze it there."""
    states: dict[str, GpuChanged] = {}

    def note(event: GpuChanged) -> None:
        states[event.gpu] = event

    async with stage(scenario.named(name), folder) as found:
        found.world.subscribe({(GpuChanged, gpu.name): note for gpu in found.scenario.fleet.gpus})
        for place in range(int(WINDOW_SECONDS / INTERVAL) + 1):
            await found.go(SCENARIOS[name] + INTERVAL * place)
        gateway = found.scenario.fleet.gateways[0]
        with widgets(found) as asked:
            yield Frozen(found, asked, states, gateway, GatewayTruth(found, gateway))


def figures(found: Widget) -> dict[str, float | None]:
    """Return the figures by path."""
    return {one.path: one.number.value for one in found.figures}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_widgets_say_what_the_ledger_says(name: str, tmp_path: Path) -> None:
    async with frozen(name, tmp_path) as found:
        checks = {
            "health": check_health,
            "providers": check_providers,
            "metrics": check_metrics,
            "cache": check_cache,
            "score": check_score,
            "status": check_status,
            "cost": check_cost,
            "gpu": check_gpu,
            "models": check_models,
        }
        done = {widget: check(found, await found.widget(widget)) for widget, check in checks.items()}
        await check_alerts(found)
        await check_logs(found)
    print(f"{name}: {done}")
    assert set(checks) | {"alerts", "logs"} == set(NAMES)
    assert done["metrics"] >= 5
    assert all(count for widget, count in done.items() if widget not in ("cache", "gpu"))


def check_health(found: Frozen, shown: Widget) -> int:
    """A service is up where its process was and let itself be read at the last collection."""
    told = figures(shown)
    names = {one.target.name: process for process, one in found.stage.watched.items()}
    up = {}
    for service, process in names.items():
        one = found.stage.watched[process]
        up[service] = bool(one.read) and one.read[-1] == found.now
        known = found.stage.world.processes.all.get(process)
        assert known is None or not up[service] or known.up, process
        assert told[f"up.{process}"] == float(up[service]), process
    assert (told["up"], told["down"]) == (sum(up.values()), len(up) - sum(up.values()))
    bad = {process for process, one in found.stage.watched.items() if one.read[-1:] != [found.now]}
    kinds = {process: one.target.source.kind for process, one in found.stage.watched.items()}
    assert (shown.state is State.OK) == (not bad)
    if any(kinds[process] in health.GATEWAYS for process in bad):
        assert shown.state is State.CRITICAL
    return len(names)


def check_metrics(found: Frozen, shown: Widget) -> int:
    """Requests, errors and cached answers are those of the ledger, latencies within their bucket."""
    told, answers = figures(shown), found.answers()
    requests = found.counted("llm_requests_total")
    failed = sum(one.fault is not None for one in answers)
    assert requests == len(answers)
    check_count(found, told["requests"], requests, "llm_requests_total")
    assert told["rate"] == pytest.approx((told["requests"] or 0.0) / 5)
    check_count(found, told["errors"], failed, "llm_requests_total")
    assert told["errors.ratio"] == pytest.approx(failed / requests, rel=0.1, abs=0.03)
    if told["cached"] is not None:
        hits = sum(one.cached for one in answers if one.fault is None)
        check_count(found, told["cached"], hits, "llm_cache_hits_total")
    latencies = sorted(one.time - one.request.time for one in answers if one.fault is None)
    for word, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = latencies[math.ceil(quantile * len(latencies)) - 1]
        assert near(found, told[f"latency.{word}"], exact), (word, told[f"latency.{word}"], exact)
    return len(told)


def check_count(found: Frozen, seen: float | None, count: float, family: str, **where: str) -> None:
    """A count is that of the ledger, stretched to its window's beginning as Prometheus stretches it.

    A series that begins in the window loses its first value, and is not stretched to where it would be below zero.
    """
    first = round((found.now - WINDOW_SECONDS + INTERVAL) * 1000)
    one = found.stage.watched[found.gateway.name]
    every = [values for _, values in stored(found.stage, one, family, where.items())]
    lost = sum(values[min(values)] for values in every if min(values) > first)
    assert seen is not None
    assert count - lost - 1e-6 <= seen <= count * EXTRAPOLATED + 1e-6, (family, seen, count, lost)
    if not lost and count:
        assert seen == pytest.approx(count * EXTRAPOLATED, rel=0.05)


def near(found: Frozen, seen: float | None, exact: float) -> bool:
    """Whether a percentile lies within a bucket of the true one."""
    one = found.stage.watched[found.gateway.name]
    family = "llm_request_duration_seconds_bucket"
    bounds = sorted({float(dict(series)["le"]) for series, _ in stored(found.stage, one, family)} - {math.inf})
    return seen is not None and abs(bisect_left(bounds, seen) - bisect_left(bounds, exact)) <= 1


def by_provider(found: Frozen) -> dict[str, list[Answered]]:
    """Return the good answers that came from each provider, by the name that inferdeck gives it."""
    names = provider_names(found)
    every: dict[str, list[Answered]] = {name: [] for name in names.values()}
    for one in found.answers():
        if one.fault is None and not one.cached:
            every[names[one.deployment]].append(one)
    return every


def provider_names(found: Frozen) -> dict[str, str]:
    """Return the provider of each of the gateway's deployments, as the gateway tells it."""
    facts = found.stage.watched[found.gateway.name].inventory
    return {
        fact.name: provider_name(fact.facts["provider"], fact.facts.get("api_base", ""))
        for fact in facts
        if fact.kind == "deployment"
    }


def check_providers(found: Frozen, shown: Widget) -> int:
    """Every provider is there with its models, and those that had answers have them in their load."""
    told, answered = figures(shown), by_provider(found)
    names, served = provider_names(found), {one.id: one.model for one in found.gateway.deployments}
    models = Counter(name for name, _ in {(names[key], served[key]) for key in names})
    assert {path.removeprefix("models."): value for path, value in told.items() if path.startswith("models.")} == models
    for name, every in answered.items():
        load, times = told[f"load.{name}"], sorted(one.time - one.request.time for one in every)
        if len(every) < FEW:
            continue
        assert load is not None
        assert load >= 0.8 * len(every) * EXTRAPOLATED / 5 - 0.3, (name, load, len(every))
        exact, seen = times[math.ceil(0.5 * len(times)) - 1], told[f"latency.{name}"]
        if seen is None:
            # Before, LiteLLM timed models alone: which provider it was is not known.
            assert not found.truth.newer
        else:
            assert near(found, seen, exact), (name, seen, exact)
    return len(models)


def check_score(found: Frozen, shown: Widget) -> int:
    """A provider has a score where it had requests, and it is the documented mean of what the other widgets say."""
    told = figures(shown)
    tried = {provider_names(found)[one.deployment] for one in _attempts(found)}
    scored = {
        path.removeprefix("score.") for path, value in told.items() if path.startswith("score.") and value is not None
    }
    assert {name for name, every in by_provider(found).items() if len(every) >= FEW} <= scored <= tried
    for name in scored:
        parts = {part: told.get(f"{part}.{name}") for part in score.WEIGHTS}
        known = {part: value for part, value in parts.items() if value is not None}
        whole = sum(score.WEIGHTS[part] for part in known)
        mean = 100 * sum(score.WEIGHTS[part] * value for part, value in known.items()) / whole
        assert told[f"score.{name}"] == pytest.approx(mean, abs=0.06), name
        grade = next(word for least, word in score.GRADES if (told[f"score.{name}"] or 0.0) >= least)
        assert shown.facts[f"grade.{name}"] == grade
        p95 = _percentile(by_provider(found)[name], 0.95)
        if p95 is not None and len(by_provider(found)[name]) >= 20:
            assert known["latency"] == pytest.approx(score.latency(p95), abs=0.35), name
    return len(told) or 1


def _attempts(found: Frozen) -> Iterable[AttemptEnded]:
    ids = {one.id for one in found.gateway.deployments}
    every = found.stage.ledger.attempts.between(float("-inf"), found.now)
    return (one for one in every if one.deployment in ids)


def _percentile(answers: list[Answered], quantile: float) -> float | None:
    times = sorted(one.time - one.request.time for one in answers)
    return times[math.ceil(quantile * len(times)) - 1] if times else None


def check_cache(found: Frozen, shown: Widget) -> int:
    """Keys, memory and mean time to live are those of the Redis itself; what it answers is what the ledger counted."""
    told = figures(shown)
    for cache in found.stage.scenario.fleet.caches:
        program = found.stage.site.programs[cache.name]
        assert isinstance(program, Redis)
        assert told[f"keys.{cache.name}"] == len(program.keys.entries)
        assert told[f"memory.{cache.name}"] == pytest.approx(program.state.used_bytes(), rel=0.02)
        if program.keys.entries:
            assert told[f"ttl.{cache.name}"] == pytest.approx(program.keys.average_ttl(found.now) / 1000)
            assert told[f"expiring.{cache.name}"] == 1.0
        assert told[f"evicted.{cache.name}"] == 0
    answered = told.get(f"answered.{found.gateway.name}", told.get("answered"))
    every = list(found.truth.good(found.now - WINDOW_SECONDS, found.now))
    if answered is not None and found.stage.scenario.fleet.caches:
        hits = sum(one.cached for one in every)
        assert answered == pytest.approx(hits / len(every), abs=0.03)
    return len(told)


def check_cost(found: Frozen, shown: Widget) -> int:
    """What was spent is what the ledger reckoned, stretched as Prometheus stretches what began in the window."""
    told = figures(shown)
    cost = found.counted("llm_cost_total")
    assert told["now"] == pytest.approx(cost * EXTRAPOLATED * 3600 / WINDOW_SECONDS, rel=0.05, abs=0.01)
    seen = sum(_summed(_claim(found, "llm_cost_total"), found.now - WINDOW_SECONDS, found.now).values())
    if seen:
        # The counters are seen for 300 s of the 24 h: half an interval is added before their first sample.
        assert told["day"] == pytest.approx(seen * (WINDOW_SECONDS + INTERVAL / 2) / WINDOW_SECONDS, rel=0.05, abs=1e-3)
    return len(told)


def _claim(found: Frozen, family: str) -> Truth:
    return next(one.truth for one in found.truth.claims() if one.family == family)


def check_status(found: Frozen, shown: Widget) -> int:
    """The gateway's process is that of the world: its number and its start."""
    name, process = found.gateway.name, found.stage.world.processes.all[found.gateway.name]
    assert shown.facts[f"pid.{name}"] == str(process.pid)
    begun = found.stage.ledger.beginnings(float("-inf"), found.now, name)[-1].time
    assert figures(shown)[f"started.{name}"] == pytest.approx(begun, abs=2.0)
    assert figures(shown)[f"uptime.{name}"] == pytest.approx(found.now - begun, abs=2.0)
    return 3


def check_gpu(found: Frozen, shown: Widget) -> int:
    """Load, memory, temperature and power of every card are those of the world."""
    told, hosts = figures(shown), {gpu.host for gpu in found.stage.scenario.fleet.gpus}
    for gpu in found.stage.scenario.fleet.gpus:
        state, name = found.cards[gpu.name], f"{gpu.host}:{gpu.index}" if len(hosts) > 1 else str(gpu.index)
        assert told[f"utilisation.{name}"] == pytest.approx(min(1.0, state.busy), abs=0.005), uuid(gpu)
        assert told[f"memory_used.{name}"] == int(state.memory_bytes) // MIB * MIB
        assert told[f"memory_total.{name}"] == pytest.approx(gpu.memory_bytes, rel=0.001)
        assert told[f"power.{name}"] == pytest.approx(state.watts, abs=0.001)
        assert shown.facts[f"model.{name}"].removeprefix("NVIDIA ") == gpu.model.removeprefix("NVIDIA ")
    assert told.get("total", 0) == len(found.stage.scenario.fleet.gpus)
    return len(told)


def check_models(found: Frozen, shown: Widget) -> int:
    """The models are the gateway's public ones and the engines' own; their load is what the ledger counted."""
    told = figures(shown)
    public = {one.model for one in found.gateway.deployments}
    named = {path.removeprefix("load.") for path in told if path.startswith("load.")}
    assert public <= named
    asked = summed(_claim(found, "llm_requests_total")(found.now - WINDOW_SECONDS + INTERVAL, found.now))
    for model in public:
        count = sum(value for key, value in asked.items() if key[0] == model)
        if count:
            check_count(found, (told[f"load.{model}"] or 0.0) * 5, count, "llm_requests_total", model=model)
    states = Counter(shown.facts[f"state.{name}"] for name in named)
    assert told["available"] == states["available"]
    assert told["total"] == len(named)
    return len(named)


async def check_alerts(found: Frozen) -> None:
    """The condition about errors holds exactly where the ledger says that so many failed."""
    shown = await found.widget("alerts")
    answers = found.answers()
    share = sum(one.fault is not None for one in answers) / len(answers)
    held = {path.removeprefix("condition.") for path in figures(shown) if path.startswith("condition.")}
    assert not shown.note.startswith("rules"), shown.note
    if abs(share - 0.05) > 0.01 and len(answers) > 30:
        own = [row for row in shown.rows if row[0].text == "HighErrorRate" and found.gateway.name in row[-1].text]
        assert bool(own) == (share > 0.05), (share, held)
    down = {process for process, one in found.stage.watched.items() if one.read[-1:] != [found.now]}
    assert figures(shown).get("condition.TargetDown", 0.0) == len(down)


async def check_logs(found: Frozen) -> None:
    """The newest lines of the gateway's container are those that it wrote last, and all lines are somebody's."""
    name, logs = found.gateway.name, found.stage.site.logs
    assert logs is not None
    every = {
        process: [message(text) for line in logs.journal.since(process, 0) for text in line.text.split("\n")]
        for process in found.stage.world.processes.all
    }
    shown = (await found.asked.widget("logs", Part(stream=name))).widget
    texts = [row[-1].text for row in shown.rows]
    assert shown.tail
    assert texts == every[name][len(every[name]) - len(texts) :]
    # A container cannot have such a name as the hostile fleet's gateway.
    assert len(texts) == (min(40, len(every[name])) if HOST_NAME.fullmatch(name) else 0)
    of_all = (await found.asked.widget("logs")).widget
    assert of_all.rows
    assert {row[-1].text for row in of_all.rows} <= {text for texts in every.values() for text in texts}


def message(text: str) -> str:
    """Return what a line says: LiteLLM writes JSON, with colours in it."""
    found = json.loads(text)["message"] if text.startswith("{") else text
    return re.sub("\x1b[^m]*m", "", found)
