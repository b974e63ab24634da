"""Every query of every dashboard as a face asks it: variables chosen, texts filled in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from inferdeck.dashboards import interpolation, loader
from inferdeck.dashboards.interpolation import Window
from inferdeck.model.dashboard import ALL, Dashboard, Panel, Query, Variable, VariableKind

Values = Callable[[str, str], Awaitable[list[str]]]
"""The values of a label of the series that a selector names."""
Chosen = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of one panel."""

    dashboard: Dashboard
    panel: Panel
    query: Query
    text: str

    @property
    def place(self) -> str:
        """What a message names it by."""
        return f"{self.dashboard.uid}/{self.panel.id}/{self.query.ref}"


@dataclass(slots=True)
class Emptiness:
    """Which panels gave nothing, and what they say of it."""

    asked: dict[str, int] = field(default_factory=dict)
    panels: dict[str, Panel] = field(default_factory=dict)

    def note(self, one: Asked, series: int) -> None:
        place = f"{one.dashboard.uid}/{one.panel.id}"
        self.asked[place] = self.asked.get(place, 0) + series
        self.panels[place] = one.panel

    def empty(self) -> dict[str, str]:
        """Return the panels whose queries all gave nothing -> the reason that they show."""
        return {place: self.panels[place].empty.reason for place, count in self.asked.items() if not count}


def dashboards() -> list[Dashboard]:
    """Return all that inferdeck brings along."""
    return [one.dashboard for one in loader.shipped()]


def dashboard(uid: str) -> Dashboard:
    """Return one of them."""
    return next(one for one in dashboards() if one.uid == uid)


async def choose(found: Dashboard, values: Values, window: Window, given: Mapping[str, str] | None = None) -> Chosen:
    """Return what a face chooses at first: All where that is offered, else the default or the first option."""
    chosen: Chosen = {}
    for variable in found.variables:
        if given and variable.name in given:
            chosen[variable.name] = (given[variable.name],)
        else:
            chosen[variable.name] = await _first(found, variable, chosen, values, window)
    return chosen


async def every(found: Dashboard, values: Values, window: Window, name: str) -> AsyncIterator[Chosen]:
    """Yield the choices with each option of one variable in turn, the others as at first."""
    before = await choose(found, values, window)
    variable = found.variable(name)
    assert variable is not None
    options = [one.value for one in variable.options]
    if variable.kind is VariableKind.LABEL_VALUES:
        options = await values(variable.source, interpolation.selector(variable, found.variables, before, window))
    for option in options:
        yield await choose(found, values, window, {name: option})


def queries(found: Dashboard, chosen: Chosen, window: Window) -> Iterator[Asked]:
    """Yield all queries with the values in them."""
    for panel in found.panels():
        for query in panel.queries:
            text = interpolation.fill(query.expr, found.variables, chosen, window)
            assert "$" not in text.replace("$1", ""), text
            yield Asked(found, panel, query, text)


async def _first(
    found: Dashboard, variable: Variable, chosen: Chosen, values: Values, window: Window
) -> tuple[str, ...]:
    if variable.default:
        return variable.default
    if variable.include_all:
        return (ALL,)
    if variable.options:
        return (variable.options[0].value,)
    options = await values(variable.source, interpolation.selector(variable, found.variables, chosen, window))
    return tuple(options[:1])
