"""A line to type into, above the line of keys: where to go, what to keep, what to choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from inferdeck.model import cells

MOST_SHOWN = 8


class Words(Input):
    """A line that is typed or pasted: nothing stands in it that a terminal would obey or turn round."""

    def validate_value(self, value: str) -> str:
        """Return the text as it may be shown."""
        return cells.clean(value)


class Prompt(ModalScreen[str | None]):
    """Returns what was typed or chosen, None where it was left.

    changed: called at every letter; then enter keeps what is there, and escape what was there before.
    chosen_from: only one of `names` can be the answer. replaced: what is typed takes the place of `value`.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's own form
        Binding("escape", "leave", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(
        self,
        sign: str,
        hint: str,
        names: Sequence[str],
        value: str = "",
        changed: Callable[[str], None] | None = None,
        *,
        chosen_from: bool = False,
        replaced: bool = False,
    ) -> None:
        super().__init__()
        self._sign = sign
        self._hint = hint
        self._names = tuple(names)
        self._before = value
        self._changed = changed
        self._chosen_from = chosen_from
        self._replaced = replaced
        self._matches: tuple[str, ...] = ()
        self._matched = ""
        self.listens = False
        """Whether it hears keys: not before it stands, and not behind the one that ends it."""

    def compose(self) -> ComposeResult:
        with Vertical(id="prompt"):
            yield OptionList(id="matches")
            with Horizontal(id="line"):
                yield Label(Content(f"{self._sign} "), id="sign")
                yield Words(self._before, placeholder=self._hint, id="words", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        line = self.query_one(Input)
        self.set_focus(line)
        self._match("")
        if self._replaced:
            line.select_all()
        self.listens = True

    def given(self, key: Key) -> None:
        """Told of each key before it comes."""
        self.listens = self.listens and key.key not in ("enter", "escape")

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._changed is not None:
            self._changed(event.value)
        self._match(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self.is_current:
            # A second enter, before the first one was heard.
            return
        words = event.value.strip()
        self._catch_up(event.value)
        if self._names:
            place = self.query_one(OptionList).highlighted
            name, _, rest = words.partition(" ")
            known = name in self._names
            if self._matches and place is not None and not (known and rest) and words not in self._names:
                words = self._matches[place]
        if self._chosen_from and words not in self._names:
            self.dismiss(None)
            return
        self.dismiss(words)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.is_current:
            self.dismiss(self._matches[event.option_index])

    def action_leave(self) -> None:
        """Close it without an answer."""
        if self._changed is not None:
            self._changed(self._before)
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        """Choose another name."""
        shown = self.query_one(OptionList)
        if self._matches:
            shown.highlighted = ((shown.highlighted or 0) + by) % len(self._matches)

    def action_complete(self) -> None:
        """Take the chosen name into the line."""
        shown, line = self.query_one(OptionList), self.query_one(Input)
        self._catch_up(line.value)
        if self._matches and shown.highlighted is not None:
            line.value = f"{self._matches[shown.highlighted]} "
            line.cursor_position = len(line.value)

    def _catch_up(self, text: str) -> None:
        """Match what was typed faster than it was told."""
        if text != self._matched:
            self._match(text)

    def _match(self, text: str) -> None:
        self._matched = text
        words = text.strip().lower()
        begun = [name for name in self._names if name.lower().startswith(words)]
        inside = [name for name in self._names if words in name.lower() and name not in begun]
        self._matches = (*begun, *inside)
        if not self.query(OptionList):
            # It is being closed.
            return
        shown = self.query_one(OptionList)
        shown.clear_options()
        shown.add_options([Option(Content(cells.clean(name))) for name in self._matches])
        shown.display = bool(self._matches)
        shown.styles.height = min(len(self._matches), MOST_SHOWN)
        if self._matches:
            shown.highlighted = 0
