"""inferdeck's own LiteLLM source reads the simulated proxy: its catalog knows every family, totals are the log's."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import metric_name
from inferdeck.model.target import TargetKey
from inferdeck.simulate.servers.litellm.identity import MASTER_KEY
from inferdeck.sources import catalog
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from inferdeck.sources.litellm.config import LitellmConfig
from inferdeck.sources.litellm.source import make
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.repair import Repair
from tests.unit.simulate.servers.litellm.scene import Scene, rich, served


async def collected(found: Scene) -> Collected:
    async with served(found) as (_, url):
        http, config = HttpClient(), LitellmConfig(url=url, key=SecretStr(MASTER_KEY), gateway="litellm")
        try:
            source = make(config, http, ManualClock(0.0), TargetKey("litellm", "simulated:4000", "demo"), ())
            return await source.collect(0.0)
        finally:
            await http.aclose()


@pytest.mark.parametrize("version", ["1.80.0", "1.109.1"])
@pytest.mark.parametrize("database", [False, True])
async def test_totals_through_the_whole_mapping(version: str, database: bool) -> None:
    found = rich(version=version, database=database)
    read = await collected(found)
    assert read.version == version
    known = catalog.load("litellm")
    assert [name for name in read.families if known.claim(name) is None] == []
    repaired = Repair(known, None).apply(read.layout, read.values)
    mapped = Mapper(known, {"gateway": "litellm"}).apply(repaired.layout, repaired.values)
    sums: dict[str, float] = {}
    for series, value in zip(mapped.layout.series, mapped.values, strict=True):
        name = "|".join([metric_name(series), *[text for key, text in series if key in ("status", "token_type")]])
        sums[name] = sums.get(name, 0.0) + value
    good = [answer for answer in found.answers if answer.fault is None]
    assert sums["llm_requests_total|success"] == len(good)
    assert sums["llm_requests_total|error"] == len(found.answers) - len(good)
    assert sums["llm_tokens_used_total|input"] == sum(answer.usage.input for answer in good)
    assert sums["llm_tokens_used_total|output"] == sum(answer.usage.output for answer in good)
    cost = sum(answer.usage.cost for answer in good if not answer.cached)
    assert sums["llm_cost_total"] == pytest.approx(cost, abs=1e-9)
    facts = {fact.name for fact in read.inventory if fact.kind == "deployment"}
    assert facts == {one.id for one in found.program.gateway.deployments}
