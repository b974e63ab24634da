"""The dashboards Overview, Gateway and Cache on a stack of real programs: LiteLLM, llama-server, Redis, this host."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from inferdeck.dashboards.interpolation import Window
from tests.pipeline import panels
from tests.pipeline.panels import Asked, Emptiness
from tests.real import gateway
from tests.real.daemon import Place, all_up
from tests.real.prometheus_api import ask
from tests.real.stack import whole_stack
from tests.real.traffic import Call, Generator

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

ROUNDS = 4
SAYS_WHY = {
    "overview/gpu-utilisation": "No GPU is watched",
    "overview/gpu-history": "No GPU is watched",
    "gateway/cooldowns": "No deployment was ever set aside",
    "gateway/headroom": "No team has a rate limit",
    "gateway/provider-headroom": "No provider told how much is left",
    "cache/lookups": "Nothing was looked for, or the gateway counts hits alone",
    "cache/ttl-by-kind": "Keys are not sampled",
}
"""Panels that this stack leaves empty: it has no GPU, no database and thus no teams, and cooldowns are off."""


async def test_no_panel_is_dead_but_those_that_say_why(tmp_path: Path) -> None:
    async with whole_stack(tmp_path) as stack:
        traffic, engine = Generator(stack.litellm.url, gateway.KEY), Generator(stack.llama.url, "none")
        place = Place.of(tmp_path / "daemon", stack.sources())
        with place.up() as daemon:
            await asyncio.to_thread(place.status_when, all_up)
            for _ in range(ROUNDS):
                # A counter is born with its first request; what it counts from then on is a rate.
                await traffic.send(gateway.every_way(), 8)
                await engine.send([Call("tiny", body={"max_tokens": 8})] * 2, 1)
                await asyncio.sleep(3.0)
            emptiness, errors = Emptiness(), []
            end = round(time.time() * 1000)
            window = Window(end - 900_000, end, 15_000)

            async def values(label: str, selector: str) -> list[str]:
                fields = {"match[]": selector, "start": str(window.start_ms / 1000), "end": str(window.end_ms / 1000)}
                _, found = await asyncio.to_thread(ask, daemon.url, f"label/{label}/values", fields)
                return list(found["data"])

            for uid in ("overview", "gateway", "cache"):
                dashboard = panels.dashboard(uid)
                chosen = await panels.choose(dashboard, values, window)
                for one in panels.queries(dashboard, chosen, window):
                    status, found = await asyncio.to_thread(_asked, daemon.url, one, window)
                    if status == 200:
                        emptiness.note(one, len(found["data"]["result"]))
                    else:
                        errors.append(f"{one.place}: {found}")
    empty = emptiness.empty()
    print(f"{len(emptiness.panels)} panels, empty:", *sorted(empty), sep="\n  ")
    assert errors == []
    assert {place: why for place, why in empty.items() if not why.startswith(SAYS_WHY.get(place, "?"))} == {}


def _asked(url: str, one: Asked, window: Window) -> tuple[int, Any]:
    if one.query.instant:
        return ask(url, "query", {"query": one.text, "time": str(window.end_ms / 1000)}, form=True)
    ends = {"start": str(window.start_ms / 1000), "end": str(window.end_ms / 1000)}
    return ask(url, "query_range", {"query": one.text, **ends, "step": str(window.step_ms / 1000)}, form=True)
