"""Configuration: the stack's files with their drift, one file, and inferdeck's own effective settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferdeck.faces.terminal import themes
from inferdeck.faces.terminal.actions import spoken
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.faces.terminal.span import length
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import config
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.answers import ConfigAnswer
from inferdeck.model.config_files import ConfigFile
from inferdeck.model.page import Page

MOST = "1000"


class ConfigView(ListingView):
    """All configuration files of the stack."""

    TITLE = "Config"
    PAST = False
    ABOUT = (
        "The stack's configuration files: mistakes in them, when they changed, and whether what runs agrees. Enter "
        "opens one, secrets masked; : settings shows what inferdeck itself goes by."
    )
    COLUMNS = config.COLUMNS
    EMPTY = "no configuration file of the stack is known; name them with config_files: in inferdeck.yaml"
    DETAILS = "file"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 3.0, "settings": 12.0}

    def ask(self, key: str) -> Ask:
        if key == "settings":
            return lambda client: client.config()
        environment = self.terminal.environment
        return lambda client: client.config_files(limit=MOST, environment=environment)

    def entries(self, answer: Page[ConfigFile]) -> Sequence[Entry]:
        return [config.entry_of(one) for one in answer.items]

    def answered(self, key: str) -> None:
        super().answered(key)
        if key == "settings":
            self.drawn()

    def below_rows(self, width: int, height: int) -> Sequence[Row]:
        found: ConfigAnswer | None = self.held["settings"].value
        rows = config.settings_rows(found, width) if found is not None else []
        if len(rows) > height:
            rows = [*rows[: max(0, height - 1)], fit((("… all of them: : settings", "dim"),), width)]
        return rows


class FileView(PageView):
    """One file."""

    TITLE = "File"
    PAST = False
    ABOUT = "One configuration file: what is wrong in it, what runs instead, its last change, its content, masked."

    def __init__(self, words: str) -> None:
        self._words = words
        super().__init__()

    def questions(self) -> Mapping[str, float]:
        return {"file": 3.0}

    def ask(self, key: str) -> Ask:
        return lambda client: client.config_file(self._words)

    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        return config.page_rows(answers["file"], width)


class SettingsView(PageView):
    """What inferdeck goes by."""

    TITLE = "Settings"
    PAST = False
    ABOUT = (
        "inferdeck's own effective settings, secrets masked, each with the place that it comes from; then what this "
        "view goes by, and all themes."
    )

    def __init__(self, words: str = "") -> None:
        super().__init__()

    def questions(self) -> Mapping[str, float]:
        return {"settings": 12.0}

    def ask(self, key: str) -> Ask:
        return lambda client: client.config()

    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        terminal = self.terminal
        options = terminal.options
        mapped = [one for one in terminal.all_actions if one.id in options.keys]
        goes_by = (
            ("every", length(terminal.interval)),
            ("range", length(terminal.span.range_seconds)),
            ("history", length(terminal.span.history)),
            ("glyphs", terminal.look.glyphs.name),
            ("colours", "the theme's" if terminal.look.colour else "the terminal's own (NO_COLOR)"),
            ("theme", terminal.theme),
            *((f"keys.{one.id}", " ".join(spoken(key) for key in one.keys)) for one in mapped),
        )
        listed = themes.listed(terminal.own_themes, coloured=terminal.look.colour)
        return [
            *config.settings_rows(answers["settings"], width),
            *config.view_rows(goes_by, listed, themes.problems(terminal.own_themes), width),
        ]
