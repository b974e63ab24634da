"""Every model: type, state, provider, load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inferdeck.model import numbers
from inferdeck.model.model_catalog import STATES, ModelRow, Models
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.telling import Place, Places, Telling, counted, per_minute, worst

CONTENT = Content(
    name="models",
    title="Models",
    shows="every model of gateways and engines: type, state, provider, requests per minute",
    warning="a model is degraded, loading or in error, or ends within 30 days",
    critical="every model whose state is known is in error",
    unknown="no model is known, or the state of none is",
    told=(
        Told("available", "count", "models that can be asked", "inferdeck_models_available"),
        Told("total", "count", "models", "inferdeck_models"),
        Told("degraded", "count", "models that work badly", "inferdeck_models_degraded"),
        Told("loading", "count", "models that are being loaded", "inferdeck_models_loading"),
        Told("error", "count", "models that cannot be asked", "inferdeck_models_error"),
        Told("unknown", "count", "models of which nobody tells", "inferdeck_models_unknown"),
        Told("load.NAME", "requests/min", "requests per minute", "inferdeck_models_requests_per_minute"),
        Told("state.NAME", "", "available, degraded, loading, error or unknown"),
        Told("type.NAME", "", "LLM, Embedding, Reranker, …"),
    ),
)
ENDS_DAYS = 30
_STATES = {
    "available": State.OK,
    "degraded": State.WARNING,
    "loading": State.WARNING,
    "error": State.CRITICAL,
    "unknown": State.UNKNOWN,
}


def widget(models: Models, part: Part) -> Widget:
    """Return the widget: what does not work first, then by name."""
    rows = [one for one in models.items if part.environment in ("", one.environment)]
    rows.sort(key=lambda one: (_of(one) in (State.OK, State.UNKNOWN), one.environment, one.name))
    places = Places.of(Place(one.environment) for one in rows)
    told = Telling(CONTENT, places)
    states = Counter(one.state.value for one in rows)
    if rows:
        told.figure("available", counted(states["available"]))
        told.figure("total", counted(len(rows)))
        for word in STATES[1:]:
            told.figure(word, counted(states[word]))
    for one in rows:
        where = (Place(one.environment), one.name)
        told.named("load", per_minute(one.requests), *where, "model")
        told.fact("state", one.state.value, *where)
        told.fact("type", one.type, *where)
    columns = (
        Column("Model"),
        Column("Status"),
        Column("Type", drop=1),
        Column("Provider", drop=2),
        Column("Load", right=True, drop=3),
    )
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=_state(rows),
        columns=(*places.columns(), *columns),
        rows=tuple((*places.cells(Place(one.environment)), *_cells(one)) for one in rows),
        line=_line(rows, places),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(rows, models, part),
        age_seconds=telling.oldest(one.requests for one in rows),
        link="inferdeck models",
    )


def _of(one: ModelRow) -> State:
    return _STATES.get(one.state.value, State.UNKNOWN)


def _ends(one: ModelRow) -> bool:
    left = one.deprecation.days_left if one.deprecation else None
    return left is not None and left <= ENDS_DAYS


def _state(rows: Sequence[ModelRow]) -> State:
    known = [_of(one) for one in rows if _of(one) is not State.UNKNOWN]
    if known and all(one is State.CRITICAL for one in known):
        return State.CRITICAL
    if any(one is not State.OK for one in known) or any(_ends(one) for one in rows):
        return State.WARNING
    return worst(known)


def _cells(one: ModelRow) -> tuple[Cell, ...]:
    state = _of(one)
    word = one.state.value
    if _ends(one) and one.deprecation:
        word = f"{word}, ends {one.deprecation.date}" if one.deprecation.date else word
    return (
        Cell(one.name, sign=state),
        Cell(word, Look.WARNING if _ends(one) and state is State.OK else telling.LOOKS[state]),
        Cell(one.type or numbers.MISSING),
        Cell(", ".join(name for name in one.providers if name) or numbers.MISSING),
        telling.cell(per_minute(one.requests)),
    )


def _line(rows: Sequence[ModelRow], places: Places) -> tuple[Cell, ...]:
    if not rows:
        return (Cell("no models", Look.DIM, State.UNKNOWN),)
    state = _state(rows)
    well = sum(_of(one) is State.OK for one in rows)
    ill = [
        Cell(f"{places.name(Place(one.environment), one.name)} {one.state.value}", telling.LOOKS[_of(one)])
        for one in rows
        if _of(one) in (State.WARNING, State.CRITICAL)
    ]
    return (Cell(f"{well}/{len(rows)} models", telling.LOOKS[state], state), *ill)


def _note(rows: Sequence[ModelRow], models: Models, part: Part) -> str:
    if not rows:
        where = f" in the environment {part.environment}" if part.environment else ""
        return f"No model is known{where}. Run inferdeck doctor: it says whether a gateway or an engine is watched."
    if models.total > len(models.items):
        return f"{len(models.items)} of {models.total} models; inferdeck models has all of them."
    return ""
