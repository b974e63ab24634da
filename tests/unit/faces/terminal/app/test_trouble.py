"""What the terminal view does when the daemon is gone, slow, talks nonsense, or when the window is too small."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inferdeck.client.tiny import Address, Client
from inferdeck.faces.terminal.drawing.glyphs import SETS, Look
from inferdeck.faces.terminal.held import Held, Phase
from inferdeck.faces.terminal.screens.listing import ListingView
from tests.unit.api.place import Place, served
from tests.unit.faces.terminal.app.daemon import answered, app_of, client, press, says, shown, top, until, view_of


@contextlib.asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[Place]:
    """Serve from a thread of its own, since a loop runs here."""
    folder.mkdir()
    found = served(folder)
    place = await asyncio.to_thread(found.__enter__)
    try:
        yield place
    finally:
        await asyncio.to_thread(found.__exit__, None, None, None)


@contextlib.contextmanager
def answering(data: bytes | None) -> Iterator[Client]:
    """Answer every question with these bytes; None: never."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def work() -> None:
        with contextlib.suppress(OSError):
            while True:
                found, _ = listener.accept()
                kept.append(found)
                if data is not None:
                    found.recv(65536)
                    found.sendall(data)
                    found.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield Client(Address(url=f"http://127.0.0.1:{listener.getsockname()[1]}"), 60.0)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in kept:
            one.close()
        thread.join(20)


@pytest.mark.parametrize("name", ["services", "overview"])
async def test_a_daemon_that_dies_leaves_its_answers_and_is_found_elsewhere(name: str, tmp_path: Path) -> None:
    where: list[Client] = []
    async with top(lambda: where[-1] if where else None, name, interval_seconds=2.0) as pilot:
        await says(pilot, "no daemon answers; start one with: inferdeck up")
        assert "tried again in" in shown(pilot).splitlines()[-1]
        async with daemon(tmp_path / "one") as first:
            where.append(client(first))
            await press(pilot, "r")
            view = await answered(pilot)
            await until(pilot, lambda: not view.trouble() and all(one.value is not None for one in view.held.values()))
            known = {key: one.value for key, one in view.held.items()}
        await press(pilot, "r")
        told = await says(pilot, "tried again in")
        assert "no daemon answers at" in told.splitlines()[-1]
        assert all(one.value is not None for one in view.held.values()) and known
        assert "3/3 up" in told.splitlines()[0]
        if name == "services":
            assert "10.0.0.7:8000" in told
        where.clear()
        async with daemon(tmp_path / "two") as second:
            where.append(client(second))
            await press(pilot, "r")
            await until(pilot, lambda: not view.trouble())
            assert "q Quit" in shown(pilot).splitlines()[-1]


class Gate:
    """Hands on what is said to a daemon and back; while it is shut it takes what comes, as one that is stopped does."""

    def __init__(self, to: str, at: Path) -> None:
        self.open = threading.Event()
        self.open.set()
        self.path = str(at)
        self._to = to
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._hand_on, args=(self._listener.accept()[0],), daemon=True).start()

    def _hand_on(self, asking: socket.socket) -> None:
        with asking, socket.socket(socket.AF_UNIX) as daemon, contextlib.suppress(OSError):
            daemon.connect(self._to)
            daemon.sendall(asking.recv(65536))
            while data := daemon.recv(65536):
                self.open.wait()
                asking.sendall(data)

    def close(self) -> None:
        self.open.set()
        self._listener.close()


@pytest.mark.parametrize("name", ["services", "overview"])
async def test_a_daemon_that_is_stopped_is_told_while_it_is_waited_for(name: str, tmp_path: Path) -> None:
    async with daemon(tmp_path / "one") as place:
        gate = Gate(place.socket_path, tmp_path / "gate")
        found = Client(Address(socket_path=gate.path), 30.0)
        async with top(lambda: found, name, interval_seconds=2.0) as pilot:
            app, view = app_of(pilot), await answered(pilot)
            await until(pilot, lambda: all(one.value is not None for one in view.held.values()))
            gate.open.clear()
            await press(pilot, "r")
            await until(pilot, lambda: app.status.asked is not None and all(one.asked for one in view.held.values()))
            ahead = time.monotonic
            app.monotonic = lambda: ahead() + 15.0
            app.tick()
            told = await says(pilot, "the daemon has not answered for 1")
            assert "given up in 1" in told.splitlines()[-1]
            assert app.status.phase(app.monotonic(), app.interval) is Phase.STALE
            assert "stale" in told or name == "services"
            gate.open.set()
            await until(pilot, lambda: not view.trouble() and app.status.asked is None)
            await until(pilot, lambda: "stale" not in shown(pilot))
            assert "q Quit" in shown(pilot).splitlines()[-1]
        gate.close()


async def test_a_table_that_is_left_and_comes_back_without_a_daemon_has_its_rows(tmp_path: Path) -> None:
    where: list[Client] = []
    async with top(lambda: where[-1] if where else None, "services", interval_seconds=2.0) as pilot:
        async with daemon(tmp_path / "one") as first:
            where.append(client(first))
            await press(pilot, "r")
            view = await answered(pilot)
            await until(pilot, lambda: isinstance(view, ListingView) and bool(view.table.entries))
            assert isinstance(view, ListingView)
            known = len(view.table.entries)
        where.clear()
        await press(pilot, "r")
        await says(pilot, "tried again in")
        app_of(pilot).go("gpus")
        await says(pilot, "no daemon answers")
        await press(pilot, "escape")
        assert f"Services {known} " in await says(pilot, "Services")
        back = view_of(pilot)
        assert isinstance(back, ListingView)
        await until(pilot, lambda: len(back.table.entries) == known)


async def test_tries_are_later_each_time(tmp_path: Path) -> None:
    async with top(lambda: None, "services", interval_seconds=2.0) as pilot:
        app = app_of(pilot)
        await answered(pilot)
        # Nothing else asks meanwhile, however slow this machine is.
        app.paused = True
        await until(pilot, lambda: not app._flying)
        app.status = Held()
        waits = []
        for _ in range(6):
            before, asked = app.status.failures, app.monotonic()
            app._keep("status")
            await until(pilot, lambda before=before: app.status.failures > before)  # type: ignore[misc]
            waits.append(round(app.status.next_try - asked))
        assert waits == [2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n[]",
        b"\x1b[2J\x00\xff\xfe nonsense",
    ],
)
@pytest.mark.parametrize("name", ["overview", "models", "logs", "routes"])
async def test_nonsense_is_told_in_one_line(name: str, data: bytes) -> None:
    with answering(data) as found:
        async with top(lambda: found, name) as pilot:
            told = await says(pilot, "tried again in")
            assert "a bug in inferdeck" not in told and "Traceback" not in told


async def test_a_daemon_that_does_not_answer_holds_nothing_up() -> None:
    with answering(None) as found:
        async with top(lambda: found, "overview") as pilot:
            await says(pilot, "starting")
            await press(pilot, "colon", *"models", "enter")
            await says(pilot, "inferdeck Models")
            await press(pilot, "question_mark", "escape", "q")
        assert app_of(pilot).return_value == 0


@pytest.mark.parametrize("name", ["overview", "models", "providers", "logs", "routes", "services"])
async def test_the_window_may_shrink_to_20_by_5_and_grow_again(name: str, tmp_path: Path) -> None:
    async with daemon(tmp_path / "d") as place:
        found = client(place)
        async with top(lambda: found, name) as pilot:
            view = await answered(pilot)
            await until(pilot, lambda: all(one.value is not None for one in view.held.values()))
            before = shown(pilot).splitlines()[1:-1]
            for size in ((20, 5), (1, 1), (300, 80), (120, 36)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                await press(pilot, "down", "question_mark", "escape", "colon", "escape", "up")
                assert len(shown(pilot).splitlines()) == size[1]
            await until(pilot, lambda: shown(pilot).splitlines()[1:4] == before[:3])


@pytest.mark.parametrize("glyphs", sorted(SETS))
async def test_every_set_of_glyphs_draws(glyphs: str, tmp_path: Path) -> None:
    async with daemon(tmp_path / "d") as place:
        found = client(place)
        async with top(lambda: found, "overview", look=Look(SETS[glyphs], colour=False)) as pilot:
            await answered(pilot)
            await until(pilot, lambda: "Services up" in shown(pilot))
            if SETS[glyphs].ascii_only:
                assert "+- 1 Services up" in shown(pilot)


async def test_a_bug_is_raised_to_whoever_runs_it() -> None:
    async def broken() -> None:
        async with top(lambda: None, "services") as pilot:
            pilot.app.call_later(lambda: 1 / 0)
            await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await broken()
