"""Every scenario: what is joined across layers, and the routes, are what the world is wired like.

The truth comes from the fleet; what is compared went over the wire: LiteLLM's inventory, Docker's inspections, the
cards' exporters and the engines themselves.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.stack import Chain, Link, LinkState
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.simulate import scenario
from inferdeck.simulate.actions import RenameModel
from inferdeck.simulate.fleet import Engine
from inferdeck.simulate.scenario import Scenario
from tests.pipeline.collecting import HUGE, Stage, stage
from tests.pipeline.gateways import GatewayTruth
from tests.pipeline.stack import StackTruth, questions

ALL = Wanted(limit=1000)
WINDOW_SECONDS = 240.0
MARGIN_SECONDS = 45.0
INVENTORY_SECONDS = 300.0
FEW = 20.0
"""Requests, of which each may be the first of its series: a new counter has no rate yet."""
KNOWN = LinkState.KNOWN.value


def moments(found: Scenario) -> list[float]:
    """Return when to look: before anything happens, soon after the first change, after the last one."""
    if not found.steps:
        return [WINDOW_SECONDS + 60.0]
    edges = sorted(step.at for step in found.steps)
    # What is deployed is asked for every few minutes.
    renamed = any(isinstance(step.action, RenameModel) for step in found.steps)
    soon = INVENTORY_SECONDS + WINDOW_SECONDS if renamed else MARGIN_SECONDS
    wished = (edges[0] - 1.0, edges[0] + soon, edges[-1] + (found.steps[-1].seconds or 0.0) + 600.0)
    return sorted({min(max(WINDOW_SECONDS, one), found.duration) for one in wished})


def check_down(link: Link, truth: StackTruth, engine: Engine) -> None:
    """The container's first process is the engine's, and nobody's while it is down."""
    pid = truth.pid(engine.name)
    assert link.id == (str(pid) if pid else ""), (engine.name, link)
    assert link.state == (KNOWN if pid else LinkState.NONE.value)


def check_chain(chain: Chain, engine: Engine | None, truth: StackTruth) -> None:
    """A chain ends where the world's ends, and each of its links says why."""
    links = (chain.address, chain.engine, chain.container, chain.process, *chain.gpus)
    assert all(link.evidence for link in links)
    if engine is None:
        assert {link.state for link in links[1:]} <= {LinkState.UNKNOWN.value, LinkState.NONE.value}, chain
        return
    assert (chain.engine.state, chain.engine.name) == (KNOWN, engine.name), chain
    assert (chain.container.state, chain.container.host) == (KNOWN, engine.host), chain
    assert chain.container.name == engine.name or not chain.deployment
    check_down(chain.process, truth, engine)
    cards = {link.id: link.host for link in chain.gpus if link.state == KNOWN}
    assert cards == truth.cards(engine), (chain.deployment, chain.gpus)


def check_chains(found: Stage, asked: LocalStackQuestions) -> int:
    """Compare the chains of all deployments, and of the engines that no address leads to."""
    truth, known = StackTruth(found), 0
    chains = {(one.gateway, one.deployment): one for one in asked.chains(ALL).items if one.deployment}
    wanted = [(gateway, one) for gateway in found.scenario.fleet.gateways for one in truth.deployments(gateway)]
    assert set(chains) == {(gateway.name, one.id) for gateway, one in wanted}
    for gateway, one in wanted:
        chain = chains[gateway.name, one.id]
        assert chain.model == one.model
        engine = truth.engine(one)
        check_chain(chain, engine, truth)
        known += engine is not None
    reached = {engine.name for _, one in wanted if (engine := truth.engine(one)) is not None}
    alone = {one.engine.name: one for one in asked.chains(ALL).items if not one.deployment}
    assert set(alone) == set(truth.engines) - reached
    for name, chain in alone.items():
        check_chain(chain, truth.engines[name], truth)
    return known


def check_routes(found: Stage, asked: LocalStackQuestions) -> None:
    """Compare models, deployments and fallbacks, and how those deployments are whose engine is down."""
    truth = StackTruth(found)
    routes = {(one.gateway, one.model): one for one in asked.routes(ALL).items}
    for gateway in found.scenario.fleet.gateways:
        deployments, fallbacks = truth.deployments(gateway), truth.fallbacks(gateway)
        models = {one.model for one in deployments}
        assert {model for name, model in routes if name == gateway.name} == models | set(fallbacks)
        for model in models | set(fallbacks):
            route = routes[gateway.name, model]
            assert {one.id for one in route.deployments} == {one.id for one in deployments if one.model == model}
            assert tuple(edge.to for edge in route.fallbacks) == fallbacks.get(model, ())
            assert [edge.position for edge in route.fallbacks] == list(range(1, len(route.fallbacks) + 1))
            assert all(edge.exists == (edge.to in models) for edge in route.fallbacks)
            for edge in route.deployments:
                engine = truth.engine(next(one for one in deployments if one.id == edge.id))
                if engine is not None and not truth.pid(engine.name):
                    assert edge.state == "down", (edge.id, edge.state, edge.why)


def check_load(found: Stage, asked: LocalStackQuestions) -> None:
    """A busy gateway's models have load; one that nobody ever asked for has no figure, which is not 0."""
    routes = asked.routes(ALL).items
    for gateway in found.scenario.fleet.gateways:
        (claim,) = [one for one in GatewayTruth(found, gateway).claims() if one.family == "llm_requests_total"]
        place, end = claim.keep.index("model"), found.world.now
        answered = {key[place] for key, amount in claim.truth(found.begin - 86_400.0, end) if amount}
        count = sum(amount for _, amount in claim.truth(end - WINDOW_SECONDS, end))
        loads = {one.model: one.load.value for one in routes if one.gateway == gateway.name}
        assert all(loads[model] is None for model in set(loads) - answered)
        assert sum(value or 0.0 for value in loads.values()) > 0.0 or count < FEW


def check_cards(found: Stage, asked: LocalStackQuestions) -> None:
    """Compare cards, their machines, and who uses them."""
    truth, fleet = StackTruth(found), found.scenario.fleet
    cards = {one.uuid: one for one in asked.gpus(ALL).items}
    users: dict[str, set[str]] = {}
    for engine in fleet.engines:
        for card in truth.cards(engine):
            users.setdefault(card, set()).add(engine.name)
    exporters = {f"{host.name}/dcgm" for host in fleet.hosts}
    names = {uuid: {link.name for link in card.used_by} - exporters for uuid, card in cards.items()}
    assert names == {uuid: users.get(uuid, set()) for uuid in cards}
    wanted = {(gpu.host, str(gpu.index)) for gpu in fleet.gpus}
    assert {(card.host, card.index) for card in cards.values()} == wanted
    for one in cards.values():
        read = not found.watched[f"{one.host}/dcgm"].failed
        assert not read or (one.memory_used.value is not None and one.throttle_known), one


def check_services(found: Stage, asked: LocalStackQuestions) -> None:
    """Compare the machine and the process of everything that runs in a container."""
    truth = StackTruth(found)
    services = {one.service.name: one for one in asked.services(ALL).items}
    for name, process in found.world.processes.all.items():
        if process.kind in ("engine", "gateway", "cache", "application") and name in services:
            one = services[name]
            assert (one.container.state, one.host) == (KNOWN, process.host), one
            assert (one.pid or 0) == truth.pid(name)


def check_joins(found: Stage) -> int:
    """Compare all of it as it is now; returns how many deployments lead to an engine."""
    asked = questions(found)
    known = check_chains(found, asked)
    check_routes(found, asked)
    check_load(found, asked)
    check_cards(found, asked)
    check_services(found, asked)
    return known


@pytest.mark.parametrize("name", [name for name in scenario.available() if name != HUGE])
async def test_joins_and_routes_are_those_of_the_world(name: str, tmp_path: Path) -> None:
    chosen = scenario.named(name)
    known = 0
    async with stage(chosen, tmp_path) as found:
        for moment in moments(chosen):
            for earlier in (WINDOW_SECONDS, 120.0, 0.0):
                if found.begin + moment - earlier > found.clock.now():
                    await found.go(moment - earlier)
            known += check_joins(found)
    assert known > 0 or not any(StackTruth(found).engine(one) for g in chosen.fleet.gateways for one in g.deployments)
