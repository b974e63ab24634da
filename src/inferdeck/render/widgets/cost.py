"""What the requests of each gateway cost: now, in 24 hours, in a month at that pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model import numbers
from inferdeck.model.answers import Gateway, Number, Status
from inferdeck.model.figure_text import shown
from inferdeck.model.model_catalog import UNPRICED, Models
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import panels, telling
from inferdeck.render.widgets.metrics import chosen, no_gateway, place_of
from inferdeck.render.widgets.telling import Place, Places, Telling, counted, over, worst

HOUR_WARNING = 50.0
"""USD per hour, where the alert HighCost begins."""
DAY_WARNING = 500.0
"""USD in 24 hours, where the alert HighDailyCost begins."""
PANELS = ("cost-today", "cost-month")
"""Of the dashboard `gateway`."""
_MOST_NAMED = 3
CONTENT = Content(
    name="cost",
    title="Cost",
    shows="what the requests of each gateway cost: per hour now, in 24 hours, in this month at that pace",
    warning="more than 50 USD per hour, or more than 500 USD in 24 hours",
    critical="never: what is spent is no outage; budgets are conditions of the widget alerts",
    unknown="no gateway is watched, or none has reckoned a cost",
    told=(
        Told("now", "usd/h", "per hour, at the pace of the last five minutes", "inferdeck_cost_usd_per_hour"),
        Told("day", "usd", "in the last 24 hours", "inferdeck_cost_day_usd"),
        Told("month", "usd", "in this whole month at the pace of the last 24 hours", "inferdeck_cost_month_usd"),
        Told("unpriced", "count", "models with requests that nobody prices", "inferdeck_cost_unpriced_models"),
    ),
    parameters=("environment", "gateway"),
)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What one gateway's requests cost."""

    place: Place
    now: Number
    day: Number
    month: Number

    @property
    def state(self) -> State:
        known = [
            over(figure, bound)
            for figure, bound in ((self.now, HOUR_WARNING), (self.day, DAY_WARNING))
            if figure.value is not None
        ]
        return worst(known)


def widget(status: Status, data: panels.Data, models: Models, part: Part) -> Widget:
    """Return the widget; data: the dashboard `gateway` by panels.key of environment and gateway."""
    gateways = [one for one in status.gateways if chosen(one.environment, one.name, part)]
    spent = [_spent(one, data) for one in gateways]
    unpriced = _unpriced(models, {one.environment for one in gateways}, part)
    places = Places.of(one.place for one in spent)
    told = Telling(CONTENT, places)
    for one in spent:
        for word, figure in (("now", one.now), ("day", one.day), ("month", one.month)):
            told.of_place(word, figure, one.place)
    if gateways:
        told.figure("unpriced", counted(len(unpriced)))
    columns = (
        Column("Gateway"),
        Column("Now", right=True),
        Column("24 h", right=True),
        Column("Month", right=True, drop=1),
    )
    alone = len(spent) == 1
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=worst(one.state for one in spent),
        columns=(Column(), Column()) if alone else columns,
        rows=_list(spent[0]) if alone else tuple(_cells(one, places) for one in spent),
        line=_line(spent, places),
        figures=tuple(told.figures),
        note=_note(spent, unpriced, part),
        age_seconds=telling.oldest(figure for one in spent for figure in (one.now, one.day)),
        link="inferdeck dashboards show gateway",
    )


def _spent(one: Gateway, data: panels.Data) -> _Spent:
    found = data.get(panels.key(one.environment, one.name))
    day, month = (panels.figure(found, name, "usd", gateway=one.name) for name in PANELS)
    return _Spent(place_of(one), one.cost, day, month)


def _unpriced(models: Models, environments: set[str], part: Part) -> list[str]:
    return [
        one.name
        for one in models.items
        if one.environment in environments and one.requests.value and UNPRICED in one.price.word.split(", ")
        if not part.gateway or part.gateway in one.gateways
    ]


def _list(one: _Spent) -> tuple[tuple[Cell, ...], ...]:
    return (
        (Cell("Now:"), telling.cell(one.now, _warned(one.now, HOUR_WARNING))),
        (Cell("24 h:"), telling.cell(one.day, _warned(one.day, DAY_WARNING))),
        (
            Cell("Month:"),
            telling.cell(one.month, text=f"{shown(one.month)} (at the pace of the last 24 h)")
            if one.month.value is not None
            else Cell(numbers.MISSING, Look.DIM),
        ),
    )


def _warned(figure: Number, bound: float) -> State:
    return over(figure, bound) if figure.value is not None else State.OK


def _cells(one: _Spent, places: Places) -> tuple[Cell, ...]:
    return (
        Cell(places.where(one.place), sign=one.state),
        telling.cell(one.now, _warned(one.now, HOUR_WARNING)),
        telling.cell(one.day, _warned(one.day, DAY_WARNING)),
        telling.cell(one.month),
    )


def _line(spent: Sequence[_Spent], places: Places) -> tuple[Cell, ...]:
    cells = []
    for one in spent:
        name = f"{places.where(one.place)} " if len(spent) > 1 else ""
        cells.append(Cell(f"{name}{shown(one.now)}", telling.LOOKS[one.state], one.state))
        cells.append(telling.cell(one.day, _warned(one.day, DAY_WARNING), f"24 h {shown(one.day)}"))
    return tuple(cells) or (Cell(f"cost {numbers.MISSING}", Look.DIM, State.UNKNOWN),)


def _note(spent: Sequence[_Spent], unpriced: Sequence[str], part: Part) -> str:
    if not spent:
        return no_gateway(part)
    if unpriced:
        rest = len(unpriced) - _MOST_NAMED
        names = ", ".join(unpriced[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
        return f"Nobody prices {names}: the true cost is higher. inferdeck models shows who says what."
    if all(one.now.value is None and one.day.value is None for one in spent):
        return "No gateway has reckoned a cost yet. inferdeck models shows which models have a price."
    return ""
