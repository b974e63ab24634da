"""One sticker on the screen: the output of its command in a frame that says what it is and how old."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inferdeck.faces.board import ansi
from inferdeck.faces.board.processes import Outcome
from inferdeck.model import board
from inferdeck.model.numbers import age as ago
from inferdeck.model.numbers import seconds as spoken
from inferdeck.model.widget import State

OLD_INTERVALS = 2.5
"""An output that is older than so many of its intervals says how old it is."""
_ROOM_FOR_SAID = 3
"""Rows from which on one is spent on what standard error said."""


class StickerView(ScrollView, can_focus=True):
    """Shows outcomes; monotonic: seconds, by which ages are told."""

    DEFAULT_CSS = """
    StickerView {
        border: round $foreground 30%;
        border-title-color: $foreground;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $background;
        color: $foreground;
        overflow-x: auto;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        scrollbar-color: $foreground 30%;
        scrollbar-background: $background;
    }
    StickerView.warning { border: round $warning; border-title-color: $text-warning; }
    StickerView.failing { border: round $error; border-title-color: $text-error; border-subtitle-color: $text-error; }
    StickerView > .sticker--said { color: $text-error; text-style: bold; }
    StickerView:focus { border: heavy $primary; }
    StickerView.warning:focus { border: heavy $warning; }
    StickerView.failing:focus { border: heavy $error; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"sticker--said"}

    class Opened(Message):
        """Was clicked twice."""

        def __init__(self, sticker: StickerView) -> None:
            super().__init__()
            self.sticker = sticker

    def __init__(self, sticker: board.Sticker, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.sticker = sticker
        self.running = False
        self._monotonic = monotonic
        self._outcome: Outcome | None = None
        self._shown_at: float | None = None
        self._ran_at: float | None = None
        self._lines: list[Strip] = []
        self._words = ""
        self.border_title = _content(sticker.title or sticker.command)
        self.tell()

    @property
    def failing(self) -> bool:
        """Whether the last run went wrong."""
        return self._outcome is not None and bool(self._outcome.trouble)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows that an output has."""
        size = self.scrollable_content_region.size
        return max(1, size.width), max(1, size.height)

    def show(self, outcome: Outcome) -> None:
        """Show what a run gave; where it failed and printed nothing, the last output stays with its age."""
        follow = self.sticker.tail and self.scroll_offset.y >= self.max_scroll_y
        same = outcome == self._outcome
        self._outcome = outcome
        self._ran_at = self._monotonic()
        if outcome.output.strip() or not outcome.trouble:
            self._shown_at = self._ran_at
            if not same:
                self._lines = [Strip(line) for line in ansi.lines(outcome.output)]
        if same:
            return
        self.set_class(bool(outcome.trouble) or outcome.state is State.CRITICAL, "failing")
        self.set_class(outcome.state is State.WARNING, "warning")
        width = max((line.cell_length for line in self._lines), default=0)
        self.virtual_size = Size(width, len(self._lines) + bool(self._said()))
        self.refresh()
        if follow:
            self.scroll_end(animate=False, force=True, immediate=True)

    def tell(self, *, paused: bool = False) -> None:
        """Say on the frame how old the output is, and what went wrong; draws only where that has changed."""
        words = self._state(paused=paused)
        if words != self._words:
            self._words = words
            self.border_subtitle = Content(words)

    def render_line(self, y: int) -> Strip:
        width, height = self.room
        style = self.rich_style
        said = self._said()
        if said and y == height - 1:
            strip = Strip([Segment(said, self.get_component_rich_style("sticker--said"))])
            return strip.crop_extend(0, width, style).apply_style(style)
        left, top = self.scroll_offset
        place = y + top
        strip = self._lines[place] if place < len(self._lines) else Strip.blank(0)
        return strip.crop_extend(left, left + width, style).apply_style(style)

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.post_message(self.Opened(self))

    def _said(self) -> str:
        return self._outcome.said if self._outcome and self.failing and self.room[1] >= _ROOM_FOR_SAID else ""

    def _state(self, *, paused: bool) -> str:
        trouble = self._outcome.trouble if self._outcome is not None else ""
        if self._shown_at is None:
            return trouble or ("first run" if self.running else "waiting")
        age = self._monotonic() - self._shown_at
        if trouble:
            # An output that is older than the run that failed is not to be taken for what that run said.
            return f"{trouble}, {ago(age)}" if self._shown_at == self._ran_at else f"{trouble}; output of {ago(age)}"
        if paused or age > OLD_INTERVALS * max(1.0, self.sticker.refresh_seconds):
            return f"{ago(age)}, running" if self.running else ago(age)
        return _every(self.sticker.refresh_seconds)


def _every(seconds: float) -> str:
    return f"every {seconds:g} s" if seconds < 120 else f"every {spoken(seconds)}"


def _content(text: str) -> Content:
    """Return a text from outside as it is: never as markup, on one line."""
    return Content(ansi.plain(text) or "(no name)")
