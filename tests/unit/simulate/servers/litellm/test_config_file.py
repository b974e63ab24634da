"""A simulated LiteLLM's config.yaml says what its proxy answers, as a YAML reader and our own reading of both see."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from ruamel.yaml import YAML

from inferdeck.config import document
from inferdeck.model.config_files import Drift
from inferdeck.model.target import TargetKey, TargetState
from inferdeck.routing import drift, litellm_file
from inferdeck.simulate import actions, changes, fleet_file
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.servers import litellm
from inferdeck.simulate.servers.configuration import ConfigFiles
from inferdeck.simulate.servers.litellm import config_file
from inferdeck.simulate.servers.litellm.identity import MASTER_KEY
from inferdeck.simulate.world import World
from inferdeck.sources.litellm import inventory
from tests.unit.simulate.fleets import MONDAY_TEN, small

ROUTES = ("/model/info", "/get/config/callbacks")


class Beside:
    """A gateway that nobody asks, and its file."""

    def __init__(self, fleet: Fleet, folder: Path, gateway: str) -> None:
        self.world = World(fleet, seed=1, start=MONDAY_TEN)
        self.files = ConfigFiles(folder / "config", fleet, self.world.now)
        self.world.subscribe(self.files.handlers())
        of = {one.name: one for one in fleet.gateways}
        self.program = litellm.build(of[gateway], fleet, self.world)
        self.world.subscribe(self.program.handlers())
        self.path = self.files.path(gateway)
        self.world.run_until(MONDAY_TEN)
        self.files.refresh()

    def do(self, action: actions.Action) -> changes.Undo:
        undo = changes.apply(action, self.world)
        self.world.run_until(self.world.now + 5)
        self.files.refresh()
        return undo

    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = YAML(typ="safe", pure=True).load(self.path)
        return found

    async def answers(self) -> list[Any]:
        app = web.Application()
        app.add_routes(self.program.routes())
        async with TestClient(TestServer(app)) as client:
            headers = {"Authorization": f"Bearer {MASTER_KEY}"}
            return [await (await client.get(route, headers=headers)).json() for route in ROUTES]

    async def drift(self) -> Drift:
        """What inferdeck says of the file beside the proxy."""
        models, settings = [json.dumps(one).encode() for one in await self.answers()]
        facts = (*inventory.deployment_facts(inventory.deployments(models)), *inventory.routing(settings)[0])
        read = litellm_file.read(document.parse(self.path.read_bytes(), self.path.name))
        assert read.problems == ()
        state = TargetState(TargetKey("litellm", "here", "demo"), "litellm", "", "configured", inventory=facts)
        return drift.drift(read, state)


FLEETS = ("small-company", "single-host", "no-database", "two-workers", "hostile")


@pytest.mark.parametrize("name", FLEETS)
async def test_the_file_says_what_the_proxy_answers(name: str, tmp_path: Path) -> None:
    fleet = fleet_file.named(name)
    for gateway in fleet.gateways:
        beside = Beside(fleet, tmp_path, gateway.name)
        await same(beside)
        assert (await beside.drift()).state == drift.SAME


async def same(beside: Beside) -> None:
    models, settings = await beside.answers()
    content = beside.content()
    served = {one["model_info"]["id"]: one for one in models["data"]}
    assert [one["model_info"]["id"] for one in content["model_list"]] == list(served)
    for one in content["model_list"]:
        other = served[one["model_info"]["id"]]
        assert one["model_name"] == other["model_name"]
        params = {key: value for key, value in one["litellm_params"].items() if key != "api_key"}
        assert params.items() <= other["litellm_params"].items()
        assert one["model_info"].items() <= other["model_info"].items()
    assert content["router_settings"].items() <= settings["router_settings"].items()
    assert content["litellm_settings"]["callbacks"] == [one["name"] for one in settings["callbacks"]]
    database = beside.program.gateway.database
    assert ("database_url" in content["general_settings"]) == database


async def test_the_file_follows_what_somebody_changes_at_once(tmp_path: Path) -> None:
    beside = Beside(small(0.0001), tmp_path, "litellm")
    texts = [beside.path.read_text()]
    undo: changes.Undo = None
    for action in (
        actions.RenameModel("litellm", "gpt", "gpt-next"),
        actions.PriceChange("llama-3.3-70b", 1.5, 2.5, 0.1),
        actions.GatewayChange("litellm", "x", retries=4, cooldown_seconds=3.0, weights=(("llama-a", 0.25),)),
        actions.GatewayChange("litellm", "y", 100.0, cache_seconds=45.0, guardrails=("pii", "secrets")),
    ):
        undo = beside.do(action)
        await same(beside)
        assert (await beside.drift()).state == drift.SAME
        texts.append(beside.path.read_text())
    assert len(set(texts)) == len(texts)
    content = beside.content()
    assert content["litellm_settings"]["cache_params"]["ttl"] == 45.0
    assert [one["guardrail_name"] for one in content["guardrails"]] == ["pii", "secrets"]
    assert undo is not None
    undo()
    beside.files.refresh()
    assert beside.path.read_text() == texts[-2]


async def test_what_only_the_file_says_is_drift_until_the_proxy_begins_again(tmp_path: Path) -> None:
    beside = Beside(small(0.0001), tmp_path, "litellm")
    beside.do(actions.GatewayChange("litellm", "x", retries=4, weights=(("llama-a", 0.25),), file_only=True))
    found = await beside.drift()
    assert found.state == drift.DIFFERS
    told = {(one.change, one.key, one.file, one.running) for one in found.differences}
    assert told == {
        ("changed", "router_settings.num_retries", "4", "1"),
        ("changed", "model_list[0].litellm_params.weight", "0.25", "1"),
    }
    beside.do(actions.PriceChange("gpt-4.1", 1.5, 2.5))
    assert {(one.change, one.key, one.file, one.running) for one in (await beside.drift()).differences} == told
    beside.do(actions.Restart("litellm"))
    await same(beside)
    assert (await beside.drift()).state == drift.SAME


def test_keys_of_providers_are_referred_to_and_others_stand_there(tmp_path: Path) -> None:
    content = Beside(fleet_file.named("small-company"), tmp_path, "litellm").content()
    keys = {one["model_info"]["id"]: one["litellm_params"]["api_key"] for one in content["model_list"]}
    assert keys["anthropic-sonnet"] == "os.environ/ANTHROPIC_API_KEY"
    assert keys["vllm-a-llama"] == config_file.engine_key("vllm-a") != keys["vllm-b-llama"]
    assert content["general_settings"]["master_key"] == MASTER_KEY


def test_it_is_for_its_owner_alone_as_old_as_its_last_change_and_gone_at_the_end(tmp_path: Path) -> None:
    beside = Beside(small(0.0001), tmp_path, "litellm")
    # Other users of the machine have no business there; a umask changes nothing about that.
    assert beside.path.stat().st_mode & 0o777 == 0o600 and beside.path.parent.stat().st_mode & 0o777 == 0o700
    began = beside.path.stat().st_mtime
    assert began <= time.time()
    beside.files.refresh()
    assert beside.path.stat().st_mtime == began
    os.utime(beside.path, (0, 0))
    beside.do(actions.GatewayChange("litellm", "x", retries=4))
    assert beside.path.stat().st_mtime == pytest.approx(min(MONDAY_TEN, time.time()), abs=60)
    assert beside.path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in beside.path.parent.iterdir()] == [beside.path.name]
    beside.files.remove()
    assert list(tmp_path.iterdir()) == []
    beside.files.remove()
