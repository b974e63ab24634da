"""The help of a view: what it shows, and every key that works in it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from inferdeck.faces.terminal.actions import MOVES, SCOPES, Action, spoken
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.drawing.prose import wrapped
from inferdeck.faces.terminal.view import View
from inferdeck.faces.terminal.widgets.lines import LinesView

_KEYS = 16
_TITLE = 18


class _HelpLines:
    def __init__(self, about: str, actions: Sequence[Action]) -> None:
        self._about = about
        self._actions = actions
        self._rows: tuple[int, list[Row]] = (0, [])

    def height(self, width: int) -> int:
        return len(self._made(width))

    def row(self, number: int, width: int) -> Row:
        return fit(self._made(width)[number], width)

    def _made(self, width: int) -> list[Row]:
        if self._rows[0] != width:
            self._rows = (width, self._drawn(width))
        return self._rows[1]

    def _drawn(self, width: int) -> list[Row]:
        rows: list[Row] = wrapped(self._about, width)
        for scope, words in SCOPES.items():
            mine = [one for one in self._actions if one.scope == scope and one.keys]
            if not mine:
                continue
            rows += [(), ((words, "title"),)]
            for action in mine:
                names = " ".join(spoken(key) for key in action.keys)
                head = (names.ljust(_KEYS), "key"), (action.title.ljust(_TITLE), "strong")
                rows.append((*head, (action.help, "dim")))
        rows += [(), (("moving", "title"),)]
        rows += [((f"{spoken(one)} {other}".ljust(_KEYS), "key"), ("", "")) for one, other in MOVES]
        return rows


class HelpScreen(ModalScreen[None]):
    """Closes with any key that closes something."""

    BINDINGS = [  # noqa: RUF012 - Textual's own form
        Binding("escape,q,question_mark,enter", "close", show=False, priority=True),
    ]

    def __init__(self, view: View, actions: Sequence[Action]) -> None:
        super().__init__()
        self._view = view
        self._actions = actions

    def compose(self) -> ComposeResult:
        with Vertical(id="help") as box:
            box.border_title = "help"
            yield LinesView(_HelpLines(self._view.about(), self._actions), id="help-lines")

    def on_mount(self) -> None:
        self.query_one(LinesView).focus()

    def action_close(self) -> None:
        """Go back to the view."""
        self.dismiss()
