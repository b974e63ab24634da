"""What the Prometheus exporters of a host have in common: a table that is brought up to date and read at /metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from aiohttp import web

from inferdeck.simulate.events import ClockShifted, Ended, Started
from inferdeck.simulate.servers.program import World
from inferdeck.simulate.table import Table

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE = """<html>
<head><title>{title}</title></head>
<body>
<h1>{title}</h1>
<p><a href="/metrics">Metrics</a></p>
</body>
</html>
"""


class Exporter(ABC):
    """A program with one table, asked at /metrics."""

    title = "GPU Exporter"

    def __init__(self, process: str, host: str, world: World) -> None:
        self.process = process
        self.host = host
        self.tables: list[Table] = []
        self.version = ""
        self.pid = 0
        self.started = 0.0
        self.clock_offset = 0.0
        self._world = world

    @abstractmethod
    def refresh(self, now: float) -> None:
        """Bring the table to this moment."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        return [web.get("/metrics", self._metrics), web.get("/", self._page)]

    async def _metrics(self, _request: web.Request) -> web.Response:
        self.refresh(self._world.present())
        text = "".join(table.text() for table in self.tables)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=_PAGE.format(title=self.title), content_type="text/html")

    def _start(self, event: Started) -> None:
        self.version, self.pid, self.started = event.version, event.pid, event.time

    def _over(self, _event: Ended) -> None:
        self.pid = 0

    def _clock(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds
