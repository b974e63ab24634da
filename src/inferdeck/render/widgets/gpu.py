"""Every card: load, memory, heat, power, and what it serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inferdeck.model import numbers
from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown, worth
from inferdeck.model.stack import Card, LinkState
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import telling
from inferdeck.render.widgets.telling import Place, Places, Telling, counted, over, worst

HOT_CELSIUS = 85.0
"""Where the alert GpuHot begins."""
FULL = 0.97
"""Where the alert GpuMemoryFull begins."""
CONTENT = Content(
    name="gpu",
    title="GPUs",
    shows="every card: load, memory, temperature, power, what it serves",
    warning="a card is above 85 °C, its memory is more than 97 % full, or it has reported an XID error",
    critical="a card has uncorrected ECC errors",
    unknown="no card is watched, or none has been read lately",
    told=(
        Told("utilisation.NAME", "ratio", "its load", "inferdeck_gpu_utilisation_ratio"),
        Told("memory.NAME", "ratio", "used share of its memory", "inferdeck_gpu_memory_ratio"),
        Told("memory_used.NAME", "bytes", "used memory", "inferdeck_gpu_memory_used_bytes"),
        Told("memory_total.NAME", "bytes", "all its memory", "inferdeck_gpu_memory_total_bytes"),
        Told("temperature.NAME", "celsius", "its temperature", "inferdeck_gpu_temperature_celsius"),
        Told("power.NAME", "watts", "its power", "inferdeck_gpu_power_watts"),
        Told("ecc.NAME", "count", "uncorrected ECC errors", "inferdeck_gpu_ecc_errors"),
        Told("total", "count", "cards", "inferdeck_gpus"),
        Told("model.NAME", "", "what card it is"),
        Told("serves.NAME", "", "the services that use it"),
    ),
)


def widget(cards: Sequence[Card], part: Part) -> Widget:
    """Return the widget, one row per card; a card is called HOST:INDEX where there are several hosts."""
    rows = [one for one in cards if part.environment in ("", one.environment)]
    places = Places.of(Place(one.environment) for one in rows)
    names = _names(rows)
    told = Telling(CONTENT, places)
    for one, name in zip(rows, names, strict=True):
        _tell(told, one, name)
    if rows:
        told.figure("total", counted(len(rows)))
    columns = (
        Column("GPU"),
        Column("Load", right=True),
        Column("Memory", right=True),
        Column("Temp", right=True, drop=3),
        Column("Power", right=True, drop=2),
        Column("Serves", drop=1),
    )
    cells = [(*places.cells(Place(one.environment)), *_cells(one, name)) for one, name in zip(rows, names, strict=True)]
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=worst(state_of(one) for one in rows),
        columns=(*places.columns(), *columns),
        rows=tuple(cells),
        line=_line(rows, [places.name(Place(one.environment), name) for one, name in zip(rows, names, strict=True)]),
        figures=tuple(told.figures),
        facts=told.facts,
        note=_note(rows, names, part),
        age_seconds=telling.oldest(figure for one in rows for figure in (one.utilisation, one.memory_used)),
        link="inferdeck gpus",
    )


def memory(one: Card) -> Number:
    """Return the used share of a card's memory."""
    used, total = one.memory_used, one.memory_total
    if used.value is None or not total.value:
        return Number(None, "ratio", source=used.source)
    return Number(used.value / total.value, "ratio", used.quality, used.age_seconds, used.source)


def state_of(one: Card) -> State:
    """Return a card's own state."""
    known = [figure for figure in (one.utilisation, one.memory_used, one.temperature) if figure.value is not None]
    if not known or all(figure.quality == "stale" for figure in known):
        return State.UNKNOWN
    if one.ecc.value:
        return State.CRITICAL
    bounds = (over(one.temperature, HOT_CELSIUS), over(memory(one), FULL))
    return State.WARNING if State.WARNING in bounds or one.xid else State.OK


def _names(cards: Sequence[Card]) -> list[str]:
    several = len({one.host for one in cards}) > 1
    names = [f"{one.host}:{one.index or one.uuid}" if several else one.index or one.uuid for one in cards]
    uses = Counter((one.environment, name) for one, name in zip(cards, names, strict=True))
    return [
        name if uses[one.environment, name] == 1 else one.uuid or name for one, name in zip(cards, names, strict=True)
    ]


def _tell(told: Telling, one: Card, name: str) -> None:
    where = (Place(one.environment), name)
    told.named("utilisation", one.utilisation, *where, "gpu")
    told.named("memory", memory(one), *where, "gpu")
    told.named("memory_used", one.memory_used, *where, "gpu")
    told.named("memory_total", one.memory_total, *where, "gpu")
    told.named("temperature", one.temperature, *where, "gpu")
    told.named("power", one.power, *where, "gpu")
    told.named("ecc", one.ecc, *where, "gpu")
    told.fact("model", one.model, *where)
    told.fact("serves", _serves(one), *where)


def _serves(one: Card) -> str:
    return ", ".join(link.name for link in one.used_by if link.state == LinkState.KNOWN.value and link.name)


def _cells(one: Card, name: str) -> tuple[Cell, ...]:
    used, total = one.memory_used, one.memory_total
    text = numbers.byte_size(used.value)
    if used.value is not None and total.value is not None:
        text = f"{text} of {numbers.byte_size(total.value)}"
    return (
        Cell(name, sign=state_of(one)),
        telling.cell(one.utilisation),
        telling.cell(used, over(memory(one), FULL), worth(used, text) if used.value is not None else text),
        telling.cell(one.temperature, over(one.temperature, HOT_CELSIUS)),
        telling.cell(one.power),
        Cell(_serves(one) or numbers.MISSING),
    )


def _line(cards: Sequence[Card], names: Sequence[str]) -> tuple[Cell, ...]:
    if not cards:
        return (Cell("no GPU", Look.DIM, State.UNKNOWN),)
    return tuple(
        Cell(
            f"{name} {shown(one.utilisation)} {shown(memory(one))} {shown(one.temperature)}",
            telling.LOOKS[state_of(one)],
            state_of(one),
        )
        for one, name in zip(cards, names, strict=True)
    )


def _note(cards: Sequence[Card], names: Sequence[str], part: Part) -> str:
    if not cards:
        where = f" in the environment {part.environment}" if part.environment else ""
        return f"No card is watched{where}. Add nvidia to the sources on a machine that has one, or dcgm with its URL."
    troubles = [
        f"{name}: XID {one.xid} {one.xid_text}".rstrip() for one, name in zip(cards, names, strict=True) if one.xid
    ]
    return "; ".join(troubles)
