"""A provider in the cloud: times, limits by the minute, faults, remembered prefixes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.simulate.cloud import OUTAGE_SECONDS, REFUSAL_SECONDS, Cloud, Minute, Served
from inferdeck.simulate.events import Fault, Request
from inferdeck.simulate.fleet import Provider, Spread
from tests.unit.simulate.parts import Watched, request


class Bench:
    """A provider without noise: half a second to the first token, then 20 tokens per second; no faults of its own."""

    def __init__(self, **provider: Any) -> None:
        values: dict[str, Any] = {
            "first_token_seconds": Spread(0.5, 0.0, 0.01, 60.0),
            "decode_speed": Spread(20.0, 0.0),
            "error_share": 0.0,
        }
        self.kernel = Watched().kernel
        self.cloud = Cloud(Provider("cloud", **(values | provider)), self.kernel, seed=1)
        self.firsts: dict[int, float] = {}
        self.ends: dict[int, tuple[float, Served]] = {}

    def send(self, one: Request) -> None:
        def first(time: float) -> None:
            self.firsts[one.id] = time

        def done(served: Served) -> None:
            self.ends[one.id] = self.kernel.now, served

        self.cloud.send(one.id, one, first, done)

    def ask(self, one: Request) -> tuple[float, Served]:
        """Send a request, wait for its end, and return how long it took and how it ended."""
        begun = self.kernel.now
        self.send(one)
        self.kernel.run_until(begun + 600)
        time, served = self.ends[one.id]
        return time - begun, served


def test_an_answer_takes_its_first_token_and_the_others() -> None:
    bench = Bench()
    took, served = bench.ask(request(1))
    assert took == pytest.approx(0.5 + 10 / 20)
    assert bench.firsts[1] == served.first_token == 0.5
    assert (served.input, served.output, served.cached, served.finish, served.fault) == (100, 11, 0, "stop", None)
    assert (served.queue_seconds, served.prefill_seconds, served.decode_seconds) == (0.0, 0.5, 0.5)


def test_slow_means_all_of_it() -> None:
    bench = Bench()
    bench.cloud.slow = 4.0
    assert bench.ask(request(1))[0] == pytest.approx(2.0 + 10 / 5)


def test_a_long_answer_is_cut_and_an_embedding_has_no_first_token() -> None:
    bench = Bench()
    assert bench.ask(request(1, output_tokens=50, max_tokens=5))[1].finish == "length"
    took, served = bench.ask(request(2, output_tokens=0))
    assert took == pytest.approx(0.5) and served.first_token is None and 2 not in bench.firsts


def test_more_than_a_minutes_requests_are_refused_until_the_next_minute() -> None:
    bench = Bench(requests_per_minute=2)
    for number in range(3):
        bench.send(request(number))
    bench.kernel.run_until(59.0)
    faults = [bench.ends[number][1].fault for number in range(3)]
    assert faults == [None, None, Fault.RATE_LIMIT]
    assert bench.ends[2][0] == pytest.approx(REFUSAL_SECONDS)
    bench.kernel.run_until(60.0)
    assert bench.ask(request(4))[1].fault is None


def test_more_than_a_minutes_tokens_are_refused() -> None:
    bench = Bench(tokens_per_minute=150)
    for number in range(3):
        bench.send(request(number))
    bench.kernel.run_until(59.0)
    # The second begins while there is room: 111 of 150 are used; the third does not.
    assert [bench.ends[number][1].fault for number in range(3)] == [None, None, Fault.RATE_LIMIT]


@pytest.mark.parametrize(
    ("status", "fault", "seconds"),
    [(503, Fault.OUTAGE, OUTAGE_SECONDS), (429, Fault.RATE_LIMIT, REFUSAL_SECONDS)],
)
def test_an_outage_fails_its_share(status: int, fault: Fault, seconds: float) -> None:
    bench = Bench()
    bench.cloud.outage = (1.0, status)
    took, served = bench.ask(request(1))
    assert (served.fault, served.input, served.output) == (fault, 0, 0) and took == pytest.approx(seconds)
    bench.cloud.outage = (0.5, status)
    for number in range(2, 402):
        bench.send(request(number))
    bench.kernel.run_until(5000)
    failed = sum(bench.ends[number][1].fault is fault for number in range(2, 402))
    assert 150 < failed < 250


def test_one_that_is_dropped_is_not_heard_of_again() -> None:
    bench = Bench()
    bench.send(request(1))
    bench.cloud.drop(1)
    bench.kernel.run_until(100)
    assert not bench.firsts and not bench.ends


def test_a_prompts_beginning_is_remembered_for_five_minutes_in_steps_of_128() -> None:
    bench = Bench()
    one: dict[str, Any] = {"agent": "a", "session": "s", "shared_tokens": 1100, "prompt_tokens": 5000}

    def cached(number: int, wait: float, **given: Any) -> int:
        bench.kernel.run_until(bench.kernel.now + wait)
        bench.send(request(number, **(one | given)))
        bench.kernel.run_until(bench.kernel.now + 20)
        return bench.ends[number][1].cached

    assert cached(1, 0) == 0
    assert cached(2, 0, context_tokens=3000) == 3000 // 128 * 128
    assert cached(3, 0, session="t", context_tokens=1100) == 1024
    assert cached(4, 0, session="u", shared_tokens=1000, context_tokens=1000) == 0
    assert cached(5, 301, context_tokens=3000) == 0
    assert cached(6, 0, agent="b", session="v") == 0


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 500)), max_size=40), st.integers(1, 5), st.integers(1, 800))
def test_a_minute_never_takes_more_requests_than_it_may(
    asked: list[tuple[float, int]], requests: int, tokens: int
) -> None:
    minute, time = Minute(), 0.0
    taken: dict[int, list[int]] = {}
    for wait, size in asked:
        time += wait
        if minute.within(time, requests, tokens):
            minute.requests += 1
            minute.tokens += size
            taken.setdefault(int(time // 60), []).append(size)
    for sizes in taken.values():
        assert len(sizes) <= requests
        # The last one may go over, none after it.
        assert sum(sizes[:-1]) < tokens
