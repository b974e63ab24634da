"""vLLM (V1 engine): its metrics by version and its OpenAI-compatible server.

As captured from 0.32.0 on a processor; unverified, since no capture holds it: the names of 0.8.5 and 0.20 (from vLLM's
sources), the error body of 0.8.5, the message for a prompt that is too long in tokens only, embeddings.
A sequence whose client went away counts in no `request_*` family, as captured: only its tokens do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferdeck.simulate.servers.engines.vllm.program import Vllm

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World


def build(engine: Engine, fleet: Fleet, world: World) -> Vllm:
    """Return a vLLM."""
    return Vllm(engine, fleet, world)
