"""What a timeline does to a world, and that what lasts is undone exactly."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from inferdeck.simulate import actions, changes
from inferdeck.simulate.actions import AT_ONCE, Action
from inferdeck.simulate.events import ClockShifted, Event, Filed, Reachability, Reconfigured, Repriced
from inferdeck.simulate.scenario_parts import verbs
from inferdeck.simulate.servers import litellm, redis
from inferdeck.simulate.servers.program import HttpProgram
from inferdeck.simulate.servers.redis.keyspace import RESPONSE
from inferdeck.simulate.setup import Setup
from inferdeck.simulate.targets import MASTER_KEY
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

LASTING: tuple[tuple[Action, Action], ...] = (
    (actions.ProviderOutage("openai", 0.3), actions.ProviderOutage("openai", 1.0, 429)),
    (actions.ProviderSlow("openai", 3.0), actions.ProviderSlow("openai", 7.0)),
    (actions.Load(3.0), actions.Load(0.0, ("search",))),
    (actions.Lengths(3.0, 1.7), actions.Lengths(0.3, 0.7, ("search",))),
    (actions.Runaway("tagger", 30.0), actions.Runaway("tagger", 90.0)),
    (actions.TeamLimit("research", 5), actions.TeamLimit("research", None, 1000, 0.5)),
    (actions.Heat(60.0), actions.Heat(50.0, ("gpu-1-1",))),
    (actions.Reachable("hanging"), actions.Reachable("garbage", (), 0.5)),
    (actions.EngineSlow("vllm-a", 0.5), actions.EngineSlow("vllm-a", 0.3)),
    (
        actions.GatewayChange("litellm", "more", 2.0, 5, 1.0, 60.0, (("llama-a", 0.1),)),
        actions.GatewayChange("litellm", "less", retries=0, weights=(("llama-a", 3.0), ("llama-b", 0.0))),
    ),
    (
        actions.GatewayChange("litellm", "for later", 2.0, 5, guardrails=("pii", "secrets"), file_only=True),
        actions.GatewayChange("litellm", "at once", retries=3, guardrails=()),
    ),
    (actions.PriceChange("llama-3.3-70b", 1.1, 2.2, 0.3), actions.PriceChange("llama-3.3-70b", 5.0, 6.0)),
    (actions.RenameModel("litellm", "gpt", "gpt-next", 1.0), actions.RenameModel("litellm", "gpt-next", "gpt-z", 1.0)),
    (actions.ClockSkew("gpu-1", 40.0), actions.ClockSkew("gpu-1", -3.0)),
    (actions.Quality("llama", 0.1), actions.Quality("llama", 0.3)),
)


def small_world() -> tuple[World, list[Event]]:
    # Nobody asks, so that nothing but the timeline changes anything.
    world = World(small(0.0001), seed=1, start=MONDAY_TEN)
    log: list[Event] = []
    world.kernel.watch(log.append)
    world.run_until(MONDAY_TEN + 1)
    return world, log


def state(world: World) -> dict[str, Any]:
    """Everything that an action may change."""
    return {
        "clouds": {name: (one.outage, one.slow) for name, one in world.clouds.items()},
        "sources": {
            name: (one.factor, one.prompt_factor, one.output_factor, one.runaway) for name, one in world.sources.items()
        },
        "asked": {
            (name, model): source.renamed.get(model, model)
            for name, source in world.sources.items()
            for model in source.agent.models
        },
        "teams": {name: one.team for name, one in world.spending.items()},
        "air": {name: one.ambient_celsius for name, one in world.cards.items()},
        "speed": {name: (one.slow, one.batch.speed_factor) for name, one in world.servers.items()},
        "gateways": {name: (one.filed, one.setup) for name, one in world.proxies.items()},
        "prices": {name: one.prices() for name, one in world.proxies.items()},
        "modes": {name: one.mode for name, one in world.processes.all.items()},
        "clocks": {name: seconds for name, seconds in world.skews.items() if seconds},
        "quality": {model: drop for model, drop in world.quality_drop.items() if drop},
    }


def test_every_action_is_known_and_has_its_pair_here_if_it_lasts() -> None:
    every = set(verbs().values())
    assert every == set(changes.apply.registry) - {object, Action}
    lasting = {type(outer) for outer, _ in LASTING}
    assert lasting == every - AT_ONCE - {actions.CrashLoop}
    with pytest.raises(TypeError, match="does not know"):
        changes.apply(Action(), small_world()[0])


@pytest.mark.parametrize("pair", LASTING, ids=lambda pair: type(pair[0]).__name__)
def test_what_lasts_is_undone_exactly_one_in_the_other(pair: tuple[Action, Action]) -> None:
    world, _ = small_world()
    states, undos = [state(world)], []
    for action in pair:
        undo = changes.apply(action, world)
        assert undo is not None
        undos.append(undo)
        world.run_until(world.now + 2)
        assert state(world) != states[-1]
        states.append(state(world))
    for undo, before in zip(reversed(undos), reversed(states[:-1]), strict=True):
        undo()
        world.run_until(world.now + 2)
        assert state(world) == before


@pytest.mark.parametrize("action", [actions.Restart("litellm"), actions.CacheFlush("redis")])
def test_what_happens_at_once_has_no_end(action: Action) -> None:
    assert changes.apply(action, small_world()[0]) is None


def test_steps_happen_at_their_time_for_as_long_as_they_say() -> None:
    world, log = small_world()
    changes.schedule(
        world,
        [
            actions.Step(100, actions.ClockSkew("gpu-1", 5.0), 50),
            actions.Step(120, actions.Reachable("refused", ("litellm",))),
            actions.Step(130, actions.PriceChange("gpt-4.1", 1.0, 2.0), 10),
        ],
    )
    world.run_until(MONDAY_TEN + 1000)
    shifts = [(one.time - MONDAY_TEN, one.seconds) for one in log if isinstance(one, ClockShifted)]
    assert shifts == [(100, 5.0), (150, 0.0)]
    modes = [(one.time - MONDAY_TEN, one.process, one.mode) for one in log if isinstance(one, Reachability)]
    assert modes == [(120, "litellm", "refused")]
    prices = [
        (one.time - MONDAY_TEN, one.input, one.output, one.cached_input) for one in log if isinstance(one, Repriced)
    ]
    assert prices == [(130, 1.0, 2.0, None), (140, 2.0, 8.0, 0.5)]


def test_a_share_of_the_processes_are_the_first_by_name() -> None:
    world, log = small_world()
    changes.apply(actions.Reachable("refused", (), 0.5), world)
    names = sorted(world.processes.all)
    told = [one.process for one in log if isinstance(one, Reachability)]
    assert told == names[: round(len(names) / 2)]


async def settings_of(program: HttpProgram) -> dict[str, Any]:
    app = web.Application()
    app.add_routes(program.routes())
    async with TestClient(TestServer(app)) as client:
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        answer = await client.get("/router/settings", headers=headers)
        values: dict[str, Any] = (await answer.json())["current_values"]
        called = await (await client.get("/get/config/callbacks", headers=headers)).json()
        assert {name: called["router_settings"][name] for name in ("num_retries", "fallbacks", "cooldown_time")} == {
            name: values[name] for name in ("num_retries", "fallbacks", "cooldown_time")
        }
        models = {one["id"] for one in (await (await client.get("/v1/models", headers=headers)).json())["data"]}
        return {**values, "models": models}


async def test_a_gateways_settings_follow_what_somebody_changed() -> None:
    world, log = small_world()
    program = litellm.build(world.fleet.gateways[0], world.fleet, world)
    world.subscribe(program.handlers())
    before = await settings_of(program)
    undo = changes.apply(
        actions.GatewayChange("litellm", "x", retries=7, cooldown_seconds=3.0, weights=(("llama-a", 0.5),)), world
    )
    found = await settings_of(program)
    assert (found["num_retries"], found["cooldown_time"]) == (7, 3.0)
    assert program.deployments["llama-a"].weight == 0.5
    changes.apply(actions.RenameModel("litellm", "gpt", "gpt-next"), world)
    found = await settings_of(program)
    assert found["models"] == {"llama", "gpt-next", "qwen"}
    assert found["fallbacks"] == [{"llama": ["gpt-next"]}, {"gpt-next": ["llama"]}]
    changes.apply(actions.RenameModel("litellm", "gpt-next", "gpt"), world)
    assert undo is not None
    undo()
    assert await settings_of(program) == before
    assert len([one for one in log if isinstance(one, Reconfigured)]) == 4


def test_what_only_the_file_says_holds_when_the_gateway_begins_again_and_so_does_its_end() -> None:
    world, log = small_world()
    proxy, before = world.proxies["litellm"], world.proxies["litellm"].setup
    undo = changes.apply(
        actions.GatewayChange("litellm", "x", 9.0, retries=7, guardrails=("pii",), file_only=True), world
    )
    assert proxy.setup == before == Setup(world.fleet.gateways[0])
    assert (proxy.filed.gateway.retries, proxy.filed.overhead_factor) == (7, 9.0)
    # Somebody else changes something at once: both say so, and the file goes on saying more.
    changes.apply(actions.GatewayChange("litellm", "y", cooldown_seconds=3.0), world)
    changes.apply(actions.RenameModel("litellm", "gpt", "gpt-next"), world)
    assert (proxy.gateway.retries, proxy.gateway.cooldown_seconds, proxy.gateway.guardrails) == (1, 3.0, ())
    assert proxy.filed.gateway.cooldown_seconds == 3.0 and proxy.filed.gateway.guardrails == ("pii",)
    changes.apply(actions.Restart("litellm"), world)
    world.run_until(world.now + 2)
    assert proxy.setup == proxy.filed
    assert (proxy.gateway.retries, proxy.overhead_factor, proxy.gateway.guardrails) == (7, 9.0, ("pii",))
    assert "gpt-next" in {one.model for one in proxy.gateway.deployments}
    assert undo is not None
    undo()
    assert proxy.gateway.retries == 7 and proxy.filed.gateway.retries == before.gateway.retries
    changes.apply(actions.Crash("litellm"), world)
    world.run_until(world.now + 10)
    assert (proxy.gateway.retries, proxy.overhead_factor, proxy.gateway.guardrails) == (1, 1.0, ())
    told = [one for one in log if isinstance(one, Filed | Reconfigured)]
    assert [one.settings for one in told][-1] == proxy.gateway
    assert [type(one).__name__[0] for one in told] == list("FFRFRRFR")
    # One that begins as it was has nothing to tell.
    changes.apply(actions.Restart("litellm"), world)
    world.run_until(world.now + 2)
    assert len([one for one in log if isinstance(one, Filed | Reconfigured)]) == len(told)


def test_redis_keeps_responses_as_long_as_its_gateway_says_now() -> None:
    world = World(small(600.0), seed=1, start=MONDAY_TEN)
    program = redis.build(world.fleet.caches[0], world.fleet, world)
    world.subscribe(program.handlers())

    def kept(since: float) -> set[float]:
        found = program.keys.entries.items()
        return {round(one.expires - one.made, 3) for key, one in found if key[0] == RESPONSE and one.made > since}

    world.run_until(MONDAY_TEN + 120)
    assert kept(0.0) == {600.0}
    undo = changes.apply(actions.GatewayChange("litellm", "short", cache_seconds=45.0), world)
    world.run_until(MONDAY_TEN + 160)
    assert kept(MONDAY_TEN + 120) == {45.0}
    assert undo is not None
    undo()
    world.run_until(MONDAY_TEN + 200)
    assert kept(MONDAY_TEN + 160) == {600.0}
