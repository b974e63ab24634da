"""A view that is a table: sorted, filtered, selected and opened with the same keys wherever there is one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from inferdeck.faces.terminal.actions import LIST
from inferdeck.faces.terminal.drawing.grid import Column
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.exporting import rows_svg, table_csv
from inferdeck.faces.terminal.view import Ask, View
from inferdeck.faces.terminal.views import charts
from inferdeck.faces.terminal.views.charts import Charts, Wanted
from inferdeck.faces.terminal.views.table import Entry, Order, Table
from inferdeck.faces.terminal.widgets.fixed import Fixed
from inferdeck.faces.terminal.widgets.lines import LinesView
from inferdeck.faces.terminal.widgets.one_line import OneLine
from inferdeck.faces.terminal.widgets.table import TableWidget
from inferdeck.model import cells
from inferdeck.model.json_form import dumps

BELOW = "below"


class ListingView(View):
    """One table made of the answer to one question, LIST."""

    OPENS = True
    SCOPES: ClassVar[Sequence[str]] = (LIST,)
    COLUMNS: ClassVar[Sequence[Column]] = ()
    EMPTY: ClassVar[str] = "nothing here"
    LIST = "list"
    CHARTS: ClassVar[Sequence[Wanted]] = ()
    """What is charted below the table, where it leaves room."""
    DETAILS: ClassVar[str] = ""
    """The place that a row opens, with its key behind: `model` opens `model KEY`; "" for none."""

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self.table = Table(self.COLUMNS)
        self.table.words = words
        self._columns, self.widget = OneLine(id="columns"), TableWidget(self.table, id="table")
        self.below = LinesView(id="below")
        self.marked: list[str] = []
        """Keys of marked rows, the last one last."""

    @abstractmethod
    def entries(self, answer: Any) -> Sequence[Entry]:
        """Return the rows of an answer."""

    def body(self) -> ComposeResult:
        self.table.look = self.terminal.look
        yield self._columns
        yield self.widget
        yield self.below

    def can_ask(self, key: str) -> bool:
        return key != BELOW or self._room() >= charts.LEAST

    def charted(self) -> Sequence[Wanted]:
        """Return what is charted below the table, as it is now."""
        return self.CHARTS

    def charts_question(self) -> Ask:
        """Return the question of the charts below the table."""
        span, terminal = self.terminal.span, self.terminal
        wanted = self.charted()
        points = max(20, self.size.width * 2 // charts.columns(len(wanted), self.size.width))
        end = terminal.now() if span.until is None else span.until
        environment = terminal.environment
        return lambda client: charts.ask(client, wanted, end, span.range_seconds, points, environment)

    def _room(self) -> int:
        """Return how many rows the table leaves, the line of titles and those of the view taken off.

        Rows come first: a table that has room is shown whole. One that scrolls anyway leaves half of the window, and so
        does one in which rows are marked, which stand side by side below.
        """
        room, rows = self.size.height - 4, len(self.table.entries)
        return room - max(3, min(rows, self.size.height // 2) if rows > room or self.marked else rows)

    def below_rows(self, width: int, height: int) -> Sequence[Row]:
        """Return what stands below the table, at most so many rows."""
        found: Charts | None = self.held[BELOW].value if BELOW in self.held else None
        if found is None or height < charts.LEAST:
            return ()
        across = charts.columns(len(found.panels), width)
        lines = min(-(-len(found.panels) // across), max(1, height // charts.LEAST))
        shown = Charts(found.panels[: lines * across], found.moment)
        return charts.rows(shown, width, self.terminal.look, min(self.highest(), height // lines))

    def highest(self) -> int:
        """Return how many rows a chart below the table has at most."""
        return charts.HIGHEST

    def _draw_below(self) -> None:
        width, room = max(1, self.size.width - 2), self._room()
        rows = self.below_rows(width, room) if room > 0 else ()
        self.below.display = bool(rows)
        if rows:
            self.below.styles.height = len(rows)
            self.below.show(Fixed(lambda _: rows))

    def on_mount(self) -> None:
        super().on_mount()
        self.widget.focus()
        self.drawn()

    def on_resize(self) -> None:
        self.drawn()

    def answered(self, key: str) -> None:
        if key == self.LIST:
            held = self.held[key]
            # Also beside an error: the rows of the last answer, which a view that comes back has not drawn yet.
            if held.value is not None:
                self.table.take(self.entries(held.value))
            self.drawn()
        elif key == BELOW:
            self._draw_below()

    def drawn(self) -> None:
        """Draw the table and its heading."""
        if not self.is_mounted:
            return
        self.table.empty = ((self._why_empty(), "dim"),)
        self.widget.renewed()
        self._columns.show(self.table.heading(self.widget.row_width))
        self._draw_below()

    def heading(self) -> str:
        shown, total = len(self.table.entries), self.table.total
        count = f" {total}" if shown == total else f" {shown} of {total}"
        # As long as nothing was answered, nobody knows how many there are.
        known = self.held[self.LIST].value is not None
        words = f" /{self.table.words}" if self.table.words else ""
        return f"{self.TITLE}{count if known else ''}{words}"

    def _why_empty(self) -> str:
        held = self.held[self.LIST]
        if held.value is None:
            return held.error or "loading"
        if self.table.words:
            return f"nothing has {self.table.words!r}; esc shows all {self.table.total}"
        return "nothing of this is known of then" if self.terminal.past() else self.EMPTY

    def on_table_widget_moved(self) -> None:
        self._columns.show(self.table.heading(self.widget.row_width))

    def on_table_widget_chosen(self) -> None:
        self.do("details")

    def kept(self) -> dict[str, Any]:
        table = self.table
        return {
            **super().kept(),
            "selected": table.selected,
            "words": table.words,
            "order": table.order,
            "left": table.left,
            "marked": list(self.marked),
        }

    def recall(self, kept: Mapping[str, Any]) -> None:
        super().recall(kept)
        table = self.table
        table.selected, table.words, table.order = kept["selected"], kept["words"], kept["order"]
        table.left, self.marked = kept["left"], list(kept["marked"])
        table.marked = tuple(self.marked)

    # What keys do.

    @property
    def filtered(self) -> str | None:
        return self.table.words

    def filter(self, text: str) -> None:
        self.table.words = text
        self.table.arrange()
        self.drawn()
        self.draw_lines()

    def do(self, action: str) -> bool:
        if action == "details" and self.DETAILS and self.table.selected:
            self.terminal.go(f"{self.DETAILS} {self.table.selected}")
            return True
        if action == "sort":
            last = self.table.order.column
            column = 0 if last is None else last + 1
            self.table.order = Order(column, self.table.order.reverse) if column < len(self.COLUMNS) else Order()
        elif action == "reverse":
            self.table.order = Order(self.table.order.column or 0, not self.table.order.reverse)
        elif action == "mark" and self.table.selected:
            if self.table.selected in self.marked:
                self.marked.remove(self.table.selected)
            else:
                self.marked.append(self.table.selected)
            self.table.marked = tuple(self.marked)
        else:
            return False
        self.table.arrange()
        self.drawn()
        return True

    # What leaves.

    def copied(self) -> str:
        place = self.table.place
        row = "" if place is None else "\t".join(cells.clean(one.text) for one in self.table.entries[place].fields)
        return self.dated(row, "\t")

    def exported(self) -> Mapping[str, str]:
        past = self.terminal.past()
        titles = [*(column.title for column in self.COLUMNS), *(["At"] if past else [])]
        texts = [[*(one.text for one in entry.fields), *([past] if past else [])] for entry in self.table.entries]
        rows = [dict(zip(titles, row, strict=False)) for row in texts]
        width = self.widget.row_width
        drawn = [self.table.heading(width), *(self.table.row(place, width) for place in range(len(self.table.entries)))]
        return {
            "csv": table_csv(titles, texts),
            "json": dumps(rows, indent=1) + "\n",
            "svg": rows_svg(drawn, self.widget.paint, self.dated(str(self.TITLE), " ")),
        }
