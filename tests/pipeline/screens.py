"""The terminal view beside a scenario that stands still: what stands on each screen, and reading figures off it."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Any

from textual.pilot import Pilot

from inferdeck.client.tiny import Client
from inferdeck.errors import DaemonDownError
from inferdeck.faces.terminal.app import Options, Terminal
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.screens.board import BoardView
from tests.pipeline.playing import Played
from tests.unit.faces.terminal.app.daemon import answered, press, shown, until

EDGES = re.compile(r"^[│|] ?|[ ]?[│|]$")
_GAP = re.compile(r"\S+(?: \S+)*")


@dataclass(slots=True)
class Watcher:
    """The program beside a fleet, with a clock that moves only when it is told to."""

    app: Terminal
    pilot: Pilot[int]
    clock: list[float]
    reachable: list[bool]

    async def show(self, place: str) -> str:
        """Go to a place and return its screen, once all its questions are answered."""
        self.app.go(place)
        await self.pilot.pause()
        await answered(self.pilot)
        return shown(self.pilot)

    async def begin(self, place: str) -> None:
        """Go to a place whose questions get no answer; a dashboard's own definition is there."""
        self.app.go(place)
        await until(self.pilot, lambda: self.app.view is not None and self.app.view.is_mounted)
        view = self.app.view
        if isinstance(view, BoardView):
            await until(self.pilot, lambda: view.held["definition"].changes)

    async def resize(self, size: tuple[int, int]) -> None:
        """Make the window another one, and wait until all of the screen is."""
        await self.pilot.resize_terminal(*size)
        await until(self.pilot, lambda: {*self._widths()} == {size[0]})

    def _widths(self) -> list[int]:
        rows = self.app.screen._compositor.render_strips(self.app.size)
        return [strip.cell_length for strip in rows]

    async def lose(self, seconds: float) -> None:
        """Let the daemon be gone for so long, and each question be asked in vain."""
        self.reachable[0] = False
        self.app.asker._client = None
        self.clock[0] += seconds
        view = self.app.view
        assert view is not None
        due = [key for key, held in view.held.items() if held.next_try <= self.clock[0] and view.can_ask(key)]
        # Once and no more, whenever its own tick comes: the next try is later after each.
        self.app.tick()
        await until(self.pilot, lambda: self.app.status.error and all(view.held[key].error for key in due))

    async def find(self) -> None:
        """Let the daemon be there again."""
        self.reachable[0] = True
        await press(self.pilot, "r")
        await until(self.pilot, lambda: not self.app.status.error and not any(self._failed()))

    def _failed(self) -> list[bool]:
        view = self.app.view
        assert view is not None
        return [bool(held.error) for key, held in view.held.items() if view.can_ask(key) and key not in view._flying]

    async def panel(self, identity: str) -> str:
        """Return the dashboard's screen with one panel alone."""
        view = self.app.view
        assert isinstance(view, BoardView)
        view._alone = ""
        view._panels.selected = identity
        view.do("maximise")
        await self.pilot.pause()
        await answered(self.pilot)
        return shown(self.pilot)


@dataclass(frozen=True)
class Silent(Client):
    """A daemon that tells what dashboards there are, and the status; all else it never answers, until it is over."""

    over: threading.Event = field(default_factory=threading.Event)

    def _exchange(
        self, method: str, path: str, body: dict[str, Any] | str | bytes | None
    ) -> tuple[int, bytes, HTTPMessage]:
        if not _TOLD.fullmatch(path):
            self.over.wait()
        return super()._exchange(method, path, body)


_TOLD = re.compile(r"/api/(status.*|dashboards(/[^/?]+)?)")


@asynccontextmanager
async def watching(
    played: Played,
    size: tuple[int, int],
    *,
    range_seconds: float,
    look: Look | None = None,
    there: bool = True,
    client: Client | None = None,
) -> AsyncIterator[Watcher]:
    """Run the program headless beside a fleet. Its clocks are the fleet's: no age changes while it is read.

    there: whether the daemon can be reached at first; client: the one that asks it, where another is wanted.
    """
    clock, reachable = [1000.0], [there]

    def find() -> Client:
        if not reachable[0]:
            raise DaemonDownError("no daemon answers; start one with: inferdeck up")
        return client or played.client

    options = Options(interval_seconds=5.0, range_seconds=range_seconds, view="services", look=look or Look())
    app = Terminal(find, options, now=lambda: played.now, monotonic=lambda: clock[0])
    async with app.run_test(size=size, notifications=True) as pilot:
        if isinstance(client, Silent):
            await until(pilot, lambda: app.status.changes and app.dashboards.changes)
        else:
            await answered(pilot)
        yield Watcher(app, pilot, clock, reachable)


def table(text: str, heads: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of the table that has these columns, by the words over them; cells that are empty are absent."""
    lines = [EDGES.sub("  ", line) for line in text.splitlines()]
    top = next(number for number, line in enumerate(lines) if set(heads) <= set(_GAP.findall(_spaced(line))))
    columns = [(found.group(), found.start(), found.end()) for found in _GAP.finditer(_spaced(lines[top]))]
    rows = []
    for line in lines[top + 1 :]:
        row: dict[str, str] = {}
        for found in _GAP.finditer(_spaced(line)):
            for name, start, end in columns:
                if found.start() < end and found.end() > start:
                    row.setdefault(name, found.group())
        if not row:
            break
        rows.append(row)
    return rows


def _spaced(line: str) -> str:
    """Return the line with what marks a selected or sorted column as blanks."""
    return re.sub("[▲▼▸●◆↑↓]", " ", line)


def box(text: str, title: str = "") -> str:
    """Return what stands in the panel of this title (the first panel where none is given), line by line."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        found = re.search(rf"╭─ (?:\d )?{re.escape(title)}[^╭╮]*╮", line)
        if found:
            bottom = next(at for at in range(number + 1, len(lines)) if lines[at][found.start()] == "╰")
            inside = [lines[at][found.start() + 1 : found.end() - 1].strip() for at in range(number + 1, bottom)]
            return "\n".join(inside)
    raise AssertionError(f"no panel {title!r} in\n{text}")


def named(text: str, name: str) -> str:
    """Return the figure behind a name: the words after it up to the next gap; "" where the name does not stand."""
    for line in text.splitlines():
        found = re.search(rf"(?:^|\s){re.escape(name)}\s+(\S+(?: \S+)*)", line)
        if found:
            return found[1]
    return ""


_SCALES = {"k": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
_BYTES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SPANS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Read:
    """A number that was read, and by how much its last digit could be another."""

    value: float
    half: float

    def holds(self, value: float) -> bool:
        """Whether a figure could have been shown so."""
        return abs(self.value - value) <= self.half * 1.000001 + 1e-12


def read(text: str) -> Read:
    """Return the number that a figure was, in base units: 1.20 k tok/s, ~4.5 %, $0.12/h, 35 min 06 s."""
    plain = text.strip().lstrip("~<>").replace("$", "")
    parts = re.findall(r"(-?\d+(?:\.\d+)?)\s*([^\s\d/]*)", plain)
    assert parts, text
    whole, half = 0.0, 0.0
    for digits, unit in parts:
        scale = _BYTES.get(unit) or _SPANS.get(unit) or _SCALES.get(unit[:1]) if unit else 1.0
        scale = 0.01 if unit.startswith("%") else scale or 1.0
        decimals = len(digits.partition(".")[2])
        whole += float(digits) * scale
        half = 0.5 * 10.0**-decimals * scale
    return Read(whole, half)
