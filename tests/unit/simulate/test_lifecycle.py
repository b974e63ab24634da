"""How processes begin, end, crash and come back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inferdeck.simulate import actions, changes
from inferdeck.simulate.events import CacheAsked, Ended, Event, Missed, Phase, Started
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small


class Bench:
    """A small world that has begun, and its log."""

    def __init__(self, requests_per_minute: float = 30.0) -> None:
        self.world = World(small(requests_per_minute), seed=1, start=MONDAY_TEN)
        self.log: list[Event] = []
        self.world.kernel.watch(self.log.append)
        self.world.run_until(MONDAY_TEN + 1)

    def do(self, action: actions.Action) -> changes.Undo:
        return changes.apply(action, self.world)

    def run(self, seconds: float) -> None:
        self.world.run_until(self.world.now + seconds)

    def ends(self, name: str) -> list[Ended]:
        return [one for one in self.log if isinstance(one, Ended) and one.process == name]

    def starts(self, name: str) -> list[Started]:
        return [one for one in self.log if isinstance(one, Started) and one.process == name]


def test_all_begin_once_and_engines_are_ready_when_the_world_begins() -> None:
    bench = Bench()
    for name, process in bench.world.processes.all.items():
        assert process.up and [one.reason for one in bench.starts(name)] == ["start"]
    phases = [(one.phase, one.time) for one in bench.log if isinstance(one, Phase) and one.engine == "vllm-a"]
    assert phases == [
        ("weights", MONDAY_TEN - 40),
        ("compile", MONDAY_TEN - 20),
        ("warmup", MONDAY_TEN - 5),
        ("ready", MONDAY_TEN),
    ]
    pids = [process.pid for process in bench.world.processes.all.values()]
    assert len(set(pids)) == len(pids)


def test_a_crash_loop_pauses_twice_as_long_each_time_up_to_a_minute() -> None:
    bench = Bench()
    begun = bench.world.now
    stop = bench.do(actions.CrashLoop("litellm", 1, 10.0))
    bench.run(1200)
    ends, starts = bench.ends("litellm"), bench.starts("litellm")[1:]
    assert ends[0].time == begun and {(one.code, one.reason) for one in ends} == {(1, "crash")}
    pauses = [start.time - end.time for end, start in zip(ends, starts, strict=False)]
    wanted = [min(0.1 * 2**number, 60.0) for number in range(len(pauses))]
    assert pauses == pytest.approx(wanted, abs=1e-5) and pauses[-1] == pytest.approx(60.0)
    lives = [end.time - start.time for start, end in zip(starts, ends[1:], strict=False)]
    assert lives == pytest.approx([10.0] * len(lives))
    assert stop is not None
    stop()
    count = len(bench.ends("litellm"))
    bench.run(600)
    assert len(bench.ends("litellm")) == count and bench.world.processes.all["litellm"].up


def test_an_engine_in_a_crash_loop_never_gets_ready() -> None:
    bench = Bench()
    bench.do(actions.CrashLoop("vllm-a", 137, 30.0))
    bench.run(600)
    # Its loading takes forty seconds.
    last = [one for one in bench.log if isinstance(one, Phase) and one.engine == "vllm-a"][-1]
    assert last.phase in ("weights", "compile") and bench.world.servers["vllm-a"].state != "ready"


def test_a_restart_ends_with_zero_and_comes_back_with_another_pid() -> None:
    bench = Bench()
    bench.do(actions.Restart("redis", 2.0))
    begun, pid = bench.world.now, bench.world.processes.all["redis"].pid
    bench.run(1.9)
    assert not bench.world.processes.all["redis"].up
    bench.run(0.2)
    assert [(one.code, one.reason, one.time) for one in bench.ends("redis")] == [(0, "restart", begun)]
    again = bench.starts("redis")[-1]
    assert (again.reason, again.time) == ("restart", begun + 2) and again.pid == bench.world.processes.all["redis"].pid
    assert again.pid != pid


def test_what_is_done_to_a_process_that_is_down_starts_it_once() -> None:
    bench = Bench()
    bench.do(actions.Crash("litellm", 137, 10.0))
    bench.run(5)
    bench.do(actions.Restart("litellm", 2.0))
    bench.run(60)
    assert [one.code for one in bench.ends("litellm")] == [137]
    assert len(bench.starts("litellm")) == 2


def test_an_upgrade_changes_the_version_and_a_cold_load_takes_its_phases() -> None:
    bench = Bench()
    bench.do(actions.Upgrade("vllm-a", "0.34.0", 20.0))
    bench.do(actions.ColdLoad("vllm-b", 60.0, 40.0, 0.0, 10.0))
    begun = bench.world.now
    bench.run(200)
    assert [(one.version, one.reason) for one in bench.starts("vllm-a")] == [
        ("0.33.0", "start"),
        ("0.34.0", "upgrade"),
    ]
    phases = [one for one in bench.log if isinstance(one, Phase) and one.engine == "vllm-b" and one.time > begun]
    assert [(one.phase, round(one.time - begun)) for one in phases] == [
        ("download", 1),
        ("weights", 61),
        ("warmup", 101),
        ("ready", 111),
    ]


def test_a_gateway_that_is_down_is_missed_by_its_clients() -> None:
    bench = Bench(600.0)
    bench.do(actions.Restart("litellm", 30.0))
    bench.run(30)
    missed = [one for one in bench.log if isinstance(one, Missed)]
    bench.run(30)
    assert missed and [one for one in bench.log if isinstance(one, Missed)] == missed


def test_a_redis_that_is_down_is_not_asked_and_has_forgotten_all_when_it_is_back() -> None:
    bench = Bench(600.0)
    bench.run(600)
    bench.do(actions.Restart("redis", 60.0))
    begun = len(bench.log)
    bench.run(59)
    assert not [one for one in bench.log[begun:] if isinstance(one, CacheAsked)]
    bench.run(600)
    looks = [one for one in bench.log[begun:] if isinstance(one, CacheAsked)]
    assert looks and not looks[0].hit


def test_processes_do_not_end_twice_nor_begin_twice() -> None:
    bench = Bench()
    for seconds in range(0, 200, 7):
        bench.do(actions.Crash("vllm-a", 1, float(seconds % 11)))
        if seconds % 3 == 0:
            bench.do(actions.Restart("vllm-a", float(seconds % 5)))
        bench.run(7)
    own = [one for one in bench.log if isinstance(one, Started | Ended) and one.process == "vllm-a"]
    assert all(type(one) is not type(after) for one, after in pairwise(own))


def test_a_loop_within_another_takes_its_place_until_it_ends() -> None:
    world = World(small(0.0), seed=1, start=MONDAY_TEN)
    deaths: list[float] = []
    world.subscribe({(Ended, "llamacpp"): lambda event: deaths.append(event.time - MONDAY_TEN)})
    changes.schedule(
        world,
        [
            actions.Step(10, actions.CrashLoop("llamacpp", 1, 30.0), 35),
            actions.Step(100, actions.CrashLoop("llamacpp", 1, 200.0), 1000),
            actions.Step(400, actions.CrashLoop("llamacpp", 1, 50.0), 120),
        ],
    )
    world.run_until(MONDAY_TEN + 2000)
    assert [round(death) for death in deaths] == [10, 40, 100, 300, 400, 450, 500, 520, 720, 921]
    assert world.processes.all["llamacpp"].up


def test_the_end_of_a_loop_does_not_cut_a_restart_short() -> None:
    world = World(small(0.0), seed=1, start=MONDAY_TEN)
    begun: list[float] = []
    world.subscribe({(Started, "llamacpp"): lambda event: begun.append(event.time - MONDAY_TEN)})
    changes.schedule(
        world,
        [
            actions.Step(10, actions.CrashLoop("llamacpp", 1, 30.0), 60),
            actions.Step(65, actions.Restart("llamacpp", 20.0)),
        ],
    )
    world.run_until(MONDAY_TEN + 200)
    assert [round(time) for time in begun if time > 60] == [85]
