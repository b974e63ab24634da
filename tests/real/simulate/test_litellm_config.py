"""The real LiteLLM proxy begins with the configuration file of a simulated one, and runs what it says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from inferdeck.config import document
from inferdeck.model.target import TargetKey, TargetState
from inferdeck.routing import drift, litellm_file
from inferdeck.simulate import fleet_file
from inferdeck.simulate.servers.litellm import config_file
from inferdeck.simulate.targets import MASTER_KEY
from inferdeck.sources.litellm import inventory
from tests.real import programs

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

KEYS = {"OPENAI_API_KEY": "sk-none", "ANTHROPIC_API_KEY": "sk-none", "PROMPT_SCAN_KEY": "none"}


async def test_a_real_litellm_runs_what_the_file_says(tmp_path: Path) -> None:
    programs.litellm_executable()
    fleet = fleet_file.named("small-company")
    # There is neither a database nor a Redis here.
    gateway = replace(fleet.gateways[0], database=False, cache="", guardrails=("prompt-scan",))
    text = config_file.text(gateway, {one.id: one.price for one in gateway.deployments}, fleet)
    with programs.litellm(tmp_path, text, environment={**os.environ, **KEYS}) as proxy:
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        async with aiohttp.ClientSession(proxy.url, headers=headers) as client:
            models = await (await client.get("/model/info")).read()
            settings = await (await client.get("/get/config/callbacks")).read()
            guardrails = await (await client.get("/guardrails/list")).json()
    found = inventory.deployments(models)
    assert [one.id for one in found] == [one.id for one in gateway.deployments]
    prices = {one.id: one.facts.get("input_cost_per_token", "0") for one in found}
    assert {one.id: float(prices[one.id]) for one in gateway.deployments} == pytest.approx(
        {one.id: one.price.input / 1e6 for one in gateway.deployments}
    )
    facts = (*inventory.deployment_facts(found), *inventory.routing(settings)[0])
    read = litellm_file.read(document.parse(text.encode(), "config.yaml"))
    told = drift.drift(
        read, TargetState(TargetKey("litellm", "here", "real"), "litellm", "", "configured", inventory=facts)
    )
    assert (told.state, told.differences, told.unknown) == (drift.SAME, (), ())
    assert [one["guardrail_name"] for one in guardrails["guardrails"]] == ["prompt-scan"]
