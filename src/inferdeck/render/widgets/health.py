"""Service health: what is up, on which port, and how fast it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inferdeck.model import numbers
from inferdeck.model.answers import Service, Status, number
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.telling import Place, Places, Telling, counted, worst

GATEWAYS = frozenset({"litellm"})
ENGINES = frozenset({"vllm", "sglang", "tgi", "llamacpp", "ollama"})
CACHES = frozenset({"redis"})
CONTENT = Content(
    name="health",
    title="Service Health Status",
    shows="every watched service: up or down, its port, how long its last answer took",
    warning="a service is down",
    critical="a gateway is down, or all engines of an environment are",
    unknown="no service is watched, or none has been read yet",
    told=(
        Told("up", "count", "services that answer", "inferdeck_health_services_up"),
        Told("down", "count", "services that do not answer", "inferdeck_health_services_down"),
        Told("total", "count", "services that are watched", "inferdeck_health_services"),
        Told("up.NAME", "count", "1 where this service answers, 0 where it does not", "inferdeck_health_up"),
        Told("latency.NAME", "seconds", "how long its last answer took", "inferdeck_health_latency_seconds"),
        Told("state.NAME", "", "up, down or unknown (not read yet)"),
        Told("error.NAME", "", "why it is down"),
        Told("version.NAME", "", "its version"),
    ),
)
_WORDS = {"up": "UP", "down": "DOWN", "unknown": "?"}
_UP = {"up": 1.0, "down": 0.0}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A service, what it is called where two have a name, and how grave its state is."""

    service: Service
    name: str
    state: State

    @property
    def place(self) -> Place:
        return Place(self.service.environment)


def widget(status: Status, part: Part) -> Widget:
    """Return the widget; services stand as gateways, engines, caches, then the others."""
    seen = _seen([one for one in status.services if part.environment in ("", one.environment)])
    places = Places.of(one.place for one in seen)
    told = Telling(CONTENT, places)
    _count(told, seen)
    for one in seen:
        _tell(told, one)
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=worst(one.state for one in seen),
        columns=(*places.columns(), Column(), Column(drop=1), Column(), Column(right=True, drop=2)),
        rows=tuple((*places.cells(one.place), *_cells(one)) for one in seen),
        line=_line(seen, places),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(seen, part),
        age_seconds=telling.oldest(one.service.latency for one in seen),
        link="inferdeck status",
    )


def _seen(services: Iterable[Service]) -> list[_Seen]:
    ordered = sorted(services, key=_order)
    uses = Counter((one.environment, one.name) for one in ordered)
    answering = {one.environment for one in ordered if one.kind in ENGINES and one.health != "down"}
    return [
        _Seen(
            one,
            one.name if uses[one.environment, one.name] == 1 else f"{one.name} {one.instance}",
            _state(one, alone=one.environment not in answering),
        )
        for one in ordered
    ]


def _order(one: Service) -> tuple[int, str, str, str]:
    group = next((place for place, kinds in enumerate((GATEWAYS, ENGINES, CACHES)) if one.kind in kinds), 3)
    return group, one.environment, one.name, one.instance


def _state(one: Service, *, alone: bool) -> State:
    """Return a service's state; alone: no engine of its environment answers."""
    if one.health == "up":
        return State.OK
    if one.health != "down":
        return State.UNKNOWN
    return State.CRITICAL if one.kind in GATEWAYS or (one.kind in ENGINES and alone) else State.WARNING


def _count(told: Telling, seen: Sequence[_Seen]) -> None:
    health = Counter(one.service.health for one in seen)
    for word, value in (("up", health["up"]), ("down", health["down"]), ("total", len(seen))):
        told.figure(word, counted(value) if seen else number(None, "count"))


def _tell(told: Telling, seen: _Seen) -> None:
    one, where = seen.service, (seen.place, seen.name)
    told.named("up", number(_UP.get(one.health), "count", source="up"), *where, "service")
    told.named("latency", one.latency, *where, "service")
    told.fact("state", one.health, *where)
    told.fact("error", one.error, *where)
    told.fact("version", one.version, *where)


def _cells(seen: _Seen) -> tuple[Cell, ...]:
    one, up = seen.service, seen.service.health == "up"
    return (
        Cell(seen.name, sign=seen.state),
        Cell(f"({one.port})" if one.port else "", Look.DIM),
        Cell(_WORDS.get(one.health, one.health), telling.LOOKS[seen.state]),
        # How fast it was when it still answered is no figure of now.
        telling.cell(one.latency) if up else Cell(numbers.MISSING, Look.DIM),
    )


def _line(seen: Sequence[_Seen], places: Places) -> tuple[Cell, ...]:
    if not seen:
        return (Cell("no services", Look.DIM, State.UNKNOWN),)
    state = worst(one.state for one in seen)
    up = sum(one.service.health == "up" for one in seen)
    down = [one for one in seen if one.service.health == "down"]
    names = [
        Cell(f"{places.name(one.place, one.name)} down", telling.LOOKS[one.state])
        for one in sorted(down, key=lambda one: one.state is not State.CRITICAL)
    ]
    return (Cell(f"{up}/{len(seen)} up", telling.LOOKS[state], state), *names)


def _note(seen: Sequence[_Seen], part: Part) -> str:
    if not seen:
        where = f" in the environment {part.environment}" if part.environment else ""
        return f"Nothing is watched{where}. Run inferdeck doctor: it says what was found and which line adds the rest."
    failed = (one for one in seen if one.service.error and one.service.health != "up")
    return next((f"{one.name}: {one.service.error}" for one in failed), "")
