"""One row of cells at the top or the bottom of a view."""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.paint import Paint, cropped


class OneLine(Widget):
    """Shows a row; it is drawn again only when it has become another."""

    DEFAULT_CSS = """
    OneLine { height: 1; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._row: Row = ()
        self._paint: Paint | None = None

    def show(self, row: Row) -> None:
        """Show a row; it is cut or filled to the width."""
        if row != self._row:
            self._row = row
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return it as it was painted: there is no border or padding to be added."""
        return cropped([self.render_line(y) for y in crop.line_range], crop, self.size.width)

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        if self._paint is None or self._paint.filters != self.get_line_filters():
            self._paint = Paint.of(self)
        return self._paint.strip(fit(self._row, self.size.width), self.size.width)

    def notify_style_update(self) -> None:
        """Forget colours: the theme has changed."""
        super().notify_style_update()
        self._paint = None
