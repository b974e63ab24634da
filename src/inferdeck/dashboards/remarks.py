"""What can be wrong with a query or a dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """error: what is shown would be wrong, or nothing; advice: it would be right, but not as good as it can be."""

    ERROR = "error"
    ADVICE = "advice"


class Fault(StrEnum):
    """The kinds of mistakes."""

    SYNTAX = "syntax"
    UNKNOWN_METRIC = "unknown-metric"
    OLD_NAME = "old-name"
    UNKNOWN_LABEL = "unknown-label"
    COUNTER = "counter"
    AGGREGATION = "aggregation"
    ACROSS_GATEWAYS = "across-gateways"
    QUANTILE = "quantile"
    UNIT = "unit"
    VARIABLE = "variable"
    LEGEND = "legend"
    GRID = "grid"
    LINK = "link"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Remark:
    """One mistake in a query; start, end: the characters of its text, (0, 0) for all of it."""

    fault: Fault
    text: str
    start: int = 0
    end: int = 0
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a file: where (file:line: key) and what."""

    fault: Fault
    place: str
    text: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" + (f" ({self.severity})" if self.severity is Severity.ADVICE else "")
