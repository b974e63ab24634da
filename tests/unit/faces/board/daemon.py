"""The daemon's own route of widgets on a unix socket, over questions whose answers a test gives."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from inferdeck.api import errors as shape
from inferdeck.api import server, widgets
from inferdeck.client.tiny import Address, Client
from inferdeck.errors import StoreError
from inferdeck.model.clock import SystemClock
from inferdeck.model.widget import Cell, Column, State, Widget
from inferdeck.render.interface import EVERYTHING, Asked, Part


@dataclass
class Given:
    """A second implementation of WidgetQuestions: what a test puts in; notes what was asked."""

    state: State = State.OK
    text: str = "LiteLLM UP"
    broken: bool = False
    asked: list[tuple[str, Part]] = field(default_factory=list)

    async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
        self.asked.append((name, part))
        if self.broken:
            raise StoreError("the history cannot be read: it is on fire")
        rows = ((Cell(f"{self.text} {name} {len(self.asked)}"),),)
        return Asked(
            Widget(name, f"Title of {name}", self.state, (Column(),), rows, age_seconds=1.0), SystemClock().now()
        )


@dataclass(frozen=True)
class Daemon:
    """Where it answers."""

    client: Client
    questions: Given


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[Daemon]:
    """Serve until the block ends, in a loop of its own thread."""
    folder.chmod(0o700)
    questions = Given()
    application = FastAPI()
    application.include_router(widgets.routes(widgets.WidgetRoutes(questions, SystemClock())))
    shape.install(application)
    path = folder / "w.sock"
    started, loop = threading.Event(), asyncio.new_event_loop()
    ended = asyncio.Event()

    async def run() -> None:
        listener = server.Listener(application, server.bind_unix(path), peers_checked=True)
        await listener.start()
        started.set()
        await ended.wait()
        await listener.stop()
        await loop.shutdown_default_executor()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert started.wait(20)
        yield Daemon(Client(Address(socket_path=str(path)), 5.0), questions)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.close()
