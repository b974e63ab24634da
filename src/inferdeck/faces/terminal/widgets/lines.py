"""What a view is made of: rows that are drawn when they are looked at, in a window that scrolls over them."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.paint import Paint, cropped


class Lines(Protocol):
    """Rows of one width; only those that are looked at are asked for."""

    def height(self, width: int) -> int:
        """Return how many rows there are."""
        ...

    def row(self, number: int, width: int) -> Row:
        """Return one row in exactly so many cells."""
        ...


class Nothing:
    """No rows."""

    def height(self, width: int) -> int:
        return 0

    def row(self, number: int, width: int) -> Row:
        return fit((), width)


class LinesView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines; strips are kept until `changed` finds other rows, and only rows that look different are sent."""

    # Not those of Textual's own views: left and right belong to the view, which reads values with them.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("pageup,ctrl+u", "page_up", show=False),
        Binding("pagedown,ctrl+d", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]
    DEFAULT_CSS = """
    LinesView { height: 1fr; scrollbar-size: 1 1; overflow-x: hidden; overflow-y: scroll; }
    """

    def __init__(self, lines: Lines | None = None, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.lines: Lines = lines or Nothing()
        self._paint: Paint | None = None
        self._strips: dict[int, tuple[Row, Strip]] = {}

    def show(self, lines: Lines) -> None:
        """Show other lines; rows that are as before are not sent again."""
        self.lines = lines
        self.fit_height()
        self.changed()

    def changed(self) -> None:
        """Look at all visible rows again, and draw those that have become others."""
        width = self.row_width
        if not width:
            return
        first = self.scroll_offset.y
        shown = range(first, first + self.size.height)
        # A strip that is kept shows its row as it is: those that are no longer seen are not looked at.
        self._strips = {
            number: kept
            for number, kept in self._strips.items()
            if number in shown and kept[0] == self._row(number, width)
        }
        dirty = [Region(0, number - first, self.size.width, 1) for number in shown if number not in self._strips]
        if dirty:
            self.refresh(*dirty)

    @property
    def row_width(self) -> int:
        """Cells in a row."""
        return self.scrollable_content_region.width

    def fit_height(self) -> None:
        """Tell the window how long the lines are now."""
        width = self.row_width
        size = Size(width, self.lines.height(width))
        if size != self.virtual_size:
            self.virtual_size = size

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return rows as they were painted: Textual's own way adds borders and paddings, and there are none."""
        if self.paint.filters != self.get_line_filters():
            self._forget()
        return cropped([self.render_line(y) for y in crop.line_range], crop, self.row_width)

    def render_line(self, y: int) -> Strip:
        """Draw one row of the window."""
        number = y + self.scroll_offset.y
        kept = self._strips.get(number)
        if kept is not None:
            return kept[1]
        width = self.row_width
        row = self._row(number, width)
        strip = self.paint.strip(row, width)
        self._strips[number] = (row, strip)
        return strip

    @property
    def paint(self) -> Paint:
        """The colours of the theme on this view's background."""
        if self._paint is None:
            self._paint = Paint.of(self)
        return self._paint

    def notify_style_update(self) -> None:
        """Forget colours: the theme has changed, or something else that styles depend on."""
        super().notify_style_update()
        self._forget()

    def _forget(self) -> None:
        self._paint = None
        self._strips.clear()

    def on_resize(self) -> None:
        self._strips.clear()
        self.fit_height()

    def _row(self, number: int, width: int) -> Row:
        return self.lines.row(number, width) if number < self.lines.height(width) else fit((), width)
