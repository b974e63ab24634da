"""Many who look at once cost one evaluation, and nothing that fails takes another widget with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from inferdeck.config.schema import RulesConfig, Settings
from inferdeck.daemon.shared_answers import COST_SHARE, HOLDS_SECONDS, MOST_SECONDS
from inferdeck.daemon.widgets import CONDITIONS_SECONDS, DaemonWidgets, Sources
from inferdeck.dashboards.answers import Dashboards
from inferdeck.dashboards.folder import Folder
from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.target import TargetState
from inferdeck.model.widget import NAMES, State
from inferdeck.query.evidence import Facts
from inferdeck.query.local import LocalQueryService, LocalQuestions
from inferdeck.query.logs import LocalLogQuestions
from inferdeck.query.status import Surroundings
from inferdeck.render.interface import Part
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.api import noted
from tests.unit.query.catalog.small import small_catalog
from tests.unit.query.kept_logs import Kept, rows
from tests.unit.query.stack import NOW_MS, around, counter, filled, series, state
from tests.unit.query.stack_facts import asked, engine

GATE = {"job": "litellm", "instance": "g:4000", "gateway": "gate"}


class Counted:
    """Counts how often the surroundings are asked for; `busy`: processor seconds that each takes."""

    def __init__(self, note: str = "") -> None:
        self.asked = 0
        self.busy = 0.0
        self.states: Sequence[TargetState] = (state("litellm", "g:4000", name="gate", gateway="gate"),)
        self.note = note

    def __call__(self) -> Surroundings:
        self.asked += 1
        end = time.thread_time() + self.busy
        while time.thread_time() < end:
            pass
        return around(*self.states)


def stored() -> MemoryStore:
    """Return what a gateway counted; a tenth of its requests failed."""
    good, bad = ({**GATE, "status": word, "model": "m"} for word in ("success", "error"))
    return filled(
        {
            series("llm_requests_total", **good): counter(9.0),
            series("llm_requests_total", **bad): counter(1.0),
            series("llm_cost_total", **GATE, model="m"): counter(0.001),
            series("up", job="litellm", instance="g:4000"): [1.0] * 21,
        }
    )


def widgets(
    clock: ManualClock, counted: Counted, rules: RulesConfig | None = None, logs: Callable[[], Sequence[Kept]] = list
) -> DaemonWidgets:
    """Return the widgets over a small store."""
    store = stored()
    service = LocalQueryService(store)
    return DaemonWidgets(
        clock,
        Sources(
            questions=LocalQuestions(store, counted, Facts),
            stack=asked(engine("10.0.0.7:8000", "m")),
            catalog=small_catalog(),
            dashboards=Dashboards(service, Folder(None, time.monotonic), clock, lambda: 15_000),
            logs=LocalLogQuestions(logs),
            files=noted.files(),
            service=service,
            settings=Settings(data_dir=Path("nowhere"), rules=rules or RulesConfig()),
            note=lambda: counted.note,
        ),
    )


async def test_all_who_ask_within_a_second_get_one_evaluation() -> None:
    clock, counted = ManualClock(NOW_MS / 1000), Counted()
    shown = widgets(clock, counted)
    many = await asyncio.gather(*(shown.widget(name) for name in ("health", "metrics") * 25))
    assert counted.asked == 1
    assert len({id(one.widget) for one in many}) == 2, "each is built once too"
    await clock.advance(HOLDS_SECONDS * 0.9)
    await shown.widget("health", Part(environment="default"))
    assert counted.asked == 1
    await clock.advance(HOLDS_SECONDS * 0.2)
    later = await shown.widget("health")
    assert counted.asked == 2
    assert later.at > many[0].at


async def test_a_dear_answer_serves_longer() -> None:
    clock, counted = ManualClock(NOW_MS / 1000), Counted()
    counted.busy = 2 * HOLDS_SECONDS * COST_SHARE
    shown = widgets(clock, counted)
    await shown.widget("health")
    await clock.advance(HOLDS_SECONDS * 1.5)
    await shown.widget("health")
    assert counted.asked == 1
    await clock.advance(MOST_SECONDS)
    await shown.widget("health")
    assert counted.asked == 2


async def test_who_goes_away_does_not_take_the_answer_from_others() -> None:
    shown = widgets(ManualClock(NOW_MS / 1000), Counted())
    first = asyncio.create_task(shown.widget("health"))
    second = asyncio.create_task(shown.widget("health"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).widget.state is State.OK


@pytest.mark.parametrize("name", NAMES)
async def test_every_widget_is_made_and_says_that_it_is_simulated(name: str) -> None:
    shown = widgets(ManualClock(NOW_MS / 1000), Counted("simulated fleet small, calm"))
    found = await shown.widget(name)
    assert found.widget.name == name
    assert found.widget.simulated
    assert found.widget.line
    assert found.at == NOW_MS / 1000


async def test_a_watched_stack_is_not_simulated() -> None:
    assert not (await widgets(ManualClock(NOW_MS / 1000), Counted()).widget("health")).widget.simulated


async def test_conditions_that_hold_are_told_with_their_summary() -> None:
    found = (await widgets(ManualClock(NOW_MS / 1000), Counted()).widget("alerts")).widget
    named = {row[0].text: row[-1].text for row in found.rows}
    assert named["HighErrorRate"] == "10% of the requests at gate fail"
    assert "CriticalErrorRate" not in named
    assert found.state in (State.WARNING, State.CRITICAL)
    lax = RulesConfig(alerts={"HighErrorRate": {"threshold": 0.5}})
    relaxed = (await widgets(ManualClock(NOW_MS / 1000), Counted(), lax).widget("alerts")).widget
    assert "HighErrorRate" not in {row[0].text for row in relaxed.rows}


async def test_rules_that_cannot_be_read_are_said() -> None:
    wrong = RulesConfig(alerts={"NoSuchRule": {"threshold": 0.5}})
    found = (await widgets(ManualClock(NOW_MS / 1000), Counted(), wrong).widget("alerts")).widget
    assert found.state is State.UNKNOWN
    assert "NoSuchRule" in found.note


async def test_cost_is_what_the_dashboard_says() -> None:
    found = (await widgets(ManualClock(NOW_MS / 1000), Counted()).widget("cost")).widget
    figures = {one.path: one.number.value for one in found.figures}
    assert figures["now"] == pytest.approx(3.6)
    assert figures["day"] == pytest.approx(0.001 * 300, rel=0.05)


async def test_nobody_waits_for_an_answer_that_is_only_renewed() -> None:
    clock = ManualClock(NOW_MS / 1000)
    shown = widgets(clock, Counted())
    first = await shown.widget("alerts")
    await clock.advance(CONDITIONS_SECONDS * 1.5)
    assert (await shown.widget("alerts")).at == first.at, "the next one is being made"
    later = first
    for _ in range(200):
        await asyncio.sleep(0.01)
        if (later := await shown.widget("alerts")).at > first.at:
            break
    assert later.at == NOW_MS / 1000 + CONDITIONS_SECONDS * 1.5
    await clock.advance(CONDITIONS_SECONDS * 3)
    assert (await shown.widget("alerts")).at == clock.now(), "one that is too old is not given"


async def test_logs_heed_stream_and_level() -> None:
    kept = Kept("default/logs/a", {"litellm.log": rows("one", 3, NOW_MS / 1000 - 10, 2.0)})
    shown = widgets(ManualClock(NOW_MS / 1000), Counted(), logs=lambda: [kept])
    assert len((await shown.widget("logs")).widget.rows) == 3
    assert not (await shown.widget("logs", Part(stream="no such"))).widget.rows
    with pytest.raises(UsageError):
        await shown.widget("logs", Part(level="loud"))


async def test_there_is_no_other_widget() -> None:
    with pytest.raises(NotFoundError, match="did you mean metrics"):
        await widgets(ManualClock(NOW_MS / 1000), Counted()).widget("metric")
