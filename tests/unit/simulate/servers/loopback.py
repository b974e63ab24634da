"""A simulated Redis or Docker on loopback, in a thread of its own, so that blocking clients can ask."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from inferdeck.simulate.servers.program import HttpProgram, StreamProgram


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loopback")
    thread.start()
    try:
        yield loop
    finally:
        _ask(loop, _cancel())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def _ask(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(30)


async def _cancel() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def tcp(program: StreamProgram) -> Iterator[int]:
    """Serve a program's protocol and yield its port."""
    with _loop() as loop:
        server = _ask(loop, asyncio.start_server(program.connection, "127.0.0.1", 0))
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(server.close)


@contextlib.contextmanager
def unix(program: HttpProgram, folder: Path) -> Iterator[Path]:
    """Serve a program's routes on a unix socket and yield its path."""

    async def begin(path: Path) -> web.AppRunner:
        application = web.Application()
        application.add_routes(program.routes())
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(path)).start()
        return runner

    with _loop() as loop:
        path = folder / "docker.sock"
        runner = _ask(loop, begin(path))
        try:
            yield path
        finally:
            _ask(loop, runner.cleanup())
