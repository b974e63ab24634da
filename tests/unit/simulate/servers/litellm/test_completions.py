"""The endpoint that answers, judged by the official OpenAI client; and that what it was asked is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from inferdeck.simulate.servers.litellm.identity import MASTER_KEY, token
from tests.unit.simulate.servers.litellm.scene import MASTER, Scene, scene, served, total

QUESTION: list[ChatCompletionUserMessageParam] = [
    {"role": "user", "content": "What is the weather like in the hills of the north today?"}
]


def client(url: str, key: str = MASTER_KEY) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60.0)


def quiet(**gateway: Any) -> Scene:
    return scene(10.0, requests_per_minute=0.001, **gateway)


async def test_an_answer_with_its_usage_and_headers() -> None:
    found = quiet()
    async with served(found, live=True) as (_, url), client(url) as asked:
        raw = await asked.chat.completions.with_raw_response.create(model="gpt", messages=QUESTION, max_tokens=40)
        answer = raw.parse()
    assert answer.usage is not None
    content = answer.choices[0].message.content or ""
    assert len(content.split()) == answer.usage.completion_tokens <= 40
    assert answer.model == "gpt" and answer.choices[0].finish_reason in ("stop", "length")
    assert raw.headers["x-litellm-model-id"] == "gpt"
    assert raw.headers["x-litellm-version"] == "1.109.1"
    text = found.text()
    assert total(text, "litellm_output_tokens_metric_total", model="gpt-4.1") == answer.usage.completion_tokens
    assert total(text, "litellm_input_tokens_metric_total") == answer.usage.prompt_tokens
    assert total(text, "litellm_spend_metric_total") == pytest.approx(float(raw.headers["x-litellm-response-cost"]))


async def test_the_same_question_is_answered_from_the_cache() -> None:
    found = quiet()
    async with served(found, live=True) as (_, url), client(url) as asked:
        first = await asked.chat.completions.create(model="gpt", messages=QUESTION, max_tokens=20)
        again = await asked.chat.completions.create(model="gpt", messages=QUESTION, max_tokens=20)
    assert first.choices[0].message.content == again.choices[0].message.content
    assert total(found.text(), "litellm_cache_hits_metric_total") == 1.0


async def test_a_stream_says_as_many_words_as_it_has_tokens() -> None:
    found = quiet()
    async with served(found, live=True) as (_, url), client(url) as asked:
        stream = await asked.chat.completions.create(
            model="llama",
            messages=QUESTION,
            max_tokens=60,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    usage = chunks[-1].usage
    assert usage is not None
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(said.split()) == usage.completion_tokens
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason in ("stop", "length")
    assert total(found.text(), "litellm_llm_api_time_to_first_token_metric_count") == 1.0


async def test_completions_and_embeddings() -> None:
    async with served(quiet(), live=True) as (_, url), client(url) as asked:
        answer = await asked.completions.create(model="qwen", prompt="Once upon a time", max_tokens=12)
        assert answer.usage is not None
        assert len(answer.choices[0].text.split()) == answer.usage.completion_tokens
        vectors = await asked.embeddings.create(model="qwen", input=["a", "b"], encoding_format="float")
        assert [one.index for one in vectors.data] == [0, 1]
        assert vectors.data[0].embedding != vectors.data[1].embedding
        assert vectors.usage.total_tokens == vectors.usage.prompt_tokens > 0


async def test_models() -> None:
    async with served(quiet()) as (_, url), client(url) as asked:
        assert [one.id async for one in asked.models.list()] == ["llama", "gpt", "qwen"]
        assert (await asked.models.retrieve("gpt")).owned_by == "openai"


async def test_errors_are_what_the_client_expects() -> None:
    found = quiet(database=True)
    async with served(found, live=True) as (session, url):
        async with client(url) as asked:
            with pytest.raises(openai.BadRequestError, match="Invalid model name passed in model=nope"):
                await asked.chat.completions.create(model="nope", messages=QUESTION)
        async with client(url, "sk-nobody") as asked:
            with pytest.raises(openai.AuthenticationError):
                await asked.chat.completions.create(model="gpt", messages=QUESTION)
        async with session.post(f"{url}/v1/chat/completions", data=b"{nonsense", headers=MASTER) as answer:
            assert (await answer.json())["error"]["param"] == "request_body"
        async with session.post(f"{url}/v1/chat/completions", json={"model": "gpt"}, headers=MASTER) as answer:
            assert "Missing required parameter: 'messages'" in (await answer.json())["error"]["message"]
    text, name = found.text(), "litellm_proxy_failed_requests_metric_total"
    assert total(text, name, requested_model="other", exception_status="400") == 1.0
    assert total(text, name, exception_status="401") == 1.0
    assert total(text, name) == 4.0


async def test_a_provider_that_fails_is_an_error_of_its_kind() -> None:
    found = scene(10.0, requests_per_minute=0.001, error_share=1.0, fallbacks={}, retries=0)
    async with served(found, live=True) as (_, url), client(url) as asked:
        with pytest.raises(openai.APIStatusError) as caught:
            await asked.chat.completions.create(model="gpt", messages=QUESTION)
        with pytest.raises(openai.APIStatusError):
            await asked.chat.completions.create(model="gpt", messages=QUESTION, stream=True)
    assert caught.value.status_code >= 400
    assert "no fallback model group was found" in caught.value.message
    assert total(found.text(), "litellm_deployment_failure_responses_total", model_id="gpt") == 2.0
    assert total(found.text(), "litellm_deployment_state", model_id="gpt", litellm_model_name="gpt-4.1") == 1.0


async def test_an_agents_own_key_is_its_own_in_the_metrics() -> None:
    found = quiet(database=True)
    agent = found.program.callers.agents[1]
    async with served(found, live=True) as (_, url), client(url, token(agent)) as asked:
        await asked.chat.completions.create(model="qwen", messages=QUESTION, max_tokens=5)
    assert total(found.text(), "litellm_requests_metric_total", api_key_alias=agent.name, team_alias=agent.team) == 1.0


async def test_an_answer_stands_in_the_database_under_its_ids() -> None:
    found = quiet(database=True)
    async with served(found, live=True) as (_, url), client(url) as asked:
        raw = await asked.chat.completions.with_raw_response.create(model="qwen", messages=QUESTION, max_tokens=5)
    (row,) = found.program.books.rows
    assert (row.id, row.call) == (raw.parse().id, raw.headers["x-litellm-call-id"])


async def test_a_request_fails_on_demand_where_that_is_allowed() -> None:
    """Refusal and message are those that 1.106.2 gave."""
    body = {"model": "llama", "messages": QUESTION, "mock_testing_fallbacks": True}
    async with served(quiet(), live=True) as (session, url):
        async with session.post(f"{url}/v1/chat/completions", headers=MASTER, json=body) as answer:
            told = await answer.json()
        assert answer.status == 400
        assert told["detail"]["error"].startswith(
            "Mock testing request params are disabled on this proxy: mock_testing_fallbacks. An admin can enable them"
        )
    async with served(quiet(mock_testing=True, fallbacks={"llama": ("gpt",)}), live=True) as (session, url):
        async with session.post(f"{url}/v1/chat/completions", headers=MASTER, json=body) as answer:
            assert answer.status == 200
        assert answer.headers["x-litellm-model-group"] == "gpt"
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
        async with session.post(
            f"{url}/v1/chat/completions", headers=MASTER, json=body | {"disable_fallbacks": True}
        ) as answer:
            told = await answer.json()
        assert answer.status == 500
        assert told["error"]["message"] == (
            "litellm.InternalServerError: This is a mock exception for model=llama, to trigger a fallback. "
            "Fallbacks=[{'llama': ['gpt']}]"
        )


async def test_what_a_model_can_do_shows_in_its_answers() -> None:
    able = replace(quiet().program.gateway.deployments[0], id="able", model="able", supports=("tools", "json"))
    found = quiet(deployments=(*quiet().program.gateway.deployments, able))
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    async with served(found, live=True) as (session, url):

        async def ask(**more: Any) -> tuple[int, Any]:
            body = {"model": "able", "messages": QUESTION, "max_tokens": 20, **more}
            async with session.post(f"{url}/v1/chat/completions", headers=MASTER, json=body) as answer:
                return answer.status, await answer.json()

        _, called = await ask(tools=[tool])
        assert called["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "look"
        assert called["choices"][0]["finish_reason"] == "tool_calls"
        _, written = await ask(response_format={"type": "json_object"})
        assert written["choices"][0]["message"]["content"] == '{"ok": true}'
        status, refused = await ask(messages=[{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}])
        assert status == 400
        assert "is not a multimodal model" in refused["error"]["message"]
        async with session.get(f"{url}/model/info", headers=MASTER) as answer:
            told = {one["model_info"]["id"]: one["model_info"] for one in (await answer.json())["data"]}
    assert (told["able"]["supports_function_calling"], told["able"]["supports_vision"]) == (True, False)
    assert told["gpt"]["supports_vision"] is None


async def test_a_stream_says_who_answers_before_it_has_ended() -> None:
    async with served(quiet(), live=True) as (session, url):
        body = {"model": "llama", "messages": QUESTION, "max_tokens": 400, "stream": True}
        async with session.post(f"{url}/v1/chat/completions", headers=MASTER, json=body) as answer:
            assert answer.headers["x-litellm-model-group"] == "llama"
            assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
            assert answer.headers["x-litellm-model-id"] in {"llama-a", "llama-b"}
            assert (await answer.read()).endswith(b"data: [DONE]\n\n")
