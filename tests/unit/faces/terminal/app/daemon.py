"""The terminal view against a real API that is served in this process: how tests start it, wait for it and read it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from textual.pilot import Pilot

from inferdeck.client.tiny import Address, Client
from inferdeck.faces.terminal.app import Options, Terminal
from inferdeck.faces.terminal.once import text_of
from inferdeck.faces.terminal.view import View
from tests.unit.api.place import Place

SECONDS = 60.0
"""A test that waits longer hangs."""
Find = Callable[[], Client | None]


def client(place: Place, timeout_seconds: float = 30.0) -> Client:
    """Return a client of the API that is served."""
    return Client(Address(socket_path=place.socket_path), timeout_seconds)


@contextlib.asynccontextmanager
async def top(
    find: Find, view: str = "services", *, size: tuple[int, int] = (120, 36), **options: Any
) -> AsyncIterator[Pilot[int]]:
    """Run it until the block ends; what it raises is raised here."""
    app = Terminal(find, Options(view=view, interval_seconds=options.pop("interval_seconds", 60.0), **options))
    async with app.run_test(size=size, notifications=True) as pilot:
        yield pilot


def app_of(pilot: Pilot[int]) -> Terminal:
    assert isinstance(pilot.app, Terminal)
    return pilot.app


def view_of(pilot: Pilot[int]) -> View:
    view = app_of(pilot).view
    assert view is not None
    return view


def shown(pilot: Pilot[int]) -> str:
    """Return the screen as text."""
    return text_of(app_of(pilot))


async def until(pilot: Pilot[int], wanted: Callable[[], object]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + SECONDS
    while not wanted():
        assert time.monotonic() < end, shown(pilot)
        await pilot.pause(0.02)
    await pilot.pause()


async def says(pilot: Pilot[int], words: str) -> str:
    """Wait until words stand on the screen; returns all of it."""
    await until(pilot, lambda: words in shown(pilot))
    return shown(pilot)


async def answered(pilot: Pilot[int]) -> View:
    """Wait until each question of the view has an answer or a failure, and so has the status."""
    app = app_of(pilot)

    def there() -> bool:
        view = app.view
        if view is None or not view.is_mounted or not app.status.changes or not app.dashboards.changes:
            return False
        return all(held.changes or not view.can_ask(key) for key, held in view.held.items())

    await until(pilot, there)
    return view_of(pilot)


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys and let what they start happen."""
    for key in keys:
        await pilot.press(key)
        # A key goes from the program to a widget and back up; on a busy machine the pilot does not wait for all of it.
        for _ in range(3):
            done = asyncio.Event()
            pilot.app.call_later(done.set)
            while not done.is_set():
                if not pilot.app.is_running:
                    return
                await asyncio.sleep(0)
            await pilot.pause()
