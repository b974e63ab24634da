"""The gateway as a program: state, uptime, process, connections, configuration, last start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inferdeck.model import numbers
from inferdeck.model.answers import Number, number
from inferdeck.model.figure_text import shown, worth
from inferdeck.model.stack import StackService
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.health import GATEWAYS
from inferdeck.render.widgets.telling import Place, Places, Telling, worst

YOUNG_SECONDS = 600.0
_HASH_DIGITS = 8
CONTENT = Content(
    name="status",
    title="LiteLLM Service Status",
    shows="each gateway as a program: state, uptime, PID, CPU, memory, connections, configuration, last start",
    warning="it started less than ten minutes ago, or its configuration was changed after it had started",
    critical="a gateway does not answer",
    unknown="no gateway is watched, or it has not been read yet",
    told=(
        Told("uptime.NAME", "seconds", "since it started", "inferdeck_status_uptime_seconds"),
        Told("cpu.NAME", "ratio", "processors that it uses: 1 is one whole", "inferdeck_status_cpu_ratio"),
        Told("memory.NAME", "bytes", "memory that it uses", "inferdeck_status_memory_bytes"),
        Told("connections.NAME", "count", "its connections", "inferdeck_status_connections"),
        Told("restarts.NAME", "count", "how often it was restarted", "inferdeck_status_restarts"),
        Told("started.NAME", "unix", "when it started", "inferdeck_status_start_time_seconds"),
        Told("pid.NAME", "", "its process"),
        Told("state.NAME", "", "its own word, or that of its unit or container"),
        Told("config.NAME", "", "the hash of its configuration"),
    ),
)


def widget(services: Sequence[StackService], part: Part) -> Widget:
    """Return the widget: eight rows per gateway, under its name where there are several."""
    found = [
        one for one in services if one.service.kind in GATEWAYS and part.environment in ("", one.service.environment)
    ]
    places = Places.of(_place(one) for one in found)
    told = Telling(CONTENT, places)
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        _tell(told, one)
        if len(found) > 1:
            rows.append((Cell(places.name(_place(one), one.service.name), Look.STRONG, state_of(one)),))
        rows += _rows(one)
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=worst(state_of(one) for one in found),
        columns=(Column(), Column()),
        rows=tuple(rows),
        line=_line(found, places),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(found, part),
        age_seconds=max((age for one in found if (age := one.service.age.value) is not None), default=None),
        link="inferdeck services",
    )


def state_of(one: StackService) -> State:
    """Return a gateway's own state."""
    if one.service.health != "up":
        return State.CRITICAL if one.service.health == "down" else State.UNKNOWN
    young = one.uptime.value is not None and one.uptime.quality != "stale" and one.uptime.value < YOUNG_SECONDS
    return State.WARNING if young or one.config_changed.value is not None else State.OK


def moment(unix: float | None) -> str:
    """Return a moment in the daemon's time zone: 2025-11-08 00:00:00."""
    try:
        return numbers.MISSING if unix is None else datetime.fromtimestamp(unix).astimezone().strftime("%F %T")
    except (OverflowError, OSError, ValueError):
        return numbers.MISSING


def _place(one: StackService) -> Place:
    return Place(one.service.environment)


def _share(cores: Number) -> Number:
    return number(cores.value, "ratio", source=cores.source, age_seconds=cores.age_seconds, quality=cores.quality)


def _tell(told: Telling, one: StackService) -> None:
    where = (_place(one), one.service.name)
    figures = {
        "uptime": one.uptime,
        "cpu": _share(one.cpu),
        "memory": one.memory,
        "connections": one.connections,
        "restarts": one.restarts,
        "started": one.started,
    }
    for word, figure in figures.items():
        told.named(word, figure, *where, "service")
    told.fact("pid", str(one.pid or ""), *where)
    told.fact("state", one.status, *where)
    told.fact("config", one.config_hash, *where)


def _rows(one: StackService) -> list[tuple[Cell, ...]]:
    state = state_of(one)
    word = f"{one.status} (running)" if one.status in ("up", "active", "available") else one.status
    connections = f"{shown(one.connections)} active"
    started = worth(one.started, moment(one.started.value)) if one.started.value is not None else ""
    return [
        (Cell("Status:"), Cell(word, telling.LOOKS[state])),
        (Cell("Uptime:"), telling.cell(one.uptime)),
        (Cell("PID:"), Cell(str(one.pid)) if one.pid else Cell(numbers.MISSING, Look.DIM)),
        (Cell("CPU:"), telling.cell(_share(one.cpu))),
        (Cell("Memory:"), telling.cell(one.memory)),
        (
            Cell("Connections:"),
            telling.cell(one.connections, text=connections if one.connections.value is not None else ""),
        ),
        (Cell("Config:"), _config(one)),
        (Cell("Last Start:"), telling.cell(one.started, text=started)),
    ]


def _config(one: StackService) -> Cell:
    if not one.config_hash:
        return Cell(numbers.MISSING, Look.DIM)
    text = one.config_hash[:_HASH_DIGITS]
    if one.config_changed.value is not None:
        return Cell(f"{text} (changed after the start, {moment(one.config_changed.value)})", Look.WARNING)
    return Cell(f"{text} (unchanged since the start)")


def _line(found: Sequence[StackService], places: Places) -> tuple[Cell, ...]:
    cells = []
    for one in found:
        state, up = state_of(one), one.service.health == "up"
        name = places.name(_place(one), one.service.name)
        text = f"{name} {one.status} {shown(one.uptime)}" if up else f"{name} {one.status}"
        cells.append(Cell(text, telling.LOOKS[state], state))
    return tuple(cells) or (Cell("no gateway", Look.DIM, State.UNKNOWN),)


def _note(found: Sequence[StackService], part: Part) -> str:
    if not found:
        where = f" in the environment {part.environment}" if part.environment else ""
        return f"No gateway is watched{where}. Run inferdeck doctor: it says which line of configuration adds one."
    failed = [one for one in found if one.service.health != "up" and one.service.error]
    if failed:
        return f"{failed[0].service.name}: {failed[0].service.error}"
    if all(one.pid is None and one.uptime.value is None for one in found):
        return "Which process it is, nobody tells: watch its docker, its systemd unit, or run inferdeck beside it."
    return ""
