"""A panel's numbers as words: in its unit, or as mapped, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inferdeck.model import cells
from inferdeck.model.dashboard import Column, Level, Panel, ValueMapping, level
from inferdeck.model.dashboard_answers import PanelData, QueryData, Series
from inferdeck.model.units import show

LEVEL_STYLES = {Level.OK: "ok", Level.WARN: "warn", Level.CRITICAL: "critical"}
LARGEST = 1e300
SMALLEST_SPAN = 1e-290
"""What differs less cannot be divided into rows."""


def finite(found: Sequence[float | None]) -> Sequence[float | None]:
    """Return the values with None for those that no scale can hold: no numbers, infinities, beyond 1e300."""
    real = [value for value in found if value is not None]
    # A sum with something in it that is no number is none.
    if not real or (sum(real) == sum(real) and min(real) >= -LARGEST and max(real) <= LARGEST):
        return found
    return tuple(value if value is not None and -LARGEST <= value <= LARGEST else None for value in found)


def held(data: PanelData) -> PanelData:
    """Return the data with values alone that a scale can hold."""
    if all(finite(series.values) is series.values for query in data.queries for series in query.series):
        return data
    queries = tuple(
        replace(query, series=tuple(replace(one, values=tuple(finite(one.values))) for one in query.series))
        for query in data.queries
    )
    return replace(data, queries=queries)


def text(panel: Panel, value: float | None, *, column: Column | None = None, currency: str = "$") -> str:
    """Return a value as the panel or one of its columns shows it, clean: as a mapped word, or in its unit."""
    found = mapped(panel, value, column)
    if found is not None:
        return cells.clean(found.text)
    unit = (column.unit if column else "") or panel.unit
    decimals = column.decimals if column and column.decimals is not None else panel.decimals
    return cells.clean(show(unit, value, decimals=decimals, currency=currency))


def meaning(panel: Panel, value: float | None, column: Column | None = None) -> Level | None:
    """Return what a value means, None where it means nothing."""
    found = mapped(panel, value, column)
    if found is not None and found.level is not None:
        return found.level
    return level(value, column.base, column.thresholds) if column else level(value, panel.base, panel.thresholds)


def style(panel: Panel, value: float | None, column: Column | None = None) -> str:
    """Return the style of a value, "" where it means nothing."""
    found = meaning(panel, value, column)
    return LEVEL_STYLES[found] if found else ""


def mapped(panel: Panel, value: float | None, column: Column | None = None) -> ValueMapping | None:
    """Return the mapping of a value."""
    given: Sequence[ValueMapping] = column.mappings if column else panel.mappings
    return next((one for one in given if one.value == value), None)


def latest(series: Series) -> float | None:
    """Return the newest value."""
    return next((value for value in reversed(series.values) if value is not None), None)


def pairs(data: PanelData) -> list[tuple[QueryData, Series]]:
    """Return every series with its query."""
    return [(query, series) for query in data.queries for series in query.series]


def names(data: PanelData) -> list[str]:
    """Return the clean name of every series: its legend, else its query's ref where there are several series."""
    found = pairs(data)
    return [cells.clean(series.name).strip() or (query.ref if len(found) > 1 else "") for query, series in found]
