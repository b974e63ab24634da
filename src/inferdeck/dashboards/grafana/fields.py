"""How numbers look in Grafana: unit, decimals, colours by threshold, numbers shown as words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from inferdeck.dashboards.grafana import units
from inferdeck.dashboards.grafana.sdk import dashboard
from inferdeck.model.dashboard import Level, Threshold, ValueMapping

COLOURS = {Level.OK: "green", Level.WARN: "orange", Level.CRITICAL: "red"}
NO_COLOUR = "text"
CLEAR = "transparent"


class Shown(Protocol):
    """What panels and columns have in common."""

    @property
    def unit(self) -> str: ...
    @property
    def decimals(self) -> int | None: ...
    @property
    def base(self) -> Level | None: ...
    @property
    def thresholds(self) -> Sequence[Threshold]: ...
    @property
    def mappings(self) -> Sequence[ValueMapping]: ...


def unit(shown: Shown) -> str:
    """Return Grafana's id of the unit; one that we do not have is shown as a plain number."""
    return units.GRAFANA.get(shown.unit, "short")


def coloured(shown: Shown) -> bool:
    """Tell whether a number's colour means something."""
    return bool(shown.thresholds) or shown.base is not None


def steps(shown: Shown, below: str = NO_COLOUR) -> dashboard.ThresholdsConfig:
    """Return the thresholds in the unit that Grafana gets; below: the colour under the first where none is said."""
    scale = 1000 if shown.unit in units.MILLISECONDS else 1
    base = COLOURS[shown.base] if shown.base is not None else below
    found = [dashboard.Threshold(None, base)]
    found += [dashboard.Threshold(one.value * scale, COLOURS[one.level]) for one in shown.thresholds]
    return dashboard.ThresholdsConfig(dashboard.ThresholdsMode.ABSOLUTE, found)


def mappings(shown: Shown) -> list[dashboard.ValueMapping]:
    """Return the words for numbers, and for no sample."""
    words: dict[str, dashboard.ValueMappingResult] = {}
    found: list[dashboard.ValueMapping] = []
    for index, one in enumerate(shown.mappings):
        colour = COLOURS[one.level] if one.level is not None else None
        result = dashboard.ValueMappingResult(text=one.text, color=colour, index=index)
        if one.value is not None and one.value == one.value:
            words[number(one.value)] = result
        else:
            match = dashboard.SpecialValueMatch.NULL_AND_NAN
            options = dashboard.DashboardSpecialValueMapOptions(match=match, result=result)
            found.append(dashboard.SpecialValueMap(options))
    return [dashboard.ValueMap(words), *found] if words else found


def number(value: float) -> str:
    """Return a number as JavaScript writes it, since that is what Grafana compares."""
    return str(int(value)) if value == int(value) and abs(value) < 1e21 else repr(value)
