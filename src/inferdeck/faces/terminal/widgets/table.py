"""A table on the screen: keys and mouse move the selected row."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message

from inferdeck.faces.terminal.views.table import Table
from inferdeck.faces.terminal.widgets.lines import LinesView


class TableWidget(LinesView, inherit_bindings=False):
    """Shows a table; `Chosen` says that its row was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
        Binding("left,h", "sideways(-8)", show=False),
        Binding("right,l", "sideways(8)", show=False),
    ]

    class Chosen(Message):
        """A row was clicked twice."""

    class Moved(Message):
        """Another row is selected, or the heading has moved."""

    def __init__(self, table: Table, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(table, id=id)
        self.table = table

    def renewed(self) -> None:
        """Draw what has become different."""
        self.fit_height()
        self.seen()
        self.changed()

    def seen(self) -> None:
        """Scroll as little as is needed to show the selected row."""
        place, top, high = self.table.place, self.scroll_offset.y, self.size.height
        if place is None or high <= 0:
            return
        if place < top:
            self.scroll_to(y=place, animate=False)
        elif place >= top + high:
            self.scroll_to(y=place - high + 1, animate=False)

    def action_move(self, by: int) -> None:
        """Select a row further down."""
        self.table.select((self.table.place or 0) + by)
        self.renewed()
        self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        """Select the row a page further down."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_sideways(self, by: int) -> None:
        """Scroll a wide table to the side: then all columns have their whole width."""
        self.table.left = max(0, self.table.left + by)
        self.table.redraw()
        self.renewed()
        self.post_message(self.Moved())

    def on_click(self, event: Click) -> None:
        self.table.select(event.y + self.scroll_offset.y)
        self.renewed()
        self.post_message(self.Moved())
        if event.chain > 1:
            self.post_message(self.Chosen())
