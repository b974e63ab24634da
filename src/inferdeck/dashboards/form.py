"""The form of a dashboard file, checked by pydantic; loader.py turns it into the values of model/dashboard.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from inferdeck.model.dashboard import COLUMNS, NATIVE_KINDS, Level, Need, PanelKind, VariableKind
from inferdeck.model.units import UNITS

MOST_PANELS = 200
MOST_QUERIES = 26
_DURATION = r"^([0-9]+(ms|s|m|h|d|w|y))+$"
_UID = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_PANEL_ID = r"^[a-z][a-z0-9_-]{0,59}$"
_NAME = r"^[a-zA-Z][a-zA-Z0-9_]{0,49}$"
_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Duration = Annotated[str, Field(pattern=_DURATION)]
LabelName = Annotated[str, Field(pattern=_LABEL)]
UnitName = Annotated[str, Field(json_schema_extra={"enum": ["", *UNITS]})]


class Entry(BaseModel):
    """Base of all mappings of a dashboard file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OptionEntry(Entry):
    """One choice of a variable."""

    value: Annotated[str, Field(description="What stands in the query.")]
    title: Annotated[str, Field(description="What is shown; the value where absent.")] = ""


def _option(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


def _query(value: Any) -> Any:
    return {"expr": value} if isinstance(value, str) else value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_list, json_schema_input_type=str | tuple[str, ...])]


class VariableEntry(Entry):
    """A choice above the panels, used in queries as `$name`."""

    name: Annotated[str, Field(pattern=_NAME, description="Used in queries as $name.")]
    label: Annotated[str, Field(description="Shown before the choice; the name where absent.")] = ""
    help: Annotated[str, Field(description="One sentence for a newcomer.")] = ""
    kind: Annotated[VariableKind, Field(description="label_values, custom or interval.")] = VariableKind.LABEL_VALUES
    metric: Annotated[str, Field(description="Metric whose label gives the options.")] = ""
    source: Annotated[str, Field(description="Label whose values are the options; the name where absent.")] = ""
    selector: Annotated[
        str, Field(description='Matchers without braces that the series must fulfil, e.g. gateway=~"$gateway".')
    ] = ""
    options: Annotated[
        tuple[Annotated[OptionEntry, BeforeValidator(_option, json_schema_input_type=str | OptionEntry)], ...],
        Field(description="Choices of a custom or interval variable."),
    ] = ()
    default: Annotated[Names, Field(description="Value or values at first; $__all for all of them.")] = ()
    multi: Annotated[bool, Field(description="Several values may be chosen; use =~ in queries.")] = False
    include_all: Annotated[bool, Field(description='"All" may be chosen; use =~ in queries.')] = False
    all_value: Annotated[str, Field(description='What "All" becomes in a query.')] = ".*"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind is VariableKind.LABEL_VALUES and (not self.metric or self.options):
            raise ValueError("a label_values variable wants metric, and no options")
        if self.kind is not VariableKind.LABEL_VALUES and (self.metric or self.selector or not self.options):
            raise ValueError(f"a {self.kind} variable wants options, and no metric or selector")
        return self


class AnnotationEntry(Entry):
    """Marks over the charts."""

    name: Text
    query: Annotated[str, Field(description="PromQL; every sample is a mark.")]
    title: Annotated[str, Field(description="May hold {{label}}.")] = ""
    text: Annotated[str, Field(description="May hold {{label}}.")] = ""
    tags: tuple[str, ...] = ()
    value_is_time: Annotated[bool, Field(description="The sample's value is the moment, in Unix seconds.")] = False
    level: Level = Level.OK


class QueryEntry(Entry):
    """One PromQL question of a panel."""

    expr: Annotated[str, Field(min_length=1, description="PromQL with $variables, $__rate_interval and so on.")]
    legend: Annotated[str, Field(description="Name of each series; may hold {{label}}.")] = ""
    instant: Annotated[bool, Field(description="Asked at the end of the range only.")] = False
    ref: Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9_]*)?$", description="Name; A, B, … where absent.")] = ""


class ThresholdEntry(Entry):
    """From `value` on a number means `level`."""

    value: float
    level: Level


class MappingEntry(Entry):
    """A number shown as a word; value null: no sample."""

    value: float | None
    text: str
    level: Level | None = None


class LinkEntry(Entry):
    """A way on: exactly one of dashboard, view, url."""

    title: Text
    dashboard: Annotated[str, Field(description="uid of another dashboard.")] = ""
    view: Annotated[str, Field(description="A native view: requests, traces, routes, logs, …")] = ""
    url: str = ""
    variables: Annotated[dict[str, str], Field(description="Values for the target; may hold $name and {{label}}.")] = (
        Field(default_factory=dict)
    )

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if sum(map(bool, (self.dashboard, self.view, self.url))) != 1:
            raise ValueError("a link wants one of dashboard, view, url")
        if self.url and not self.url.startswith(("http://", "https://", "/")):
            raise ValueError("a url begins with http://, https:// or /")
        return self


class Shown(Entry):
    """How numbers look: shared by panels and columns."""

    unit: Annotated[UnitName, Field(description="Unit of the value; docs/dashboards.md lists them.")] = ""
    decimals: Annotated[int | None, Field(ge=0, le=9)] = None
    base: Annotated[Level | None, Field(description="What a value below the first threshold means.")] = None
    thresholds: tuple[ThresholdEntry, ...] = ()
    mappings: tuple[MappingEntry, ...] = ()
    links: tuple[LinkEntry, ...] = ()

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.unit and self.unit not in UNITS:
            raise ValueError(f'unknown unit "{self.unit}"; there are {", ".join(UNITS)}')
        values = [threshold.value for threshold in self.thresholds]
        if values != sorted(set(values)):
            raise ValueError("thresholds must ascend")
        return self


class ColumnEntry(Shown):
    """One column of a table."""

    key: Annotated[str, Field(min_length=1, description="A label's name or a query's ref.")]
    title: str = ""


class EmptyEntry(Entry):
    """What a panel without data says."""

    reason: Text
    next: Annotated[str, Field(description="What to do.")] = ""


class PanelEntry(Shown):
    """One picture."""

    id: Annotated[str, Field(pattern=_PANEL_ID, description="Unique in the dashboard, stable, part of links.")]
    title: Text
    kind: PanelKind
    help: Annotated[str, Field(description="One sentence that a newcomer understands.")] = ""
    queries: Annotated[
        tuple[Annotated[QueryEntry, BeforeValidator(_query, json_schema_input_type=str | QueryEntry)], ...],
        Field(max_length=MOST_QUERIES),
    ] = ()
    minimum: float | None = None
    maximum: float | None = None
    stacked: bool = False
    columns: tuple[ColumnEntry, ...] = ()
    join: Annotated[Names, Field(description="Labels by which the queries of a table become one row.")] = ()
    rows_by: Annotated[str, Field(description="Label that gives the rows of a matrix.")] = ""
    columns_by: Annotated[str, Field(description="Label that gives the columns of a matrix.")] = ""
    question: Annotated[str, Field(description="Path below /api of a native view; may hold $name.")] = ""
    content: Annotated[str, Field(max_length=20_000, description="The words of a text panel.")] = ""
    width: Annotated[int, Field(ge=1, le=COLUMNS)] = 12
    height: Annotated[int, Field(ge=1, le=40)] = 8
    empty: EmptyEntry | None = None
    needs: Annotated[Need, Field(description="What its question still waits for.")] = Need.NOTHING
    hints: Annotated[
        dict[Literal["terminal", "web", "grafana", "widgets"], dict[str, str]],
        Field(description="face -> key -> value, only where a face truly needs one."),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _content_fits_the_kind(self) -> Self:
        native = self.kind in NATIVE_KINDS
        if self.needs is not Need.NOTHING and self.empty is None:
            raise ValueError("a panel that needs something says in `empty` why it is empty")
        if self.kind is PanelKind.TEXT and (self.queries or not self.content):
            raise ValueError("a text panel wants content, and no queries")
        if native and (self.queries or not (self.question or self.needs)):
            raise ValueError(f"a {self.kind} panel wants question, and no queries")
        if not native and self.question and self.kind is not PanelKind.GRAPH:
            raise ValueError("only native views and graphs have a question")
        if not (native or self.kind is PanelKind.TEXT or self.queries or self.question or self.needs):
            raise ValueError(f"a {self.kind} panel wants queries")
        if self.kind is PanelKind.MATRIX and self.queries and not (self.rows_by and self.columns_by):
            raise ValueError("a matrix wants rows_by and columns_by")
        return self


class RowEntry(Entry):
    """Panels under one heading."""

    title: str = ""
    collapsed: bool = False
    panels: Annotated[tuple[PanelEntry, ...], Field(min_length=1, max_length=MOST_PANELS)]


class DashboardFile(Entry):
    """A whole file."""

    uid: Annotated[str, Field(pattern=_UID, description="Unique, stable, part of links: a-z, 0-9 and -, at most 40.")]
    title: Text
    description: str = ""
    tags: tuple[str, ...] = ()
    range: Annotated[Duration, Field(description="The span shown at first.")] = "6h"
    refresh: Annotated[Duration, Field(description="How often it is asked again.")] = "10s"
    file: Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]+\.json)?$", description="Name of its Grafana export.")] = ""
    variables: tuple[VariableEntry, ...] = ()
    annotations: tuple[AnnotationEntry, ...] = ()
    links: tuple[LinkEntry, ...] = ()
    rows: Annotated[tuple[RowEntry, ...], Field(min_length=1)]
