"""The scheduler of an engine against numbers that were worked out by hand.

The engine computes 1,000 tokens of prompts per second and decodes 10 per second and sequence, 8 with two of them
(10 / (1 + 1/4)), 6 while a prompt is computed in the same steps.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.simulate.batch import Batch
from inferdeck.simulate.events import Admitted, BatchChanged, FirstToken, Left, Preempted, Queued, Request, Resumed
from inferdeck.simulate.fleet import Engine, EngineModel
from tests.unit.simulate.parts import Watched, request


class Bench:
    """A batch that is open, and what its sequences told."""

    def __init__(self, **engine: Any) -> None:
        self.watched = Watched()
        values: dict[str, Any] = {
            "prefill_speed": 1000.0,
            "decode_speed": 10.0,
            "decode_batch": 4.0,
            "max_sequences": 2,
            "kv_tokens": 10_000,
            "prefix_cache": False,
        }
        made = Engine("engine", "vllm", "1", EngineModel("model", 1.0, 1.0, 8192), **(values | engine))
        self.batch = Batch(made, self.watched.kernel, lambda: None)
        self.batch.open = True
        self.firsts: dict[int, float] = {}
        self.ends: dict[int, Left] = {}

    def add(self, *requests: Request) -> None:
        for one in requests:

            def first(time: float, number: int = one.id) -> None:
                self.firsts[number] = time

            def done(left: Left, number: int = one.id) -> None:
                self.ends[number] = left

            self.batch.add(one.id, one, first, done)

    def run(self, until: float = 1000.0) -> None:
        self.watched.kernel.run_until(until)


def test_one_sequence_alone_takes_its_prefill_and_its_tokens() -> None:
    bench = Bench()
    bench.add(request(1))
    bench.run()
    left = bench.ends[1]
    assert bench.firsts[1] == pytest.approx(0.1)
    # The first token comes with the prefill, ten more at ten per second.
    assert left.time == pytest.approx(1.1, abs=1e-5)
    assert (left.finish, left.output_tokens, left.prompt_tokens, left.preemptions) == ("stop", 11, 100, 0)
    assert left.prefill_seconds == pytest.approx(0.1) and left.decode_seconds == pytest.approx(1.0, abs=1e-5)


def test_two_sequences_decode_together_and_a_third_waits_for_a_place() -> None:
    bench = Bench()
    bench.add(request(1), request(2), request(3))
    changed = bench.watched.of(BatchChanged)[-1]
    assert (changed.waiting, changed.running, changed.decoding, changed.speed) == (1, 2, 0, 0.0)
    bench.run()
    # 1 makes 0.6 tokens while 2 is computed; 9.4 remain at 8 per second.
    assert bench.ends[1].time == pytest.approx(0.2 + 9.4 / 8, abs=1e-5)
    # 2 has made 9.4 by then; 0.6 remain, while the prompt of 3 is computed: at 6 per second.
    assert bench.ends[2].time == pytest.approx(1.375 + 0.1, abs=1e-5)
    third = bench.ends[3]
    assert third.admitted == pytest.approx(1.375, abs=1e-5)
    assert third.time == pytest.approx(1.475 + 1.0, abs=1e-4)
    speeds = {(one.decoding, round(one.speed, 6)) for one in bench.watched.of(BatchChanged)}
    assert {(1, 10.0), (2, 8.0), (1, 6.0)} <= speeds


def test_prompts_are_computed_one_after_the_other() -> None:
    bench = Bench(max_sequences=3)
    bench.add(*(request(number, output_tokens=1) for number in (1, 2, 3)))
    bench.run()
    assert [bench.firsts[number] for number in (1, 2, 3)] == pytest.approx([0.1, 0.2, 0.3], abs=1e-5)
    assert [bench.ends[number].prefill_seconds for number in (1, 2, 3)] == pytest.approx([0.1] * 3, abs=1e-5)


def test_a_slower_clock_slows_what_is_under_way() -> None:
    bench = Bench()
    bench.add(request(1))
    bench.run(0.6)
    bench.batch.settle()
    bench.batch.speed_factor = 0.5
    bench.batch.change()
    bench.run()
    # Five of ten tokens are made; the other five come at five per second.
    assert bench.ends[1].time == pytest.approx(0.6 + 1.0, abs=1e-5)


def test_an_answer_is_cut_by_its_limit_and_by_the_context() -> None:
    bench = Bench()
    bench.add(request(1, max_tokens=5), request(2, prompt_tokens=8190, output_tokens=50))
    bench.run()
    assert (bench.ends[1].finish, bench.ends[1].output_tokens) == ("length", 5)
    assert (bench.ends[2].finish, bench.ends[2].output_tokens) == ("length", 2)


def test_an_embedding_ends_with_its_prompt() -> None:
    bench = Bench()
    bench.add(request(1, output_tokens=0))
    bench.run()
    assert bench.ends[1].time == pytest.approx(0.1) and bench.ends[1].output_tokens == 0
    assert bench.ends[1].first_token is None and not bench.watched.of(FirstToken)


def test_the_newest_is_put_back_where_memory_is_full_and_computes_anew() -> None:
    bench = Bench(kv_tokens=100)
    both = [request(number, prompt_tokens=40, output_tokens=30) for number in (1, 2)]
    bench.add(*both)
    bench.run()
    preempted = bench.watched.of(Preempted)
    assert [one.attempt for one in preempted] == [2]
    # When it happened the two prompts and all that was generated filled the memory of 100 tokens.
    made = preempted[0].generated
    again = next(one for one in bench.watched.of(Admitted) if one.again)
    assert (again.attempt, again.computed_tokens, again.cached_tokens) == (2, 40 + made, 0)
    assert again.time == pytest.approx(bench.ends[1].time)
    assert [one.generated for one in bench.watched.of(Resumed)] == [made]
    assert (bench.ends[1].output_tokens, bench.ends[2].output_tokens) == (30, 30)
    assert (bench.ends[1].preemptions, bench.ends[2].preemptions) == (0, 1)
    assert all(one.kv_tokens <= 100 + 1e-6 for one in bench.watched.of(BatchChanged))
    assert len(bench.watched.of(FirstToken)) == 2


def test_a_prompt_waits_until_memory_has_room() -> None:
    bench = Bench(kv_tokens=100)
    bench.add(request(1, prompt_tokens=60), request(2, prompt_tokens=60))
    assert [one.attempt for one in bench.watched.of(Admitted)] == [1]
    bench.run()
    assert bench.ends[2].admitted == pytest.approx(bench.ends[1].time)


def test_whole_blocks_of_what_came_before_are_in_the_prefix_cache() -> None:
    bench = Bench(prefix_cache=True, max_sequences=1)
    bench.add(
        request(1, agent="a", session="s", prompt_tokens=100, shared_tokens=50),
        # The next turn: all of the first prompt stands at its beginning.
        request(2, agent="a", session="s", prompt_tokens=200, shared_tokens=50, context_tokens=100),
        # Another session of the agent shares the system prompt alone: 48 of 50 are whole blocks.
        request(3, agent="a", session="t", prompt_tokens=80, shared_tokens=50, context_tokens=50),
        # Somebody else shares nothing.
        request(4, agent="b", session="u", prompt_tokens=80, shared_tokens=50, context_tokens=50),
        # The same prompt again: all but its last block.
        request(5, agent="c", session="v", prompt=1, prompt_tokens=100),
    )
    bench.run()
    found = {one.attempt: (one.computed_tokens, one.cached_tokens) for one in bench.watched.of(Admitted)}
    assert found == {1: (100, 0), 2: (104, 96), 3: (32, 48), 4: (80, 0), 5: (4, 96)}
    bench.batch.empty()
    bench.batch.open = True
    bench.add(request(6, agent="a", session="s", prompt_tokens=300, shared_tokens=50, context_tokens=200))
    assert bench.watched.of(Admitted)[-1].cached_tokens == 0


@pytest.mark.parametrize("moment", [0.05, 0.15, 0.5])
def test_one_that_is_dropped_leaves_with_what_it_made_and_frees_its_place(moment: float) -> None:
    bench = Bench(max_sequences=1)
    bench.add(request(1), request(2))
    bench.run(moment)
    bench.batch.drop(1)
    left = bench.ends[1]
    assert (left.finish, left.time) == ("abort", moment)
    assert left.output_tokens == (0 if moment < 0.1 else 1 + int((moment - 0.1) * 10))
    bench.batch.drop(1)
    bench.run()
    assert bench.ends[2].admitted == moment
    assert len(bench.watched.of(Left)) == 2


def test_one_that_waits_can_be_dropped_too() -> None:
    bench = Bench(max_sequences=1)
    bench.add(request(1), request(2))
    bench.run(0.5)
    bench.batch.drop(2)
    assert (bench.ends[2].admitted, bench.ends[2].output_tokens, bench.ends[2].finish) == (None, 0, "abort")
    bench.run()
    assert bench.ends[1].time == pytest.approx(1.1, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(1, 90), st.integers(0, 40), st.floats(0, 4) | st.none()),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_comes_leaves_once_with_its_tokens(
    given_: list[tuple[float, int, int, float | None]],
) -> None:
    bench = Bench(kv_tokens=140, max_sequences=4)
    kernel = bench.watched.kernel
    for number, (time, prompt, output, dropped) in enumerate(given_):
        one = request(number, prompt_tokens=prompt, output_tokens=output)
        kernel.at(time, lambda one=one: bench.add(one))  # type: ignore[misc]
        if dropped is not None:
            kernel.at(time + dropped, lambda number=number: bench.batch.drop(number))  # type: ignore[misc]
    bench.run(10_000)
    assert sorted(bench.ends) == list(range(len(given_)))
    assert len(bench.watched.of(Left)) == len(bench.watched.of(Queued)) == len(given_)
    for number, (_, _, output, dropped) in enumerate(given_):
        left = bench.ends[number]
        assert left.output_tokens == min(output, 140 - left.prompt_tokens) or (dropped is not None)
        assert left.time - left.queued >= left.prefill_seconds + left.decode_seconds - 1e-5
    last = bench.watched.of(BatchChanged)[-1]
    assert (last.waiting, last.running, last.kv_tokens) == (0, 0, 0.0)
