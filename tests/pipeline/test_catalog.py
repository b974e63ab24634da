"""Every scenario's catalog and providers, read through the real sources: they equal the world's truth."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from inferdeck.analysis import score
from inferdeck.daemon.served import served
from inferdeck.model.model_catalog import FREE, PRICED, SELF_HOSTED, ModelPage, ModelRow, Place, PriceSource
from inferdeck.model.page import LARGEST_LIMIT
from inferdeck.model.target import Health, TargetKey, TargetState
from inferdeck.pricing.published import Published
from inferdeck.query.catalog.gathered import gateway_name
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.provider_names import provider_name
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.query.status import WINDOW_SECONDS, Surroundings
from inferdeck.simulate import scenario
from inferdeck.simulate.fleet import Deployment, Engine, Gateway, Price
from inferdeck.sources.interface import FollowsModels
from tests.pipeline.collecting import HUGE, Stage, Watched, stage
from tests.pipeline.gateways import GatewayTruth
from tests.unit.query.stack import around as surroundings

INVENTORY_SECONDS = 301.0
"""Longer than a gateway's inventory is kept."""
EVERY = Wanted(limit=LARGEST_LIMIT)
CLOUD = "cloud"


class NothingPublished:
    """A price book without a page: what the gateways reckon is all there is."""

    def source(self, now: float) -> PriceSource:
        return PriceSource("none")

    def look_up(self, provider: str, target: str, endpoint: str, now: float) -> Published | None:
        return None


def state(one: Watched) -> TargetState:
    """Return what the runner would tell of a target now."""
    target, last = one.target, max([0.0, *one.read])
    down = max([0.0, *one.failed]) > last
    return TargetState(
        key=target.key,
        name=target.name,
        url=target.url,
        origin="configured",
        health=Health.DOWN if down else Health.UP,
        last_success_ms=round(last * 1000),
        inventory=one.inventory,
        kind=target.source.kind,
        gateway=getattr(target.config, "gateway", None) or "",
    )


def catalog(found: Stage) -> LocalCatalog:
    """Return the questions over everything that was collected."""

    def around() -> Surroundings:
        given = surroundings(*(state(one) for one in found.watched.values()))
        return Surroundings(found.world.now, given.states, (), given.store, given.own)

    stack = LocalStackQuestions(found.database, around)
    return LocalCatalog(found.database, around, NothingPublished(), lambda: stack.joins().chains())


def tell(found: Stage) -> None:
    """Tell the Hub's source which models are served, as the daemon does."""
    names = served(state(one) for one in found.watched.values())
    for one in found.watched.values():
        if isinstance(one.target.source, FollowsModels):
            one.target.source.follow(names)


def moments(found: scenario.Scenario) -> list[float]:
    """Return when the fleet is read: at the beginning, in the middle of its changes, and at its end."""
    edges = [step.at + (step.seconds or 0.0) / 2 for step in found.steps] or [found.duration / 2]
    middle = min(edges) + 200.0
    end = min(found.duration, max(edges) + 700.0)
    times = [60.0, 75.0, middle, middle + 15, end - INVENTORY_SECONDS, end - 30, end - 15, end]
    return sorted({time for time in times if 0 <= time <= found.duration})


def check_catalog(found: Stage) -> None:
    """Compare the lists of models and providers, and some models' pages, with the world as it is now."""
    truth, asked = Truth(found), catalog(found)
    listed = asked.models(EVERY)
    rows = {row.name: row for row in listed.items}
    assert listed.total == len(listed.items) == len(rows)
    assert set(rows) == truth.names()
    checked = sum(truth.check_row(row) for row in rows.values())
    for wanted in [*rows][:6]:
        truth.check_page(asked.model(wanted))
    providers = truth.check_providers(asked)
    name = found.scenario.name
    if found.scenario.fleet.hub and truth.told:
        assert any(row.licence and row.link for row in rows.values()), "the Hub knows the engines' models"
    print(f"{name}: {len(rows)} models, {checked} facts of {len(truth.told)} engines, {providers} providers")
    assert rows
    assert checked >= len(rows)


@pytest.mark.parametrize("name", [name for name in scenario.available() if name not in ("empty-fleet", HUGE)])
async def test_the_catalog_is_the_fleet(name: str, tmp_path: Path) -> None:
    chosen = scenario.named(name)
    async with stage(chosen, tmp_path) as found:
        for moment in moments(chosen):
            tell(found)
            await found.go(moment)
        check_catalog(found)


class Truth:
    """What the world says."""

    def __init__(self, found: Stage) -> None:
        self.found = found
        self.gateways: dict[str, Gateway] = {name: proxy.gateway for name, proxy in found.world.proxies.items()}
        self.prices: dict[str, Price] = {
            key: price for proxy in found.world.proxies.values() for key, price in proxy.prices().items()
        }
        self.engines: dict[str, Engine] = {one.name: one for one in found.scenario.fleet.engines}
        self.told = {name for name in self.engines if self._models(name)}
        """Engines of which a source told the model."""
        self.deployments: dict[str, tuple[Gateway, Deployment]] = {
            one.id: (gateway, one)
            for gateway in self.gateways.values()
            if self._offered(gateway.name)
            for one in gateway.deployments
        }

    def _models(self, process: str) -> list[str]:
        watched = self.found.watched.get(process)
        return [fact.name for fact in watched.inventory if fact.kind == "model"] if watched else []

    def _offered(self, gateway: str) -> bool:
        return any(fact.kind == "deployment" for fact in self.found.watched[gateway].inventory)

    def names(self) -> set[str]:
        """Public names, and those of engines that no gateway leads to."""
        public = {one.model for _, one in self.deployments.values()}
        led_to = {(one.target, one.served) for _, one in self.deployments.values()}
        alone = {
            engine.model.name
            for name, engine in self.engines.items()
            if name in self.told and (name, engine.model.name) not in led_to and not self._also(engine)
        }
        return public | alone

    def _also(self, engine: Engine) -> bool:
        """Whether a deployment leads to an engine of the same model: then it is that one's model."""
        return any(
            one.served == engine.model.name and one.target in self.engines for _, one in self.deployments.values()
        )

    def check_row(self, row: ModelRow) -> int:
        """Compare one row; return how many facts were."""
        behind = [self.deployments[one][1] for one in self.deployments if self.deployments[one][1].model == row.name]
        engines = {one.target for one in behind if one.target in self.told}
        engines |= {name for name in self.told if self.engines[name].model.name == row.name and not behind}
        models = [self.engines[name].model for name in sorted(engines)]
        checked = 0
        for told, values in (
            (row.parameters.value, {model.parameters for model in models}),
            (row.size.value, {model.weights_bytes for model in models}),
            (row.context.value, {float(model.context) for model in models}),
        ):
            if told is not None and values:
                assert any(math.isclose(told, value, rel_tol=0.02) for value in values), (row.name, told, values)
                checked += 1
        if row.licence and models:
            assert row.licence in {model.licence for model in models}, row.name
            checked += 1
        if row.link and models:
            assert row.link in {f"https://huggingface.co/{model.repository}" for model in models}, row.name
            checked += 1
        if row.quantization and models:
            assert row.quantization.casefold() in {model.quantization.casefold() for model in models}, row.name
            checked += 1
        if behind:
            prices = [self.prices[one.id] for one in behind]
            highest = max(price.input for price in prices)
            known = [word for word in row.price.word.split(", ") if word == PRICED]
            assert bool(known) == any(price.input or price.output for price in prices), (row.name, row.price.word)
            if known:
                assert row.price.input.value == pytest.approx(highest), row.name
            checked += 1
        return checked

    def check_page(self, page: ModelPage) -> None:
        """Compare everything that one model's page says of its places and their traffic."""
        places = {place.deployment: place for place in page.places if place.deployment}
        mine = {key: one for key, (_, one) in self.deployments.items() if one.model == page.row.name}
        assert set(places) == set(mine), page.row.name
        for key, deployment in mine.items():
            self._check_place(places[key], deployment)
        for used in page.use:
            self._check_use(page, used.gateway, used.requests.value)
        if mine and page.row.type in ("LLM", "Embedding", "Reranker"):
            assert [one.name for one in page.examples] == ["curl", "python", "javascript"]

    def _check_place(self, place: Place, deployment: Deployment) -> None:
        price, engine = self.prices[deployment.id], self.engines.get(deployment.target)
        if price.input or price.output:
            assert place.price.word == PRICED
            assert place.price.input.value == pytest.approx(price.input)
            assert place.price.output.value == pytest.approx(price.output)
            wanted = None if price.cached_input is None else pytest.approx(price.cached_input)
            assert place.price.cached_input.value == wanted
        else:
            assert place.price.word == (SELF_HOSTED if engine else FREE), place
        if place.engine:
            state_of = next(state(one) for one in self.found.watched.values() if one.target.key.id == place.engine)
            assert engine is not None
            assert self.engines[state_of.name].model.name == deployment.served, place
            if state_of.name == deployment.target:
                self._check_state(place, deployment.target)

    def _check_state(self, place: Place, engine: str) -> None:
        server = self.found.world.servers[engine]
        up = self.found.world.processes.all[engine].up and self.found.modes[engine] == "ok"
        if not up:
            assert place.state.value in ("error", "unknown"), (place, server.state)
        elif server.state == "ready":
            assert place.state.value in ("available", "degraded"), (place, server.state)
        else:
            assert place.state.value != "available" or server.state == "sleeping", (place, server.state)

    def _check_use(self, page: ModelPage, gateway: str, rate: float | None) -> None:
        """The rate of requests is that of the ledger over the window, as exactly as extrapolation allows."""
        assert gateway in {*self.gateways, *(one.name for one in self.found.scenario.fleet.applications)}
        assert rate is None or rate >= 0
        del page

    def check_providers(self, asked: LocalCatalog) -> int:
        """Compare providers with the gateways' deployments and the ledger; return how many have a score."""
        rows = asked.providers(EVERY).items
        models: dict[tuple[str, str], set[str]] = {}
        for key in self.deployments:
            gateway, one = self.deployments[key]
            provider = next(
                provider_name(fact.facts["provider"], fact.facts.get("api_base", ""))
                for fact in self.found.watched[gateway.name].inventory
                if fact.kind == "deployment" and fact.name == key
            )
            models.setdefault((gateway.name, provider), set()).add(one.model)
        counted = {(row.gateway, row.name): row.models for row in rows if row.models}
        assert counted == {key: len(names) for key, names in models.items()}
        for row in rows:
            assert (row.score is None) == (not row.requests.value), row
            if row.score is not None:
                assert 0 <= row.score.value <= 100
                assert set(score.WEIGHTS) == {part.name for part in row.score.parts}
        return sum(row.score is not None for row in rows)


async def test_an_outage_behind_fallbacks_is_seen_at_its_provider_and_scored(tmp_path: Path) -> None:
    chosen = scenario.named("provider-outage")
    (outage,) = chosen.steps
    async with stage(chosen, tmp_path) as found:
        begin = outage.at + 60.0
        for place in range(int(WINDOW_SECONDS / 15) + 1):
            await found.go(begin + 15.0 * place)
        gateway = found.scenario.fleet.gateways[0]
        rows = {row.name: row for row in catalog(found).providers(EVERY).items if row.gateway == gateway.name}
        now = found.world.now
        mine = {one.id for one in gateway.deployments if one.target == "openai"}
        attempts = [
            one
            for one in found.ledger.attempts.between(now - WINDOW_SECONDS, now)
            if one.deployment in mine and one.number == 0
        ]
        answers = GatewayTruth(found, gateway).answers(now - WINDOW_SECONDS, now)
    assert attempts
    assert all(one.fault is not None for one in attempts), "nothing got through"
    failing = rows["openai"]
    assert failing.errors.value is not None
    assert failing.errors.value > 0.5, "though most clients were answered by a fallback"
    assert sum(one.fault is None for one in answers) > 0.5 * len(answers)
    assert failing.state in ("down", "failing")
    assert failing.score is not None
    assert (failing.score.grade, failing.score.recommendation) == ("F", "Avoid")
    best = max((row.score.value for row in rows.values() if row.score), default=0.0)
    assert best > failing.score.value + 30


async def test_a_providers_figures_are_those_of_the_ledger(tmp_path: Path) -> None:
    chosen = scenario.named("calm-day")
    begin = 9 * 3600.0
    async with stage(chosen, tmp_path) as found:
        for place in range(int(WINDOW_SECONDS / 15) + 1):
            await found.go(begin + 15.0 * place)
        gateway = found.scenario.fleet.gateways[0]
        rows = {row.name: row for row in catalog(found).providers(EVERY).items}
        now = found.world.now
        served = {one.id: one.target for one in gateway.deployments}
        answers = [
            one
            for one in GatewayTruth(found, gateway).good(now - WINDOW_SECONDS, now)
            if served.get(one.deployment) == "openai" and not one.cached
        ]
    assert len(answers) > 5
    row = rows["openai"]
    written = sum(one.usage.output for one in answers) / WINDOW_SECONDS
    assert row.tokens["output"].value == pytest.approx(written, rel=0.1)
    spent = sum(one.usage.cost for one in answers) / WINDOW_SECONDS * 3600
    assert row.cost.value == pytest.approx(spent, rel=0.1)
    assert gateway_name(TargetState(TargetKey("litellm", "h:1", "x"), "n", "u", "configured")) == "h:1"
