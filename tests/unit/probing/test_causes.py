"""The likely cause of a failure, from messages that LiteLLM 1.106.2 gave and that providers are known for."""

from __future__ import annotations

import pytest

from inferdeck.probing.causes import advice, cause_of
from inferdeck.probing.values import Answer, Cause
from tests.unit.probing.told import answer, failed

MESSAGES = [
    (
        401,
        "litellm.AuthenticationError: Missing Anthropic API Key - A call is being made to anthropic but no key is set "
        "either in the environment variables or via params. Please set `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`",
        Cause.KEY_UNSET,
    ),
    (
        500,
        "litellm.InternalServerError: InternalServerError: OpenAIException - Missing credentials. Please pass an "
        "`api_key`, `workload_identity`, `admin_api_key`, or set the `OPENAI_API_KEY` environment variable.",
        Cause.KEY_UNSET,
    ),
    (
        401,
        "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided: sk-...",
        Cause.KEY_REFUSED,
    ),
    (401, "Authentication Error, No api key passed in.", Cause.GATEWAY_KEY),
    (401, "API Key not allowed to access model. This key can only access models=['a']", Cause.MODEL_ABSENT),
    (400, "No connected db.", Cause.GATEWAY_KEY),
    (
        500,
        "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.",
        Cause.UNREACHABLE,
    ),
    (500, "litellm.APIConnectionError: Ollama_chatException - Cannot connect to host", Cause.UNREACHABLE),
    (
        400,
        "/chat/completions: Invalid model name passed in model=zzz. Call `/v1/models` to view available models",
        Cause.MODEL_ABSENT,
    ),
    (
        404,
        "litellm.NotFoundError: NotFoundError: OpenAIException - The model `gpt-9` does not exist",
        Cause.BACKEND_MODEL,
    ),
    (429, "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached", Cause.RATE_LIMITED),
    (429, "No deployments available for selected model, Try again in 5 seconds. Passed model=a.", Cause.COOLING),
    (429, "You exceeded your current quota: insufficient_quota", Cause.BUDGET),
    (422, "Budget has been exceeded! Current cost: 4, Max budget: 3", Cause.BUDGET),
    (408, "litellm.Timeout: APITimeoutError - Request timed out.", Cause.TOO_SLOW),
    (503, "litellm.ServiceUnavailableError: OpenAIException - overloaded", Cause.PROVIDER_FAILS),
    (400, "litellm.BadRequestError: OpenAIException - The model is not a multimodal model", Cause.CAPABILITY),
    (400, "litellm.BadRequestError: OpenAIException - something else", Cause.REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "cause"), MESSAGES)
def test_a_message_tells_its_cause(status: int, message: str, cause: Cause) -> None:
    assert cause_of(failed(status, message)) is cause


def test_what_is_no_whole_answer_has_a_cause_too() -> None:
    assert cause_of(failed(0, "x", cut="timeout")) is Cause.TOO_SLOW
    assert cause_of(failed(0, "x", cut="unreachable")) is Cause.GATEWAY_GONE
    assert cause_of(failed(200, "x", cut="garbage")) is Cause.GARBAGE
    assert cause_of(answer()) is Cause.NONE
    broken = Answer(200, streamed=True, error="the stream broke off: ClientPayloadError")
    assert cause_of(broken) is Cause.STREAM_BROKEN


def test_the_variable_of_a_missing_key_is_named() -> None:
    told = failed(401, MESSAGES[0][1])
    assert "ANTHROPIC_API_KEY" in advice(Cause.KEY_UNSET, told, "claude", "", "anthropic")
    assert "GROQ_API_KEY" in advice(Cause.KEY_UNSET, failed(401, "missing credentials"), "m", "", "groq")


def test_braces_in_names_stay_text() -> None:
    text = advice(Cause.MAPPING_MISSING, failed(400, ""), "{variable}{0}", "", "")
    assert '"{variable}{0}"' in text


@pytest.mark.parametrize("cause", [one for one in Cause if one])
def test_a_cause_that_a_message_tells_has_advice(cause: Cause) -> None:
    told = {one for _, _, one in MESSAGES}
    if cause in told or cause in (Cause.GATEWAY_GONE, Cause.GARBAGE, Cause.MAPPING_MISSING):
        assert advice(cause, failed(500, ""), "m", "http://place", "provider")
