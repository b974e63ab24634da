"""Lines that the programs of a stack wrote, and how to ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LEVELS = ("trace", "debug", "info", "warning", "error", "critical")
"""From the least to the worst; a line whose level nobody knows has ""."""
ORIGINS = ("journal", "docker", "file", "command")
USUAL_LIMIT = 200
LARGEST_LIMIT = 2000
MEASURED = "measured"
"""Quality of a time: it stands in the line itself, or the journal or Docker stamped it."""
CARRIED = "carried"
"""Quality of a time: that of the line before, in a format without times, or of a line that goes on."""
ESTIMATED = "estimated"
"""Quality of a time: the line tells only a part of it (no date, or seconds since a start), the rest is inferred."""


@dataclass(frozen=True, slots=True)
class LogStream:
    """One place where a program writes.

    name: unique in the stack; source: the id of the target that reads it; origin: one of ORIGINS; place: a path, a
    unit, a container's name, the command's first word (masked); service: what writes there, where that is known.
    """

    name: str
    origin: str
    place: str = ""
    source: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are wanted; times are Unix seconds.

    streams: names, all where empty. include and exclude: a substring of the masked text, without regard to case; every
    one of `include` must stand in it and none of `exclude`. level: this or worse. With `around`, `before` lines before
    it and `after` lines from it on; otherwise the newest `limit` lines in [since, until].
    older, newer: positions by stream, from a page: only lines before or after them; with `newer`, the oldest `limit`.
    """

    streams: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    level: str = ""
    around: float | None = None
    since: float | None = None
    until: float | None = None
    limit: int = USUAL_LIMIT
    before: int = 50
    after: int = 50
    older: Mapping[str, str] = field(default_factory=dict)
    newer: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry, of several lines where a traceback follows it; `text` is masked and free of control characters.

    time: Unix seconds, None where nothing tells it; time_quality: MEASURED, CARRIED or ESTIMATED, "" without a time.
    cut: characters that were left out of a very long one. position: where it stands in its stream, for LogQuery.
    """

    time: float | None
    level: str
    stream: str
    source: str
    text: str
    time_quality: str = ""
    cut: int = 0
    position: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines from the oldest to the newest.

    truncated: there are more that match than `limit`, or reading stopped at a bound of work (then a warning says so).
    older, newer: per stream that was read, the position before and after all that was looked at; "" where nothing is.
    """

    lines: tuple[LogLine, ...] = ()
    truncated: bool = False
    older: Mapping[str, str] = field(default_factory=dict)
    newer: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """A page as a face gets it; older and newer are cursors for the lines before and after, "" where there are none.

    looked_at: how many streams were asked, also where nothing in them matched.
    """

    lines: tuple[LogLine, ...] = ()
    truncated: bool = False
    older: str = ""
    newer: str = ""
    warnings: tuple[str, ...] = ()
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class LogStreams:
    """Every stream that can be read."""

    streams: tuple[LogStream, ...] = ()


def at_least(level: str) -> frozenset[str]:
    """Return the levels that are this or worse, all and "" where `level` is ""; raises ValueError for another word."""
    if not level:
        return frozenset((*LEVELS, ""))
    return frozenset(LEVELS[LEVELS.index(level) :])
