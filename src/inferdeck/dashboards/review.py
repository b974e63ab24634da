"""Reads one PromQL expression against the catalogs and says what is wrong with it.

The rules: a counter is read through rate or increase; percentages, ratios and quantiles are never summed; requests are
never added up over several gateways, since two may count the same one; ranks of one engine are aggregated over
`engine`; a quantile is taken of `sum by (le, …)` of a rate; every metric and label is one that some source exposes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inferdeck.dashboards import meaning
from inferdeck.dashboards.dimensions import COUNT, RATIO
from inferdeck.dashboards.meaning import DIFFERENCES, RATES, Labels, Meaning
from inferdeck.dashboards.remarks import Fault, Remark, Severity
from inferdeck.errors import QueryError
from inferdeck.model.labels import NAME
from inferdeck.model.metric import Aggregation
from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from inferdeck.query.promql.parser import parse
from inferdeck.sources import vocabulary

SHORTEST_WINDOW_SECONDS = 60.0
"""Four samples at the usual 15 seconds: in less than that a rate may see one sample, and then says nothing."""


@dataclass(frozen=True, slots=True)
class Review:
    """The remarks on an expression, and what it gives; `meaning` is None where it cannot be read."""

    remarks: tuple[Remark, ...]
    meaning: Meaning | None
    expr: Expr | None = None


def review(text: str, extra: frozenset[str] = frozenset()) -> Review:
    """Review one expression whose variables are filled in; extra: labels that a site gives its targets."""
    try:
        expr = parse(text)
    except QueryError as error:
        return Review((Remark(Fault.SYNTAX, error.message, error.start, error.end),), None)
    reader = _Reader(extra)
    found = reader.read(expr)
    if found.counter and found.vector:
        reader.add(expr, Fault.COUNTER, f"{found.metric} only grows: read it through rate(…) or increase(…)")
    if found.ranks and found.labels is not None and "engine" in found.labels:
        reader.add(
            expr,
            Fault.AGGREGATION,
            f"{found.metric} has one series per rank of an engine: aggregate over `engine`, e.g. sum without (engine)",
        )
    return Review(tuple(dict.fromkeys(reader.remarks)), found, expr)


@dataclass(slots=True)
class _Reader:
    extra: frozenset[str]
    remarks: list[Remark] = field(default_factory=list)

    def add(self, node: Expr, fault: Fault, text: str, severity: Severity = Severity.ERROR) -> None:
        self.remarks.append(Remark(fault, text, node.span.start, node.span.end, severity))

    def read(self, node: Expr) -> Meaning:
        if isinstance(node, Paren | Unary | Subquery):
            return self.read(node.expr)
        if isinstance(node, MatrixSelector):
            return self.selector(node.selector)
        if isinstance(node, VectorSelector):
            return self.selector(node)
        if isinstance(node, Aggregate):
            return self.aggregate(node)
        if isinstance(node, Call):
            return self.call(node)
        if isinstance(node, Binary):
            return self.binary(node)
        return meaning.of_leaf(node)

    def selector(self, node: VectorSelector) -> Meaning:
        found = meaning.of_selector(node)
        if not found.metric:
            self.add(node, Fault.UNKNOWN_METRIC, "a selector without a metric reads everything: name the metric")
            return found
        if not vocabulary.find(found.metric):
            near = vocabulary.nearest(found.metric)
            hint = f', did you mean "{near}"?' if near else "; no catalog has it"
            self.add(node, Fault.UNKNOWN_METRIC, f"{found.metric}: unknown metric{hint}")
            return found
        self._older(node, found.metric)
        for matcher in node.matchers:
            if matcher.name != NAME:
                self.label(node, matcher.name, found.labels, found.metric)
        return found

    def _older(self, node: Expr, name: str) -> None:
        known = vocabulary.find(name)
        for one in known:
            family = one.metric.descriptor.name
            if name.removesuffix(one.part) in one.metric.aliases or name in one.metric.aliases:
                self.add(node, Fault.OLD_NAME, f"{name} is an older name of {family}", Severity.ADVICE)
                return

    def label(self, node: Expr, label: str, labels: Labels, metric: str) -> None:
        if labels is None or label in labels or label in self.extra:
            return
        known = ", ".join(sorted(labels - vocabulary.EVERYWHERE)) or "none but job, instance, environment"
        self.add(node, Fault.UNKNOWN_LABEL, f'{metric or "the value"} has no label "{label}"; there are {known}')

    def aggregate(self, node: Aggregate) -> Meaning:
        inner = self.read(node.expr)
        if node.param is not None:
            self.read(node.param)
        if not node.without:
            for label in node.grouping:
                self.label(node, label, inner.labels, inner.metric)
        if node.operator in ("sum", "avg"):
            self._addable(node, inner)
            self._one_gateway(node, inner)
        return meaning.of_aggregate(node, inner)

    def _addable(self, node: Aggregate, inner: Meaning) -> None:
        kind = inner.aggregation
        if kind is None or kind is Aggregation.SUM or not inner.vector:
            return
        if node.operator == "sum":
            instead = {Aggregation.MEAN: "avg", Aggregation.MAX: "max", Aggregation.MIN: "min"}.get(kind, "")
            hint = f"; use {instead}, or count(… == 1) to count" if instead else ""
            self.add(node, Fault.AGGREGATION, f"a sum that means nothing: {inner.why}{hint}")
        elif "quantile" in inner.why:
            self.add(node, Fault.AGGREGATION, f"an average that means nothing: {inner.why}")

    def _one_gateway(self, node: Aggregate, inner: Meaning) -> None:
        labels = meaning.grouped(node, inner.labels)
        if inner.gateways and labels is not None and "gateway" not in labels:
            self.add(
                node,
                Fault.ACROSS_GATEWAYS,
                f"{inner.metric} is added up over gateways, of which two may count one request: "
                'add `gateway` to by (…), or match one with gateway="…"',
            )

    def call(self, node: Call) -> Meaning:
        args = tuple(self.read(arg) for arg in node.args)
        vector = next((arg for arg in args if arg.vector), None)
        name = node.function
        if vector is not None and vector.metric:
            known = vector.counter or not vocabulary.find(vector.metric) or vector.dimension is None
            if name in RATES and not known and isinstance(node.args[0], MatrixSelector):
                self.add(node, Fault.COUNTER, f"{name} of {vector.metric}, which is no counter: use delta or deriv")
            if name in DIFFERENCES and vector.counter:
                self.add(node, Fault.COUNTER, f"{name} of {vector.metric}, which is a counter: use rate or increase")
        if name in RATES and isinstance(node.args[0], MatrixSelector):
            length = node.args[0].range
            if isinstance(length, float | int) and length < SHORTEST_WINDOW_SECONDS:
                text = f"{name} over {length:g} s may see one sample only: use $__rate_interval"
                self.add(node, Fault.COUNTER, text)
        if name == "histogram_quantile":
            self._quantile(node)
        return meaning.of_call(node, args)

    def _quantile(self, node: Call) -> None:
        inner = node.args[1]
        while isinstance(inner, Paren):
            inner = inner.expr
        by_le = isinstance(inner, Aggregate) and ("le" in inner.grouping) is not inner.without
        if not isinstance(inner, Aggregate) or inner.operator != "sum" or not by_le:
            self.add(node, Fault.QUANTILE, "a quantile is taken of sum by (le, …) (rate(…_bucket[…]))")
            return
        rated = inner.expr
        while isinstance(rated, Paren):
            rated = rated.expr
        if not (isinstance(rated, Call) and rated.function in RATES):
            self.add(node, Fault.QUANTILE, "a quantile is taken of a rate or an increase of the buckets")
        elif not self._buckets(rated):
            self.add(node, Fault.QUANTILE, "a quantile is taken of a metric whose name ends with _bucket")

    @staticmethod
    def _buckets(node: Call) -> bool:
        inner = node.args[0]
        return isinstance(inner, MatrixSelector) and meaning.metric_name(inner.selector).endswith("_bucket")

    def binary(self, node: Binary) -> Meaning:
        left, right = self.read(node.left), self.read(node.right)
        if node.matching is not None and node.matching.on:
            for label in node.matching.labels:
                for side in (left, right):
                    self.label(node, label, side.labels, side.metric)
        if node.operator in "+-" and left.dimension is not None and right.dimension is not None:
            plain = (COUNT, RATIO)
            if left.dimension != right.dimension and not {left.dimension.base, right.dimension.base} & {*plain}:
                self.add(node, Fault.UNIT, f"{node.operator} of {left.dimension} and {right.dimension}")
        return meaning.of_binary(node, left, right)
