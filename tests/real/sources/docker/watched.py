"""A source that collects from a real daemon until something is seen, and keeps everything that it told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from inferdeck.model.happening import Happening
from inferdeck.model.target import Fact
from inferdeck.sources.docker.config import DockerConfig
from inferdeck.sources.docker.source import DockerSource
from inferdeck.sources.interface import Collected
from tests.real.docker_engine import RealDocker
from tests.real.sources.reading import Series, series, source

PATIENCE_SECONDS = 120.0
"""What is waited for comes within some seconds, unless the tests beside it leave the daemon no processor."""


class Watched:
    """A source that collects until something is seen; everything that it told is kept."""

    def __init__(self, found: DockerSource) -> None:
        self.source = found
        self.told: list[Happening] = []
        self.last: Collected | None = None

    async def collect(self) -> Collected:
        self.last = await self.source.collect(time.time())
        self.told += self.last.happenings
        return self.last

    async def until(self, holds: Callable[[Watched], bool]) -> Collected:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = await self.collect()
            if holds(self):
                return found
            assert time.monotonic() < end, (found.warnings, self.told, found.inventory)
            await asyncio.sleep(0.2)

    def fact(self, name: str, kind: str = "container") -> Fact:
        assert self.last is not None
        return next((one for one in self.last.inventory if (one.kind, one.name) == (kind, name)), Fact(kind, name, {}))

    def kinds(self, subject: str) -> list[str]:
        return [one.kind for one in self.told if one.subject == subject]


@asynccontextmanager
async def watching(docker: RealDocker) -> AsyncIterator[Watched]:
    async with source("docker", DockerConfig(url=docker.url, stats_interval=0.01)) as found:
        assert isinstance(found, DockerSource)
        watched = Watched(found)
        await watched.collect()
        yield watched


def of(found: Collected, name: str) -> Series:
    return {key: value for key, value in series(found).items() if dict(key).get("name") == name}


def value(found: Series, metric: str, **more: str) -> float | None:
    wanted = {"__name__": metric, **more}
    return next((value for key, value in found.items() if wanted.items() <= dict(key).items()), None)
