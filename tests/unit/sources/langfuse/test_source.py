"""The source before the simulated Langfuse of either version, and before one that refuses, limits or lacks a route."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from pydantic import ValidationError

from inferdeck.errors import AuthError, MalformedError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import metric_name
from inferdeck.simulate.servers.langfuse import build
from inferdeck.simulate.servers.langfuse.program import LangfuseServer
from inferdeck.sources import catalog
from inferdeck.sources.langfuse.config import LangfuseConfig
from inferdeck.sources.langfuse.source import METRICS, METRICS_V2, REFUSED_SECONDS
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, NOON, StillWorld, play, story
from tests.unit.sources.langfuse.reading import KEYS, NOW, reading, values

SAMPLES = Path(catalog.FOLDER) / "langfuse/samples"
HEALTH, PROJECTS = "/api/public/health", "/api/public/projects"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def server(version: str = "4.16.0", limit: int | None = None) -> LangfuseServer:
    """Return the simulated Langfuse with the told story in it."""
    told = replace(FLEET.langfuse[0], version=version, requests_per_minute=limit)
    program = build(told, FLEET, StillWorld())
    assert isinstance(program, LangfuseServer)
    play(program, [event for event in story() if getattr(event, "process", "") != told.name])
    program.text_version = version
    return program


@dataclass(slots=True)
class Replay:
    """A Langfuse that says given bodies, and what it was asked."""

    answers: dict[str, tuple[int, bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    url: str = ""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.path)
        self.keys[request.path] = request.headers.get("Authorization", "")
        status, body = self.answers.get(request.path, (404, sample("metrics-events-only-4.16.0.json")))
        headers = self.headers if status == 429 else {}
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)


ANSWERS = {
    HEALTH: (200, sample("health-4.16.0.json")),
    PROJECTS: (200, sample("projects-4.16.0.json")),
    METRICS_V2: (200, sample("v2_metrics-4.16.0.json")),
}


@asynccontextmanager
async def replaying(changed: dict[str, tuple[int, bytes]] | None = None) -> AsyncIterator[Replay]:
    replay = Replay(ANSWERS | (changed or {}))
    runner = web.ServerRunner(web.Server(replay))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield replay
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("version", "api"), [("4.16.0", "/v2/metrics"), ("3.150.0", "/metrics")])
async def test_totals_are_the_story_that_was_told(version: str, api: str) -> None:
    clock = ManualClock(NOW)
    program = server(version)
    with serving(program) as url:
        async with reading(url, clock) as ours:
            await ours.collect(NOW)
            await clock.advance(60.0)
            found = await ours.collect(clock.now())
    got = values(found)
    # Of the story's last hour; told again from its records, without Langfuse's own aggregation.
    traces = list(program.window.traces())
    rows = [row for trace in traces for row in trace.observations if NOW - 3600 <= row.start / 1000 <= NOW]
    assert got["langfuse_last_hour_traces"] == sum(NOON <= one.timestamp / 1000 <= NOW for one in traces) == 6
    assert got["langfuse_last_hour_observations"] == len(rows) == 13
    assert got["langfuse_last_hour_errors"] == sum(row.level == "ERROR" for row in rows) > 0
    assert got["langfuse_last_hour_cost_usd"] == pytest.approx(sum(row.total_cost or 0.0 for row in rows))
    assert got["langfuse_last_hour_total_tokens"] == sum(row.total_tokens() for row in rows) > 0
    assert got["langfuse_last_day_traces"] == 6
    assert got["langfuse_healthy"] == 1
    service, project = found.inventory
    assert (service.facts["version"], service.facts["api"]) == (version, api)
    assert (project.kind, project.name) == ("project", "told")
    assert found.warnings == () and found.withheld is None


async def test_every_family_is_in_the_catalog_and_every_family_of_it_is_written() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock) as ours:
        await ours.collect(NOW)
        await clock.advance(60.0)
        found = await ours.collect(clock.now())
    known = catalog.load("langfuse")
    names = {metric_name(one) for one in found.layout.series}
    listed = {metric.descriptor.name for metric in known.metrics}
    assert names == {name for name in listed if name.startswith("langfuse_")}
    for one in found.layout.series:
        metric, _ = known.sample(metric_name(one))
        assert metric is not None and {name for name, _ in one} <= {
            "__name__", "job", "instance", *metric.descriptor.labels,
        }, one  # fmt: skip


async def test_questions_are_few_and_keys_go_only_where_they_are_needed() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock) as ours:
        for _ in range(61):
            await ours.collect(clock.now())
            await clock.advance(60.0)
        counts = {path: server.asked.count(path) for path in set(server.asked)}
    # An hour: totals of the hour each minute, those of the day each quarter, in the minute after.
    assert counts == {HEALTH: 61, PROJECTS: 7, METRICS_V2: 61}
    assert server.keys[HEALTH] == ""
    assert server.keys[METRICS_V2].startswith("Basic ")


async def test_langfuse_cloud_is_asked_within_the_limits_of_its_smallest_plan() -> None:
    config = LangfuseConfig.model_validate({"url": "https://eu.cloud.langfuse.com", **KEYS})
    assert config.totals_seconds == 1800
    assert 86_400 / config.totals_seconds * 1.25 < 100, "its metrics routes are limited to 100 questions a day"
    assert LangfuseConfig.model_validate({"url": "https://notlangfuse.com", **KEYS}).totals_seconds == 60


async def test_nothing_is_asked_before_the_time_that_a_429_names() -> None:
    clock = ManualClock(NOW)
    limited = {METRICS_V2: (429, sample("limited-4.16.0.json"))}
    async with replaying(limited) as server, reading(server.url, clock) as ours:
        server.headers = {"Retry-After": "600"}
        for _ in range(10):
            found = await ours.collect(clock.now())
            assert "left alone for 600 s" in found.warnings[0]
            assert not [name for name in values(found) if name.startswith("langfuse_last")]
            await clock.advance(59.0)
        assert (server.asked.count(METRICS_V2), server.asked.count(HEALTH)) == (1, 10)
        server.answers[METRICS_V2] = ANSWERS[METRICS_V2]
        await clock.advance(60.0)
        found = await ours.collect(clock.now())
    assert values(found)["langfuse_last_day_traces"] == 107, "what was asked for longest ago comes first"
    assert found.warnings == ()


async def test_the_simulated_limit_is_kept() -> None:
    clock = ManualClock(NOW)
    with serving(server(limit=2)) as url:
        async with reading(url, clock) as ours:
            first = await ours.collect(clock.now())
            await clock.advance(60.0)
            # The day's question is the one too many: its own clock did not move.
            second = await ours.collect(clock.now())
            await clock.advance(30.0)
            third = await ours.collect(clock.now())
    assert first.warnings == ()
    assert "HTTP 429" in second.warnings[0] and second.warnings == third.warnings
    assert values(third)["langfuse_last_hour_traces"] == values(first)["langfuse_last_hour_traces"]
    assert third.requests == 1, "only its health"


async def test_wrong_keys_are_said_and_not_tried_again_at_once() -> None:
    clock = ManualClock(NOW)
    with serving(server()) as url:
        async with reading(url, clock, secret_key="sk-lf-planted") as ours:
            first = await ours.collect(clock.now())
            await clock.advance(60.0)
            second = await ours.collect(clock.now())
            await clock.advance(REFUSED_SECONDS)
            later = await ours.collect(clock.now())
    assert isinstance(first.withheld, AuthError) and "check `public_key`" in str(first.withheld)
    assert second.withheld is first.withheld
    assert [one.requests for one in (first, second, later)] == [2, 1, 2]
    assert values(first) == {"langfuse_healthy": 1, "langfuse_build_info": 1}
    assert "sk-lf-planted" not in repr(first) + str(first.withheld)


async def test_without_keys_its_health_is_told_and_the_line_that_is_missing() -> None:
    with serving(server()) as url:
        async with reading(url, public_key=None, secret_key=None) as ours:
            found = await ours.collect(NOW)
    assert found.requests == 1
    assert "set `public_key` and `secret_key`" in str(found.withheld)
    assert found.version == "4.16.0"


async def test_a_route_that_is_not_there_is_left_for_the_other_one() -> None:
    answers = {METRICS: (200, b'{"data":[{"count_count":"2"}]}'), METRICS_V2: (404, b"{}")}
    async with replaying(answers) as server, reading(server.url) as ours:
        found = await ours.collect(NOW)
    assert values(found)["langfuse_last_hour_traces"] == 2
    assert next(iter(found.inventory)).facts["api"] == "/metrics"


async def test_a_version_without_metrics_says_so_and_is_asked_seldom() -> None:
    clock = ManualClock(NOW)
    async with replaying({METRICS_V2: (404, b"{}")}) as server, reading(server.url, clock) as ours:
        for _ in range(29):
            await ours.collect(clock.now())
            await clock.advance(60.0)
        found = await ours.collect(clock.now())
        assert found.warnings == ("no totals: Langfuse 4.16.0 has no metrics route; asked again in an hour",)
        assert (server.asked.count(METRICS), server.asked.count(METRICS_V2)) == (1, 1)
        server.answers[HEALTH] = (200, b'{"status":"OK","version":"4.35.0"}')
        server.answers[METRICS_V2] = ANSWERS[METRICS_V2]
        await clock.advance(3600.0)
        assert "langfuse_last_hour_traces" in values(await ours.collect(clock.now()))


async def test_measures_that_an_old_version_does_not_know_are_left_out() -> None:
    asked: list[list[str]] = []

    async def answer(request: web.Request) -> web.Response:
        query = orjson.loads(request.query["query"])
        asked.append([one["measure"] for one in query["metrics"]])
        if "inputTokens" in asked[-1]:
            return web.json_response({"message": "Invalid metric inputTokens"}, status=400)
        return web.json_response({"data": [{"count_count": 4, "sum_totalTokens": 40}]})

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"status": "OK", "version": "3.60.0"})

    async def projects(request: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_get(METRICS, answer)
    app.router.add_get(HEALTH, health)
    app.router.add_get(PROJECTS, projects)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with reading("http://{}:{}".format(*runner.addresses[0][:2])) as ours:
        found = values(await ours.collect(NOW))
    await runner.cleanup()
    assert found["langfuse_last_hour_total_tokens"] == 40
    assert "langfuse_last_hour_input_tokens" not in found
    assert [len(measures) for measures in asked] == [5, 3, 1]


async def test_a_failure_leaves_the_last_totals_for_a_while_and_then_none() -> None:
    clock = ManualClock(NOW)
    async with replaying() as server, reading(server.url, clock) as ours:
        await ours.collect(clock.now())
        server.answers[METRICS_V2] = (500, b"boom")
        await clock.advance(60.0)
        found = await ours.collect(clock.now())
        assert "langfuse_last_hour_traces" in values(found)
        assert found.warnings[0].startswith("what was told before is shown")
        await clock.advance(300.0)
        found = await ours.collect(clock.now())
    assert "langfuse_last_hour_traces" not in values(found)
    assert values(found)["langfuse_healthy"] == 1


async def test_more_groups_than_an_answer_holds_give_no_totals() -> None:
    row = b'{"providedModelName":"m","level":"DEFAULT","count_count":"1"}'
    whole = b'{"data":[' + b",".join([row] * 1000) + b"]}"
    async with replaying({METRICS_V2: (200, whole)}) as server, reading(server.url) as ours:
        found = await ours.collect(NOW)
    assert "no totals: more than 1000 groups" in found.warnings[0]
    assert set(values(found)) == {"langfuse_healthy", "langfuse_build_info"}


async def test_one_that_is_not_well_is_up_and_degraded() -> None:
    async with replaying({HEALTH: (503, sample("health-no-events-4.16.0.json"))}) as server:
        async with reading(server.url, totals=False) as ours:
            found = await ours.collect(NOW)
        assert METRICS_V2 not in server.asked
    assert values(found)["langfuse_healthy"] == 0
    assert next(iter(found.inventory)).facts["status"] == "degraded"


async def test_another_program_is_no_langfuse() -> None:
    async with replaying({HEALTH: (200, b'{"status":"ok"}')}) as server, reading(server.url) as ours:
        with pytest.raises(MalformedError, match="does a Langfuse answer there"):
            await ours.collect(NOW)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"public_key": "pk-lf-x"}, "secret_key is missing"),
        ({"secret_key": "sk-lf-x"}, "public_key is missing"),
        ({**KEYS, "key": "x"}, "not both"),
        ({**KEYS, "totals_interval": 5}, "greater than or equal to 60"),
    ],
)
def test_keys_come_in_pairs_and_totals_not_too_often(given: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        LangfuseConfig.model_validate({"url": "http://a:3000", **given})
