"""Single figures of a dashboard's panels, so that a widget says what the dashboard says."""

from __future__ import annotations

from collections.abc import Mapping

from inferdeck.model.answers import Number, number
from inferdeck.model.dashboard_answers import DashboardData, Series

Data = Mapping[str, DashboardData]
"""Answers by environment, or by environment and gateway joined with a line feed."""


def key(environment: str, gateway: str) -> str:
    """Return the key of one gateway's answer; no name holds a line feed and means something by it."""
    return f"{environment}\n{gateway}"


def figure(data: DashboardData | None, panel: str, unit: str, **labels: str) -> Number:
    """Return the newest value of the panel's series with these labels, the greatest where there are several."""
    found = next((one for one in data.panels if one.id == panel), None) if data is not None else None
    if found is None:
        return Number(None, unit, source=panel)
    values = [
        value
        for query in found.queries[:1]
        for series in query.series
        if all(series.labels.get(name) == text for name, text in labels.items())
        if (value := _newest(series)) is not None
    ]
    return number(max(values, default=None), unit, source=panel, age_seconds=found.age, quality=found.quality)


def _newest(series: Series) -> float | None:
    return next((value for value in reversed(series.values) if value is not None), None)
