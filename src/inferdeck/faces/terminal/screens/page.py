"""A view that is one page of words and figures, made anew with each answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from inferdeck.faces.terminal.actions import TEXT
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.exporting import rows_svg
from inferdeck.faces.terminal.view import View
from inferdeck.faces.terminal.widgets.fixed import Fixed
from inferdeck.faces.terminal.widgets.lines import LinesView


class PageView(View):
    """One page made of the answers to its questions."""

    SCOPES: ClassVar[Sequence[str]] = (TEXT,)

    def __init__(self) -> None:
        self.widget = LinesView(id="page")
        self._row = 0
        """The first row, as long as the page has not come."""
        super().__init__()

    @abstractmethod
    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        """Return the page; answers has those that there are."""

    def body(self) -> ComposeResult:
        yield self.widget

    def on_mount(self) -> None:
        super().on_mount()
        self.widget.focus()
        self.drawn()

    def answered(self, key: str) -> None:
        self.drawn()

    def drawn(self) -> None:
        """Draw what is known now."""
        answers = {key: held.value for key, held in self.held.items() if held.value is not None}
        trouble = next((held.error for held in self.held.values() if held.error and held.value is None), "")
        if not answers:
            words: Row = ((trouble or "loading", "critical" if trouble else "dim"),)
            self.widget.show(Fixed(lambda _: [words]))
        else:
            self.widget.show(Fixed(lambda width: self.rows(answers, width)))
            if self._row:
                self.widget.scroll_to(y=self._row, animate=False)
                self._row = 0

    def kept(self) -> dict[str, Any]:
        return {**super().kept(), "row": self.widget.scroll_offset.y}

    def recall(self, kept: Mapping[str, Any]) -> None:
        super().recall(kept)
        self._row = int(kept["row"])

    def copied(self) -> str:
        width = self.widget.row_width
        lines = self.widget.lines
        rows = [lines.row(number, width) for number in range(lines.height(width))]
        return self.dated("\n".join("".join(text for text, _ in row).rstrip() for row in rows))

    def exported(self) -> Mapping[str, str]:
        width = self.widget.row_width
        lines = self.widget.lines
        rows = [lines.row(number, width) for number in range(lines.height(width))]
        return {"txt": self.copied() + "\n", "svg": rows_svg(rows, self.widget.paint, self.dated(self.heading(), " "))}
