"""Dashboards as values: what is asked, how it is shown, and where it stands; every face draws from these.

The texts in PromQL may hold `$name` of a variable, `$__rate_interval`, `$__interval` and `$__range`, as Grafana
understands them; dashboards/interpolation.py puts the values in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

COLUMNS = 24
"""Width of the grid that panels stand on."""
ALL = "$__all"
"""The value of a variable that stands for every option."""


class PanelKind(StrEnum):
    """How a panel is drawn. The last seven are native views: they name a question of the API instead of PromQL."""

    STAT = "stat"
    GAUGE = "gauge"
    TIMESERIES = "timeseries"
    BAR = "bar"
    PIE = "pie"
    HISTOGRAM = "histogram"
    HEATMAP = "heatmap"
    TABLE = "table"
    MATRIX = "matrix"
    STATE_TIMELINE = "state_timeline"
    TAGCLOUD = "tagcloud"
    GRAPH = "graph"
    TEXT = "text"
    REQUESTS = "requests"
    TRACES = "traces"
    ROUTES = "routes"
    LOGS = "logs"
    ALERTS = "alerts"
    CATALOG = "catalog"
    COMPARE = "compare"


NATIVE_KINDS = frozenset(
    {
        PanelKind.REQUESTS,
        PanelKind.TRACES,
        PanelKind.ROUTES,
        PanelKind.LOGS,
        PanelKind.ALERTS,
        PanelKind.CATALOG,
        PanelKind.COMPARE,
    }
)
"""Kinds whose content is a question of the API, not PromQL."""


class VariableKind(StrEnum):
    """Where a variable's options come from: a label's values, a list of texts, a list of durations."""

    LABEL_VALUES = "label_values"
    CUSTOM = "custom"
    INTERVAL = "interval"


class Level(StrEnum):
    """What a value means."""

    OK = "ok"
    WARN = "warn"
    CRITICAL = "critical"


class Need(StrEnum):
    """What a panel's question still waits for; "" where it can be asked."""

    NOTHING = ""
    RECORDS = "records"
    ALERTS = "alerts"
    ANALYSIS = "analysis"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a variable; `title` is what is shown, the value itself where it is "" ."""

    value: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice that stands above the panels.

    label_values: the values of label `source` on the series of `metric` that match `selector` (PromQL matchers without
    braces, which may hold other variables); custom, interval: `options`. default: values, or ALL; empty: ALL where that
    is offered, else the first option. all_value: what ALL becomes in a query.
    """

    name: str
    label: str
    kind: VariableKind
    metric: str = ""
    source: str = ""
    selector: str = ""
    options: tuple[Option, ...] = ()
    default: tuple[str, ...] = ()
    multi: bool = False
    include_all: bool = False
    all_value: str = ".*"
    help: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks over the charts where `query` has samples.

    value_is_time: the sample's value is the moment (Unix seconds). title, text: may hold {{label}}.
    """

    name: str
    query: str
    title: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    value_is_time: bool = False
    level: Level = Level.OK


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL question of a panel. legend: may hold {{label}}; ref: its name among the panel's queries (A, B, …)."""

    expr: str
    legend: str = ""
    instant: bool = False
    ref: str = "A"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on (in the panel's unit) a number means `level`; below the first one it means the base level."""

    value: float
    level: Level


@dataclass(frozen=True, slots=True)
class ValueMapping:
    """A number shown as a word, for example 1 as "up". value None: no sample."""

    value: float | None
    text: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A way on: to another dashboard (uid), a native view of ours, or a URL.

    variables: name -> value; the value may hold `$name` of this dashboard and {{label}} of the clicked series.
    """

    title: str
    dashboard: str = ""
    view: str = ""
    url: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: `key` is a label's name or a query's ref; unit and so on as of a panel."""

    key: str
    title: str = ""
    unit: str = ""
    decimals: int | None = None
    base: Level | None = None
    thresholds: tuple[Threshold, ...] = ()
    mappings: tuple[ValueMapping, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """What a panel without data says: why, and what to do next."""

    reason: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    id: unique in the dashboard, stable, part of links. unit: a name of model/units.py. base: the level below the first
    threshold; None: no colour. minimum, maximum: ends of the scale. stacked: series lie on each other. columns: of a
    table; join: the labels by which the queries of a table are put into one row. rows_by, columns_by: the labels of a
    matrix. question: path below /api of a native view, with `$name` of variables. content: the words of a text panel.
    hints: face -> key -> value, only where a face truly needs one.
    """

    id: str
    title: str
    kind: PanelKind
    help: str = ""
    queries: tuple[Query, ...] = ()
    unit: str = ""
    decimals: int | None = None
    base: Level | None = None
    thresholds: tuple[Threshold, ...] = ()
    mappings: tuple[ValueMapping, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    stacked: bool = False
    columns: tuple[Column, ...] = ()
    join: tuple[str, ...] = ()
    rows_by: str = ""
    columns_by: str = ""
    question: str = ""
    content: str = ""
    width: int = 12
    height: int = 8
    empty: Empty = field(default_factory=lambda: Empty(""))
    links: tuple[Link, ...] = ()
    needs: Need = Need.NOTHING
    hints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading; collapsed ones are asked for only when they are opened."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One definition. range: the span shown at first (a duration as in PromQL); refresh: the tick in the same words.

    file: the name of its Grafana export; "" gives `<uid>.json`.
    """

    uid: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    rows: tuple[Row, ...] = ()
    links: tuple[Link, ...] = ()
    range: str = "6h"
    refresh: str = "10s"
    file: str = ""

    def panels(self) -> Iterator[Panel]:
        """Yield all panels from top to bottom."""
        for row in self.rows:
            yield from row.panels

    def panel(self, identity: str) -> Panel | None:
        """Return the panel with this id."""
        return next((panel for panel in self.panels() if panel.id == identity), None)

    def variable(self, name: str) -> Variable | None:
        """Return the variable with this name."""
        return next((variable for variable in self.variables if variable.name == name), None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands in its row, in columns from the left and units of height from the row's top."""

    x: int
    y: int
    width: int
    height: int


def places(panels: Sequence[Panel]) -> tuple[Place, ...]:
    """Return the places of a row's panels: from left to right, a new line where the next one has no room."""
    found: list[Place] = []
    x = y = tallest = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        found.append(Place(x, y, panel.width, panel.height))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return tuple(found)


def level(value: float | None, base: Level | None, thresholds: Sequence[Threshold]) -> Level | None:
    """Return what a value means by thresholds that ascend; None for no value, NaN, or no meaning."""
    if value is None or value != value:
        return None
    found = base
    for threshold in thresholds:
        if value >= threshold.value:
            found = threshold.level
    return found
