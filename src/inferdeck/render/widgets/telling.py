"""What the widgets have in common: names that stay apart, figures with their paths, and what a state is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from inferdeck.model.answers import Number, number
from inferdeck.model.figure_text import shown
from inferdeck.model.widget import Cell, Column, Figure, Look, State
from inferdeck.render.interface import Content

ENVIRONMENT, GATEWAY = Column("Environment", drop=0), Column("Gateway", drop=0)
LOOKS = {State.OK: Look.GOOD, State.WARNING: Look.WARNING, State.CRITICAL: Look.BAD, State.UNKNOWN: Look.DIM}
_WEIGHT = {State.OK: 0, State.UNKNOWN: 1, State.WARNING: 2, State.CRITICAL: 3}
_NO_NAME = "?"


def worst(states: Iterable[State]) -> State:
    """Return the worst: critical, warning, unknown, ok; unknown where there is none."""
    return max(states, key=_WEIGHT.__getitem__, default=State.UNKNOWN)


def counted(value: float) -> Number:
    """Return a count."""
    return number(value, "count")


def over(value: Number, warning: float | None, critical: float | None = None) -> State:
    """Return critical or warning above that value, unknown where it is missing, else ok."""
    if value.value is None:
        return State.UNKNOWN
    if critical is not None and value.value > critical:
        return State.CRITICAL
    return State.WARNING if warning is not None and value.value > warning else State.OK


def cell(value: Number, state: State = State.OK, text: str = "") -> Cell:
    """Return a figure as a cell, coloured by its state; a missing or stale one is dim."""
    if value.value is None or value.quality == "stale":
        return Cell(text or shown(value), Look.DIM)
    return Cell(text or shown(value), Look.PLAIN if state is State.OK else LOOKS[state])


def oldest(figures: Iterable[Number]) -> float | None:
    """Return the age of the oldest figure that is known and not marked as stale."""
    ages = (one.age_seconds for one in figures if one.value is not None and one.quality != "stale")
    return max((age for age in ages if age is not None), default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """The environment of something, and its gateway where that tells it apart."""

    environment: str
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """Says where things are only where several places are shown."""

    environments: bool
    gateways: bool

    @classmethod
    def of(cls, places: Iterable[Place]) -> Places:
        """Return what it takes to tell these places apart."""
        every = set(places)
        return cls(len({one.environment for one in every}) > 1, len({one.gateway for one in every}) > 1)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns that say where a row is."""
        return (ENVIRONMENT,) * self.environments + (GATEWAY,) * self.gateways

    def cells(self, place: Place) -> tuple[Cell, ...]:
        """Return the cells of those columns."""
        return (Cell(place.environment),) * self.environments + (Cell(place.gateway),) * self.gateways

    def words(self, place: Place) -> tuple[str, ...]:
        """Return the words of a path that say where something is."""
        return (place.environment,) * self.environments + (place.gateway,) * self.gateways

    def where(self, place: Place) -> str:
        """Return the words in one text, "" where there is one place alone."""
        return "/".join(self.words(place))

    def name(self, place: Place, name: str) -> str:
        """Return the name of something in one text, as a line has it."""
        return "/".join((*self.words(place), name))


@dataclass(slots=True)
class Telling:
    """Collects the figures and texts of one widget; their paths and families are those of its content."""

    content: Content
    places: Places = Places(False, False)
    figures: list[Figure] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    def figure(self, word: str, value: Number, **labels: str) -> None:
        """Add a figure of the widget as a whole."""
        self.figures.append(Figure(word, value, self.content.family(word), tuple(labels.items())))

    def named(self, word: str, value: Number, place: Place, name: str, label: str) -> None:
        """Add a figure of one thing; label: what such a thing is called in Prometheus' text format."""
        family = self.content.family(f"{word}.NAME")
        self.figures.append(Figure(self.path(word, place, name), value, family, labels(place, label, name)))

    def of_place(self, word: str, value: Number, place: Place) -> None:
        """Add a figure of a whole gateway or environment."""
        path = ".".join((word, *self.places.words(place)))
        self.figures.append(Figure(path, value, self.content.family(word), labels(place)))

    def fact(self, word: str, text: str, place: Place | None = None, name: str = "") -> None:
        """Add a text; "" is not known and is not told."""
        if text:
            self.facts[word if place is None else self.path(word, place, name)] = text

    def path(self, word: str, place: Place, name: str = "") -> str:
        """Return the path of something."""
        return ".".join((word, *self.places.words(place), *((name,) if name else ())))


def labels(place: Place, label: str = "", name: str = "") -> tuple[tuple[str, str], ...]:
    """Return the labels of a figure, by name."""
    every = {"environment": place.environment, "gateway": place.gateway, label: name}
    return tuple(sorted((key, value) for key, value in every.items() if key and value))


def per_minute(rate: Number) -> Number:
    """Return a rate per second as one per minute."""
    return replace(rate, value=None if rate.value is None else rate.value * 60, unit="requests/min")


def times(rate: Number, seconds: float, unit: str = "count") -> Number:
    """Return what a rate made in so many seconds."""
    return replace(rate, value=None if rate.value is None else rate.value * seconds, unit=unit)


def called(name: str) -> str:
    """Return a name, or a sign where it is empty."""
    return name or _NO_NAME
