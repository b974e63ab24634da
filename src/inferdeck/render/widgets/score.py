"""How good each provider was over the window: score, grade, recommendation (docs/score.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from inferdeck.model import numbers
from inferdeck.model.answers import Number, number
from inferdeck.model.model_catalog import ProviderRow, Providers, Score
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.metrics import chosen
from inferdeck.render.widgets.providers import nobody, place_of
from inferdeck.render.widgets.telling import Places, Telling, called

AVOID = 60.0
"""Below it the recommendation is Avoid."""
CONTENT = Content(
    name="score",
    title="Provider Performance Scores",
    shows="score, grade and recommendation of each provider, over the last five minutes",
    warning="a provider with enough requests scores less than 60",
    critical="every provider with enough requests scores less than 60",
    unknown="no provider had a request",
    told=(
        Told("score.NAME", "count", "its score, 0 to 100", "inferdeck_score"),
        Told("grade.NAME", "", "its grade, A to F"),
        Told("recommendation.NAME", "", "Primary, Secondary, Fallback only, Avoid or few requests"),
        Told("latency.NAME", "ratio", "how good its latency is, 0 to 1", "inferdeck_score_latency_ratio"),
        Told("errors.NAME", "ratio", "how good its errors are, 0 to 1", "inferdeck_score_errors_ratio"),
        Told("availability.NAME", "ratio", "how good its availability is", "inferdeck_score_availability_ratio"),
        Told("throughput.NAME", "ratio", "how good its throughput is, 0 to 1", "inferdeck_score_throughput_ratio"),
    ),
    parameters=("environment", "gateway"),
)
FEW = "few requests"
"""The recommendation of a score that rests on too little."""


def widget(providers: Providers, part: Part) -> Widget:
    """Return the widget, the best provider first, those without a score last."""
    rows = [one for one in providers.items if chosen(one.environment, one.gateway, part)]
    rows.sort(key=lambda one: (one.score is None, -one.score.value if one.score else 0.0))
    places = Places.of(place_of(one) for one in rows)
    told = Telling(CONTENT, places)
    for one in rows:
        _tell(told, one)
    columns = (
        Column("Provider"),
        Column("Score", right=True),
        Column("Grade", drop=2),
        Column("Recommendation", drop=1),
    )
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=_state(rows),
        columns=(*places.columns(), *columns),
        rows=tuple((*places.cells(place_of(one)), *_cells(one)) for one in rows),
        line=_line(rows, places),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(rows, part),
        age_seconds=telling.oldest(one.requests for one in rows if one.score),
        link="inferdeck providers",
    )


def _tell(told: Telling, one: ProviderRow) -> None:
    where = (place_of(one), called(one.name))
    told.named("score", _figure(one), *where, "provider")
    if one.score is None:
        return
    told.fact("grade", one.score.grade, *where)
    told.fact("recommendation", one.score.recommendation, *where)
    for part in one.score.parts:
        told.named(part.name, number(part.value, "ratio"), *where, "provider")


def _figure(one: ProviderRow) -> Number:
    if one.score is None:
        return Number(None, "count")
    return Number(one.score.value, "count", one.score.quality, one.requests.age_seconds, "docs/score.md")


def points(score: Score) -> int:
    """Return a score as it is shown: rounded down, since its grade goes by the same number."""
    return math.floor(score.value)


def _shown(score: Score) -> str:
    return f"{'~' if score.quality == 'estimated' else ''}{points(score)}"


def _of(score: Score) -> State:
    """Return what a score says by itself; one that rests on few requests says nothing."""
    if score.recommendation == FEW:
        return State.UNKNOWN
    return State.CRITICAL if score.value < AVOID else State.OK


def _state(rows: Sequence[ProviderRow]) -> State:
    told = [_of(one.score) for one in rows if one.score]
    sure = [one for one in told if one is not State.UNKNOWN]
    if not sure:
        return State.OK if told else State.UNKNOWN
    if all(one is State.CRITICAL for one in sure):
        return State.CRITICAL
    return State.WARNING if State.CRITICAL in sure else State.OK


def _cells(one: ProviderRow) -> tuple[Cell, ...]:
    if one.score is None:
        return (
            Cell(called(one.name), Look.DIM),
            Cell(numbers.MISSING, Look.DIM),
            Cell(numbers.MISSING),
            Cell("no traffic"),
        )
    look = telling.LOOKS[_of(one.score)]
    value = Cell(_shown(one.score), look)
    return Cell(called(one.name)), value, Cell(one.score.grade, look), Cell(one.score.recommendation)


def _line(rows: Sequence[ProviderRow], places: Places) -> tuple[Cell, ...]:
    state = _state(rows)
    cells = [
        Cell(f"{places.name(place_of(one), called(one.name))} {_shown(one.score)} {one.score.grade}")
        for one in rows
        if one.score
    ]
    if not cells:
        return (Cell("no scores", Look.DIM, State.UNKNOWN),)
    return (Cell(cells[0].text, telling.LOOKS[state], state), *cells[1:])


def _note(rows: Sequence[ProviderRow], part: Part) -> str:
    if not rows or any(one.score for one in rows):
        return nobody(rows, part)
    return "No provider had a request in this window, and without traffic there is no score."
