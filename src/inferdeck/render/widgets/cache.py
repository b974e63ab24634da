"""Redis as it says itself, and what the response cache truly answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model import numbers
from inferdeck.model.answers import Cache, Gateway, Number, Status
from inferdeck.model.figure_text import shown
from inferdeck.model.widget import Cell, Column, Look, State, Widget
from inferdeck.render.interface import Content, Part, Told
from inferdeck.render.widgets import panels, telling
from inferdeck.render.widgets.metrics import place_of, total
from inferdeck.render.widgets.telling import Place, Places, Telling, over, worst

FULL, NEARLY_FULL = 0.98, 0.9
"""Shares of the memory that a Redis may use."""
WINDOW, WINDOW_TITLE = "1h", "last hour"
"""Of the hit rates, as the dashboard `cache` has it."""
PANELS = ("response-cache", "redis-hit-rate")
"""Of the dashboard `cache`."""
CONTENT = Content(
    name="cache",
    title="Redis Cache Performance",
    shows="keys, memory, hit rate, evictions and time to live of each Redis, and what the response cache answers",
    warning="a Redis uses more than 90 % of the memory that it may use, or is down",
    critical="a Redis uses more than 98 % of it and throws out keys",
    unknown="no Redis is watched, or none has been read",
    told=(
        Told("keys.NAME", "count", "keys in all databases", "inferdeck_cache_keys"),
        Told("memory.NAME", "bytes", "used memory", "inferdeck_cache_memory_bytes"),
        Told("memory_limit.NAME", "bytes", "the most that it may use", "inferdeck_cache_memory_limit_bytes"),
        Told("hits.NAME", "ratio", "share of all reads that found a key, last hour", "inferdeck_cache_hits_ratio"),
        Told("evicted.NAME", "count", "keys thrown out in the last five minutes", "inferdeck_cache_evicted"),
        Told("ttl.NAME", "seconds", "mean time to live, by Redis' estimate", "inferdeck_cache_ttl_seconds"),
        Told("expiring.NAME", "ratio", "share of the keys that have an end", "inferdeck_cache_expiring_ratio"),
        Told("clients.NAME", "count", "connections", "inferdeck_cache_clients"),
        Told("answered", "ratio", "share of a gateway's good answers, last hour", "inferdeck_cache_answered_ratio"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Redis:
    """One Redis and what the dashboard says of it."""

    cache: Cache
    hits: Number

    @property
    def place(self) -> Place:
        return Place(self.cache.environment)


def widget(status: Status, data: panels.Data, part: Part) -> Widget:
    """Return the widget; data: the dashboard `cache` by environment."""
    instances = {(one.environment, one.name): one.instance for one in status.services if one.kind == "redis"}
    found = [
        _redis(one, data, instances.get((one.environment, one.name), one.name))
        for one in status.caches
        if part.environment in ("", one.environment)
    ]
    gateways = [one for one in status.gateways if part.environment in ("", one.environment)]
    places = Places.of(one.place for one in found)
    of_gateways = Places.of(place_of(one) for one in gateways)
    told, answered = Telling(CONTENT, places), Telling(CONTENT, of_gateways)
    rows: list[tuple[Cell, ...]] = []
    for one in found:
        _tell(told, one)
        if len(found) > 1:
            rows.append((Cell(places.name(one.place, one.cache.name), Look.STRONG, state_of(one.cache)),))
        rows += _rows(one, status.window_seconds)
    for gateway in gateways:
        figure = _answered(gateway, data)
        answered.of_place("answered", figure, place_of(gateway))
        if found or figure.value is not None:
            rows.append(_answers(figure, of_gateways.where(place_of(gateway))))
    return Widget(
        name=CONTENT.name,
        title=CONTENT.title,
        state=_state(status, found, part),
        columns=(Column(), Column()),
        rows=tuple(rows),
        line=_line(found, places, [(one, _answered(one, data)) for one in gateways], of_gateways),
        figures=(*told.figures, *answered.figures),
        note="" if found else _nothing(part),
        age_seconds=telling.oldest(figure for one in found for figure in (one.cache.memory, one.cache.keys)),
        link="inferdeck dashboards show cache",
    )


def _redis(one: Cache, data: panels.Data, instance: str) -> _Redis:
    return _Redis(one, panels.figure(data.get(one.environment), "redis-hit-rate", "ratio", instance=instance))


def _answered(one: Gateway, data: panels.Data) -> Number:
    return panels.figure(data.get(one.environment), "response-cache", "ratio", gateway=one.name)


def used(one: Cache) -> Number:
    """Return the used share of the memory that a Redis may use; missing where that is not limited."""
    if one.memory.value is None or not one.memory_limit.value:
        return Number(None, "ratio", source=one.memory.source)
    memory = one.memory
    return Number(one.memory.value / one.memory_limit.value, "ratio", memory.quality, memory.age_seconds, memory.source)


def state_of(one: Cache) -> State:
    """Return a Redis' own state."""
    if one.memory.value is None or one.memory.quality == "stale":
        return State.UNKNOWN
    found = over(used(one), NEARLY_FULL, FULL if one.evicted.value else None)
    return State.OK if found is State.UNKNOWN else found


def _state(status: Status, found: Sequence[_Redis], part: Part) -> State:
    down = any(
        one.kind == "redis" and one.health == "down"
        for one in status.services
        if part.environment in ("", one.environment)
    )
    return worst((*(state_of(one.cache) for one in found), *((State.WARNING,) if down else ())))


def _tell(told: Telling, one: _Redis) -> None:
    figures = {
        "keys": one.cache.keys,
        "memory": one.cache.memory,
        "memory_limit": one.cache.memory_limit,
        "hits": one.hits,
        "evicted": one.cache.evicted,
        "ttl": one.cache.ttl,
        "expiring": one.cache.expiring,
        "clients": one.cache.clients,
    }
    for word, figure in figures.items():
        told.named(word, figure, one.place, one.cache.name, "instance")


def _rows(one: _Redis, window: float) -> list[tuple[Cell, ...]]:
    cache, limit = one.cache, one.cache.memory_limit
    memory = shown(cache.memory)
    if cache.memory.value is not None and limit.value is not None:
        memory = f"{memory} of {shown(limit)}"
    part = f", of the {shown(cache.expiring)} with an end" if cache.expiring.value is not None else ""
    return [
        _row("Keys:", cache.keys),
        _row("Memory:", cache.memory, memory, over(used(cache), NEARLY_FULL, FULL)),
        _row("Hit Rate:", one.hits, f"{shown(one.hits)} (all reads of Redis, {WINDOW_TITLE})"),
        _row("Evictions:", cache.evicted, f"{total(cache.evicted)} (last {window / 60:g}m)"),
        _row("Avg TTL:", cache.ttl, f"{shown(cache.ttl)} (Redis' estimate{part})"),
    ]


def _row(title: str, figure: Number, text: str = "", state: State = State.OK) -> tuple[Cell, ...]:
    known = State.OK if state is State.UNKNOWN else state
    return Cell(title), telling.cell(figure, known, text if figure.value is not None else "")


def _answers(figure: Number, gateway: str) -> tuple[Cell, ...]:
    of = f" of {gateway}" if gateway else ""
    return Cell("Answered:"), telling.cell(figure, text=f"{shown(figure)} (of the good answers{of}, {WINDOW_TITLE})")


def _line(
    found: Sequence[_Redis], places: Places, gateways: Sequence[tuple[Gateway, Number]], of_gateways: Places
) -> tuple[Cell, ...]:
    cells = []
    for one in found:
        name = f"{places.name(one.place, one.cache.name)} " if len(found) > 1 else ""
        state = state_of(one.cache)
        text = f"{name}{shown(one.cache.keys)} keys {shown(one.cache.memory)}"
        cells.append(Cell(text, telling.LOOKS[state], state))
    for gateway, figure in gateways:
        if figure.value is not None:
            name = f"{of_gateways.where(place_of(gateway))} " if len(gateways) > 1 else ""
            cells.append(telling.cell(figure, text=f"{name}answered {shown(figure)}"))
    return tuple(cells) or (Cell(f"cache {numbers.MISSING}", Look.DIM, State.UNKNOWN),)


def _nothing(part: Part) -> str:
    where = f" in the environment {part.environment}" if part.environment else ""
    return f"No Redis is watched{where}. Add redis with its URL to the sources; one on this machine is found by itself."
