"""Where requests come from: how many, when, and how sessions go on."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from inferdeck.simulate.events import Answered, Fault, Request, Usage
from inferdeck.simulate.fleet import Agent, Spread, UseCase
from inferdeck.simulate.load import RUNAWAY_TURNS, Source, rhythm, shares
from tests.unit.simulate.fleets import MONDAY_TEN
from tests.unit.simulate.parts import Watched

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
MONDAY = MONDAY_TEN - 10 * HOUR


class Bench:
    """An agent whose requests are answered after a second, at once, badly or never."""

    def __init__(self, *, use: dict[str, Any] | None = None, seed: int = 1, **agent: Any) -> None:
        self.kernel = Watched(MONDAY).kernel
        self.sent: list[Request] = []
        self.fault: Fault | None = None
        self.there = True
        values: dict[str, Any] = {"models": {"m": 1.0}, "requests_per_minute": 10.0, "users": 5, "rhythm": "steady"}
        made = Agent("agent", "team", "use", **(values | agent))
        self.source = Source(
            made,
            UseCase("use", Spread(100, 0.0), Spread(50, 0.0), **(use or {})),
            "gate",
            self.kernel,
            seed,
            lambda: len(self.sent) + 1,
            self._send,
        )

    def _send(self, request: Request, heard: Callable[[Answered | None], None]) -> None:
        self.sent.append(request)
        end = self.kernel.now + 1.0
        event = Answered(
            end, request, 0, "m", "d", Usage(), False, self.fault, 1, 0, 0.0, None, "error" if self.fault else "stop"
        )
        self.kernel.at(end, lambda: heard(event if self.there else None))

    def run(self, seconds: float) -> list[Request]:
        begun = len(self.sent)
        self.kernel.run_until(self.kernel.now + seconds)
        return self.sent[begun:]


def within(count: int, mean: float) -> bool:
    """Five standard deviations of a Poisson distribution: one in two million is outside."""
    return abs(count - mean) <= 5 * math.sqrt(mean) + 1


@pytest.mark.parametrize("kind", ["office", "evening", "steady", "night"])
def test_a_weeks_hours_have_the_mean_one(kind: str) -> None:
    found = shares(kind)
    assert len(found) == 168 and sum(found) / 168 == pytest.approx(1.0) and min(found) > 0


def test_rhythms_are_high_when_they_ought_to_be() -> None:
    office, evening, night = shares("office"), shares("evening"), shares("night")
    assert max(range(168), key=office.__getitem__) % 24 in (10, 11)
    assert max(range(24), key=evening.__getitem__) in (20, 21)
    assert {hour for hour in range(24) if night[hour] > 1} == {1, 2, 3}
    assert rhythm("office", 10) > 5 * rhythm("office", 5 * 24 + 10)


@pytest.mark.parametrize("kind", ["office", "evening", "steady", "night"])
def test_the_rate_of_each_hour_follows_the_rhythm(kind: str) -> None:
    bench = Bench(rhythm=kind, requests_per_minute=20.0)
    bench.source.begin()
    wanted = shares(kind)
    for hour in range(24):
        count = len(bench.run(HOUR))
        assert within(count, 20.0 * 60 * wanted[hour]), hour


def test_a_weeks_mean_is_what_the_agent_says_also_with_sessions() -> None:
    bench = Bench(use={"turns": 4.0, "think_seconds": Spread(5, 0.3)}, requests_per_minute=6.0)
    bench.source.begin()
    count, sessions = len(bench.run(4 * DAY)), len({one.session for one in bench.sent})
    mean = 6.0 * 60 * 96
    assert within(sessions, mean / 4)
    # A session's turns are geometric: their number has a variance of 12.
    assert abs(count - mean) < 5 * math.sqrt(mean / 4 * (12 + 16))


def test_gaps_between_arrivals_are_exponential() -> None:
    bench = Bench(requests_per_minute=30.0)
    bench.source.begin()
    times = [one.time for one in bench.run(DAY)]
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(2.0, rel=0.05)
    assert sum(gap > 2 * mean for gap in gaps) / len(gaps) == pytest.approx(math.exp(-2), abs=0.01)


def test_a_factor_counts_from_the_moment_on() -> None:
    bench = Bench(requests_per_minute=30.0)
    bench.source.begin()
    bench.run(HOUR)
    bench.source.factor = 3.0
    bench.source.begin()
    assert within(len(bench.run(HOUR)), 5400)
    bench.source.factor = 0.0
    bench.source.begin()
    assert len(bench.run(HOUR)) == 0


def test_a_sessions_prompts_hold_what_was_said_before() -> None:
    bench = Bench(use={"turns": 8.0, "think_seconds": Spread(5, 0.3), "system_tokens": 300})
    bench.source.begin()
    bench.run(HOUR)
    sessions: dict[str, list[Request]] = {}
    for one in bench.sent:
        sessions.setdefault(one.session, []).append(one)
    assert max(map(len, sessions.values())) > 5
    for turns in sessions.values():
        assert [one.turn for one in turns] == list(range(1, len(turns) + 1))
        assert len({(one.user, one.model) for one in turns}) == 1
        assert (turns[0].context_tokens, turns[0].prompt_tokens) == (300, 400)
        for before, one in pairwise(turns):
            assert one.context_tokens == before.prompt_tokens + before.output_tokens
            assert one.prompt_tokens == one.context_tokens + 100 and one.shared_tokens == 300
            assert one.time > before.time + 1.0


@pytest.mark.parametrize("trouble", ["fault", "nobody"])
def test_a_session_ends_with_an_error(trouble: str) -> None:
    bench = Bench(use={"turns": 8.0})
    bench.fault = Fault.OUTAGE if trouble == "fault" else None
    bench.there = trouble == "fault"
    bench.source.begin()
    assert {one.turn for one in bench.run(6 * HOUR)} == {1}


def test_prompts_that_are_repeated_are_so_word_for_word() -> None:
    bench = Bench(use={"repeat": 0.5}, requests_per_minute=20.0)
    bench.source.begin()
    bench.run(2 * HOUR)
    seen: dict[int, tuple[int, int]] = {}
    for one in bench.sent:
        assert seen.setdefault(one.prompt, (one.prompt_tokens, one.output_tokens)) == (
            one.prompt_tokens,
            one.output_tokens,
        )
    assert 1 - len(seen) / len(bench.sent) == pytest.approx(0.5, abs=0.05)


def test_a_runaway_asks_one_after_the_other_until_it_is_stopped() -> None:
    bench = Bench(requests_per_minute=0.001)
    bench.source.run_away(30.0)
    # Every two seconds, since an answer takes one.
    bench.run(100.0)
    loop = [one for one in bench.sent if one.session == bench.sent[0].session]
    assert [one.time - bench.sent[0].time for one in loop[:4]] == pytest.approx([0, 2, 4, 6])
    assert len(bench.sent) == 51 and len(loop) == RUNAWAY_TURNS
    bench.source.run_away(600.0)
    # No faster than its answers come.
    assert len(bench.run(20.0)) in (19, 20, 21)
    bench.source.run_away(0.0)
    assert len(bench.run(100.0)) <= 1


def test_no_session_reads_more_than_the_longest_prompt() -> None:
    bench = Bench(use={"turns": 1000.0, "think_seconds": Spread(1, 0.0), "system_tokens": 50_000})
    bench.source.begin()
    bench.source.prompt_factor = 2000.0
    assert all(one.prompt_tokens <= 120_000 for one in bench.run(6 * HOUR))


def test_the_same_seed_asks_the_same() -> None:
    made = []
    for seed in (5, 5, 6):
        bench = Bench(seed=seed, use={"turns": 3.0})
        bench.source.begin()
        made.append([(one.time, one.user, one.stream) for one in bench.run(HOUR)])
    assert made[0] == made[1] != made[2]
