"""The runner on a clock that a test moves: schedule, back-off, stale marks, clock jumps, and an orderly end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import pytest
from aiohttp import web

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import AuthError, ConnectError, StaleStampError, StoreFullError, UsageError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.scrape import STALE_BITS, Layout, Scrape
from inferdeck.model.target import Fact, Health, TargetKey, TargetState
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.pipeline import target_labels
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target, Watch
from inferdeck.sources.writer import SinkWriter
from tests.unit.sources.endpoint import MemorySink, endpoint, serving

WALL = 1_800_000_000.0


class Scripted:
    """A source whose collections do what the test says."""

    kind = "scripted"

    def __init__(self, name: str, behave: Callable[[int], object] = lambda _: None) -> None:
        self.instance = name
        self.probes: Sequence[Probe] = (
            Probe("metrics", "GET /metrics", SideEffect.RESETS_GAUGE, required=True),
            Probe("slots", "GET /slots", SideEffect.WAKES_MODEL, enabled_by="slots"),
        )
        self.calls = 0
        self.closed = 0
        self._behave = behave
        self._layout = Layout((labels({"instance": name}, "m"),))

    async def collect(self, now: float) -> Collected:
        self.calls += 1
        done = self._behave(self.calls)
        if isinstance(done, BaseException):
            raise done
        if asyncio.iscoroutine(done):
            await done
        return Collected(
            self._layout,
            np.array([float(self.calls)]),
            inventory=(Fact("service", "s"),),
            version="1.2",
            requests=1,
            response_bytes=10,
            warnings=("odd",) if self.calls == 2 else (),
        )

    async def aclose(self) -> None:
        self.closed += 1


class Bench:
    """A runner with its clock, and time that passes for its writer thread too."""

    def __init__(self, sink: MemorySink | None = None) -> None:
        self.clock = ManualClock(WALL)
        self.sink = sink or MemorySink()
        self.writer = SinkWriter(self.sink)
        self.runner = Runner(self.clock, self.writer)

    def watch(self, source: Scripted, **settings: object) -> Target:
        config = TargetConfig.model_validate(settings)
        key = TargetKey("scripted", source.instance, "test")
        target = Target(key, source, config, f"http://u:secret@{source.instance}/?k=secret", target_labels(key, {}))
        self.runner.add(target)
        return target

    async def passes(self, seconds: float) -> None:
        for _ in range(math.ceil(seconds)):
            await self.clock.advance(1.0)
            await self.settle()

    async def settle(self) -> None:
        for _ in range(3):
            await self.writer.run(lambda: None)
            for _ in range(10):
                await asyncio.sleep(0)

    def state(self, name: str) -> TargetState:
        return next(state for state in self.runner.states() if state.key.instance == name)

    def values(self, name: str, metric: str) -> list[float]:
        return [value for _, value in self.samples(name, metric)]

    def samples(self, name: str, metric: str) -> list[tuple[int, float]]:
        found = []
        for scrape in self.sink.scrapes:
            for series, value in zip(scrape.layout.series, scrape.values, strict=True):
                if scrape.target.endswith(f"/{name}") and metric_name(series) == metric:
                    stale = value.view(np.uint64) == STALE_BITS
                    found.append((scrape.timestamp_ms, math.nan if stale else float(value)))
        return found


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.runner.stop()
    made.writer.close()


async def test_reads_every_interval_and_stamps_on_a_regular_grid(bench: Bench) -> None:
    source = Scripted("a")
    bench.watch(source)
    bench.runner.start()
    bench.runner.start()
    await bench.passes(61)
    stamps = [stamp for stamp, _ in bench.samples("a", "m")]
    assert bench.values("a", "m") == [1.0, 2.0, 3.0, 4.0, 5.0][: len(stamps)]
    assert len(stamps) in (4, 5)
    assert {later - earlier for earlier, later in itertools.pairwise(stamps)} == {15_000}
    assert 0 <= stamps[0] - WALL * 1000 <= 2_000


async def test_the_state_says_what_is_known(bench: Bench) -> None:
    bench.watch(Scripted("a"))
    assert bench.state("a").health is Health.UNKNOWN
    assert bench.runner.last("test/scripted/a") is None
    bench.runner.start()
    await bench.passes(20)
    state = bench.state("a")
    assert state.health is Health.UP
    assert state.url == "http://a/"
    assert "secret" not in repr(state)
    assert (state.version, state.native_series, state.canonical_series) == ("1.2", 1, 0)
    assert (state.collections_total, state.requests_total, state.response_bytes_total) == (2, 2, 20)
    assert state.warnings == ("odd",)
    assert state.inventory == (Fact("service", "s"),)
    assert state.cpu_seconds_total > 0
    assert state.next_attempt_ms > WALL * 1000 + 20_000
    assert [(probe.name, probe.enabled) for probe in state.probes] == [("metrics", True), ("slots", False)]
    last = bench.runner.last(state.key.id)
    assert last is not None
    assert last.values.tolist() == [2.0]


async def test_a_failure_ends_the_series_once_backs_off_and_still_writes_up(bench: Bench) -> None:
    source = Scripted("a", lambda call: ConnectError("http://a: connection refused") if 2 <= call <= 6 else None)
    bench.watch(source)
    bench.runner.start()
    await bench.passes(152)
    ups = bench.values("a", "up")
    assert len(ups) == 11 or len(ups) == 10
    assert ups[0] == 1.0
    assert set(ups[1:]) == {0.0}
    assert source.calls < len(ups) - 2
    assert [math.isnan(value) for value in bench.values("a", "m")] == [False, True]
    state = bench.state("a")
    assert (state.health, state.last_error) == (Health.DOWN, "http://a: connection refused")
    assert state.consecutive_failures == state.failures_total == source.calls - 1
    assert state.last_success_ms < state.last_error_ms
    last = bench.runner.last(state.key.id)
    assert last is not None, "the last good value stays"
    await bench.passes(240)
    state = bench.state("a")
    assert (state.health, state.consecutive_failures) == (Health.UP, 0)
    assert bench.values("a", "m")[-1] == float(source.calls)


async def test_a_refused_key_is_asked_rarely(bench: Bench) -> None:
    refused = Scripted("a", lambda _: AuthError("no"))
    down = Scripted("b", lambda _: ConnectError("no"))
    bench.watch(refused)
    bench.watch(down)
    bench.runner.start()
    await bench.passes(900)
    assert refused.calls <= 8
    assert refused.calls < down.calls <= 20


async def test_a_hanging_source_is_cut_at_its_deadline_and_delays_nobody(bench: Bench) -> None:
    hanging = Scripted("slow", lambda _: asyncio.sleep(10_000))
    healthy = Scripted("fine")
    bench.watch(hanging, deadline=3.0)
    bench.watch(healthy)
    bench.runner.start()
    await bench.passes(61)
    assert len(bench.values("fine", "m")) >= 4
    assert bench.state("slow").last_error == "http://slow/: no answer within 3 s; is it overloaded?"
    assert set(bench.values("slow", "up")) == {0.0}


async def test_a_source_that_refuses_to_end_is_left_behind_and_not_piled_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferdeck.sources.watch._CANCEL_SECONDS", 0.01)
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    source = Scripted("a", lambda _: stubborn())
    bench.watch(source, deadline=1.0)
    bench.runner.start()
    for _ in range(60):
        await bench.passes(1)
        await asyncio.sleep(0.002)
    assert source.calls == 1
    assert bench.state("a").last_error == "http://a/: an earlier collection still has not ended"
    released.set()


async def test_a_bug_in_a_source_is_one_line_for_the_user_and_a_traceback_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.watch(Scripted("buggy", lambda _: ZeroDivisionError("oops")))
    bench.watch(Scripted("cancels", lambda _: asyncio.CancelledError()))
    bench.watch(Scripted("fine"))
    bench.runner.start()
    with caplog.at_level(logging.ERROR):
        await bench.passes(31)
    assert bench.state("buggy").last_error == (
        "http://buggy/: ZeroDivisionError inside the scripted source; the log has the details, please report them"
    )
    assert "Traceback" in caplog.text
    assert "cancelled itself" in bench.state("cancels").last_error
    assert len(bench.values("fine", "m")) >= 2


async def test_a_clock_set_back_and_forward_loses_and_doubles_nothing(bench: Bench) -> None:
    source = Scripted("a")
    bench.watch(source)
    bench.runner.start()
    await bench.passes(61)
    bench.clock.jump(-3600)
    await bench.passes(60)
    assert "behind the newest samples" in bench.state("a").warnings[0]
    bench.clock.jump(3600)
    await bench.passes(60)
    assert bench.state("a").warnings == ()
    bench.clock.jump(3600)
    await bench.passes(60)
    bench.clock.jump(-3600)
    await bench.passes(60)
    samples = bench.samples("a", "m")
    assert [value for _, value in samples] == [float(call + 1) for call in range(source.calls)]
    stamps = [stamp for stamp, _ in samples]
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    assert sorted(set(gaps)) == [15_000, 3_615_000]
    assert gaps.count(3_615_000) == 1


class Refusing(MemorySink):
    """A store that is full for a while, or that already has newer samples."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def append(self, scrape: Scrape) -> None:
        if self.errors:
            raise self.errors.pop(0)
        super().append(scrape)


async def test_a_full_store_is_said_and_collecting_goes_on() -> None:
    bench = Bench(Refusing(*[StoreFullError("/data: no space left; writing has stopped")] * 2))
    bench.watch(Scripted("a"))
    bench.runner.start()
    await bench.passes(20)
    state = bench.state("a")
    assert state.warnings[0] == "/data: no space left; writing has stopped"
    assert (state.health, state.collections_total) == (Health.UP, 2)
    await bench.passes(15)
    assert "no space" not in str(bench.state("a").warnings)
    assert bench.values("a", "m") == [3.0]
    await bench.runner.stop()
    bench.writer.close()


async def test_a_restart_behind_the_stored_samples_goes_on_from_them() -> None:
    stored = round(WALL * 1000) + 3_600_000
    bench = Bench(Refusing(StaleStampError("not after the last one", stored)))
    bench.watch(Scripted("a"))
    bench.runner.start()
    await bench.passes(33)
    assert bench.samples("a", "m")[:2] == [(stored + 15_000, 1.0), (stored + 30_000, 2.0)]
    await bench.runner.stop()
    bench.writer.close()


async def test_a_second_sink_gets_every_scrape_and_its_trouble_stays_its_own() -> None:
    local, remote = MemorySink(), Refusing(StoreFullError("spool: full"))
    clock = ManualClock(WALL)
    writer = SinkWriter(local, remote)
    runner = Runner(clock, writer)
    bench = Bench(local)
    bench.clock, bench.writer, bench.runner = clock, writer, runner
    bench.watch(Scripted("a"))
    runner.start()
    await bench.passes(4)
    assert bench.state("a").warnings == ("spool: full",)
    await bench.passes(15)
    assert (len(local.scrapes), len(remote.scrapes)) == (2, 1)
    await runner.stop()
    writer.close()


async def test_a_target_can_be_added_and_removed_while_running(bench: Bench) -> None:
    bench.runner.start()
    source = Scripted("a")
    target = bench.watch(source)
    with pytest.raises(UsageError, match="test/scripted/a: configured twice"):
        bench.runner.add(target)
    await bench.passes(4)
    await bench.runner.remove("test/scripted/a")
    await bench.runner.remove("test/scripted/a")
    assert source.closed == 1
    assert math.isnan(bench.values("a", "m")[-1])
    assert math.isnan(bench.values("a", "up")[-1])
    await bench.passes(30)
    assert source.calls == 1
    assert bench.runner.states() == []


async def test_stop_ends_a_running_collection_and_may_be_repeated(bench: Bench) -> None:
    source = Scripted("a", lambda _: asyncio.sleep(10_000))
    idle = Scripted("b")
    bench.watch(source)
    bench.watch(idle)
    bench.runner.start()
    await bench.passes(3)
    before = len(bench.sink.scrapes)
    await bench.runner.stop()
    await bench.runner.stop()
    assert (source.closed, idle.closed) == (2, 2)
    await bench.passes(40)
    assert len(bench.sink.scrapes) == before


async def test_what_a_failed_collection_cost_is_counted() -> None:
    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500, body=b"x" * 50_000)

    clock, http, writer = ManualClock(WALL), HttpClient(), SinkWriter(MemorySink())
    async with serving(("/metrics", refuses)) as url:
        watched = Watch(endpoint(f"{url}/metrics", http), clock, writer)
        # One collection, without the schedule.
        await watched._once()
        state = watched.state()
    await http.aclose()
    writer.close()
    assert state.health is Health.DOWN
    assert (state.requests_total, state.response_bytes_total) == (1, 50_000)
