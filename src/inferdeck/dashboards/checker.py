"""Checks a dashboard: every query against the catalogs, units, variables, legends, the grid, and the words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from inferdeck.config.document import KeyPath
from inferdeck.dashboards import dimensions
from inferdeck.dashboards.interpolation import (
    BUILT_IN,
    Window,
    fill,
    legend_labels,
    references,
    sample_values,
    selector,
)
from inferdeck.dashboards.loader import Loaded
from inferdeck.dashboards.meaning import Labels, Meaning
from inferdeck.dashboards.remarks import Fault, Finding, Remark, Severity
from inferdeck.dashboards.review import Review, review
from inferdeck.errors import UsageError
from inferdeck.model.dashboard import (
    COLUMNS,
    Dashboard,
    Link,
    Need,
    Panel,
    PanelKind,
    Query,
    Variable,
    VariableKind,
    places,
)
from inferdeck.query.promql.ast import Expr, VectorSelector
from inferdeck.query.promql.walk import nodes
from inferdeck.store.interface import MatchOp

VIEWS = frozenset(
    {
        *("requests", "traces", "routes", "config", "alerts", "services", "logs", "history", "models", "compare"),
        *("containers", "gpus", "providers", "catalog", "events"),
    }
)
"""Native views that a link may name; pages that faces have."""
_WINDOW = Window(1_700_000_000_000, 1_700_021_600_000, 60_000)
_UNITLESS = frozenset({PanelKind.TABLE, PanelKind.TEXT, PanelKind.GRAPH, PanelKind.TAGCLOUD})
_OF_VALUES = frozenset({Fault.COUNTER, Fault.AGGREGATION})
"""Mistakes of those who read values: a variable's metric is asked for its labels alone."""
_COLOURED = frozenset({PanelKind.STAT, PanelKind.GAUGE})


@dataclass(frozen=True, slots=True)
class Site:
    """What a check knows beside the catalogs: labels that a site gives its targets, the uids that links may name."""

    labels: frozenset[str] = frozenset()
    uids: Collection[str] = ()


def check(loaded: Loaded, site: Site = Site()) -> tuple[Finding, ...]:
    """Return everything that is wrong with one dashboard, in the order of its file."""
    check = _Check(loaded, loaded.dashboard, site)
    check.variables()
    check.annotations()
    check.links(loaded.dashboard.links, ())
    for row, content in enumerate(loaded.dashboard.rows):
        check.grid(content.panels, row)
        for number, panel in enumerate(content.panels):
            check.panel(panel, ("rows", row, "panels", number))
    check.unused()
    return tuple(dict.fromkeys(check.findings))


def needs(dashboard: Dashboard) -> list[tuple[Panel, Need]]:
    """Return the panels whose question does not exist yet, and what each waits for."""
    return [(panel, panel.needs) for panel in dashboard.panels() if panel.needs is not Need.NOTHING]


@dataclass(slots=True)
class _Check:
    loaded: Loaded
    dashboard: Dashboard
    site: Site
    findings: list[Finding] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def add(self, fault: Fault, path: KeyPath, text: str, severity: Severity = Severity.ERROR) -> None:
        self.findings.append(Finding(fault, self.loaded.place(path), text, severity))

    def advise(self, fault: Fault, path: KeyPath, text: str) -> None:
        self.add(fault, path, text, Severity.ADVICE)

    # Variables

    def variables(self) -> None:
        for number, variable in enumerate(self.dashboard.variables):
            path: KeyPath = ("variables", number)
            before = self.dashboard.variables[:number]
            if variable.name in BUILT_IN:
                self.add(Fault.VARIABLE, (*path, "name"), f"{variable.name} is a name of Grafana's own")
            self._default(variable, path)
            if variable.kind is VariableKind.LABEL_VALUES:
                self._options(variable, before, path)

    def _default(self, variable: Variable, path: KeyPath) -> None:
        values = [option.value for option in variable.options]
        for value in variable.default:
            if values and value not in values and value != "$__all":
                known = ", ".join(values)
                self.add(Fault.VARIABLE, (*path, "default"), f'"{value}" is no option; there are {known}')
        if len(variable.default) > 1 and not variable.multi:
            self.add(Fault.VARIABLE, (*path, "default"), "several values, but multi is not true")

    def _options(self, variable: Variable, before: Sequence[Variable], path: KeyPath) -> None:
        self.known(variable.selector, (*path, "selector"), before)
        text = selector(variable, before, sample_values(before), _WINDOW)
        found = self.query(text, (*path, "selector" if variable.selector else "metric"), _OF_VALUES)
        self._matchers(found.expr, variable.selector, before, (*path, "selector"))
        if found.meaning is not None:
            self.label(variable.source, found.meaning.labels, (*path, "source"), f"{variable.metric} has no label")

    def known(self, text: str, path: KeyPath, variables: Sequence[Variable] | None = None) -> None:
        """Note what a text refers to, and refuse what does not exist."""
        names = {one.name for one in (self.dashboard.variables if variables is None else variables)}
        for name in references(text):
            self.used.add(name)
            if name in names or name in BUILT_IN:
                continue
            later = variables is not None and self.dashboard.variable(name) is not None
            reason = "is defined further below" if later else "is no variable of this dashboard"
            self.add(Fault.VARIABLE, path, f"${name} {reason}")

    def unused(self) -> None:
        for number, variable in enumerate(self.dashboard.variables):
            if variable.name not in self.used:
                self.add(Fault.VARIABLE, ("variables", number, "name"), f"${variable.name} is used nowhere")

    # Queries

    def query(self, text: str, path: KeyPath, leave: frozenset[Fault] = frozenset()) -> Review:
        """Review a text without references, and keep what is wrong with it, but for these kinds of mistakes."""
        found = review(text, self.site.labels)
        for remark in found.remarks:
            if remark.fault in leave:
                continue
            self.add(remark.fault, path, _quoted(remark, text), remark.severity)
        return found

    def filled(self, expr: str, path: KeyPath) -> Review:
        """Review a query with sample values in it, once for each option of a variable that has a list of them."""
        variables = self.dashboard.variables
        self.known(expr, path)
        chosen = sample_values(variables)
        listed = [one for one in variables if one.options and one.name in references(expr)]
        found: Review | None = None
        for name, value in [("", ""), *((one.name, o.value) for one in listed for o in one.options[1:])]:
            values = {**chosen, name: (value,)} if name else chosen
            try:
                text = fill(expr, variables, values, _WINDOW)
            except UsageError as error:
                self.add(Fault.VARIABLE, path, str(error))
                return Review((), None)
            one = self.query(text, path)
            found = found or one
        assert found is not None  # noqa: S101
        self._matchers(found.expr, expr, variables, path)
        return found

    def _matchers(self, expr: Expr | None, written: str, variables: Sequence[Variable], path: KeyPath) -> None:
        """A variable of several values wants =~, a plain one =, since only the former is escaped for =~."""
        samples = {f"any_{one.name}": one for one in variables if not one.options}
        for node in nodes(expr) if expr is not None else ():
            for matcher in node.matchers if isinstance(node, VectorSelector) else ():
                variable = samples.get(matcher.value)
                if variable is None:
                    continue
                expression = matcher.op in (MatchOp.MATCH, MatchOp.NOT_MATCH)
                several = variable.multi or variable.include_all
                if several and not expression:
                    text = f"${variable.name} may be several values: write {matcher.name}=~"
                    self.add(Fault.VARIABLE, path, text)
                elif expression and not several and f"${{{variable.name}:" not in written:
                    text = f"${variable.name} is one value: write {matcher.name}="
                    self.add(Fault.VARIABLE, path, text)

    def annotations(self) -> None:
        for number, annotation in enumerate(self.dashboard.annotations):
            path: KeyPath = ("annotations", number)
            found = self.filled(annotation.query, (*path, "query")).meaning
            labels = None if found is None else found.labels
            for key, text in (("title", annotation.title), ("text", annotation.text)):
                for label in legend_labels(text):
                    self.label(label, labels, (*path, key), "the query gives no label")

    def label(self, name: str, labels: Labels, path: KeyPath, what: str) -> None:
        """Refuse a label that a result cannot have."""
        if labels is not None and name not in labels and name not in self.site.labels and name != "__name__":
            known = ", ".join(sorted(labels)) or "none"
            self.add(Fault.LEGEND, path, f'{what} "{name}"; there are {known}')

    # Panels

    def panel(self, panel: Panel, path: KeyPath) -> None:
        self._words(panel, path)
        self.known(panel.question, (*path, "question"))
        self.known(panel.content, (*path, "content"))
        self.known(panel.title, (*path, "title"))
        found: list[tuple[Query, Meaning]] = []
        for number, query in enumerate(panel.queries):
            at = (*path, "queries", number)
            result = self.filled(query.expr, at).meaning
            if result is None:
                continue
            found.append((query, result))
            for label in legend_labels(query.legend):
                self.label(label, result.labels, at, "the query gives no label")
            self._unit(panel, query, result, at)
            if panel.kind is PanelKind.HEATMAP and result.labels is not None and "le" not in result.labels:
                self.add(Fault.QUANTILE, at, "a heatmap wants the buckets: sum by (le) (…)")
        self._shape(panel, found, path)
        labels = _all_labels(meaning for _, meaning in found)
        self.links(panel.links, path, labels)
        for number, column in enumerate(panel.columns):
            self.links(column.links, (*path, "columns", number), labels)

    def _words(self, panel: Panel, path: KeyPath) -> None:
        if not panel.help:
            self.advise(Fault.WORDS, path, f"{panel.id} has no help: one sentence that a newcomer understands")
        if panel.kind is PanelKind.TEXT:
            return
        if not panel.empty.reason:
            self.advise(Fault.WORDS, path, f"{panel.id} does not say in `empty` why it may be empty")
        elif not panel.empty.next:
            self.advise(Fault.WORDS, path, f"{panel.id} does not say in `empty` what to do next")
        if panel.queries and not panel.unit and panel.kind not in _UNITLESS:
            self.advise(Fault.UNIT, path, f"{panel.id} has no unit")
        if panel.thresholds and panel.base is None and panel.kind in _COLOURED:
            self.advise(Fault.UNIT, path, f"{panel.id} has thresholds, but no base: say what a value below them means")

    def _unit(self, panel: Panel, query: Query, found: Meaning, path: KeyPath) -> None:
        column = next((one for one in panel.columns if one.key == query.ref), None)
        unit = (column.unit if column else "") or panel.unit
        wanted = dimensions.of_panel(unit)
        if wanted is None or found.dimension is None or panel.kind is PanelKind.HEATMAP:
            return
        if not dimensions.fits(found.dimension, wanted):
            self.add(Fault.UNIT, path, f"the query gives {found.dimension}, but is shown as {unit} ({wanted})")

    def _shape(self, panel: Panel, found: Sequence[tuple[Query, Meaning]], path: KeyPath) -> None:
        labels, refs = _all_labels(meaning for _, meaning in found), {query.ref for query in panel.queries}
        if not found:
            return
        for key, name in (("rows_by", panel.rows_by), ("columns_by", panel.columns_by)):
            if name:
                self.label(name, labels, (*path, key), "no query gives a label")
        for name in panel.join:
            for query, meaning in found:
                self.label(name, meaning.labels, (*path, "join"), f"query {query.ref} gives no label")
        for number, column in enumerate(panel.columns):
            if column.key not in refs:
                at = (*path, "columns", number, "key")
                self.label(column.key, labels, at, "neither a query's ref nor a label:")
        if panel.kind is PanelKind.TABLE and len(panel.queries) > 1 and not panel.join:
            self.add(Fault.LEGEND, path, "a table of several queries wants join: the labels that make one row")

    def links(self, found: Iterable[Link], path: KeyPath, labels: Labels = frozenset()) -> None:
        for number, link in enumerate(found):
            at = (*path, "links", number)
            if link.dashboard and self.site.uids and link.dashboard not in self.site.uids:
                self.add(Fault.LINK, at, f'no dashboard has the uid "{link.dashboard}"')
            if link.view and link.view not in VIEWS:
                self.add(Fault.LINK, at, f'no view "{link.view}"; there are {", ".join(sorted(VIEWS))}')
            for value in (*link.variables.values(), link.url):
                self.known(value, at)
                for label in legend_labels(value):
                    self.label(label, labels, at, "no query gives a label")

    def grid(self, panels: Sequence[Panel], row: int) -> None:
        lines: dict[int, list[Panel]] = {}
        for panel, place in zip(panels, places(panels), strict=True):
            lines.setdefault(place.y, []).append(panel)
        for line in lines.values():
            width, heights = sum(panel.width for panel in line), {panel.height for panel in line}
            names = ", ".join(panel.id for panel in line)
            if width != COLUMNS:
                self.advise(Fault.GRID, ("rows", row), f"{names} fill {width} of {COLUMNS} columns")
            if len(heights) > 1:
                self.advise(Fault.GRID, ("rows", row), f"{names} stand beside each other but differ in height")


def check_all(
    found: Sequence[Loaded], labels: frozenset[str] = frozenset(), others: Iterable[str] = ()
) -> Iterator[Finding]:
    """Yield what is wrong with several dashboards that may link to each other; others: more uids to link to."""
    site = Site(labels, frozenset(one.dashboard.uid for one in found).union(others))
    for one in found:
        yield from check(one, site)


def _all_labels(found: Iterable[Meaning]) -> Labels:
    labels: frozenset[str] = frozenset()
    for one in found:
        if one.labels is None:
            return None
        labels |= one.labels
    return labels


def _quoted(remark: Remark, text: str) -> str:
    part = text[remark.start : remark.end]
    if not part or len(part) > 80 or part in remark.text:
        return remark.text
    return f"{remark.text} (in {part})"
