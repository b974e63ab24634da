"""A source made as the daemon makes it, and an exporter's answer, both as series to value."""

from __future__ import annotations

import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from inferdeck.config.schema import TargetConfig
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, labels, metric_name, without
from inferdeck.model.target import TargetKey
from inferdeck.sources import registry
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Source

Series = dict[Labels, float]
TARGET = TargetKey("test", "here:1", "tests")
EXTRA = labels({"job": TARGET.job, "instance": TARGET.instance, "environment": TARGET.environment})


@asynccontextmanager
async def source(kind: str, config: TargetConfig) -> AsyncIterator[Source]:
    """Give one source, closed at the end."""
    http = HttpClient()
    found = registry.make(kind, config, http, SystemClock(), TARGET, EXTRA)
    try:
        yield found
    finally:
        await found.aclose()
        await http.aclose()


def series(collected: Collected) -> Series:
    """Return what a collection brought, without the target's own labels."""
    names = [key for key, _ in EXTRA]
    return {
        without(key, *names): value
        for key, value in zip(collected.layout.series, collected.values.tolist(), strict=True)
    }


def exposition(url: str) -> Series:
    """Return what an exporter says now."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        read = ExpositionParser(()).parse_sync(answer.read(), answer.headers["Content-Type"])
    return dict(zip(read.layout.series, read.values.tolist(), strict=True))


def families(found: Series) -> set[str]:
    """Return the metric names of these series."""
    return {metric_name(key) for key in found}
