"""Dashboards over HTTP: all panels in one answer, shared by all viewers, carried on by what is new."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest

from inferdeck.model.clock import ManualClock
from inferdeck.model.dashboard_answers import DashboardData, DashboardList, Variables
from inferdeck.model.json_form import build
from inferdeck.model.scrape import Layout
from tests.served import Served
from tests.unit.api.boards import MODELS, NOW, SERIES, boards

HALF_HOUR = {"from": "now-30m", "panels": "requests,now"}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def site(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Served]:
    async with boards(tmp_path, clock) as found:
        yield found


async def ask(site: Served, path: str = "mine/data", **fields: str) -> tuple[int, Any]:
    query = [(name.replace("var_", "var-"), value) for name, value in fields.items()]
    async with site.session.get(f"{site.url}/api/dashboards/{path}", params=query) as answer:
        return answer.status, orjson.loads(await answer.read())


async def data(site: Served, **fields: str) -> DashboardData:
    status, found = await ask(site, **fields)
    assert status == 200, found
    return build(DashboardData, found)


async def test_all_panels_come_in_one_answer_each_with_its_state(site: Served) -> None:
    found = await data(site, **{"from": "now-30m"})
    by_id = {panel.id: panel for panel in found.panels}
    assert {one.id: one.status for one in found.panels} == {
        "requests": "ok",
        "now": "ok",
        "nothing": "empty",
        "wrong": "error",
        "later": "needs",
        "changes": "native",
    }
    assert found.variables == {"gateway": ("g:1",), "model": ("$__all",)}
    series = by_id["requests"].queries[0].series
    assert [one.name for one in series] == list(MODELS)
    assert (found.step, found.end, found.end - found.start) == (15.0, NOW - 10, 1800.0)
    assert all(value == pytest.approx(10.0) for one in series for value in one.values)
    assert len(series[0].values) == 121
    (now,) = by_id["now"].queries[0].series[0].values
    assert now == pytest.approx(6000.0)
    assert (by_id["requests"].age, by_id["requests"].quality) == (0.0, "estimated")
    assert "several workers" in by_id["requests"].warnings[0]
    assert by_id["now"].title == "Now at g:1, All"
    assert by_id["wrong"].error
    assert by_id["later"].needs == "alerts"
    assert by_id["changes"].question == "events?environment=&gateway=g:1"
    assert [(mark.time, mark.text) for mark in found.marks] == [(NOW - 1800.0, "v2")]


async def test_chosen_values_reach_the_queries_escaped(site: Served) -> None:
    found = await data(site, var_model="c|d", panels="requests", step="60")
    assert [one.name for one in found.panels[0].queries[0].series] == ["c|d"]
    assert [panel.id for panel in found.panels] == ["requests"]
    assert found.step == 60.0
    assert await data(site, panels="closed", var_gateway='x" or up or up{a="') == (
        await data(site, panels="closed", var_gateway='x" or up or up{a="')
    )


async def test_a_viewer_carries_on_with_what_is_new(site: Served, clock: ManualClock) -> None:
    whole = await data(site, **HALF_HOUR)
    await clock.advance(30)
    fresh = (NOW + 15 * np.arange(3, dtype=np.int64)) * 1000
    values = np.outer(np.array([1.0, 9.0, 2.0, 8.0]), 3600 + 15 * np.arange(3.0))
    await site.writer.run(lambda: site.database.append_block("t", Layout(SERIES), fresh, values))
    new = await data(site, **HALF_HOUR, since=str(whole.end))
    assert (new.since, new.start, new.end) == (whole.end, whole.end + 15, whole.end + 30)
    assert [len(one.values) for one in new.panels[0].queries[0].series] == [2, 2]
    assert len(new.panels[1].queries[0].series[0].values) == 1
    again = await data(site, **HALF_HOUR)
    kept = whole.panels[0].queries[0].series[0].values[2:] + new.panels[0].queries[0].series[0].values
    assert kept == again.panels[0].queries[0].series[0].values
    # What does not fit to the grid is answered in whole.
    assert (await data(site, **HALF_HOUR, since=str(whole.end + 1))).since is None
    assert (await data(site, **HALF_HOUR, since="1")).since is None


async def test_the_same_answer_is_sent_once(site: Served) -> None:
    url = f"{site.url}/api/dashboards/mine/data"
    async with site.session.get(url) as first:
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
    async with site.session.get(url, headers={"If-None-Match": tag}) as second:
        assert (second.status, await second.read()) == (304, b"")
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        async with session.get(url, headers={"Accept-Encoding": "gzip"}) as packed:
            body = await packed.read()
            assert packed.headers["Content-Encoding"] == "gzip"
        async with session.get(url, headers={"Accept-Encoding": "identity"}) as plain:
            assert gzip.decompress(body) == await plain.read()


async def test_viewers_of_one_moment_share_one_evaluation(site: Served) -> None:
    answers = await asyncio.gather(*(ask(site, panels="requests") for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)


async def test_the_list_names_what_is_broken_and_shows_the_rest(site: Served) -> None:
    async with site.session.get(f"{site.url}/api/dashboards") as answer:
        listed = build(DashboardList, orjson.loads(await answer.read()))
    by_uid = {one.uid: one for one in listed.dashboards}
    assert {"overview", "llm-usage", "mine"} <= set(by_uid)
    assert by_uid["mine"].needs == ("later: alerts",)
    assert listed.problems == (
        'broken.yaml:1: "rows" is missing',
        'broken.yaml:3: row: unknown key, did you mean "rows"?',
    )


async def test_a_definition_and_its_options_can_be_asked_for(site: Served) -> None:
    _, found = await ask(site, "mine")
    assert found["dashboard"]["uid"] == "mine"
    assert found["places"]["now"] == {"x": 12, "y": 0, "width": 12, "height": 8}
    _, found = await ask(site, "mine/variables")
    variables = build(Variables, found).variables
    assert [(one.name, one.options, one.chosen) for one in variables] == [
        ("gateway", ("g:1",), ("g:1",)),
        ("model", MODELS, ("$__all",)),
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": "1"}, "no such parameter"),
        ({"var_colour": "1"}, "no such variable"),
        ({"from": "yesterday"}, "is no time"),
        ({"from": "now", "to": "now-1h"}, "before to"),
        ({"panels": "what"}, "no panel"),
        ({"step": "0"}, "step"),
        ({"since": "nan"}, "since"),
        ({"points": "0"}, "points"),
        ({"from": "now-9000d"}, "longer than"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_reason(site: Served, fields: dict[str, str], words: str) -> None:
    status, found = await ask(site, **fields)
    assert status == 400
    assert words in found["error"]["message"]


async def test_an_unknown_dashboard_is_not_found(site: Served) -> None:
    status, found = await ask(site, "nobody/data")
    assert status == 404
    assert "overview" in found["error"]["message"]
