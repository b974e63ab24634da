"""The last lines that the gateway wrote; without one of its own, those of every program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from inferdeck.model.log_lines import LogAnswer, LogLine, LogStream, at_least
from inferdeck.model.masking import mask
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.status import moment
from inferdeck.render.widgets.telling import Telling, counted

LINES = 40
ASKED = 2 * LINES
"""A program that writes into a file and into Docker's log says all of it twice."""
RECENT_SECONDS = 300.0
"""Errors older than this are past."""
NOTHING = LogAnswer()
_MOST_MORE = 10
"""How many further lines of one entry, as of a traceback, are shown."""
_MESSAGE = ("message", "msg", "event")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_GATEWAY = "litellm"
_LOOKS = {"warning": Look.WARNING, "error": Look.BAD, "critical": Look.BAD, "debug": Look.DIM, "trace": Look.DIM}
CONTENT = Content(
    name="logs",
    title="Recent LiteLLM Logs",
    shows="the last 40 lines of the gateway's logs, secrets masked; of all programs where it has none",
    warning="one of them is an error of the last five minutes",
    critical="one of them is a critical error of the last five minutes",
    unknown="no log can be read",
    told=(
        Told("errors", "count", "errors of the last five minutes among the lines", "inferdeck_logs_errors"),
        Told("lines", "count", "lines that are shown", "inferdeck_logs_lines"),
        Told("last", "", "the newest line"),
        Told("last_error", "", "the newest error among the lines"),
    ),
    parameters=("environment", "stream", "level"),
)


def streams(found: Sequence[LogStream], part: Part) -> tuple[str, ...]:
    """Return which streams are shown: what `part` names, else the gateway's, else all; none where there is none."""
    here = [one for one in found if not part.environment or one.source.startswith(f"{part.environment}/")]
    if part.stream:
        return tuple(one.name for one in here if part.stream.casefold() in one.name.casefold())
    own = [one for one in here if _GATEWAY in f"{one.service} {one.name}".casefold()]
    return tuple(one.name for one in own or here)


def widget(answer: LogAnswer, read: Sequence[str], now: float, part: Part) -> Widget:
    """Return the widget; read: the names of the streams that were asked."""
    lines = [replace(one, text=said(one.text)) for one in _once(answer.lines)[-LINES:]]
    several = len({one.stream for one in lines}) > 1
    errors = [one for one in lines if one.level in at_least("error")]
    recent = [one for one in errors if one.time is not None and now - one.time <= RECENT_SECONDS]
    told = Telling(CONTENT)
    if read:
        told.figure("errors", counted(len(recent)))
        told.figure("lines", counted(len(lines)))
    told.fact("last", lines[-1].text.split("\n", 1)[0] if lines else "")
    told.fact("last_error", errors[-1].text.split("\n", 1)[0] if errors else "")
    state = _state(read, recent)
    own = bool(read) and all(_GATEWAY in name.casefold() for name in read)
    stream = (Column("", drop=1),) if several else ()
    return Widget(
        name=CONTENT.name,
        title=f"Recent {'LiteLLM ' if own or not read else ''}Logs (Last {LINES} lines)",
        state=state,
        columns=(Column("", drop=2), *stream, Column("", drop=3), Column("")),
        rows=tuple(row for one in lines for row in _rows(one, several=several)),
        line=_line(lines, errors, recent, state),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(answer, lines, read, part),
        age_seconds=0.0 if read else None,
        tail=True,
        link="inferdeck logs",
    )


def _once(lines: Iterable[LogLine]) -> list[LogLine]:
    """Return the lines without those that another stream has too, at the same moment in the same words."""
    teller: dict[tuple[float, str], str] = {}
    return [
        one for one in lines if one.time is None or teller.setdefault((one.time, one.text), one.stream) == one.stream
    ]


def said(text: str) -> str:
    """Return what a line says: of one that is a JSON object its message, without escapes that colour it."""
    if not text.startswith("{"):
        return text
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = next((entry[key] for key in _MESSAGE if isinstance(entry.get(key), str)), "")
    # What was escaped in JSON was not seen by whoever masked the line.
    return mask(_COLOUR.sub("", message)) if message else text


def _state(read: Sequence[str], recent: Sequence[LogLine]) -> State:
    if not read:
        return State.UNKNOWN
    if any(one.level == "critical" for one in recent):
        return State.CRITICAL
    return State.WARNING if recent else State.OK


def _rows(line: LogLine, *, several: bool) -> list[tuple[Cell, ...]]:
    """Return an entry's rows: its further lines stand below its first one."""
    first, *more = line.text.split("\n")
    look = _LOOKS.get(line.level, Look.PLAIN)
    name = (Cell(line.stream.rstrip("/").rsplit("/", 1)[-1], Look.DIM),) if several else ()
    time = Cell(f"[{moment(line.time)}]" if line.time is not None else "", Look.DIM)
    level = Cell(f"{line.level.upper()}:" if line.level else "", look)
    blank = tuple(Cell("") for _ in name)
    rows = [(time, *name, level, Cell(first, look))]
    rows += [(Cell(""), *blank, Cell(""), Cell(text, look)) for text in more[:_MOST_MORE]]
    left = len(more) - _MOST_MORE
    if left > 0:
        rows.append((Cell(""), *blank, Cell(""), Cell(f"… {left} more lines", Look.DIM)))
    return rows


def _line(
    lines: Sequence[LogLine], errors: Sequence[LogLine], recent: Sequence[LogLine], state: State
) -> tuple[Cell, ...]:
    if not lines:
        return (Cell("no log lines", Look.DIM, state),)
    if recent:
        newest = recent[-1].text.split("\n", 1)[0]
        many = "1 error" if len(recent) == 1 else f"{len(recent)} errors"
        return Cell(many, telling.LOOKS[state], state), Cell(newest, Look.BAD)
    return (Cell(lines[-1].text.split("\n", 1)[0], Look.DIM if errors else Look.PLAIN, state),)


def _note(answer: LogAnswer, lines: Sequence[LogLine], read: Sequence[str], part: Part) -> str:
    if answer.warnings:
        return answer.warnings[0]
    if not read:
        if part.stream or part.environment:
            return "No such log can be read. inferdeck logs --streams lists all of them."
        return "No log can be read. Add logs with a file or a unit to the sources, or watch the docker of the gateway."
    if not lines:
        what = f" of the level {part.level} or worse" if part.level else ""
        return f"No line{what} has been written."
    return ""
