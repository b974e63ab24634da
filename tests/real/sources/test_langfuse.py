"""Totals beside the official Langfuse SDK, which asks the simulated server for the same span."""

from __future__ import annotations

import json

import httpx
import pytest
from langfuse.api.client import LangfuseAPI

from inferdeck.model.clock import ManualClock
from inferdeck.simulate.fleet import Langfuse
from inferdeck.simulate.servers.langfuse import build
from inferdeck.sources.langfuse import answers
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, StillWorld, play, story
from tests.unit.sources.langfuse.reading import KEYS, NOW, reading, values


async def test_the_official_sdk_is_told_the_same() -> None:
    program = build(Langfuse("langfuse-1", "4.16.0"), FLEET, StillWorld())
    play(program, story())
    clock = ManualClock(NOW)
    with serving(program) as url, httpx.Client() as http:
        async with reading(url, clock) as ours:
            found = values(await ours.collect(NOW))
        sdk = LangfuseAPI(base_url=url, username=KEYS["public_key"], password=KEYS["secret_key"], httpx_client=http)
        since, until = answers.instant(NOW - 3600), answers.instant(NOW)
        query = {
            "view": "observations",
            "dimensions": [{"field": "providedModelName"}],
            "metrics": [
                {"measure": "count", "aggregation": "count"},
                {"measure": "totalCost", "aggregation": "sum"},
                {"measure": "totalTokens", "aggregation": "sum"},
            ],
            "fromTimestamp": since,
            "toTimestamp": until,
        }
        rows = sdk.metrics.metrics(query=json.dumps(query)).data
        health, project = sdk.health.health(), sdk.projects.get().data[0]
    assert found["langfuse_last_hour_observations"] == sum(int(row["count_count"]) for row in rows)
    assert found["langfuse_last_hour_cost_usd"] == pytest.approx(sum(row["sum_totalCost"] or 0 for row in rows))
    models = {row["providedModelName"]: row for row in rows if row["providedModelName"]}
    assert {name.split(" ")[1] for name in found if name.startswith("langfuse_last_hour_model_obs")} == set(models)
    for model, row in models.items():
        assert found[f"langfuse_last_hour_model_total_tokens {model}"] == int(row["sum_totalTokens"])
    assert (health.version, project.name) == ("4.16.0", "told")
