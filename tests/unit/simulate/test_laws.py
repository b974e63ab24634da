"""The laws that hold in every world at every instant, over seeds and loads."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.simulate import actions, changes
from inferdeck.simulate.events import (
    Admitted,
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    BatchChanged,
    Event,
    FirstToken,
    GpuChanged,
    Left,
    Preempted,
    Queued,
    Resumed,
)
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.ledger import Ledger
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

TROUBLE = (
    actions.Step(300, actions.ProviderOutage("openai", 0.7), 600),
    actions.Step(400, actions.Crash("vllm-a", 137, 20.0)),
    actions.Step(700, actions.Load(4.0), 500),
    actions.Step(900, actions.Restart("litellm", 3.0)),
    actions.Step(1000, actions.Lengths(6.0, 3.0, ("assistant",)), 600),
    actions.Step(1100, actions.Heat(62.0), 900),
    actions.Step(1200, actions.PriceChange("gpt-4.1", 3.0, 9.0)),
    actions.Step(1300, actions.CrashLoop("llamacpp", 1, 30.0), 300),
    actions.Step(1400, actions.Runaway("tagger", 200), 300),
    actions.Step(1500, actions.RenameModel("litellm", "gpt", "gpt-next", 60.0)),
    actions.Step(1600, actions.CacheFlush("redis")),
    actions.Step(1700, actions.TeamLimit("product", requests_per_minute=5), 200),
)


class Witness:
    """Checks each event as it comes, knowing only those before."""

    def __init__(self, fleet: Fleet) -> None:
        self.memory = {gpu.name: gpu.memory_bytes for gpu in fleet.gpus}
        self.cache = {engine.name: engine.kv_tokens for engine in fleet.engines}
        self.sequences = {engine.name: engine.max_sequences for engine in fleet.engines}
        self.price = {one.id: one.price for gateway in fleet.gateways for one in gateway.deployments}
        self.flying: dict[int, Arrived] = {}
        self.trying: dict[int, Attempted] = {}
        self.inside: dict[int, Queued] = {}
        self.tokens: Counter[int] = Counter()
        self.last = float("-inf")
        self.count: Counter[str] = Counter()

    def see(self, event: Event) -> None:
        assert event.time >= self.last
        self.last = event.time
        self.count[type(event).__name__] += 1
        check = getattr(self, f"_{type(event).__name__.lower()}", None)
        if check is not None:
            check(event)

    def _arrived(self, event: Arrived) -> None:
        assert event.request.id not in self.flying
        self.flying[event.request.id] = event

    def _answered(self, event: Answered) -> None:
        arrived = self.flying.pop(event.request.id)
        assert event.worker == arrived.worker
        assert (event.fault is None) == bool(event.group)
        whole = event.time - event.request.time
        if event.fault is None and not event.cached and event.attempts == 1:
            assert whole >= event.overhead_seconds - 1e-6
        if event.fault is not None:
            assert event.usage.cost == event.usage.input == event.usage.output == 0
        if event.cached:
            assert event.usage.cost == 0
            assert event.attempts == 0

    def _attempted(self, event: Attempted) -> None:
        assert event.request.id in self.flying
        self.trying[event.attempt] = event

    def _attemptended(self, event: AttemptEnded) -> None:
        begun = self.trying.pop(event.attempt)
        assert begun.time == event.started
        parts = event.queue_seconds + event.prefill_seconds + event.decode_seconds
        assert event.time - event.started == pytest.approx(parts, abs=5e-6)
        usage = event.usage
        assert 0 <= usage.cached_input <= usage.input
        assert 0 <= usage.reasoning <= usage.output <= event.request.max_tokens
        price = self.price[event.deployment]
        fresh = usage.input - usage.cached_input
        remembered = price.input if price.cached_input is None else price.cached_input
        cost = fresh * price.input + usage.cached_input * remembered + usage.output * price.output
        assert usage.cost == pytest.approx(cost / 1e6, rel=1e-12, abs=1e-15)

    def _repriced(self, event: Any) -> None:
        old = self.price[event.deployment]
        self.price[event.deployment] = type(old)(event.input, event.output, event.cached_input)

    def _queued(self, event: Queued) -> None:
        self.inside[event.attempt] = event

    def _admitted(self, event: Admitted) -> None:
        prompt = self.inside[event.attempt].prompt_tokens
        assert event.computed_tokens + event.cached_tokens == prompt + self.tokens[event.attempt]
        assert event.computed_tokens > 0

    def _firsttoken(self, event: FirstToken) -> None:
        assert event.attempt in self.inside
        self.tokens[event.attempt] = 1

    def _preempted(self, event: Preempted) -> None:
        assert event.generated >= self.tokens[event.attempt]
        self.tokens[event.attempt] = event.generated

    def _resumed(self, event: Resumed) -> None:
        assert event.generated == self.tokens[event.attempt]

    def _left(self, event: Left) -> None:
        queued = self.inside.pop(event.attempt)
        assert queued.prompt_tokens == event.prompt_tokens
        assert event.output_tokens >= self.tokens.pop(event.attempt, 0)
        assert event.output_tokens <= event.max_tokens
        spent = event.time - event.queued
        assert event.prefill_seconds + event.decode_seconds <= spent + 5e-6

    def _batchchanged(self, event: BatchChanged) -> None:
        assert 0 <= event.decoding <= event.running <= self.sequences[event.engine]
        assert -1e-6 <= event.kv_tokens <= self.cache[event.engine] * (1 + 1e-6)
        assert event.waiting >= 0
        assert event.kv_growth == pytest.approx(event.decoding * event.speed)

    def _gpuchanged(self, event: GpuChanged) -> None:
        assert 0 <= event.memory_bytes <= self.memory[event.gpu]
        assert 0 <= event.busy <= 1
        assert 10 < event.celsius < 110


def played(seed: int, factor: float, seconds: float = 2400.0) -> tuple[World, Witness, Ledger, str]:
    """Return a world that ran through trouble, what watched it, and the digest of its trace."""
    fleet = small(15.0 * factor)
    # So little memory for keys and values that long prompts meet a full one.
    fleet = replace(fleet, engines=tuple(replace(engine, kv_tokens=14_000) for engine in fleet.engines))
    world = World(fleet, seed=seed, start=MONDAY_TEN)
    witness, ledger, digest = Witness(fleet), Ledger(), hashlib.blake2b()
    world.kernel.watch(witness.see)
    world.kernel.watch(lambda event: digest.update(repr(event).encode()))
    world.subscribe(ledger.handlers())
    changes.schedule(world, TROUBLE)
    world.run_until(MONDAY_TEN + seconds)
    return world, witness, ledger, digest.hexdigest()


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32), factor=st.sampled_from([0.2, 1.0, 2.0]))
def test_laws_hold_through_trouble(seed: int, factor: float) -> None:
    _, witness, ledger, _ = played(seed, factor)
    assert witness.count["Arrived"] == witness.count["Answered"] + len(witness.flying)
    assert witness.count["Attempted"] == witness.count["AttemptEnded"] + len(witness.trying)
    assert ledger.in_flight(MONDAY_TEN + 2400, "litellm") == len(witness.flying)
    assert {"Preempted", "Resumed", "CooledDown", "FellBack", "Limited"} <= set(witness.count) or factor < 2


def test_the_same_seed_gives_the_same_trace_and_ledger() -> None:
    first, second, other = played(7, 1.0), played(7, 1.0), played(8, 1.0)
    assert first[3] == second[3] != other[3]
    assert first[2].totals(0, 2e9) == second[2].totals(0, 2e9)


def test_a_world_that_is_asked_often_is_the_same_as_one_that_is_asked_once() -> None:
    whole = World(small(), seed=3, start=MONDAY_TEN)
    often = World(small(), seed=3, start=MONDAY_TEN)
    ends: list[list[Answered]] = []
    for world in (whole, often):
        ledger = Ledger()
        world.subscribe(ledger.handlers())
        steps = 1 if world is whole else 997
        for step in range(1, steps + 1):
            world.run_until(MONDAY_TEN + 1200 * step / steps)
        world.run_until(MONDAY_TEN + 1200)
        ends.append(ledger.answers.events)
    assert ends[0] == ends[1]


def test_tokens_of_engines_are_those_of_their_attempts() -> None:
    world, _, ledger, _ = played(5, 1.0)
    for engine in world.servers:
        left = ledger.sequences(0, world.now, engine)
        assert ledger.generated(engine, world.now) >= sum(one.output_tokens for one in left)
        done = {one.attempt: one for one in left}
        for attempt in ledger.attempts.events:
            if attempt.fault is None and attempt.attempt in done:
                assert attempt.usage.output == done[attempt.attempt].output_tokens
                assert attempt.usage.input == done[attempt.attempt].prompt_tokens
                assert attempt.usage.cached_input == done[attempt.attempt].cached_tokens


def test_cost_by_any_label_adds_up() -> None:
    world, _, ledger, _ = played(11, 1.0)
    whole = ledger.totals(0, world.now)
    assert whole.cost > 0
    choices: dict[str, list[Any]] = {
        "team": [team.name for team in world.fleet.teams],
        "agent": [agent.name for agent in world.fleet.agents],
        "stream": [True, False],
    }
    for label, values in choices.items():
        parts = [ledger.totals(0, world.now, **{label: value}) for value in values]
        assert sum(part.requests for part in parts) == whole.requests
        assert sum(part.cost for part in parts) == pytest.approx(whole.cost, rel=1e-12)
