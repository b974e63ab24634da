"""Faults planted in the simulated fleet: the probe reports each, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.probing.values import Cause, State
from tests.probing.simulated import by_id, probed

PLANTED = {
    "nothing": ("", "", {}),
    "fallbacks in the wrong order": (
        "litellm: {fallbacks: {gpt-4o: [llama-70b, claude-sonnet-4], claude-sonnet-4: [gpt-4o]}}",
        "",
        {"fallback:gpt-4o": Cause.WRONG_ORDER},
    ),
    "a starved pool member": (
        "llama-west: {weight: 0.02}",
        "",
        {"pool:llama-70b": Cause.STARVED},
    ),
    "a pool member that a limit starves": (
        "llama-west: {requests_per_minute: 2}",
        "",
        {"pool:llama-70b": Cause.STARVED},
    ),
    "a capability routed to a model without it": (
        "gpt: {supports: [vision, json]}",
        "",
        {"capability:tools/gpt-4o": Cause.CAPABILITY},
    ),
    "a picture for a model that sees none": (
        "sonnet: {supports: [tools, reasoning]}",
        "",
        {"capability:vision/claude-sonnet-4": Cause.CAPABILITY},
    ),
    "a missing key": (
        "anthropic: {key: false}",
        "",
        {"direct:claude-sonnet-4": Cause.KEY_UNSET},
    ),
    "a provider that is down": (
        "",
        "- {at: 1s, do: provider_outage, provider: openai, share: 1, status: 503}",
        {"direct:gpt-4o": Cause.PROVIDER_FAILS},
    ),
    "a pool member that is down": (
        "",
        "- {at: 1s, do: provider_outage, provider: west, share: 1, status: 503}",
        {"member:llama-70b/llama-west": Cause.PROVIDER_FAILS},
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
async def test_each_planted_fault_is_reported_and_nothing_else(fault: str, tmp_path: Path) -> None:
    change, timeline, expected = PLANTED[fault]
    report = await probed(tmp_path, change, timeline, after=5.0)
    failed = {one.id: one.cause for one in report.results if one.state is State.FAILED}
    assert failed == expected, [one.summary for one in report.results if one.state is State.FAILED]
    assert not [one.id for one in report.results if one.state is State.NO_VERDICT]
    assert report.simulated
    for one in report.results:
        assert one.summary
        assert (one.state is State.FAILED) == bool(one.cause)
        if one.state is State.FAILED:
            assert one.advice
            assert one.source


async def test_a_failing_provider_proves_who_answers_next(tmp_path: Path) -> None:
    down = "- {at: 1s, do: provider_outage, provider: openai, share: 1, status: 503}"
    report = await probed(tmp_path, "litellm: {mock_testing: false}", down, after=5.0)
    results = by_id(report)
    proven = results["fallback:gpt-4o"]
    assert proven.state is State.PASSED
    assert "it fails: claude-sonnet-4 answered" in proven.summary
    assert "x-litellm-model-id: sonnet" in proven.evidence
    assert "x-litellm-attempted-fallbacks: 1" in proven.evidence
    # Where nothing fails and nothing may be made to fail, nothing is claimed.
    unproven = results["fallback:claude-sonnet-4"]
    assert unproven.state is State.NO_VERDICT or unproven.summary == "none of its fallbacks answers"


async def test_two_failing_providers_prove_the_second_place(tmp_path: Path) -> None:
    down = "\n".join(
        f"- {{at: 1s, do: provider_outage, provider: {name}, share: 1, status: 503}}"
        for name in ("openai", "anthropic")
    )
    report = await probed(tmp_path, "", down, after=5.0)
    proven = by_id(report)["fallback:gpt-4o"]
    assert proven.state is State.PASSED
    assert "llama-70b answered after claude-sonnet-4, which does not answer either" in proven.summary


async def test_without_leave_to_fail_nothing_is_claimed(tmp_path: Path) -> None:
    report = await probed(tmp_path, "litellm: {mock_testing: false}")
    result = by_id(report)["fallback:gpt-4o"]
    assert result.state is State.NO_VERDICT
    assert "dangerously_allow_mock_testing_request_params" in result.advice
    assert not report.count(State.FAILED)


async def test_a_model_that_only_the_file_has_is_a_missing_mapping(tmp_path: Path) -> None:
    rename = "- {at: 1s, do: rename_model, gateway: litellm, model: bge-m3, to: bge-m3-large}"
    report = await probed(tmp_path, "", rename, after=5.0)
    failed = {one.id: one.cause for one in report.results if one.state is State.FAILED}
    assert failed == {"direct:bge-m3": Cause.MAPPING_MISSING}
    assert by_id(report)["direct:bge-m3"].source == "routes.yaml:11"
