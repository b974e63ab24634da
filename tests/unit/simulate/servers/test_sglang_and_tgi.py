"""SGLang and TGI: no capture holds them, so their values are held against what happened."""

from __future__ import annotations

import random
from dataclasses import replace

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.simulate.servers.one_engine import ENGINE, OneEngine, served


async def scraped(kind: str, version: str) -> tuple[OneEngine, dict[str, float]]:
    """Run some traffic, and return the sum of each sample name's series."""
    one = OneEngine(replace(ENGINE, kind=kind, version=version))
    chance = random.Random(9)
    for _ in range(30):
        one.send(chance.randrange(10, 900), chance.randrange(2, 200))
        one.run(chance.random() * 2)
    one.run(500)
    async with served(one) as url, aiohttp.ClientSession() as client, client.get(f"{url}/metrics") as response:
        text = await response.text()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return one, found


async def test_sglang_counts_what_happened() -> None:
    one, found = await scraped("sglang", "0.5.23")
    lefts = one.lefts
    output = sum(left.output_tokens for left in lefts)
    assert found["sglang:generation_tokens_total"] == found["sglang:generation_tokens_histogram_sum"] == output
    assert found["sglang:prompt_tokens_total"] == sum(left.prompt_tokens for left in lefts)
    assert found["sglang:num_requests_total"] == found["sglang:time_to_first_token_seconds_count"] == len(lefts)
    assert found["sglang:inter_token_latency_seconds_count"] == output - len(lefts)
    assert found["sglang:num_running_reqs"] == found["sglang:token_usage"] == 0
    assert found["sglang:startup_time_seconds"] == pytest.approx(2.0 + 0.0 + 2.0 + 2.0)
    assert found["sglang:max_total_num_tokens"] == 20_000


async def test_tgi_counts_what_happened() -> None:
    one, found = await scraped("tgi", "3.3.6")
    lefts = one.lefts
    assert found["tgi_request_generated_tokens_sum"] == sum(left.output_tokens for left in lefts)
    assert found["tgi_request_input_length_sum"] == sum(left.prompt_tokens for left in lefts)
    whole = found["tgi_request_queue_duration_sum"] + found["tgi_request_inference_duration_sum"]
    assert found["tgi_request_duration_sum"] == pytest.approx(whole)
    assert found["tgi_request_duration_count"] == len(lefts)
    assert found["tgi_queue_size"] == found["tgi_batch_current_size"] == 0
