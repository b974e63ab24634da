"""The real LiteLLM proxy in front of simulated engines: what it counts is what the engines counted."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import aiohttp
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inferdeck.simulate.events import Left
from inferdeck.simulate.servers.engines.llamacpp.program import LlamaCpp
from inferdeck.simulate.servers.engines.vllm.program import Vllm
from tests.real import gateway, programs
from tests.unit.simulate.servers.one_engine import ENGINE, MODEL, OneEngine, served

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

SPEED = 10.0
SETTLE_SECONDS = 3.0
"""LiteLLM counts after it has answered."""


def engines() -> dict[str, OneEngine]:
    """Return one engine of each kind, by the public name that LiteLLM gives its model."""
    ollama = replace(ENGINE, kind="ollama", version="0.32.1", model=replace(MODEL, name="qwen3:8b"))
    return {
        "on-vllm": OneEngine(ENGINE, speed=SPEED),
        "on-llamacpp": OneEngine(replace(ENGINE, kind="llamacpp", version="b11434"), speed=SPEED),
        "on-ollama": OneEngine(ollama, speed=SPEED),
    }


def config(urls: dict[str, str]) -> str:
    llamacpp = f'model: openai/qwen3-8b, api_base: "{urls["on-llamacpp"]}/v1", api_key: k'
    return f"""\
model_list:
  - {{model_name: on-vllm, litellm_params: {{model: hosted_vllm/qwen3-8b, api_base: "{urls["on-vllm"]}/v1"}}}}
  - {{model_name: on-llamacpp, litellm_params: {{{llamacpp}}}}}
  - {{model_name: on-ollama, litellm_params: {{model: "ollama_chat/qwen3:8b", api_base: "{urls["on-ollama"]}"}}}}
litellm_settings:
  callbacks: [prometheus]
  num_retries: 0
general_settings:
  master_key: {gateway.KEY}
"""


async def ask(client: openai.AsyncOpenAI, model: str, size: int, *, stream: bool) -> tuple[int, int]:
    """Send one request and return the tokens that LiteLLM says it used."""
    messages: list[openai.types.chat.ChatCompletionUserMessageParam]
    messages = [{"role": "user", "content": f"Tell me about {size} things, please."}]
    if not stream:
        answer = await client.chat.completions.create(model=model, messages=messages, max_tokens=size)
        usage = answer.usage
    else:
        chunks = await client.chat.completions.create(
            model=model, messages=messages, max_tokens=size, stream=True, stream_options={"include_usage": True}
        )
        usage = [chunk.usage async for chunk in chunks if chunk.usage][-1]
    assert usage is not None
    return usage.prompt_tokens, usage.completion_tokens


async def counted(url: str) -> Counter[tuple[str, str]]:
    """Return LiteLLM's own token counters by (public model, input or output)."""
    async with aiohttp.ClientSession() as client, client.get(f"{url}/metrics/", headers=gateway.MASTER) as response:
        text = await response.text()
    found: Counter[tuple[str, str]] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for kind in ("input", "output"):
                if sample.name == f"litellm_{kind}_tokens_metric_total":
                    found[sample.labels["requested_model"], kind] += int(sample.value)
    return found


async def test_litellms_tokens_are_the_engines_tokens(tmp_path: Path) -> None:
    programs.litellm_executable()
    fleet = engines()
    async with contextlib.AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(served(one)) for name, one in fleet.items()}
        proxy = stack.enter_context(programs.litellm(tmp_path, config(urls)))
        client = openai.AsyncOpenAI(base_url=f"{proxy.url}/v1", api_key=gateway.KEY, max_retries=0, timeout=120)
        told: dict[str, list[tuple[int, int]]] = {}
        for name in fleet:
            jobs = [ask(client, name, size, stream=size % 2 == 1) for size in (7, 20, 41, 64, 300)]
            told[name] = await asyncio.gather(*jobs)
        await asyncio.sleep(SETTLE_SECONDS)
        theirs = await counted(proxy.url)
        await client.close()
    for name, one in fleet.items():
        lefts = [event for event in one.events if isinstance(event, Left)]
        assert len(lefts) == 5 and {left.finish for left in lefts} == {"stop", "length"}
        prompt, output = sum(left.prompt_tokens for left in lefts), sum(left.output_tokens for left in lefts)
        assert (prompt, output) == tuple(map(sum, zip(*told[name], strict=True))), name
        assert (theirs[name, "input"], theirs[name, "output"]) == (prompt, output), name
        one.program.refresh(one.now)
        if isinstance(one.program, Vllm):
            families = one.program.families
            assert families.prompt.get(families.key) == prompt and families.generation.get(families.key) == output
        elif isinstance(one.program, LlamaCpp):
            assert one.program.prompt.get() + one.program.cached.get() == prompt
            assert one.program.predicted.get() == output
