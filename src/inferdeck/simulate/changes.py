"""What a scenario's actions do to a world, and how what lasts is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial, singledispatch

from inferdeck.simulate import actions
from inferdeck.simulate.events import ClockShifted, Configured
from inferdeck.simulate.fleet import Price
from inferdeck.simulate.setup import Some
from inferdeck.simulate.world import World

Undo = Callable[[], None] | None


def schedule(world: World, timeline: Iterable[actions.Step], origin: float | None = None) -> None:
    """Let a timeline happen: each step at its time after `origin` (Unix seconds; absent: when the world began)."""
    begin = world.start if origin is None else origin
    for step in timeline:
        world.kernel.at(begin + step.at, partial(_do, world, step))


def _do(world: World, step: actions.Step) -> None:
    undo = apply(step.action, world)
    if undo is not None and step.seconds is not None:
        world.kernel.at(world.now + step.seconds, undo)


@singledispatch
def apply(action: actions.Action, world: World) -> Undo:
    """Do one thing to the world now; return what ends it, None where it does not last."""
    raise TypeError(f"{type(action).__name__}: an action that the world does not know")


@apply.register
def _(action: actions.ProviderOutage, world: World) -> Undo:
    cloud = world.clouds[action.provider]
    before, cloud.outage = cloud.outage, (action.share, action.status)
    return partial(setattr, cloud, "outage", before)


@apply.register
def _(action: actions.ProviderSlow, world: World) -> Undo:
    cloud = world.clouds[action.provider]
    before, cloud.slow = cloud.slow, action.factor
    return partial(setattr, cloud, "slow", before)


def _chosen(world: World, agents: tuple[str, ...], teams: tuple[str, ...] = ()) -> list[str]:
    everyone = not agents and not teams
    return [agent.name for agent in world.fleet.agents if everyone or agent.name in agents or agent.team in teams]


@apply.register
def _(action: actions.Load, world: World) -> Undo:
    chosen = _chosen(world, action.agents, action.teams)

    def scale(factor: float) -> None:
        for name in chosen:
            world.sources[name].factor *= factor
            world.sources[name].begin()

    before = {name: world.sources[name].factor for name in chosen}
    scale(action.factor)

    def undo() -> None:
        for name, factor in before.items():
            world.sources[name].factor = factor
            world.sources[name].begin()

    return undo


@apply.register
def _(action: actions.Lengths, world: World) -> Undo:
    sources = [world.sources[name] for name in _chosen(world, action.agents)]
    before = [(source, source.prompt_factor, source.output_factor) for source in sources]
    for source in sources:
        source.prompt_factor *= action.prompt
        source.output_factor *= action.output

    def undo() -> None:
        for source, prompt, output in before:
            source.prompt_factor, source.output_factor = prompt, output

    return undo


@apply.register
def _(action: actions.Runaway, world: World) -> Undo:
    source = world.sources[action.agent]
    before = source.runaway
    source.run_away(action.requests_per_minute)
    return partial(source.run_away, before)


@apply.register
def _(action: actions.TeamLimit, world: World) -> Undo:
    spending = world.spending[action.team]
    before = spending.team
    names = ("requests_per_minute", "tokens_per_minute", "budget_usd")
    given = {name: value for name in names if (value := getattr(action, name)) is not None}
    spending.team = replace(before, **given)
    return partial(setattr, spending, "team", before)


@apply.register
def _(action: actions.Heat, world: World) -> Undo:
    everywhere = not action.gpus and not action.hosts
    cards = [
        card
        for card in world.cards.values()
        if everywhere or card.gpu.name in action.gpus or card.gpu.host in action.hosts
    ]

    before = [(card, card.ambient_celsius) for card in cards]
    for card in cards:
        card.heat(action.celsius)

    def undo() -> None:
        for card, celsius in before:
            card.heat(celsius)

    return undo


@apply.register
def _(action: actions.Restart, world: World) -> Undo:
    world.processes.restart(action.process, down=action.down)
    return None


@apply.register
def _(action: actions.Crash, world: World) -> Undo:
    world.processes.restart(action.process, code=action.code, down=action.down, reason="crash")
    return None


@apply.register
def _(action: actions.CrashLoop, world: World) -> Undo:
    return world.processes.loop(action.process, action.code, action.after)


@apply.register
def _(action: actions.ColdLoad, world: World) -> Undo:
    phases = {name: getattr(action, name) for name in ("download", "weights", "compile", "warmup")}
    world.processes.restart(action.engine, phases=phases)
    return None


@apply.register
def _(action: actions.CacheFlush, world: World) -> Undo:
    world.processes.flush(action.cache)
    return None


@apply.register
def _(action: actions.Reachable, world: World) -> Undo:
    names = sorted(action.processes or world.processes.all)
    names = names[: round(len(names) * action.share)]

    before = {name: world.processes.all[name].mode for name in names}

    def become(modes: Mapping[str, str]) -> None:
        for name, mode in modes.items():
            world.processes.reach(name, mode)

    become(dict.fromkeys(names, action.mode))
    return partial(become, before)


@apply.register
def _(action: actions.EngineSlow, world: World) -> Undo:
    server = world.servers[action.engine]

    def become(factor: float) -> None:
        server.slow = factor
        server.settle_speed()

    before = server.slow
    become(action.factor)
    return partial(become, before)


@apply.register
def _(action: actions.GatewayChange, world: World) -> Undo:
    proxy = world.proxies[action.gateway]
    names = ("retries", "cooldown_seconds", "cache_seconds", "guardrails")
    given = {name: value for name in names if (value := getattr(action, name)) is not None}
    wanted = Some(given, dict(action.weights), action.overhead_factor)

    def become(filed: Some, working: Some, text: str) -> None:
        proxy.write_file(filed.put_into(proxy.filed))
        if not action.file_only:
            proxy.reconfigure(working.put_into(proxy.setup))
        world.emit(Configured(world.now, action.gateway, text), action.gateway)

    before = wanted.of(proxy.filed), wanted.of(proxy.setup)
    become(wanted, wanted, action.text)
    return partial(become, *before, f"undone: {action.text}")


@apply.register
def _(action: actions.PriceChange, world: World) -> Undo:
    price = Price(action.input, action.output, action.cached_input)
    before = {
        name: proxy.reprice({one.id: price for one in proxy.gateway.deployments if one.served == action.served})
        for name, proxy in world.proxies.items()
    }

    def undo() -> None:
        for name, prices in before.items():
            world.proxies[name].reprice(prices)

    return undo


@apply.register
def _(action: actions.RenameModel, world: World) -> Undo:
    proxy = world.proxies[action.gateway]

    def rename(model: str, to: str) -> None:
        proxy.rename(model, to)
        world.emit(Configured(world.now, action.gateway, f"model {model} is now called {to}"), action.gateway)

        def adopt() -> None:
            if proxy.serves(to):
                for source in world.sources.values():
                    if source.gateway == action.gateway:
                        source.renamed[action.model] = to

        world.kernel.at(world.now + action.adopt, adopt)

    rename(action.model, action.to)
    return partial(rename, action.to, action.model)


@apply.register
def _(action: actions.Upgrade, world: World) -> Undo:
    world.processes.restart(action.process, down=action.down, reason="upgrade", version=action.version)
    return None


@apply.register
def _(action: actions.ClockSkew, world: World) -> Undo:
    before = world.skews.get(action.host, 0.0)

    def shift(seconds: float) -> None:
        world.skews[action.host] = seconds
        world.emit(ClockShifted(world.now, action.host, seconds), action.host)

    shift(action.seconds)
    return partial(shift, before)


@apply.register
def _(action: actions.Quality, world: World) -> Undo:
    before = world.quality_drop.get(action.model, 0.0)
    world.quality_drop[action.model] = before + action.drop
    return partial(world.quality_drop.__setitem__, action.model, before)
