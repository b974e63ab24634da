"""Small HTTP servers in the forms of real services; each keeps the paths that it was asked for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from inferdeck.sources.listening import Candidate

Answers = dict[str, tuple[int, str, str]]
"""Path -> status, content type, body."""

JSON, TEXT, HTML = "application/json", "text/plain", "text/html"
LLAMA_404 = '{"error":{"message":"File Not Found","type":"not_found_error","code":404}}'
LITELLM: Answers = {
    "/health/liveliness": (200, JSON, '"I\'m alive!"'),
    "/routes": (200, JSON, '{"routes":[{"path":"/model/info","methods":["GET"]}]}'),
    "/health/readiness": (200, JSON, '{"status":"healthy","db":"Not connected"}'),
}
LLAMACPP: Answers = {
    "/health": (200, JSON, '{"status":"ok"}'),
    "/v1/models": (200, JSON, '{"data":[{"id":"tiny","owned_by":"llamacpp"}]}'),
}
PROMETHEUS: Answers = {
    "/-/healthy": (200, TEXT, "Prometheus Server is Healthy.\n"),
    "/api/v1/status/buildinfo": (200, JSON, '{"status":"success","data":{"version":"2.42.0"}}'),
}
EXPORTER: Answers = {
    "/": (200, HTML, "<h1>Node Exporter</h1><a href='/metrics'>Metrics</a>"),
    "/metrics": (200, TEXT, "# HELP up x\n# TYPE up gauge\nup 1\n" * 20_000),
}


@dataclass
class Service:
    """One server, what it was asked for, and the headers it got."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def candidate(self) -> Candidate:
        return Candidate("127.0.0.1", self.port)


@contextlib.asynccontextmanager
async def service(
    answers: Answers, *, server: str = "", missing: tuple[int, str, str] = (404, TEXT, "no")
) -> AsyncIterator[Service]:
    """Serve these answers on a free port; a 3xx answer's body is its Location."""
    found = Service()

    async def handle(request: web.Request) -> web.Response:
        found.asked.append(f"{request.method} {request.path}")
        found.headers.append(dict(request.headers))
        status, kind, body = answers.get(request.path, missing)
        headers = {"Server": server} if server else {}
        if 300 <= status < 400:
            return web.Response(status=status, headers={**headers, "Location": body})
        return web.Response(status=status, text=body, content_type=kind, headers=headers)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.port = runner.addresses[0][1]
        yield found
    finally:
        await runner.cleanup()
