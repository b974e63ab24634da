"""Verdicts from answers, one rule each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inferdeck.probing.judging import Judge
from inferdeck.probing.values import Answer, Case, Cause, Kind, Member, State
from tests.unit.probing.told import answer, deployed, failed, told

GATEWAY = told(
    deployed("a-1", "a"),
    deployed("b-1", "b"),
    deployed("c-1", "c"),
    deployed("p-1", "p", weight="1"),
    deployed("p-2", "p", weight="1"),
    deployed("v-1", "v", mode="embedding"),
    fallbacks={"a": ("b", "c")},
)
DIRECT = Case(Kind.DIRECT, "a", deployments=("a-1",))
POOL = Case(Kind.POOL, "p", members=(Member("p-1"), Member("p-2")), requests=50, source="gateway")
FALLBACK = Case(Kind.FALLBACK, "a", order=("b", "c"), source="routes.yaml:9")


def judge(gateway: Any = GATEWAY) -> Judge:
    return Judge(gateway, 0.01, {one.id: one for one in gateway.deployments})


def test_an_answer_by_the_right_deployment_passes() -> None:
    found = judge().single(DIRECT, answer("a-1", "a"))
    assert (found.state, found.cause) == (State.PASSED, Cause.NONE)
    assert found.evidence == (
        "HTTP 200",
        "x-litellm-model-id: a-1",
        "x-litellm-model-group: a",
        "x-litellm-attempted-fallbacks: 0",
    )


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (answer("b-1", "b"), Cause.WRONG_DEPLOYMENT),
        (answer("b-1", "b", "1"), Cause.WRONG_DEPLOYMENT),
        (answer("a-1", "a", body={"choices": []}), Cause.GARBAGE),
        (answer("a-1", "a", body=[]), Cause.GARBAGE),
        (failed(400, "Invalid model name passed in model=a"), Cause.MODEL_ABSENT),
        (failed(0, "refused", cut="unreachable"), Cause.GATEWAY_GONE),
    ],
)
def test_a_wrong_answer_fails(given: Answer, cause: Cause) -> None:
    found = judge().single(DIRECT, given)
    assert (found.state, found.cause) == (State.FAILED, cause)


def test_a_model_that_the_gateway_does_not_have_lacks_its_mapping() -> None:
    found = judge().single(replace(DIRECT, model="new"), failed(400, "Invalid model name passed in model=new"))
    assert found.cause is Cause.MAPPING_MISSING


def test_streams() -> None:
    case = replace(DIRECT, kind=Kind.STREAM)
    good = answer("a-1", "a", streamed=True, finished=True, events=3)
    assert judge().single(case, good).state is State.PASSED
    assert judge().single(case, replace(good, finished=False)).cause is Cause.STREAM_BROKEN
    assert judge().single(case, answer("a-1", "a")).cause is Cause.NOT_STREAMED
    assert judge().single(case, replace(good, error="overloaded")).cause is Cause.STREAM_BROKEN


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ([{"embedding": [0.1, 0.2]}], State.PASSED),
        ([{"embedding": [0.1]}], State.FAILED),
        ([{"embedding": "text"}], State.FAILED),
        ([{"embedding": [True, False]}], State.FAILED),
        ([], State.FAILED),
        (None, State.FAILED),
    ],
)
def test_vectors(data: Any, state: State) -> None:
    case = Case(Kind.EMBEDDING, "v", deployments=("v-1",), embeds=True, dimensions=2)
    found = judge().single(case, answer("v-1", "v", body={"data": data}))
    assert found.state is state
    assert (found.cause is Cause.NO_VECTOR) == (state is State.FAILED)


THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 3}}


def said(**message: Any) -> Answer:
    return answer("a-1", "a", body={"choices": [{"message": message}], "usage": message.pop("usage", None)})


@pytest.mark.parametrize(
    ("capability", "good", "bad"),
    [
        ("vision", said(content="Red."), said(content="I cannot see pictures.")),
        ("function_calling", said(tool_calls=[{"function": {"name": "x"}}]), said(content="ok")),
        ("json", said(content=' {"ok": true} '), said(content="ok")),
        ("reasoning", said(content="9.9", reasoning_content="Let me see"), said(content="9.9")),
        ("thinking", said(content="x", usage=THOUGHT), said(content="x")),
    ],
)
def test_capabilities(capability: str, good: Answer, bad: Answer) -> None:
    case = replace(DIRECT, kind=Kind.CAPABILITY, capability=capability)
    assert judge().single(case, good).state is State.PASSED
    found = judge().single(case, bad)
    assert (found.state, found.cause) == (State.FAILED, Cause.CAPABILITY)


def pool(first: int, second: int, *more: Answer) -> Any:
    answers = [answer("p-1", "p")] * first + [answer("p-2", "p")] * second + list(more)
    return judge().pool(POOL, answers)


def test_a_pool_that_shares_evenly_passes_and_tells_what_it_could_have_seen() -> None:
    found = pool(26, 23)
    assert found.state is State.PASSED
    assert found.distribution is not None
    assert found.distribution.power >= 0.8
    assert 0 < found.distribution.smallest_loss < 0.5
    assert [(one.id, one.count) for one in found.distribution.shares] == [("p-1", 26), ("p-2", 23)]


def test_a_starved_member_and_uneven_shares() -> None:
    assert pool(50, 0).cause is Cause.STARVED
    assert pool(50, 0).summary.startswith("p-2 got 0 of 50, 25.0 expected")
    assert pool(68, 32).cause is Cause.UNEVEN


def test_too_few_answers_give_no_verdict() -> None:
    found = pool(12, 0)
    assert (found.state, found.cause) == (State.NO_VERDICT, Cause.NONE)
    assert "12 answers are too few: power" in found.summary


def test_strangers_and_failures_in_a_pool() -> None:
    assert pool(25, 25, answer("a-1", "a")).cause is Cause.WRONG_DEPLOYMENT
    assert pool(25, 25, failed(429, "slow down")).state is State.PASSED
    assert pool(5, 5, *[failed(429, "slow down")] * 5).cause is Cause.RATE_LIMITED
    assert judge().pool(POOL, [answer()] * 50).state is State.NO_VERDICT


def test_why_a_member_starves() -> None:
    def advice(**facts: str) -> str:
        gateway = told(deployed("p-1", "p", rpm="60"), deployed("p-2", "p", **facts))
        return judge(gateway).pool(POOL, [answer("p-1", "p")] * 50).advice

    assert "rpm is set for others (60) and not for p-2" in advice()
    assert "the gateway has rpm 2 for p-2" in advice(rpm="2")
    gateway = told(deployed("p-1", "p", weight="1"), deployed("p-2", "p", weight="0"))
    assert "weight 0 for p-2 and 1 for the others" in judge(gateway).pool(POOL, [answer("p-1", "p")] * 50).advice


def test_a_file_wants_shares_that_the_gateway_was_never_told() -> None:
    first, second = POOL.members
    unequal = replace(POOL, members=(replace(first, weight=3.0), replace(second, weight=1.0)), source="routes.yaml:8")
    evenly = [answer("p-1", "p")] * 100 + [answer("p-2", "p")] * 100
    for facts, said in (({}, "no weight"), ({"weight": "1"}, "weight 1")):
        gateway = told(deployed("p-1", "p", **facts), deployed("p-2", "p", **facts))
        found = judge(gateway).pool(unequal, evenly)
        assert found.cause is Cause.UNEVEN
        assert found.advice.startswith(
            f"routes.yaml:8 wants unequal shares, and the gateway has {said} for all of them"
        )


def fallback(given: Answer, failing: tuple[str, ...] = (), *, forced: bool = True) -> Any:
    return judge().fallback(FALLBACK, given, failing, forced=forced)


def test_the_first_of_the_chain_answers() -> None:
    found = fallback(answer("b-1", "b", "1"))
    assert found.state is State.PASSED
    assert "made to fail on demand: b answered; c behind it is what the settings say" in found.summary


def test_another_one_of_the_chain_answers() -> None:
    found = fallback(answer("c-1", "c", "1"))
    assert (found.state, found.cause) == (State.FAILED, Cause.WRONG_ORDER)
    assert "c answered (position 2), expected b; routes.yaml:9 has b → c" in found.summary
    assert fallback(answer("p-1", "p", "1")).cause is Cause.WRONG_ORDER
    assert fallback(answer("c-1", "c", "1"), ("b",)).state is State.PASSED


def test_a_wrong_rest_of_the_chain_is_told_by_the_settings() -> None:
    gateway = replace(GATEWAY, fallbacks={"a": ("b", "p", "c")})
    found = judge(gateway).fallback(FALLBACK, answer("b-1", "b", "1"), (), forced=True)
    assert (found.state, found.cause) == (State.FAILED, Cause.WRONG_ORDER)


def test_what_proves_nothing_gives_no_verdict() -> None:
    off = "Mock testing request params are disabled on this proxy: mock_testing_fallbacks. An admin can enable them"
    assert "dangerously_allow_mock_testing_request_params" in fallback(failed(400, off)).advice
    for given in (failed(400, off), answer("a-1", "a"), answer("a-1", "a", ""), answer("", "", "")):
        assert fallback(given).state is State.NO_VERDICT
    assert fallback(answer("a-1", "a"), forced=False).state is State.NO_VERDICT


def test_nobody_answers() -> None:
    assert fallback(failed(500, "mock exception")).cause is Cause.NO_FALLBACK
    gateway = replace(GATEWAY, fallbacks={})
    found = judge(gateway).fallback(FALLBACK, failed(500, "mock exception"), (), forced=True)
    assert found.cause is Cause.NO_FALLBACK
    assert "add a: [b, c] to the gateway's fallbacks" in found.advice


def test_a_key_that_may_not_name_deployments_proves_nothing_of_them() -> None:
    case = Case(Kind.MEMBER, "p-1", group="p", deployments=("p-1",))
    refused = failed(401, "API Key not allowed to access model. This key can only access models=['p']")
    found = judge().single(case, refused)
    assert (found.state, found.cause) == (State.NO_VERDICT, Cause.NONE)


def test_a_gateway_that_refuses_the_wish_to_fail_proves_nothing() -> None:
    found = fallback(failed(400, "Unrecognized request argument supplied: mock_testing_fallbacks"))
    assert found.state is State.NO_VERDICT
