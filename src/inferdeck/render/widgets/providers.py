"""Every upstream provider as each gateway sees it: state, models, load, latency."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model.figure_text import shown
from inferdeck.model.model_catalog import ProviderRow, Providers
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.metrics import chosen
from inferdeck.render.widgets.telling import Place, Places, Telling, called, counted, per_minute, worst

CONTENT = Content(
    name="providers",
    title="Provider Overview",
    shows="every provider as each gateway sees it: state, models, requests per minute, median latency",
    warning="a provider is degraded, failing or down",
    critical="every provider that is used or checked is failing or down",
    unknown="no provider is known",
    told=(
        Told("total", "count", "providers", "inferdeck_providers"),
        Told("ok", "count", "providers that work", "inferdeck_providers_ok"),
        Told("load.NAME", "requests/min", "requests per minute", "inferdeck_providers_requests_per_minute"),
        Told("latency.NAME", "seconds", "half of its requests were faster", "inferdeck_providers_latency_p50_seconds"),
        Told("latency_p95.NAME", "seconds", "19 of 20 were faster", "inferdeck_providers_latency_p95_seconds"),
        Told("errors.NAME", "ratio", "share of its requests that failed", "inferdeck_providers_errors_ratio"),
        Told("models.NAME", "count", "models that it serves", "inferdeck_providers_models"),
        Told("state.NAME", "", "ok, degraded, failing, down or idle"),
    ),
    parameters=("environment", "gateway"),
)
STATES = {
    "ok": State.OK,
    "idle": State.OK,
    "degraded": State.WARNING,
    "failing": State.CRITICAL,
    "down": State.CRITICAL,
}
_WORDS = {"ok": "active"}


def widget(providers: Providers, part: Part) -> Widget:
    """Return the widget, one row per provider and gateway."""
    rows = [one for one in providers.items if chosen(one.environment, one.gateway, part)]
    places = Places.of(place_of(one) for one in rows)
    told = Telling(CONTENT, places)
    if rows:
        told.figure("ok", counted(sum(STATES.get(one.state) is State.OK for one in rows)))
        told.figure("total", counted(len(rows)))
    for one in rows:
        _tell(told, one)
    columns = (
        Column("Provider"),
        Column("Status"),
        Column("Models", right=True, drop=1),
        Column("Load", right=True, drop=2),
        Column("Latency p50", right=True, drop=3),
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
        note=nobody(rows, part),
        age_seconds=telling.oldest(one.requests for one in rows),
        link="inferdeck providers",
    )


def place_of(one: ProviderRow) -> Place:
    """Return whose view a row is."""
    return Place(one.environment, one.gateway)


def nobody(rows: Sequence[ProviderRow], part: Part) -> str:
    """Return why there is no provider, "" where there is one."""
    if rows:
        return ""
    if part.gateway or part.environment:
        return "No provider is known there. inferdeck providers lists all of them."
    return "No gateway tells of a provider. Run inferdeck doctor: it says whether a gateway's metrics are read."


def _state(rows: Sequence[ProviderRow]) -> State:
    busy = [STATES.get(one.state, State.UNKNOWN) for one in rows if one.state != "idle"]
    if busy and all(one is State.CRITICAL for one in busy):
        return State.CRITICAL
    if any(one in (State.WARNING, State.CRITICAL) for one in busy):
        return State.WARNING
    return worst(busy) if busy or not rows else State.OK


def _tell(told: Telling, one: ProviderRow) -> None:
    where = (place_of(one), called(one.name))
    told.named("load", per_minute(one.requests), *where, "provider")
    told.named("latency", one.latency_p50, *where, "provider")
    told.named("latency_p95", one.latency_p95, *where, "provider")
    told.named("errors", one.errors, *where, "provider")
    told.named("models", counted(one.models), *where, "provider")
    told.fact("state", one.state, *where)


def _cells(one: ProviderRow) -> tuple[Cell, ...]:
    state = STATES.get(one.state, State.UNKNOWN)
    look = Look.DIM if one.state == "idle" else telling.LOOKS[state]
    return (
        Cell(called(one.name), sign=state),
        Cell(_WORDS.get(one.state, one.state), look),
        Cell(str(one.models)),
        telling.cell(per_minute(one.requests)),
        telling.cell(one.latency_p50),
    )


def _line(rows: Sequence[ProviderRow], places: Places) -> tuple[Cell, ...]:
    if not rows:
        return (Cell("no providers", Look.DIM, State.UNKNOWN),)
    state, well = _state(rows), [one for one in rows if STATES.get(one.state) is State.OK]
    first = Cell(f"{len(well)}/{len(rows)} providers", telling.LOOKS[state], state)
    ill = [
        Cell(f"{places.name(place_of(one), called(one.name))} {one.state}", telling.LOOKS[STATES[one.state]])
        for one in sorted(rows, key=lambda one: one.state == "degraded")
        if STATES.get(one.state) in (State.WARNING, State.CRITICAL)
    ]
    if ill:
        return (first, *ill)
    timed = [one for one in well if one.latency_p50.value is not None]
    fast = [f"{places.name(place_of(one), called(one.name))} {shown(one.latency_p50)}" for one in timed]
    return (first, *(Cell(text) for text in fast))
