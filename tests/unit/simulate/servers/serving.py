"""A program's routes on a free port of loopback, served by a thread of their own, so that blocking clients can ask."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from inferdeck.simulate.servers.program import HttpProgram


@contextlib.contextmanager
def serving(program: HttpProgram) -> Iterator[str]:
    """Serve a program's routes and yield their base URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"serving {program.process}")
    thread.start()
    try:
        runner, url = asyncio.run_coroutine_threadsafe(_start(program), loop).result(30)
        try:
            yield url
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _start(program: HttpProgram) -> tuple[web.AppRunner, str]:
    application = web.Application(client_max_size=64 << 20)
    application.add_routes(program.routes())
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()


def ask(url: str, data: bytes | None = None, *, method: str | None = None, **headers: str) -> Answer:
    """Send a request (a POST where there is data), follow no redirect, and return the answer whatever its status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(url, data, named, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, dict(refused.headers), refused.read())
