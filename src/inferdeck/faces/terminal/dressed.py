"""How the application looks: themes, colours and signs as the terminal has them and its user wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from textual.app import SystemCommand
from textual.filter import LineFilter
from textual.theme import BUILTIN_THEMES

from inferdeck.faces.terminal import plain, themes
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.typed import TypedApp
from inferdeck.model import cells


class DressedApp(TypedApp):
    """An application in the theme that is wanted, or in one that the terminal can show; raises UsageError for none."""

    def __init__(self, look: Look, theme: str, own: Sequence[themes.UserTheme]) -> None:
        themes.check(theme, own)
        # Textual would make greys of colours, of which some cannot be read; so the terminal's own two are left.
        super().__init__(ansi_color=None if look.colour else True)
        self.look = look
        self.own_themes = own
        self._few_signs = plain.filters(look.glyphs)
        # Its titles would be as green as what is well.
        self.register_theme(replace(BUILTIN_THEMES[themes.PLAIN], accent="ansi_cyan"))
        for one in own:
            if one.theme is not None:
                self.register_theme(one.theme)
        self._first_theme = theme

    def dress(self) -> None:
        """Put on the first theme, and tell what is wrong with a user's own ones."""
        few = not self.is_headless and self.console.color_system == "standard"
        first = themes.first(self._first_theme, colour=self.look.colour, few=few, own=self.own_themes)
        self.theme = first or self.theme
        wrong = themes.problems(self.own_themes)
        for said in (*wrong[:1], f"{len(wrong) - 1} more mistakes in themes; : settings shows all")[: len(wrong)]:
            self.notify(said, timeout=10, severity="warning")

    def notify(self, message: str, **options: Any) -> None:
        """Tell something, in which no name from outside can move anything."""
        super().notify(cells.clean(message), **{"markup": False, **options})

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what changes lines before they are sent."""
        return [*super().get_line_filters(), *self._few_signs]

    def wear(self, theme: str) -> None:
        """Put on another theme."""
        self.theme = theme
        self.notify(f"theme: {theme}", timeout=2)

    def next_theme(self) -> None:
        """Put on the next theme; without colours, those only that have none of their own."""
        names = themes.names(self.own_themes, coloured=self.look.colour)
        place = names.index(self.theme) if self.theme in names else -1
        self.wear(names[(place + 1) % len(names)])

    def theme_commands(self) -> Iterator[SystemCommand]:
        """Yield each theme for the palette, where it is found by its name."""
        for theme, origin in themes.listed(self.own_themes, coloured=self.look.colour):
            title = cells.clean(f"Theme {theme}")
            yield SystemCommand(title, cells.clean(origin), lambda theme=theme: self.wear(theme), discover=False)
