"""Prometheus' interface over a store of its own, served on a port by the real listener behind the real guard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from fastapi import APIRouter, FastAPI

from inferdeck.api import errors as shape
from inferdeck.api import guard, server
from inferdeck.api.app import KeptAnswer, guarded
from inferdeck.api.prometheus import routes
from inferdeck.config.schema import QueryConfig, Settings
from inferdeck.daemon.answering import Answering
from inferdeck.daemon.site import DaemonSite
from inferdeck.model.clock import Clock, SystemClock
from inferdeck.query.interface import QueryService
from inferdeck.query.writes import WriteLog
from inferdeck.query.written import NotingSink
from inferdeck.receive.remote_write import Receiver
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Served:
    """The running interface and what stands behind it."""

    url: str
    database: MetricDatabase
    writer: SinkWriter
    session: aiohttp.ClientSession

    async def get(self, path: str, *fields: tuple[str, str], **headers: str) -> tuple[int, Any]:
        """GET a path below /api/v1 and return status and JSON."""
        async with self.session.get(f"{self.url}/api/v1/{path}", params=list(fields), headers=headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def post(self, path: str, *fields: tuple[str, str]) -> tuple[int, Any]:
        """POST a form to a path below /api/v1 and return status and JSON."""
        async with self.session.post(f"{self.url}/api/v1/{path}", data=list(fields)) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def data(self, path: str, *fields: tuple[str, str]) -> Any:
        """GET a path, expect success, and return its data."""
        status, found = await self.get(path, *fields)
        assert status == 200, found
        return found["data"]


@contextlib.asynccontextmanager
async def served(
    directory: Path,
    *,
    clock: Clock | None = None,
    query: QueryConfig | None = None,
    tokens: Sequence[str] = ("", ""),
    topic: Callable[[QueryService], APIRouter] | None = None,
    kept: Mapping[str, KeptAnswer] | None = None,
) -> AsyncIterator[Served]:
    """Serve until the block ends. tokens: the viewer's and the operator's; topic: further routes; kept: see guarded."""
    clock, query = clock or SystemClock(), query or QueryConfig()
    database = MetricDatabase.open(directory / "data", clock=clock)
    log = WriteLog()
    writer = SinkWriter(database, NotingSink(log))
    runner = Runner(clock, writer)
    settings = Settings(data_dir=directory / "data", query=query)
    site = DaemonSite(settings, clock, database, runner, Receiver(writer, clock), clock.now())
    answering = Answering(query, database, log, site.families)
    bound = server.bind_tcp(LOOPBACK, 0)
    rules = guard.access(LOOPBACK, (), *tokens)
    found = routes.routes(answering.service, site)
    app = FastAPI(openapi_url=None)
    shape.install(app)
    app.router.routes.extend(found)
    if topic is not None:
        app.include_router(topic(answering.service))
    application = guarded(app, rules, routes.direct(found), kept)
    listener = server.Listener(application, bound, peers_checked=False)
    url = f"http://{LOOPBACK}:{bound.getsockname()[1]}"
    await listener.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(url, database, writer, session)
    finally:
        await listener.stop()
        await answering.aclose()
        await writer.run(database.close)
        writer.close()
