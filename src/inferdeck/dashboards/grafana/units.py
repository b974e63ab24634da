"""Our units in Grafana's words, and what Grafana's units measure.

Grafana's ids: @grafana/data, valueFormats/categories.ts; `suffix:`, `count:` and so on: valueFormats.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from inferdeck.dashboards.dimensions import COUNT, RATIO, TIMESTAMP, Dimension

GRAFANA: Final[Mapping[str, str]] = {
    "": "short",
    "count": "short",
    "tokens": "short",
    "rate": "cps",
    "per_minute": "cpm",
    "per_hour": "count:/h",
    "per_day": "count:/d",
    "tokens_per_second": "count:tok/s",
    "tokens_per_minute": "count:tok/min",
    "tokens_per_hour": "count:tok/h",
    "tokens_per_day": "count:tok/d",
    "tokens_per_joule": "suffix:tok/J",
    "bytes": "bytes",
    "bytes_per_second": "binBps",
    "seconds": "s",
    "age": "dtdurations",
    "timestamp": "dateTimeAsIso",
    "percent": "percentunit",
    "money": "currencyUSD",
    "money_per_second": "suffix:$/s",
    "money_per_hour": "suffix:$/h",
    "money_per_day": "suffix:$/d",
    "money_per_million_tokens": "suffix:$/M tok",
    "celsius": "celsius",
    "watts": "watt",
    "joules": "joule",
    "hertz": "hertz",
    "text": "none",
}
"""Our unit -> Grafana's id."""
FREE_FORMS: Final = ("suffix:", "prefix:", "count:", "si:", "time:", "currency:", "bool:")
MILLISECONDS: Final = frozenset({"timestamp"})
"""Units that Grafana wants in milliseconds, where ours are seconds."""

_MEASURES: Final[Mapping[str, Dimension]] = {
    "percentunit": Dimension(RATIO),
    "percent": Dimension(RATIO, 0, 100.0),
    "ns": Dimension("seconds", 0, 1e9),
    "µs": Dimension("seconds", 0, 1e6),
    "ms": Dimension("seconds", 0, 1e3),
    "s": Dimension("seconds"),
    "m": Dimension("seconds", 0, 1 / 60),
    "h": Dimension("seconds", 0, 1 / 3600),
    "d": Dimension("seconds", 0, 1 / 86400),
    "dtdurations": Dimension("seconds"),
    "dthms": Dimension("seconds"),
    "clocks": Dimension("seconds"),
    "dtdurationms": Dimension("seconds", 0, 1e3),
    "clockms": Dimension("seconds", 0, 1e3),
    "dateTimeAsIso": Dimension(TIMESTAMP, 0, 1e3),
    "dateTimeFromNow": Dimension(TIMESTAMP, 0, 1e3),
    "bits": Dimension("bytes", 0, 8.0),
    "decbits": Dimension("bytes", 0, 8.0),
    "bytes": Dimension("bytes"),
    "decbytes": Dimension("bytes"),
    "kbytes": Dimension("bytes", 0, 2.0**-10),
    "deckbytes": Dimension("bytes", 0, 1e-3),
    "mbytes": Dimension("bytes", 0, 2.0**-20),
    "decmbytes": Dimension("bytes", 0, 1e-6),
    "gbytes": Dimension("bytes", 0, 2.0**-30),
    "decgbytes": Dimension("bytes", 0, 1e-9),
    "binBps": Dimension("bytes", 1),
    "Bps": Dimension("bytes", 1),
    "binbps": Dimension("bytes", 1, 8.0),
    "bps": Dimension("bytes", 1, 8.0),
    "KiBs": Dimension("bytes", 1, 2.0**-10),
    "KBs": Dimension("bytes", 1, 1e-3),
    "MiBs": Dimension("bytes", 1, 2.0**-20),
    "MBs": Dimension("bytes", 1, 1e-6),
    "GiBs": Dimension("bytes", 1, 2.0**-30),
    "GBs": Dimension("bytes", 1, 1e-9),
    "cps": Dimension(COUNT, 1),
    "ops": Dimension(COUNT, 1),
    "reqps": Dimension(COUNT, 1),
    "rps": Dimension(COUNT, 1),
    "wps": Dimension(COUNT, 1),
    "iops": Dimension(COUNT, 1),
    "eps": Dimension(COUNT, 1),
    "mps": Dimension(COUNT, 1),
    "pps": Dimension(COUNT, 1),
    "cpm": Dimension(COUNT, 1, 60.0),
    "opm": Dimension(COUNT, 1, 60.0),
    "rpm": Dimension(COUNT, 1, 60.0),
    "reqpm": Dimension(COUNT, 1, 60.0),
    "wpm": Dimension(COUNT, 1, 60.0),
    "epm": Dimension(COUNT, 1, 60.0),
    "mpm": Dimension(COUNT, 1, 60.0),
    "currencyUSD": Dimension("usd"),
    "celsius": Dimension("celsius"),
    "watt": Dimension("watts"),
    "kwatt": Dimension("watts", 0, 1e-3),
    "joule": Dimension("joules"),
    "hertz": Dimension("hertz"),
    "rotmhz": Dimension("hertz", 0, 1e-6),
}


def measures(unit: str) -> Dimension | None:
    """Return the dimension that a Grafana unit wants, None where it takes any number."""
    return _MEASURES.get(unit)


def id_of(dimension: Dimension) -> str:
    """Return a Grafana unit that fits a dimension, "" where there is none."""
    return next((unit for unit, known in _MEASURES.items() if known == dimension), "")


@cache
def known() -> frozenset[str]:
    """Return Grafana's own unit ids."""
    from grafana_foundation_sdk.models import units

    return frozenset(value for name, value in vars(units).items() if name[:1].isupper() and isinstance(value, str))


def valid(unit: str) -> bool:
    """Tell whether Grafana knows this unit, or will show it as it is written."""
    return unit == "" or unit in known() or (unit.startswith(FREE_FORMS) and not unit.endswith(":"))
