"""What is known about a metric family: its type, unit, labels and how to aggregate it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricType(StrEnum):
    """Metric types of the exposition formats."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"
    INFO = "info"
    STATESET = "stateset"
    UNTYPED = "untyped"


class Aggregation(StrEnum):
    """How several children of one family become one value."""

    SUM = "sum"
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    NONE = "none"


class Quality(StrEnum):
    """What a number is worth."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    STALE = "stale"
    MISSING = "missing"
    UNLIMITED = "unlimited"
    UNPRICED = "unpriced"


class SideEffect(StrEnum):
    """The harm that a probe can do."""

    NONE = "none"
    COSTS_MONEY = "costs_money"
    WAKES_MODEL = "wakes_model"
    RESETS_GAUGE = "resets_gauge"
    EXHAUSTS_MEMORY = "exhausts_memory"
    POLLUTES_COUNTERS = "pollutes_counters"


@dataclass(frozen=True, slots=True)
class MetricDescriptor:
    """One family as its catalog describes it; unit is the base unit's name ("seconds", "bytes", "1" for ratios)."""

    name: str
    type: MetricType
    help: str = ""
    unit: str = ""
    labels: tuple[str, ...] = ()
    aggregation: Aggregation = Aggregation.NONE
