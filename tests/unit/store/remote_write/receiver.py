"""A remote-write receiver that behaves as told, request by request, and keeps what it accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from inferdeck.model.labels import Labels
from tests.unit.store.remote_write import prompb

Behaviour = Callable[[web.Request], web.Response] | str


def answer(status: int, text: str = "", **headers: str) -> Callable[[web.Request], web.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: web.Response(status=status, text=text, headers=named)


@dataclass
class Receiver:
    """Answers 204 once `script` is used up; "hang" never answers, "cut" closes the connection."""

    script: list[Behaviour] = field(default_factory=list)
    url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    accepted: list[tuple[Labels, list[prompb.Sample]]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        body = await request.read()
        behaviour = self.script.pop(0) if self.script else answer(204)
        if behaviour == "hang":
            await asyncio.sleep(3600)
        if isinstance(behaviour, str):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        response = behaviour(request)
        if response.status < 300:
            self.accepted += prompb.read(body)
        return response


@asynccontextmanager
async def receiver(*script: Behaviour) -> AsyncIterator[Receiver]:
    found = Receiver(list(script))
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/write", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/write"
    try:
        yield found
    finally:
        await runner.cleanup()


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that must come true; fails loudly where it does not."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def samples(accepted: Iterable[tuple[Labels, list[prompb.Sample]]]) -> dict[Labels, list[prompb.Sample]]:
    """Put the samples of each series together, in the order in which they arrived."""
    found: dict[Labels, list[prompb.Sample]] = {}
    for series, some in accepted:
        found.setdefault(series, []).extend(some)
    return found
