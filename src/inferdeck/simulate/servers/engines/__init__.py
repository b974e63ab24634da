"""Inference engines: vLLM, SGLang, TGI, llama.cpp and Ollama, all folds of the same events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferdeck.simulate.servers.engines import llamacpp, ollama, sglang, tgi, vllm

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.engines.program import EngineProgram
    from inferdeck.simulate.servers.program import World

KINDS = {
    "vllm": vllm.build,
    "sglang": sglang.build,
    "tgi": tgi.build,
    "llamacpp": llamacpp.build,
    "ollama": ollama.build,
}


def build(engine: Engine, fleet: Fleet, world: World) -> EngineProgram:
    """Return the program of an engine; LookupError for a kind that is none."""
    return KINDS[engine.kind](engine, fleet, world)
