"""What the stack serves, as names to look up; and who looks them up is told whenever that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pytest

from inferdeck.config.load import load
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon.served import served
from inferdeck.daemon.watching import MODELS_SECONDS, Watching
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import EMPTY_LAYOUT
from inferdeck.model.target import Fact, TargetKey, TargetState
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.ollama.config import OllamaConfig
from inferdeck.sources.registry import config_classes
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.memory import MemoryStore


def state(*inventory: Fact) -> TargetState:
    return TargetState(TargetKey("x", "here:1", "e"), "here", "http://here:1", "configured", inventory=inventory)


def deployment(litellm_model: str, provider: str = "") -> Fact:
    return Fact("deployment", "d", {"litellm_model": litellm_model, **({"provider": provider} if provider else {})})


def test_names_and_roots_of_models_and_what_gateways_pass_on() -> None:
    vllm = state(Fact("service", "v", {}), Fact("model", "qwen", {"root": "Qwen/Qwen3-8B"}))
    ollama = state(Fact("model", "qwen3:8b", {}), Fact("database", "db0", {}))
    gateway = state(deployment("hosted_vllm/Qwen/Qwen3-8B", "hosted_vllm"), deployment("openai/gpt-4o", "openai"))
    assert served([vllm, ollama, gateway]) == {"qwen", "Qwen/Qwen3-8B", "qwen3:8b", "gpt-4o"}


@pytest.mark.parametrize(
    ("name", "provider", "wanted"),
    [
        ("hosted_vllm/Qwen/Qwen3-8B", "hosted_vllm", "Qwen/Qwen3-8B"),
        ("openai/Qwen/Qwen3-8B", "custom", "Qwen/Qwen3-8B"),
        ("Qwen/Qwen3-8B", "openai", "Qwen/Qwen3-8B"),
        ("huggingface/together/meta-llama/Llama-3-8b", "huggingface", "meta-llama/Llama-3-8b"),
        ("huggingface/meta-llama/Llama-3-8b", "huggingface", "meta-llama/Llama-3-8b"),
        ("together_ai/meta-llama/Llama-3-8b", "together_ai", "meta-llama/Llama-3-8b"),
        ("openrouter/anthropic/claude-3.7-sonnet", "openrouter", None),
        ("openrouter/anthropic/claude-3.7-sonnet", "", None),
        ("gpt-4o", "openai", "gpt-4o"),
        ("", "openai", None),
    ],
)
def test_a_providers_prefix_is_no_part_of_a_name(name: str, provider: str, wanted: str | None) -> None:
    assert served([state(deployment(name, provider))]) == ({wanted} if wanted else set())


class Serving:
    """A source that serves what it is told to."""

    kind = "ollama"
    probes: Sequence[Probe] = ()

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.names: Collection[str] = ()

    async def collect(self, now: float) -> Collected:
        inventory = [Fact("model", name, {}) for name in self.names]
        return Collected(EMPTY_LAYOUT, np.empty(0), inventory=inventory)

    async def aclose(self) -> None:
        pass


class Following(Serving):
    """A source that notes what it is told."""

    def __init__(self, instance: str) -> None:
        super().__init__(instance)
        self.told: list[set[str]] = []

    def follow(self, names: Collection[str]) -> None:
        self.told.append(set(names))


def target(source: Serving) -> Target:
    url = f"http://{source.instance}"
    return Target(TargetKey("ollama", source.instance, "e"), source, OllamaConfig(url=url), url, ())


async def test_who_follows_models_is_told_of_each_change(tmp_path: Path) -> None:
    file = tmp_path / "inferdeck.yaml"
    file.write_text("discovery: {enabled: false}\n")
    settings = load(path=file, environ={"HOME": str(tmp_path)}, kinds=config_classes())
    clock, http, writer = ManualClock(1e9), HttpClient(), SinkWriter(MemoryStore())
    runner = Runner(clock, writer)
    found = Watching(settings, runner, Assembly(http, clock, "e"), clock, 1, TargetFiles())
    serving, first, second = Serving("a:1"), Following("b:1"), Following("c:1")
    runner.add(target(serving))
    runner.add(target(first))
    runner.start()
    looking = asyncio.create_task(found.keep_looking(lambda text: None))

    async def until(*names: str) -> None:
        async with asyncio.timeout(20):
            while not first.told or first.told[-1] != set(names):
                await clock.advance(MODELS_SECONDS)
                await asyncio.sleep(0.01)

    try:
        await until()
        serving.names = ["qwen", "Qwen/Qwen3-8B"]
        await until("qwen", "Qwen/Qwen3-8B")
        serving.names = ["other"]
        await until("other")
        for _ in range(5):
            await clock.advance(MODELS_SECONDS)
        assert first.told == [set(), {"qwen", "Qwen/Qwen3-8B"}, {"other"}], "told of changes, and of nothing else"
        runner.add(target(second))
        await clock.advance(MODELS_SECONDS)
        assert second.told == [{"other"}], "one that comes later is told as well"
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await runner.stop()
        await http.aclose()
        writer.close()
