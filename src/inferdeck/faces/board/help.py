"""The page of keys."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = (
    ("q", "leave; so does Ctrl-C"),
    ("r", "run all commands now"),
    ("p", "pause, and go on"),
    ("Tab", "focus the next sticker; Shift-Tab the one before"),
    ("m", "show the sticker in focus alone, and all again; Enter and a double click do the same"),
    ("Esc", "all stickers again"),
    ("arrows", "scroll the sticker in focus; PgUp, PgDn, Home, End and the wheel too"),
    ("?", "this page; Esc or ? closes it"),
)
NOTES = (
    "A red frame: the last run failed. The frame says how, and how old the output above it is.",
    "A yellow frame: the widget itself says warning.",
)


class HelpScreen(ModalScreen[None]):
    """Says what the keys do."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 72; max-width: 100%; height: auto; max-height: 100%;
        border: round $accent; background: $surface; padding: 0 1; scrollbar-size-vertical: 1;
    }
    HelpScreen Horizontal { width: 100%; height: auto; }
    HelpScreen Static { width: 1fr; height: auto; }
    HelpScreen Static.key { width: 8; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,h,f1,enter", "dismiss", "close"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_of_board = name

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = Content("keys")
            for key, text in KEYS:
                with Horizontal():
                    yield Static(Content.styled(key, "bold $text-accent"), classes="key")
                    yield Static(Content(text))
            yield Static("")
            for note in NOTES:
                yield Static(Content(note))

    async def action_dismiss(self, result: None = None) -> None:
        """Close the page."""
        self.dismiss(result)
