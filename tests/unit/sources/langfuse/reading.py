"""A Langfuse source at work, and what it collected, for the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.target import TargetKey
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from inferdeck.sources.langfuse.config import LangfuseConfig
from inferdeck.sources.langfuse.source import LangfuseSource, make
from tests.unit.simulate.servers.told_requests import NOON

NOW = NOON + 3600.0
KEYS = {"public_key": "pk-lf-demo", "secret_key": "sk-lf-demo"}


@asynccontextmanager
async def reading(url: str, clock: ManualClock | None = None, **settings: object) -> AsyncIterator[LangfuseSource]:
    """Yield a source with the demo's keys, unless told otherwise."""
    http = HttpClient()
    config = LangfuseConfig.model_validate({"url": url, **KEYS, **settings})
    target = TargetKey("langfuse", "here:1", "tests")
    extra = labels({"job": target.job, "instance": target.instance})
    try:
        yield make(config, http, clock or ManualClock(NOW), target, extra)
    finally:
        await http.aclose()


def values(found: Collected) -> dict[str, float]:
    """Return the samples of one collection, by name, model and level."""
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {
        " ".join(filter(None, (metric_name(one), get(one, "model"), get(one, "level")))): value for one, value in pairs
    }
