"""An access log in front of a real server: a reverse proxy that writes down every request that it passes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.real.programs import LOOPBACK, free_port

# They belong to one connection, not to the message (RFC 9110, section 7.6.1).
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"}


@dataclass(frozen=True, slots=True)
class Access:
    """One request and the status it got."""

    method: str
    path: str
    query: str
    status: int


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where the proxy listens and what has passed so far."""

    url: str
    entries: list[Access] = field(default_factory=list)

    def paths(self) -> set[str]:
        """Return the paths that were asked for."""
        return {entry.path for entry in self.entries}


@asynccontextmanager
async def access_log(target: str) -> AsyncIterator[AccessLog]:
    """Pass requests on to `target` (http://host:port) from a free loopback port."""
    port = free_port()
    log = AccessLog(f"http://{LOOPBACK}:{port}")
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def passed(request: web.Request) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
            async with session.request(
                request.method,
                target + request.raw_path,
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                log.entries.append(Access(request.method, request.path, request.query_string, answer.status))
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", passed)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, port).start()
        try:
            yield log
        finally:
            await runner.cleanup()
