"""Lines of logs as rows of cells."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Sequence

from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.views.moments import CLOCK, local
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.model import cells
from inferdeck.model.log_lines import LogLine

LEVELS = ("", "debug", "info", "warning", "error", "critical")
"""What is asked for in turn: all lines, then those of this level or worse."""
_STYLES = {"trace": "dim", "debug": "dim", "warning": "warn", "error": "critical", "critical": "critical"}
_COLOURS = re.compile("\x1b\\[[0-9;:]*m")
_TIME = 14
_LEVEL = 9
_LONGEST_STREAM = 20


_WORDS = ("message", "msg", "event")
_TOLD = frozenset({*_WORDS, "level", "levelname", "severity", "timestamp", "time", "ts", "asctime"})
"""What a line of JSON has for its words; what the columns beside it say already."""
_LONGEST_JSON = 20_000


@functools.lru_cache(maxsize=1024)
def told(text: str) -> str:
    """Return the first line of what a line says; of one that is JSON its words, and its other fields behind them."""
    if not text.startswith("{") or len(text) > _LONGEST_JSON:
        return cells.clean(text.split("\n", 1)[0])
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = {}
    words = next((str(found[key]) for key in _WORDS if found.get(key)), "")
    if not words:
        return cells.clean(text.split("\n", 1)[0])
    rest = "  ".join(f"{key}={value}" for key, value in found.items() if key not in _TOLD and value not in ("", None))
    return cells.clean(f"{_COLOURS.sub('', words)}  {rest}".replace("\n", " ").rstrip())


class LogRows:
    """Lines in their order; the selected one is shown whole, over as many rows as it needs."""

    def __init__(self, lines: Sequence[LogLine]) -> None:
        self.lines = lines
        self.selected: int | None = None
        self._opened: tuple[int, int, list[Row]] = (-1, -1, [])
        self._stream = min(_LONGEST_STREAM, max((cells.width(_stream(one)) for one in lines), default=0))

    def height(self, width: int) -> int:
        """Return how many rows there are."""
        return len(self.lines) + max(0, len(self._more(width)) - 1)

    def row(self, number: int, width: int) -> Row:
        """Return one row."""
        more = self._more(width)
        if self.selected is None or number < self.selected:
            return self._line(number, width)
        if number < self.selected + len(more):
            return more[number - self.selected]
        return self._line(number - len(more) + 1, width)

    def place(self, number: int, width: int) -> int:
        """Return the line that a row belongs to."""
        more = len(self._more(width))
        if self.selected is None or number < self.selected:
            return number
        return self.selected if number < self.selected + more else number - more + 1

    def _more(self, width: int) -> list[Row]:
        if self.selected is None or not 0 <= self.selected < len(self.lines):
            return []
        if self._opened[:2] != (self.selected, width):
            self._opened = (self.selected, width, self._whole(self.selected, width))
        return self._opened[2]

    def _whole(self, place: int, width: int) -> list[Row]:
        one = self.lines[place]
        head = self._head(one)
        indent = sum(cells.width(text) for text, _ in head)
        rows = [row for line in one.text.split("\n") for row in wrapped(line, max(10, width - indent)) or [()]]
        found: list[Row] = []
        for number, row in enumerate(rows):
            front = head if number == 0 else ((" " * indent, ""),)
            found.append(fit((*front, *((text, "selected") for text, _ in row)), width))
        if one.cut:
            found.append(fit(((" " * indent, ""), (f"… {one.cut} characters more", "dim")), width))
        return found

    def _line(self, place: int, width: int) -> Row:
        one = self.lines[place]
        style = _STYLES.get(one.level, "")
        text = told(one.text)
        tail: tuple[Span, ...] = ((" +", "dim"),) if "\n" in one.text else ()
        return fit((*self._head(one), (text, style), *tail), width)

    def _head(self, one: LogLine) -> tuple[Span, ...]:
        shown = "" if one.time is None else f"{local(one.time, CLOCK)}.{math.floor(one.time % 1 * 1000):03d}"
        about = "" if one.time_quality in ("", "measured") else "~"
        return (
            (cells.fit(f"{about}{shown}", _TIME), "axis"),
            (cells.fit(one.level, _LEVEL), _STYLES.get(one.level, "dim")),
            (cells.fit(_stream(one), self._stream) + " ", "dim"),
        )


def _stream(one: LogLine) -> str:
    return cells.clean(one.stream.rpartition("/")[2] or one.stream)
