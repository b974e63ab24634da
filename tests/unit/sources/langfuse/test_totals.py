"""What Langfuse's answers say, as values and samples; anything else says nothing."""

from __future__ import annotations

from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.sources import catalog
from inferdeck.sources.langfuse import answers, totals
from inferdeck.sources.langfuse.totals import DAY, HOUR, Totals

SAMPLES = Path(catalog.FOLDER) / "langfuse/samples"
NOW = 1_795_262_400.0
KEYS = ("data", "providedModelName", "level", "count_count", "sum_totalCost", "sum_totalTokens", "isRootObservation",
        "status", "version", "name", "organization", "_deprecation", "message")  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


def body(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def found(raw: bytes, traces: float | None = None) -> dict[str, float]:
    """Return the samples of an hour by their names and own labels."""
    rows = totals.rows(raw)
    assert rows is not None
    made = totals.samples(Totals(HOUR, NOW, rows, totals.roots(rows) if traces is None else traces), "p")
    return {
        " ".join([name.removeprefix("langfuse_last_hour_"), *(value for key, value in own if key != "project")]): value
        for name, own, value in made
    }


def test_health_and_projects_are_read() -> None:
    well, quiet = answers.health(body("health-4.16.0.json")), answers.health(body("health-no-events-4.16.0.json"))
    assert well is not None and (well.ok, well.version, well.major) == (True, "4.16.0", 4)
    assert quiet is not None and not quiet.ok
    assert [(one.name, one.organization) for one in answers.projects(body("projects-4.16.0.json"))] == [
        ("chat", "Example")
    ]
    assert [(one.name, one.organization) for one in answers.projects(body("projects-3.50.0.json"))] == [("chat", "")]


def test_numbers_that_are_text_are_numbers_and_a_cost_that_is_not_there_is_none() -> None:
    assert found(body("v2_metrics-4.16.0.json")) == {
        "end_timestamp_seconds": NOW,
        "traces": 107,
        "observations": 231,
        "errors": 4,
        "cost_usd": 1.25,
        "input_tokens": 61_000,
        "output_tokens": 30_400,
        "total_tokens": 91_400,
        "model_observations gpt-4o DEFAULT": 120,
        "model_observations gpt-4o ERROR": 4,
        "model_observations qwen3-8b DEFAULT": 7,
        "model_cost_usd gpt-4o": 1.25,
        "model_total_tokens gpt-4o": 90_000,
        "model_total_tokens qwen3-8b": 1_400,
    }


def test_what_an_old_version_does_not_count_is_missing() -> None:
    old = found(body("metrics-deprecated-3.225.3.json"), traces=2)
    assert (old["traces"], old["cost_usd"], old["total_tokens"]) == (2, 0.5, 30)
    assert "input_tokens" not in old
    assert answers.notice(body("metrics-deprecated-3.225.3.json")).startswith("This endpoint will be removed")


def test_an_idle_window_held_nothing_and_cost_nothing() -> None:
    assert found(b'{"data":[]}') == {
        "end_timestamp_seconds": NOW, "traces": 0, "observations": 0, "errors": 0, "cost_usd": 0, "input_tokens": 0,
        "output_tokens": 0, "total_tokens": 0,
    }  # fmt: skip


def test_a_window_in_which_nothing_has_a_price_has_no_cost() -> None:
    raw = b'{"data":[{"providedModelName":"m","level":"DEFAULT","count_count":"3","sum_totalCost":null}]}'
    assert {"cost_usd", "model_cost_usd m", "total_tokens"}.isdisjoint(found(raw))


def test_a_question_is_about_a_span_that_ends_now() -> None:
    asked = orjson.loads(totals.question(DAY, NOW, v2=True))
    assert (asked["fromTimestamp"], asked["toTimestamp"]) == ("2026-11-20T12:00:00.000Z", "2026-11-21T12:00:00.000Z")
    assert {"field": "isRootObservation"} in asked["dimensions"]
    assert {"field": "isRootObservation"} not in orjson.loads(totals.question(DAY, NOW, v2=False))["dimensions"]
    assert orjson.loads(totals.question(DAY, NOW, v2=False, traces=True))["view"] == "traces"


@given(JSON)
def test_no_answer_is_a_surprise(answer: object) -> None:
    whole = orjson.dumps(answer)
    answers.health(whole)
    answers.projects(whole)
    answers.notice(whole)
    totals.count(whole)
    rows = totals.rows(whole)
    if rows is not None:
        assert all(value == value for _, _, value in totals.samples(Totals(HOUR, NOW, rows, None), "p"))
