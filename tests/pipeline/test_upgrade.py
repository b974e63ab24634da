"""An engine that is upgraded to a version with other names goes on in the same canonical series."""

from __future__ import annotations

from pathlib import Path

from inferdeck.model.labels import get
from inferdeck.simulate import scenario
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.counters import stored

BEFORE, AFTER = (1200.0, 1380.0, 1485.0), (1800.0, 1860.0, 1920.0)
"""Seconds into the scenario; the upgrade begins at 25 minutes."""
FAMILIES = (
    "llm_engine_requests_running",
    "llm_engine_requests_waiting",
    "llm_engine_kv_cache_usage_ratio",
    "llm_engine_prompt_tokens_total",
    "llm_engine_generation_tokens_total",
    "llm_engine_preemptions_total",
    "llm_engine_prefix_cache_hits_total",
    "llm_engine_prefix_cache_queries_total",
    "llm_engine_time_to_first_token_seconds_bucket",
    "llm_engine_inter_token_latency_seconds_bucket",
    "llm_engine_e2e_latency_seconds_bucket",
    "llm_engine_queue_time_seconds_bucket",
    "llm_engine_iteration_tokens_bucket",
)
RENAMED = (
    ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc", "llm_engine_kv_cache_usage_ratio"),
    (
        "vllm:time_per_output_token_seconds_count",
        "vllm:inter_token_latency_seconds_count",
        "llm_engine_inter_token_latency_seconds_count",
    ),
)


def values(found: Stage, family: str) -> dict[int, float]:
    """Return the samples of the one series of a family that the upgraded engine has."""
    every = list(stored(found, found.watched["vllm-a"], family))
    assert len(every) == 1, (family, [series for series, _ in every])
    return every[0][1]


async def test_names_that_changed_land_in_the_same_canonical_series(tmp_path: Path) -> None:
    moments = (*BEFORE, *AFTER)
    async with stage(scenario.named("engine-upgraded"), tmp_path) as found:
        for moment in moments:
            await found.go(moment)
        one = found.watched["vllm-a"]
        stamps = {round((found.begin + moment) * 1000) for moment in moments}
        assert {round(time * 1000) for time in one.read} == stamps
        for family in FAMILIES:
            for series, seen in stored(found, one, family):
                assert seen.keys() == stamps, series
                assert get(series, "engine") == "vllm"
        assert not {len(list(stored(found, one, family))) for family in FAMILIES[:8]} - {1}
        for older, newer, canonical in RENAMED:
            before, after = values(found, older), values(found, newer)
            assert not before.keys() & after.keys()
            assert before | after == values(found, canonical)
        versions = {get(series, "version"): sorted(seen) for series, seen in stored(found, one, "llm_engine_info")}
    middle = len(BEFORE)
    assert versions == {"0.8.5": sorted(stamps)[:middle], "0.33.0": sorted(stamps)[middle:]}
