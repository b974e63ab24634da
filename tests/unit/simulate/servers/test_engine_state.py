"""What an engine's program folds of the events agrees with the world's own batch at every moment."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from inferdeck.simulate.servers.engines.state import Batch
from tests.unit.simulate.servers.one_engine import ENGINE, OneEngine


class Heard:
    """Pauses and steps as a batch tells them."""

    def __init__(self) -> None:
        self.gaps = 0
        self.gap_seconds = 0.0
        self.steps = 0
        self.step_tokens = 0
        self.step_seconds = 0.0

    def gap(self, seconds: float, count: int) -> None:
        assert seconds >= 0 and count > 0
        self.gaps += count
        self.gap_seconds += seconds * count

    def step(self, tokens: int, count: int, seconds: float) -> None:
        assert tokens > 0 and count > 0 and seconds >= 0
        self.steps += count
        self.step_tokens += tokens * count
        self.step_seconds += seconds


def with_batch(one: OneEngine, heard: Heard) -> Batch:
    """Let the program of an engine tell `heard`."""
    one.program.batch = Batch(one.now, one.engine.max_sequences, heard.gap, heard.step)
    return one.program.batch


@settings(max_examples=25, deadline=None)
@given(seed=some.integers(0, 10_000), slots=some.sampled_from([1, 4, 16]), often=some.sampled_from([0.2, 3.0, 20.0]))
def test_every_token_is_counted_once_when_it_comes(seed: int, slots: int, often: float) -> None:
    """Generated tokens, pauses and steps, read at moments of no meaning, with preemptions and clients that give up."""
    chance = random.Random(seed)
    one = OneEngine(replace(ENGINE, kind="ollama", max_sequences=slots, kv_tokens=9_000))
    heard = Heard()
    batch = with_batch(one, heard)
    alive: list[int] = []
    for _ in range(30):
        alive += [one.send(chance.randrange(10, 3000), chance.randrange(1, 600)) for _ in range(chance.randrange(4))]
        if alive and chance.random() < 0.2:
            one.drop(alive.pop(chance.randrange(len(alive))))
        one.run(chance.random() * often)
        assert batch.generated == one.generated()
        firsts = sum(left.first_token is not None for left in one.lefts)
        firsts += sum(found.first is not None for found in batch.sequences.values())
        assert heard.gaps == batch.generated - firsts
    one.run(50_000)
    assert not batch.sequences
    assert batch.generated == sum(left.output_tokens for left in one.lefts)
    assert heard.steps == batch.steps
    computed = sum(left.prompt_tokens - left.cached_tokens for left in one.lefts if left.first_token is not None)
    assert heard.step_tokens == batch.generated + computed


def test_pauses_add_up_to_the_time_of_decoding() -> None:
    one = OneEngine(replace(ENGINE, kind="ollama"))
    heard = Heard()
    with_batch(one, heard)
    chance = random.Random(3)
    for _ in range(40):
        one.send(chance.randrange(10, 900), chance.randrange(2, 300))
        one.run(chance.random() * 3)
    one.run(1000)
    assert not any(left.preemptions for left in one.lefts)
    assert heard.gap_seconds == pytest.approx(sum(left.decode_seconds for left in one.lefts), rel=1e-7)


def test_reading_more_often_changes_nothing() -> None:
    """Two programs of the same events, one read every 0.1 s and one at the end, tell the same."""
    found = []
    for every in (0.1, 200.0):
        one, heard = OneEngine(replace(ENGINE, kind="ollama")), Heard()
        with_batch(one, heard)
        for size in (5, 80, 300, 77):
            one.send(400, size)
        for _ in range(int(200 / every)):
            one.run(every)
        found.append((heard.gaps, heard.steps, heard.step_tokens, round(heard.gap_seconds, 4)))
    assert found[0] == found[1]


def test_a_lone_sequence_has_a_step_for_each_of_its_tokens() -> None:
    one, heard = OneEngine(replace(ENGINE, kind="ollama")), Heard()
    batch = with_batch(one, heard)
    one.send(100, 50)
    one.run(60)
    assert (batch.generated, heard.steps, heard.step_tokens, heard.gaps) == (50, 50, 150, 49)
    left = one.lefts[0]
    assert heard.step_seconds == pytest.approx(left.decode_seconds, rel=1e-6)


def test_slots_are_given_lowest_first_and_back() -> None:
    one = OneEngine(replace(ENGINE, kind="ollama", max_sequences=3))
    for size in (10, 400, 400, 400):
        one.send(50, size)
    one.run(0.01)
    assert sorted(found.slot for found in one.program.batch.sequences.values()) == [-1, 0, 1, 2]
    one.run(2.0)
    assert sorted(found.slot for found in one.program.batch.sequences.values()) == [0, 1, 2]
