"""The nvidia source over a double of the library, and what it brought by name."""

from __future__ import annotations

from pathlib import Path

from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import Labels, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.interface import Collected
from inferdeck.sources.nvidia.config import NvidiaConfig
from inferdeck.sources.nvidia.source import NvidiaSource, make


def source(proc: Path | None = None, *, deadline: float = 30.0, keep_open: bool = True) -> NvidiaSource:
    config = NvidiaConfig(proc=str(proc or "/proc"), deadline=deadline, keep_open=keep_open)
    extra = (("instance", "gpuhost"), ("job", "nvidia"))
    return make(config, None, SystemClock(), TargetKey("nvidia", "gpuhost", "test"), extra)


async def collected(proc: Path | None = None, *, keep_open: bool = True) -> Collected:
    reader = source(proc, keep_open=keep_open)
    try:
        return await reader.collect(1.7e9)
    finally:
        await reader.aclose()


def values(found: Collected, name: str) -> dict[Labels, float]:
    pairs = zip(found.layout.series, found.values.tolist(), strict=True)
    return {series: value for series, value in pairs if metric_name(series) == name}


def value(found: Collected, name: str) -> float:
    [only] = values(found, name).values()
    return only


def facts(found: Collected, kind: str) -> list[Fact]:
    return [fact for fact in found.inventory if fact.kind == kind]
