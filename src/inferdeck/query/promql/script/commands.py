"""What a script says, read from its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inferdeck.model.labels import Labels
from inferdeck.query.promql.script.points import Point


@dataclass(frozen=True, slots=True)
class SeriesPoints:
    """One series and its points; in an expectation `place` counts the lines from 1."""

    series: Labels
    points: tuple[Point, ...]
    place: int = 0


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget all data."""

    line: int


@dataclass(frozen=True, slots=True)
class Load:
    """Points from time 0, `step_ms` apart; with nhcb also native histograms made of the classic ones.

    started: the series that lines with @st give the start timestamps of; those themselves are not kept.
    """

    line: int
    step_ms: int
    series: tuple[SeriesPoints, ...]
    nhcb: bool = False
    started: tuple[Labels, ...] = ()


class Remark(StrEnum):
    """The kinds of `expect` that look at failures and annotations."""

    FAIL = "fail"
    WARN = "warn"
    NO_WARN = "no_warn"
    INFO = "info"
    NO_INFO = "no_info"
    ORDERED = "ordered"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One `expect` line: of which kind, and which text (exact or a regular expression) must be met, if any."""

    remark: Remark
    message: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One `eval`: an instant query where step_ms is 0, else a range query.

    series: what must come out; scalar: the one number, text: the one string instead. matrix: the time grid (start,
    end, step) of a range vector that an instant query gives.
    """

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int = 0
    series: tuple[SeriesPoints, ...] = ()
    scalar: float | None = None
    text: str | None = None
    matrix: tuple[int, int, int] | None = None
    expectations: tuple[Expectation, ...] = field(default=())

    def expects(self, remark: Remark) -> bool:
        """Return whether an `expect` line of this kind is there."""
        return any(one.remark is remark for one in self.expectations)


Command = Clear | Load | Case
