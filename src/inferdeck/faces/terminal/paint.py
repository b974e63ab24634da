"""Colours for the names of styles, from the variables of a theme; rows of spans as strips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from inferdeck.faces.terminal.drawing.picture import Row

_VARIABLES = {
    "ok": "text-success",
    "warn": "text-warning",
    "critical": "text-error",
    "title": "text-accent",
    "key": "text-warning",
    "banner": "text-warning",
}
_LOOKS = {
    "strong": Style(bold=True),
    "title": Style(bold=True),
    "critical": Style(bold=True),
    "key": Style(bold=True),
    "banner": Style(bold=True, reverse=True),
    "changed": Style(bold=True),
    "marked": Style(underline=True),
}
_FAINT = {"dim": 0.62, "axis": 0.55, "frame": 0.38}
"""How much of the text's colour is left."""
_HEATS = 8
_HUES = (208, 275, 182, 312, 232, 160, 338, 195)
"""Of series, in degrees: none is that of a state (green, yellow, red); neighbours are far apart."""
BLACK = Color(0, 0, 0)
_ANSI_SERIES = ("bright_blue", "bright_magenta", "bright_cyan", "blue", "magenta", "cyan", "bright_white", "white")


class Whole(Strip):
    """A row that is mostly shown from its first cell to its last.

    Textual divides every row at the edges of what stands beside it, and for that measures each of its texts: Rich keeps
    the last 4,096 of them with their widths, though those of a chart never come again. And it keeps a row that was not
    divided as a part of itself, which none but the garbage collector frees.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Return the row's parts between cells; what lies beyond its end has none."""
        inside = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if inside == [self.cell_length] else super().divide(inside)


class Paint:
    """The styles of one theme on one background; built anew when the theme changes.

    filters: what changes rows before they are sent, on `background`.
    """

    def __init__(
        self, variables: Mapping[str, str], base: Style, filters: Sequence[LineFilter] = (), background: Color = BLACK
    ) -> None:
        self._variables = variables
        self.base = base
        self.filters = filters
        self._background = background
        self._known: dict[str, Style] = {}

    @classmethod
    def of(cls, widget: Widget) -> Paint:
        """Return the paint of what a widget shows."""
        background = widget.background_colors[1]
        return cls(widget.app.theme_variables, widget.rich_style, widget.get_line_filters(), background)

    def style(self, names: str) -> Style:
        """Return the style of one name or of several with blanks between them."""
        found = self._known.get(names)
        if found is None:
            found = self._known[names] = Style.combine([self.base, *(self._one(name) for name in names.split())])
        return found

    def strip(self, row: Row, width: int) -> Strip:
        """Return a row of exactly `width` cells as a strip."""
        segments = [Segment(text, self.style(names)) for text, names in row]
        for one in self.filters:
            segments = one.apply(segments, self._background)
        return Whole(segments, width)

    def _one(self, name: str) -> Style:
        look = _LOOKS.get(name, Style.null())
        if name in _FAINT:
            return self._faint(_FAINT[name])
        if name == "selected":
            ends = self._ends()
            return Style(reverse=True) if ends is None else Style(bgcolor=ends[0].blend(ends[1], 0.22).rich_color)
        if name.startswith("series"):
            return self._series(int(name[6:]) - 1)
        if name.startswith("heat"):
            return self._heat(int(name[4:]))
        if name in _VARIABLES:
            return Style(color=self._colour(_VARIABLES[name])) + look
        return look

    def _colour(self, variable: str) -> RichColor | None:
        value = self._variables.get(variable, "")
        if value.startswith("auto"):
            # As $text-success of some themes: the colour behind it is close enough.
            value = self._variables.get(variable.removeprefix("text-"), "")
        return Color.parse(value).rich_color if value else None

    def _faint(self, share: float) -> Style:
        ends = self._ends()
        return Style(dim=True) if ends is None else Style(color=ends[0].blend(ends[1], share).rich_color)

    def _series(self, place: int) -> Style:
        ends = self._ends()
        if ends is None:
            return Style(color=_ANSI_SERIES[place % len(_ANSI_SERIES)])
        # Every other one is paler, for those who see few hues.
        dark, pale = ends[0].brightness < ends[1].brightness, place % 2 * 0.13
        light = 0.6 + pale if dark else 0.42 - pale
        return Style(color=Color.from_hsl(_HUES[place % len(_HUES)] / 360, 0.7, light).rich_color)

    def _heat(self, number: int) -> Style:
        ends, top = self._ends(), self._variables.get("warning", "")
        if ends is None or not top:
            return Style(dim=number <= _HEATS // 2, bold=number == _HEATS)
        return Style(color=ends[0].blend(Color.parse(top), (number + 1) / (_HEATS + 1)).rich_color)

    def _ends(self) -> tuple[Color, Color] | None:
        """Return the background and the text's colour; None where they are the terminal's own."""
        back, front = self.base.bgcolor, self.base.color
        if back is None or front is None or back.triplet is None or front.triplet is None:
            return None
        return Color.from_rich_color(back), Color.from_rich_color(front)


def cropped(strips: Sequence[Strip], crop: Region, width: int) -> list[Strip]:
    """Return the columns of rows that a part of a widget is made of."""
    first, last = crop.column_span
    return [strip if first == 0 and last >= width else strip.crop(first, last) for strip in strips]
