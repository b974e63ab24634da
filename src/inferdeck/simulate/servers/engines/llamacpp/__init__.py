"""llama.cpp's server: its metrics, some of which a scrape sets back, its slots, and its sleep.

As captured from b11434. Integers are printed whole: the real one prints six significant digits, also of counters
beyond a million. Unverified: embeddings while the model serves chat (501 as captured), what a request of a model that
sleeps sees (it waits for the load), the time in `Process-Start-Time-Unix` (no Unix time in the captured build either).
A request that its client gave up counts its prompt, not its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferdeck.simulate.servers.engines.llamacpp.program import LlamaCpp

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Engine, Fleet
    from inferdeck.simulate.servers.program import World


def build(engine: Engine, fleet: Fleet, world: World) -> LlamaCpp:
    """Return a llama-server."""
    return LlamaCpp(engine, fleet, world)
