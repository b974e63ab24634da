"""What the API answers about dashboards: the list, a definition, the options of its variables, and its data."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.model.dashboard import Dashboard, Place


@dataclass(frozen=True, slots=True)
class Listed:
    """One dashboard of the list. origin: "shipped", or the user's file; needs: what its panels still wait for."""

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]
    origin: str
    panels: int
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DashboardList:
    """All dashboards, and what is wrong with users' files: file:line: key: what, one a line."""

    dashboards: tuple[Listed, ...]
    problems: tuple[str, ...] = ()
    folder: str = ""
    """Where users' files are looked for."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One dashboard; places: where each panel stands in its row; revision changes whenever the file does."""

    dashboard: Dashboard
    places: dict[str, Place]
    origin: str
    revision: str


@dataclass(frozen=True, slots=True)
class VariableOptions:
    """The options of one variable and what is chosen of them; error: why there are none."""

    name: str
    label: str
    options: tuple[str, ...]
    chosen: tuple[str, ...]
    multi: bool = False
    include_all: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a dashboard in their order."""

    uid: str
    variables: tuple[VariableOptions, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name as the legend has it, and a value per step; None: no value (also not a number)."""

    labels: dict[str, str]
    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class QueryData:
    """What one query of a panel gave. instant: one value per series, of the moment `at`."""

    ref: str
    instant: bool
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class PanelData:
    """What one panel shows.

    status: ok, empty (say its `empty`), error, needs (its question does not exist yet), native (ask `question`) or
    text. age: seconds since the newest value; quality: measured, estimated, stale or missing; warnings say why; title:
    the panel's, with the values of variables in it.
    """

    id: str
    status: str
    age: float | None
    quality: str
    warnings: tuple[str, ...] = ()
    error: str = ""
    next: str = ""
    needs: str = ""
    question: str = ""
    queries: tuple[QueryData, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark over the charts, from `time` to `until` (None: a moment); Unix seconds."""

    annotation: str
    time: float
    until: float | None
    title: str
    text: str
    tags: tuple[str, ...]
    level: str


@dataclass(frozen=True, slots=True)
class DashboardData:
    """All visible panels for a range; times are Unix seconds, step in seconds.

    Values stand at from, from + step, … to; `at` is the moment of instant queries. since: None where the answer is
    whole; otherwise values begin at the first step after it, and belong behind those that the client has. tick: after
    so many seconds there is something new; rate: how many seconds rates look back ($__rate_interval).
    """

    uid: str
    revision: str
    start: float
    end: float
    step: float
    at: float
    since: float | None
    tick: float
    variables: dict[str, tuple[str, ...]]
    panels: tuple[PanelData, ...]
    marks: tuple[Mark, ...] = ()
    notices: tuple[str, ...] = ()
    rate: float = 0.0
