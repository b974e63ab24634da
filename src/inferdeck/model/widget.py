"""A widget as a value: the few figures that stand in a prompt, a status bar or a pane; render/ draws it for each host.

Texts may hold anything from outside (names of models, lines of logs): they are data, and a host's own syntax is escaped
where the widget is drawn for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inferdeck.model.answers import Number

NAMES = ("health", "providers", "metrics", "cache", "score", "logs", "status", "cost", "gpu", "models", "alerts")
"""All widgets, in the order in which they are listed."""
HOSTS = ("text", "ansi", "tmux", "waybar", "xbar", "conky", "starship", "sampler", "wth", "json", "prom")
"""Where widgets are shown."""
ICONS = ("words", "ascii", "emoji", "nerd")
"""What a sign is drawn as; words and plain signs are the default where emoji widths break the host."""


class State(StrEnum):
    """What a widget says as a whole; `--check` exits with 0, 1, 2, 3 in this order (Nagios' plugin codes)."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


EXIT_CODES = {State.OK: 0, State.WARNING: 1, State.CRITICAL: 2, State.UNKNOWN: 3}


class Look(StrEnum):
    """What a text means, drawn as a colour where the host has colours; the text says the same without it."""

    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    DIM = "dim"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a row. sign: a state to draw as an icon before the text, "" for none; the column has its width."""

    text: str
    look: Look = Look.PLAIN
    sign: State | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a widget's rows.

    title: "" where the widget has no heading of columns; right: numbers stand at the right edge; drop: where the width
    does not suffice, columns go in this order (1 first); 0 stays, and is cut at last.
    """

    title: str = ""
    right: bool = False
    drop: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One number for scripts. path: how --field names it, words and names joined by dots: requests.total,
    latency.ollama; family and labels: its series in the text format of Prometheus."""

    path: str
    number: Number
    family: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Widget:
    """What one widget shows.

    title: stands above a line of its own, and `columns` with a title below that; rows: fields under `columns`, a row of
    one field where `columns` are more is a heading inside; line: the same in a few words for a bar or a prompt, each
    cell a piece that can stand alone, the most important first; figures: the first is the one that a host shows which
    has room for a single number; every family has one unit and its labels tell its figures apart; note: what to know
    where rows are missing or cannot be trusted: why, and what to do; age_seconds: of the oldest figure that is shown
    and not marked as stale, None where nothing is known; tail: where the height does not suffice, the last rows stay,
    as of logs.
    """

    name: str
    title: str
    state: State
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    line: tuple[Cell, ...] = ()
    figures: tuple[Figure, ...] = ()
    note: str = ""
    age_seconds: float | None = None
    simulated: bool = False
    tail: bool = False
    link: str = ""
    """Where more stands: a command, such as `inferdeck status`."""
    facts: dict[str, str] = field(default_factory=dict)
    """What is no number, by path: --field names these too."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How much room a host gives, in cells (None: as much as is wanted), and what it can draw."""

    width: int | None = None
    height: int | None = None
    icons: str = "words"
    colour: bool = False


SCRIPTS = {
    "health-status.sh": "health",
    "providers-overview.sh": "providers",
    "litellm-metrics.sh": "metrics",
    "cache-performance.sh": "cache",
    "provider-score.sh": "score",
    "litellm-logs.sh": "logs",
    "litellm-status.sh": "status",
}
"""The shell scripts that people had before, and the widget that takes the place of each."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A widget as a client gets it: the text for its host, and what the widget says as a whole."""

    text: str
    state: State
