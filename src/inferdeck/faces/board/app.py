"""The board as a Textual application: places stickers, gives each its pace, and takes keys."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from inferdeck.faces import leaving
from inferdeck.faces.board import ansi, processes
from inferdeck.faces.board.arranging import Place, arrange
from inferdeck.faces.board.commands import Commands
from inferdeck.faces.board.help import HelpScreen
from inferdeck.faces.board.pace import Pace
from inferdeck.faces.board.processes import Outcome
from inferdeck.faces.board.sticker import StickerView
from inferdeck.model.board import Board

STAGGER_SECONDS = 0.02
"""Between the first starts, so that fifty commands do not start in one moment."""
TICK_SECONDS = 1.0
DRAW_SECONDS = 0.2
"""What comes in within this time is drawn in one frame: a frame costs more than an output."""
SETTLE_SECONDS = 0.4
"""After the window's size changed for the last time, widgets are drawn anew for it."""
HINTS = "? help  q quit  r refresh  p pause  m maximise"


class _BoardLayout(Layout):
    """Puts the stickers where arranging.py says; the only one that is displayed has all the room."""

    name = "board"

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        parent.pre_layout(self)
        places = arrange(self._board, size.width, size.height)
        if len(children) != len(places):
            places = [Place(0, 0, size.width, size.height)] * len(children)
        return [
            WidgetPlacement(Region(place.x, place.y, place.width, place.height), NULL_OFFSET, NULL_SPACING, child)
            for place, child in zip(places, children, strict=True)
        ]


class BoardView(VerticalScroll, can_focus=False):
    """Holds the stickers."""

    DEFAULT_CSS = """
    BoardView { background: $background; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
    """

    def __init__(self, board: Board, stickers: list[StickerView]) -> None:
        super().__init__(*stickers)
        self._own_layout = _BoardLayout(board)

    @property
    def layout(self) -> Layout:
        """How the stickers are placed; a style could name only Textual's own layouts."""
        return self._own_layout


class BoardApp(App[str]):
    """Shows a board until it is left; once: returns what `picture` gives when every command has run once."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "inferdeck board"
    CSS = """
    Screen { background: $background; }
    #bar { dock: bottom; height: 1; width: 100%; background: $surface; color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c,ctrl+q", "quit", "leave", priority=True),
        Binding("r", "renew", "run all commands now"),
        Binding("p", "pause", "pause, or go on"),
        Binding("m,enter", "maximise", "the sticker in focus alone, or all again"),
        Binding("escape", "all", "all stickers again"),
        Binding("question_mark,h,f1", "keys", "this page"),
    ]

    def __init__(
        self,
        board: Board,
        commands: Commands,
        *,
        once: Callable[[BoardApp], str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Textual would turn colours into greys, of which some cannot be read; so the terminal's own two are left.
        super().__init__(ansi_color=True if os.environ.get("NO_COLOR") else None)
        self._board = board
        self.commands = commands
        self._once = once
        self._stickers = [StickerView(one, monotonic=monotonic) for one in board.stickers()]
        self._paces: dict[StickerView, Pace] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._paused = False
        self._outcomes: dict[StickerView, Outcome] = {}
        self._drawing: Timer | None = None
        self._settling: Timer | None = None
        self._rooms: dict[StickerView, tuple[object, ...]] = {}
        self._shown_bar: Content | None = None
        # Kept, since a query finds nothing of them while the page of keys is shown.
        self._view = BoardView(board, self._stickers)
        self._bar_view = Static(id="bar")

    def compose(self) -> ComposeResult:
        yield self._view
        yield self._bar_view

    def on_mount(self) -> None:
        if not self.is_headless:
            leaving.heed_signals(self.exit)
        for number, view in enumerate(self._stickers):
            first = number * STAGGER_SECONDS
            seed = hash((number, view.sticker.command))
            pace = Pace(self._runner(view), view.sticker.refresh_seconds, first_seconds=first, seed=seed)
            self._paces[view] = pace
        self.set_interval(TICK_SECONDS, self._tell)
        # Before the first layout a sticker has no size that a command could be told.
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._stickers[0].focus(scroll_visible=False)
        self._tasks += [asyncio.create_task(pace.go()) for pace in self._paces.values()]
        if self._once is not None:
            self._tasks.append(asyncio.create_task(self._draw_once(self._once)))
        for task in self._tasks:
            task.add_done_callback(self._failed)

    def _failed(self, task: asyncio.Task[None]) -> None:
        """Leave with the error of a task: a command may fail, what runs it may not."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._handle_exception(error)

    async def on_unmount(self) -> None:
        """End all commands before the terminal is given back, so that none outlives the board."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_resize(self) -> None:
        self._settle()
        self._tell()

    def _settle(self) -> None:
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE_SECONDS, self._fit)

    def on_sticker_view_opened(self, message: StickerView.Opened) -> None:
        self._show_alone(None if self._alone else message.sticker)

    def action_renew(self) -> None:
        for view, pace in self._paces.items():
            if view.display:
                pace.now()
        self._tell()

    def action_pause(self) -> None:
        self._paused = not self._paused
        self._hold()

    def action_maximise(self) -> None:
        self._show_alone(self.focused if not self._alone and isinstance(self.focused, StickerView) else None)

    def action_all(self) -> None:
        self._show_alone(None)

    def action_keys(self) -> None:
        self.push_screen(HelpScreen(self._board.name))

    @property
    def _alone(self) -> bool:
        return sum(view.display for view in self._stickers) < len(self._stickers)

    def _show_alone(self, chosen: StickerView | None) -> None:
        with self.batch_update():
            for view in self._stickers:
                view.display = chosen is None or view is chosen
        self._view.refresh(layout=True)
        if self.focused is not None:
            self.focused.scroll_visible(animate=False)
        self._hold()
        self.on_resize()

    def _hold(self) -> None:
        for view, pace in self._paces.items():
            pace.hold(self._paused or not view.display)
        self._tell()

    def _runner(self, view: StickerView) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            view.running = True
            room = self._rooms[view] = self._room(view)
            try:
                outcome = await self.commands.run(view.sticker, *view.room, whole=self._alone)
            finally:
                view.running = False
            self._outcomes[view] = outcome
            if self._drawing is None:
                self._drawing = self.set_timer(DRAW_SECONDS, self._draw)
            if room != self._room(view):
                self._settle()

        return run

    def _room(self, view: StickerView) -> tuple[object, ...]:
        """Return all that a widget is drawn for."""
        return (*view.room, self._alone)

    def _draw(self) -> None:
        """Show what has come in since the last frame."""
        self._drawing = None
        outcomes, self._outcomes = self._outcomes, {}
        with self.batch_update():
            for view, outcome in outcomes.items():
                view.show(outcome)
            self._tell()

    def _fit(self) -> None:
        """Have widgets drawn anew where their room has changed; a process is not started for that."""
        for view, pace in self._paces.items():
            fits = self._rooms.get(view, self._room(view)) == self._room(view)
            if view.display and not fits and self.commands.ask(view.sticker.command) is not None:
                pace.now()

    def _tell(self) -> None:
        for view in self._stickers:
            if view.display:
                view.tell(paused=self._paused)
        bar = self._bar()
        if bar != self._shown_bar:
            self._shown_bar = bar
            # Its size never changes: placing fifty stickers anew for it would cost more than all the rest.
            self._bar_view.update(bar, layout=False)

    def _bar(self) -> Content:
        failing = sum(view.failing for view in self._stickers)
        count = len(self._stickers)
        name = ansi.plain(self._board.name)
        parts = [Content.styled("PAUSED ", "bold $warning")] if self._paused else []
        parts += [Content.styled(name, "bold"), Content(f" · {count} sticker{'s' * (count != 1)}")]
        if failing:
            parts += [Content(" · "), Content.styled(f"{failing} failing", "bold $text-error")]
        left = Content("").join(parts)
        gap = self.size.width - left.cell_length - len(HINTS)
        if gap >= 1:
            return left + Content(" " * gap) + Content.styled(HINTS, "dim")
        short = self.size.width - left.cell_length - len("? help")
        return left + (Content(" " * short) + Content.styled("? help", "dim") if short >= 1 else Content(""))

    async def _draw_once(self, picture: Callable[[BoardApp], str]) -> None:
        await asyncio.gather(*(pace.first.wait() for pace in self._paces.values()))
        self._paused = True
        self._hold()
        self._paused = False
        self.screen.set_focus(None)
        self._draw()
        drawn = asyncio.Event()
        self.call_after_refresh(drawn.set)
        await drawn.wait()
        self.exit(picture(self))

    def _fatal_error(self) -> None:
        # Whoever runs us raises it again: a traceback on the screen helps nobody.
        self._close_messages_no_wait()


def run(app: BoardApp, *, size: tuple[int, int] | None = None) -> str:
    """Run a board on the terminal, or without one in a window of so many columns and rows; returns its picture."""
    with leaving.with_its_terminal(processes.kill_all):
        found = app.run(headless=size is not None, size=size)
    if app._exception is not None:
        raise app._exception
    sys.stdout.flush()
    return found or ""
