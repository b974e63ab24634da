"""What is written for a host: which widgets, how often, run how, and the files that come out."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from inferdeck.errors import UsageError

LAYOUTS = ("development", "production", "incident")
MARK = "Written by inferdeck hosts write"
"""Stands in the first lines of every file of ours."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.,:=@+- ")
"""What means nothing in the syntax of any host, inside the shell's single quotes."""


@dataclass(frozen=True, slots=True)
class Pane:
    """One widget in a grid; share: its part of the row's twelve columns."""

    widget: str
    seconds: int
    share: int


Grid = tuple[tuple[Pane, ...], ...]
GRIDS: dict[str, Grid] = {
    "development": (
        (Pane("health", 10, 6), Pane("providers", 15, 6)),
        (Pane("cache", 30, 4), Pane("metrics", 5, 4), Pane("score", 60, 4)),
        (Pane("logs", 5, 12),),
    ),
    "production": (
        (Pane("health", 10, 6), Pane("alerts", 10, 6)),
        (Pane("metrics", 10, 4), Pane("gpu", 10, 4), Pane("cost", 60, 4)),
        (Pane("providers", 15, 12),),
    ),
    "incident": (
        (Pane("alerts", 5, 6), Pane("health", 5, 6)),
        (Pane("providers", 5, 6), Pane("score", 15, 6)),
        (Pane("logs", 2, 12),),
    ),
}
"""Panes in rows, for hosts that draw a grid."""
LINES: dict[str, tuple[str, ...]] = {
    "development": ("health", "metrics"),
    "production": ("health", "alerts", "cost"),
    "incident": ("alerts", "health", "metrics", "providers"),
}
"""Widgets side by side, for hosts that have a line."""
LINE_SECONDS = {"development": 5, "production": 10, "incident": 2}
TITLES = {
    "health": "Health",
    "providers": "Providers",
    "metrics": "Metrics",
    "cache": "Cache",
    "score": "Scores",
    "logs": "Logs",
    "status": "Status",
    "cost": "Cost",
    "gpu": "GPUs",
    "models": "Models",
    "alerts": "Alerts",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """How files are to be made.

    program: the words that start inferdeck, absolute, since bars do not have the user's PATH; options: words that go
    with each command, such as --url.
    """

    program: tuple[str, ...]
    layout: str = LAYOUTS[0]
    options: tuple[str, ...] = ()

    def words(self, *words: str) -> tuple[str, ...]:
        """Return a command of inferdeck as words."""
        return (*self.program, *words, *self.options)

    def shell(self, *words: str) -> str:
        """Return a command of inferdeck for sh; raises UsageError where it holds signs that a host would read."""
        command = self.words(*words)
        odd = next((word for word in command if not _PLAIN.issuperset(word)), None)
        if odd is not None:
            raise UsageError(
                f"{odd}: holds signs that shells and bars read as their own; "
                "give inferdeck a plain path with --program, such as that of a link"
            )
        return shlex.join(command)

    def widget(self, name: str, host: str, *more: str) -> str:
        """Return the command of one widget, for sh."""
        return self.shell("widget", name, "--host", host, *more)

    @property
    def grid(self) -> Grid:
        """The panes of the layout."""
        return GRIDS[self.layout]

    @property
    def line(self) -> tuple[str, ...]:
        """The widgets of the layout for a line."""
        return LINES[self.layout]

    @property
    def seconds(self) -> int:
        """How often a line is drawn anew."""
        return LINE_SECONDS[self.layout]

    def origin(self, host: str) -> str:
        """Return the sentence that a file of ours begins with."""
        return f"{MARK} {host} --layout {self.layout}; to change it, write it anew or copy it."


@dataclass(frozen=True, slots=True)
class File:
    """One file; its path is relative to the folder that it is written to."""

    path: str
    text: str
    program: bool = False
    """It is run, so it gets mode 0755."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Lines of ours in a file of the user's, between two marks that are comments there."""

    path: Path
    lines: tuple[str, ...]
    comment: str = "#"


@dataclass(frozen=True, slots=True)
class Written:
    """All that is written for one host, and what to do then."""

    files: tuple[File, ...]
    then: tuple[str, ...] = field(default=())
    """Sentences for the user; {folder} stands for where the files are."""
