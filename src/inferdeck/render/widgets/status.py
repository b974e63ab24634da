"""The gateway as a program: state, uptime, process, connections, configuration, last start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inferdeck.model import numbers
from inferdeck.model.answers import Number, number
from inferdeck.model.config_files import ConfigFile
from inferdeck.model.figure_text import shown, worth
from inferdeck.model.stack import StackService
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.health import GATEWAYS
from inferdeck.render.widgets.telling import Place, Places, Telling, worst

YOUNG_SECONDS = 600.0
_HASH_DIGITS = 8
GATEWAY_FILE, DIFFERS = "litellm", "differs"
CONTENT = Content(
    name="status",
    title="LiteLLM Service Status",
    shows="each gateway as a program: state, uptime, PID, CPU, memory, connections, configuration, last start",
    warning="it started less than ten minutes ago, or its configuration was changed since, or differs from what runs",
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
        Told("drift.NAME", "", "same or differs: its configuration file beside what runs; unknown"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Gateway:
    """One gateway and the file that it runs from."""

    one: StackService
    file: ConfigFile | None

    @property
    def place(self) -> Place:
        return Place(self.one.service.environment)

    @property
    def name(self) -> str:
        return self.one.service.name

    @property
    def drift(self) -> str:
        return self.file.drift.state if self.file is not None else ""

    @property
    def state(self) -> State:
        one = self.one
        if one.service.health != "up":
            return State.CRITICAL if one.service.health == "down" else State.UNKNOWN
        young = one.uptime.value is not None and one.uptime.quality != "stale" and one.uptime.value < YOUNG_SECONDS
        changed = one.config_changed.value is not None
        return State.WARNING if young or changed or self.drift == DIFFERS else State.OK


def widget(services: Sequence[StackService], files: Sequence[ConfigFile], part: Part) -> Widget:
    """Return the widget: eight rows per gateway, under its name where there are several."""
    of = {one.drift.gateway: one for one in files if one.kind == GATEWAY_FILE and one.drift.gateway}
    found = [
        _Gateway(one, of.get(one.service.id))
        for one in services
        if one.service.kind in GATEWAYS and part.environment in ("", one.service.environment)
    ]
    places = Places.of(one.place for one in found)
    told = Telling(CONTENT, places)
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        _tell(told, one)
        if len(found) > 1:
            rows.append((Cell(places.name(one.place, one.name), Look.STRONG, one.state),))
        rows += _rows(one)
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=worst(one.state for one in found),
        columns=(Column(), Column()),
        rows=tuple(rows),
        line=_line(found, places),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(found, part),
        age_seconds=max((age for one in found if (age := one.one.service.age.value) is not None), default=None),
        link="inferdeck services",
    )


def moment(unix: float | None) -> str:
    """Return a moment in the daemon's time zone: 2025-11-08 00:00:00."""
    try:
        return numbers.MISSING if unix is None else datetime.fromtimestamp(unix).astimezone().strftime("%F %T")
    except (OverflowError, OSError, ValueError):
        return numbers.MISSING


def _share(cores: Number) -> Number:
    return number(cores.value, "ratio", source=cores.source, age_seconds=cores.age_seconds, quality=cores.quality)


def _tell(told: Telling, gateway: _Gateway) -> None:
    one, where = gateway.one, (gateway.place, gateway.name)
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
    told.fact("config", gateway.one.config_hash, *where)
    told.fact("drift", gateway.drift, *where)


def _rows(gateway: _Gateway) -> list[tuple[Cell, ...]]:
    one = gateway.one
    word = f"{one.status} (running)" if one.status in ("up", "active", "available") else one.status
    connections = f"{shown(one.connections)} active" if one.connections.value is not None else ""
    started = worth(one.started, moment(one.started.value)) if one.started.value is not None else ""
    return [
        (Cell("Status:"), Cell(word, telling.LOOKS[gateway.state])),
        (Cell("Uptime:"), telling.cell(one.uptime)),
        (Cell("PID:"), Cell(str(one.pid)) if one.pid else Cell(numbers.MISSING, Look.DIM)),
        (Cell("CPU:"), telling.cell(_share(one.cpu))),
        (Cell("Memory:"), telling.cell(one.memory)),
        (Cell("Connections:"), telling.cell(one.connections, text=connections)),
        (Cell("Config:"), _config(gateway)),
        (Cell("Last Start:"), telling.cell(one.started, text=started)),
    ]


def _config(gateway: _Gateway) -> Cell:
    if not gateway.one.config_hash:
        return Cell(numbers.MISSING, Look.DIM)
    text = gateway.one.config_hash[:_HASH_DIGITS]
    if gateway.drift == DIFFERS:
        return Cell(f"{text} (differs from what runs)", Look.WARNING)
    if gateway.one.config_changed.value is not None:
        return Cell(f"{text} (changed after the start, {moment(gateway.one.config_changed.value)})", Look.WARNING)
    # Without a start nobody knows whether it was changed since.
    return Cell(f"{text} (unchanged)" if gateway.one.started.value is not None or gateway.drift == "same" else text)


def _line(found: Sequence[_Gateway], places: Places) -> tuple[Cell, ...]:
    cells = []
    for gateway in found:
        state, one = gateway.state, gateway.one
        name = places.name(gateway.place, gateway.name)
        text = f"{name} {one.status} {shown(one.uptime)}" if one.service.health == "up" else f"{name} {one.status}"
        cells.append(Cell(text, telling.LOOKS[state], state))
    return tuple(cells) or (Cell("no gateway", Look.DIM, State.UNKNOWN),)


def _note(found: Sequence[_Gateway], part: Part) -> str:
    if not found:
        where = f" in the environment {part.environment}" if part.environment else ""
        return f"No gateway is watched{where}. Run inferdeck doctor: it says which line of configuration adds one."
    failed = [one for one in found if one.one.service.health != "up" and one.one.service.error]
    if failed:
        return f"{failed[0].name}: {failed[0].one.service.error}"
    differs = [one for one in found if one.drift == DIFFERS and one.file is not None]
    if differs and differs[0].file:
        return f"{differs[0].name} does not run what {differs[0].file.path} says; inferdeck config files says how."
    if all(one.one.pid is None and one.one.uptime.value is None for one in found):
        return "Which process it is, nobody tells: watch its docker, its systemd unit, or run inferdeck beside it."
    return ""
