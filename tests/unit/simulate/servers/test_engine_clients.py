"""Official clients as judges: the OpenAI SDK before every engine, the Ollama client before Ollama."""

from __future__ import annotations

from dataclasses import replace

import ollama
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from inferdeck.simulate.fleet import Engine
from tests.unit.simulate.servers.one_engine import ENGINE, MODEL, OneEngine, served

SPEED = 20.0
"""Seconds of the world per second of ours."""
VERSIONS = {"vllm": "0.33.0", "sglang": "0.5.23", "tgi": "3.3.6", "llamacpp": "b11434", "ollama": "0.32.1"}
KINDS = [*VERSIONS.items(), ("vllm", "0.8.5"), ("vllm", "0.20.2")]


def engine(kind: str, version: str) -> Engine:
    return replace(ENGINE, kind=kind, version=version)


def sdk(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=60)


@pytest.mark.parametrize(("kind", "version"), KINDS)
async def test_openai_sdk_gets_answers_whose_tokens_the_engine_counted(kind: str, version: str) -> None:
    one = OneEngine(engine(kind, version), speed=SPEED)
    async with served(one) as url, sdk(url) as client:
        assert [model.id async for model in client.models.list()]
        chat = await client.chat.completions.create(
            model=MODEL.name, messages=[{"role": "user", "content": "How are you today?"}], max_tokens=30
        )
        assert chat.choices[0].finish_reason == "length" and chat.usage is not None
        assert chat.usage.completion_tokens == 30 and len(chat.choices[0].message.content or "") == 30 * 5
        text = await client.completions.create(model=MODEL.name, prompt="Say something", max_tokens=500)
        assert text.choices[0].finish_reason == "stop" and text.usage is not None
        used = (chat.usage, text.usage)
    one.program.refresh(one.world.present())
    assert one.program.batch.generated == sum(usage.completion_tokens for usage in used)
    lefts = [event for event in one.events if type(event).__name__ == "Left"]
    assert sum(left.prompt_tokens for left in lefts) == sum(usage.prompt_tokens for usage in used)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "version"), KINDS)
async def test_openai_sdk_reads_a_stream_with_its_usage(kind: str, version: str) -> None:
    one = OneEngine(engine(kind, version), speed=SPEED)
    async with served(one) as url, sdk(url) as client:
        stream = await client.chat.completions.create(
            model=MODEL.name,
            messages=[{"role": "user", "content": "Count to ten."}],
            max_tokens=25,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks: list[ChatCompletionChunk] = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(text) == 25 * 5
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"
    usage = chunks[-1].usage
    assert usage is not None and usage.completion_tokens == 25


async def test_a_stream_comes_with_the_engines_pace() -> None:
    """The tokens arrive one after the other, not all at the end."""
    one = OneEngine(engine("vllm", "0.33.0"), speed=5.0)
    async with served(one) as url, sdk(url) as client:
        stream = await client.chat.completions.create(
            model=MODEL.name, messages=[{"role": "user", "content": "Slowly."}], max_tokens=60, stream=True
        )
        seen = [one.world.now async for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    assert len(set(seen)) > 5
    assert seen == sorted(seen)


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
async def test_openai_sdk_maps_errors(kind: str) -> None:
    one = OneEngine(engine(kind, VERSIONS[kind]), speed=SPEED)
    async with served(one) as url, sdk(url) as client:
        with pytest.raises(openai.BadRequestError, match="maximum context length"):
            await client.completions.create(model=MODEL.name, prompt="word " * 6000)
        if kind == "vllm":
            with pytest.raises(openai.NotFoundError, match="does not exist"):
                await client.completions.create(model="nope", prompt="x")


def ollama_engine(sleep: float | None = None) -> Engine:
    return replace(engine("ollama", "0.32.1"), model=replace(MODEL, name="qwen3:8b"), sleep_after_seconds=sleep)


async def test_ollama_client_generates_chats_and_embeds() -> None:
    one = OneEngine(ollama_engine(), speed=SPEED)
    async with served(one) as url, ollama.AsyncClient(url) as client:
        said = await client.generate("qwen3:8b", "Why is the sky blue?", options={"num_predict": 20})
        assert said.done and said.done_reason == "length" and said.eval_count == 20
        assert said.total_duration and said.eval_duration and said.total_duration >= said.eval_duration > 1_000_000
        chat = await client.chat("qwen3:8b", [{"role": "user", "content": "Hello"}], options={"num_predict": 10})
        assert chat.message.role == "assistant" and chat.eval_count == 10
        parts = [
            part async for part in await client.generate("qwen3:8b", "Once", stream=True, options={"num_predict": 8})
        ]
        assert len(parts) == 9 and parts[-1].done and parts[-1].eval_count == 8
        found = await client.embed("qwen3:8b", ["one", "two"])
        assert len(found.embeddings) == 2 and found.embeddings[0] != found.embeddings[1]
        with pytest.raises(ollama.ResponseError, match="not found"):
            await client.generate("llama9", "x")
    assert one.program.batch.generated == 20 + 10 + 8


async def test_ollama_client_sees_the_model_on_disk_in_memory_and_gone() -> None:
    one = OneEngine(ollama_engine(sleep=60.0))
    async with served(one) as url, ollama.AsyncClient(url) as client:
        listed = (await client.list()).models[0]
        assert listed.model == "qwen3:8b" and listed.size == 16_000_000_000
        assert listed.details is not None and listed.details.parameter_size == "8.2B"
        shown = await client.show("qwen3:8b")
        assert shown.modelinfo is not None and shown.modelinfo["general.parameter_count"] == 8_200_000_000
        loaded = (await client.ps()).models[0]
        assert loaded.expires_at is not None and loaded.context_length == 4096
        assert 0 < loaded.expires_at.timestamp() - one.now <= 61
        one.run(120)
        assert (await client.ps()).models == []
