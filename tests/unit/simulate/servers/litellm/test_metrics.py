"""The metrics of the simulated proxy: shapes as captured, values as the log of the world says."""

from __future__ import annotations

import math

import pytest

from inferdeck.simulate.events import Answered, Arrived, Fault, Started, Usage
from tests.unit.simulate.fleets import MONDAY_TEN
from tests.unit.simulate.servers.litellm.scene import Labels, Scene, captured, headers, rich, samples, scene, total

TOTAL = "litellm_proxy_total_requests_metric_total"
VERSIONS = {"new": "1.109.1", "old": "1.80.0"}


@pytest.fixture(scope="module", params=["new", "old", "new-database", "old-database"])
def ran(request: pytest.FixtureRequest) -> Scene:
    dialect, _, database = request.param.partition("-")
    return scene(database=bool(database), version=VERSIONS[dialect])


def test_families_of_1_109_are_those_of_the_capture() -> None:
    real = headers(captured("metrics_1.109.1_no_database.txt.gz"))
    simulated = headers(scene(0.0, cache="").text())
    assert simulated == real


def test_a_redis_adds_the_families_of_its_breaker() -> None:
    with_redis = {name for name, _, _ in headers(scene(0.0).text())}
    without = {name for name, _, _ in headers(scene(0.0, cache="").text())}
    real = {name for name, _, _ in headers(captured("metrics_1.106.2_database.txt.gz"))}
    assert with_redis - without == {name for name in real if "circuit_breaker" in name}


UNKNOWN = {
    "metrics_1.109.1_no_database.txt.gz": {"litellm_remaining_team_budget_metric"},
    "metrics_1.106.2_database.txt.gz": {
        *("litellm_api_key_max_budget_metric", "litellm_team_members_metric", "litellm_spend_capture_rate"),
        *("litellm_api_key_rate_limit_allowed_metric", "litellm_api_key_rate_limit_used_metric"),
        *("litellm_customer_max_budget_metric", "litellm_remaining_customer_budget_metric"),
        *("litellm_user_max_budget_metric", "litellm_remaining_user_budget_metric"),
    },
}
"""Children in a capture of which our world has no notion: limits of keys, users and customers, health checks' teams."""


@pytest.mark.parametrize("name", UNKNOWN)
def test_children_have_the_labels_and_bounds_of_the_capture(name: str) -> None:
    real, simulated = samples(captured(name)), samples(rich(database="no_" not in name).text())
    for family in real.keys() & simulated.keys():
        assert _names(simulated[family]) == _names(real[family])
        assert {labels.get("le") for labels, _ in simulated[family]} == {labels.get("le") for labels, _ in real[family]}
    assert {family for family in real.keys() - simulated.keys() if not family.endswith("_created")} == UNKNOWN[name]


def _names(found: list[tuple[Labels, float]]) -> set[frozenset[str]]:
    return {frozenset(labels) for labels, _ in found}


def test_what_both_1_106_and_1_109_expose_idle_is_alike() -> None:
    idle, real = samples(scene(0.0, cache="").text()), samples(captured("metrics_1.109.1_no_database.txt.gz"))
    for name in ("litellm_total_users", "litellm_teams_count", "litellm_in_flight_requests", "python_info"):
        assert idle[name] == real[name]


def test_requests_tokens_and_spend_are_those_of_the_log(ran: Scene) -> None:
    text, good = ran.text(), [answer for answer in ran.answers if answer.fault is None]
    assert len(good) > 100
    assert total(text, TOTAL) == len(ran.answers)
    assert total(text, TOTAL, status_code="200") == len(good)
    assert total(text, "litellm_proxy_failed_requests_metric_total") == len(ran.answers) - len(good)
    assert total(text, "litellm_input_tokens_metric_total") == sum(answer.usage.input for answer in good)
    assert total(text, "litellm_output_tokens_metric_total") == sum(answer.usage.output for answer in good)
    tokens = sum(answer.usage.input + answer.usage.output for answer in good)
    assert total(text, "litellm_total_tokens_metric_total") == tokens
    spent = math.fsum(answer.usage.cost for answer in good if not answer.cached)
    assert total(text, "litellm_spend_metric_total") == pytest.approx(spent, abs=1e-9)


def test_histograms_agree_with_the_counters(ran: Scene) -> None:
    text, found = ran.text(), samples(ran.text())
    for name in [name for name in found if name.endswith("_bucket")]:
        base = name.removesuffix("_bucket")
        counts = {tuple(sorted(labels.items())): value for labels, value in found[f"{base}_count"]}
        for labels, value in found[name]:
            if labels["le"] == "+Inf":
                del labels["le"]
                assert counts[tuple(sorted(labels.items()))] == value
    good = [answer for answer in ran.answers if answer.fault is None]
    assert total(text, "litellm_request_total_latency_metric_count") == len(good)
    assert total(text, "litellm_llm_api_latency_metric_count") == sum(not answer.cached for answer in good)
    streams = [answer for answer in good if answer.request.stream and not answer.cached]
    assert total(text, "litellm_llm_api_time_to_first_token_metric_count") == len(streams)
    assert total(text, "litellm_overhead_latency_metric_count") == sum(not answer.request.stream for answer in good)
    if ran.program.dialect.new:
        seconds = math.fsum(answer.time - answer.request.time for answer in good)
        assert total(text, "litellm_request_total_latency_metric_sum") == pytest.approx(seconds)
        assert total(text, "litellm_cache_hits_metric_total") == sum(answer.cached for answer in good)


def test_latency_is_what_its_parts_add_up_to() -> None:
    found = scene(retries=0, cache_seconds=None)
    plain = {answer.request.agent for answer in found.answers if not answer.request.stream and not answer.fault}
    text = found.text()
    assert "tagger" in plain
    labels = {"model_group": "qwen"}
    parts = [
        total(text, "litellm_llm_api_latency_metric_sum", **labels),
        total(text, "litellm_overhead_latency_metric_sum", **labels),
        total(text, "litellm_request_queue_time_seconds_sum", requested_model="qwen"),
    ]
    assert total(text, "litellm_request_total_latency_metric_sum", **labels) == pytest.approx(sum(parts))


def test_with_a_database_keys_and_teams_are_known() -> None:
    found = samples(scene(database=True).text())[TOTAL]
    assert {labels["api_key_alias"] for labels, _ in found} == {"assistant", "search", "tagger"}
    assert {labels["team_alias"] for labels, _ in found} == {"product", "research"}
    assert all(len(labels["hashed_api_key"]) == 64 for labels, _ in found)


def test_without_a_database_only_the_user_agent_tells_agents_apart() -> None:
    found = samples(scene().text())[TOTAL]
    assert {labels["hashed_api_key"] for labels, _ in found} == {"litellm_proxy_master_key"}
    assert {labels["team"] for labels, _ in found} == {"None"}
    assert {labels["user_agent"] for labels, _ in found} == {"assistant/1.0", "search/1.0", "tagger/1.0"}


def test_budgets_of_teams_are_shown_with_a_database() -> None:
    found = scene(database=True)
    spent = math.fsum(
        answer.usage.cost
        for answer in found.answers
        if answer.request.team == "research" and not answer.fault and not answer.cached
    )
    text = found.text()
    assert total(text, "litellm_team_max_budget_metric", team_alias="research") == 50.0
    assert total(text, "litellm_remaining_team_budget_metric", team_alias="research") == pytest.approx(50.0 - spent)
    assert total(text, "litellm_remaining_team_budget_metric", team_alias="product") == math.inf
    assert 0.0 < total(text, "litellm_team_budget_remaining_hours_metric", team_alias="research") <= 24.0
    assert total(text, "litellm_team_rate_limit_allowed_metric", rate_limit_type="requests") == 120.0
    assert "litellm_team_max_budget_metric{" not in scene().text()


def test_old_and_new_name_and_bound_differently() -> None:
    old, new = scene(version="1.80.0").text(), scene().text()
    bounds = [
        {labels["le"] for labels, _ in samples(text)["litellm_llm_api_latency_metric_bucket"]} for text in (old, new)
    ]
    assert "0.00625" in bounds[0] - bounds[1] and "420.0" in bounds[1] - bounds[0]
    assert len(bounds[0]) == 36 and len(bounds[1]) == 18
    assert "litellm_remaining_requests_metric" not in old
    assert "litellm_in_flight_requests" not in old
    assert "user_agent=" not in old


def test_workers_count_for_themselves() -> None:
    found = scene(workers=3)
    counts = [total(found.text(worker), TOTAL) for worker in range(3)]
    assert sum(counts) == len(found.answers) and min(counts) > 0


def test_a_restart_begins_at_nothing() -> None:
    found = scene()
    before = found.program.tables[0]
    found.program.handlers()[Started, "litellm"](Started(MONDAY_TEN + 700.0, "litellm", "1.80.0", 7, "upgrade"))
    assert found.program.tables[0] is not before
    assert found.program.dialect.version == "1.80.0"
    assert total(found.text(), TOTAL) == 0.0
    assert total(found.text(), "process_start_time_seconds") == MONDAY_TEN + 700.0


def test_created_tells_when_a_child_began() -> None:
    found = samples(scene().text())
    created = [value for _, value in found["litellm_requests_metric_created"]]
    assert all(MONDAY_TEN < value < MONDAY_TEN + 600.0 for value in created)


def test_failures_are_counted_as_the_real_one_counts_them() -> None:
    found = scene(error_share=0.5)
    text = found.text()
    failed = [answer for answer in found.answers if answer.fault]
    assert total(text, "litellm_proxy_failed_requests_metric_total") == len(failed)
    assert total(text, "litellm_deployment_failure_responses_total", model_id="gpt") > 0
    assert (
        total(text, "litellm_deployment_successful_fallbacks_total", requested_model="gpt", fallback_model="llama") > 0
    )
    # A fallback is counted by the proxy under the model asked for, by all else under the one that served.
    asked = [answer for answer in found.answers if answer.request.model == "gpt"]
    assert total(text, TOTAL, requested_model="gpt") == len(asked)
    rescued = [answer for answer in asked if answer.group == "llama"]
    assert rescued
    served = [answer for answer in found.answers if answer.group == "llama"]
    assert total(text, "litellm_requests_metric_total", requested_model="llama") == len(served)


def test_a_spent_budget_names_no_deployment() -> None:
    found = scene(database=True)
    old = next(answer.request for answer in found.answers if answer.request.team == "research")
    handlers, now = found.program.handlers(), found.world.now
    handlers[Arrived, "litellm"](Arrived(now, old, 0))
    refused = Answered(now, old, 0, "", "", Usage(), False, Fault.BUDGET, 0, 0, 0.01, None, "error")
    handlers[Answered, "litellm"](refused)
    text, named = found.text(), {"exception_class": "BudgetExceededError", "exception_status": "422"}
    assert total(text, "litellm_proxy_failed_requests_metric_total", **named) == 1.0
    assert total(text, "litellm_deployment_failure_responses_total", model_id="", model_group="qwen", **named) == 1.0
