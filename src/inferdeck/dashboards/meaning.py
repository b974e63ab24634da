"""What a PromQL expression means by the catalogs: its labels, its dimension, and how its series may become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inferdeck.dashboards import dimensions
from inferdeck.dashboards.dimensions import COUNT, RATIO, TIMESTAMP, Dimension
from inferdeck.model.labels import NAME
from inferdeck.model.metric import Aggregation, MetricType
from inferdeck.query.promql.ast import (
    Aggregate,
    Binary,
    Call,
    Cardinality,
    Expr,
    NumberLiteral,
    StringLiteral,
    VectorSelector,
)
from inferdeck.sources import vocabulary
from inferdeck.store.interface import Matcher, MatchOp

Labels = frozenset[str] | None
"""The labels that series may have; None where they are not known."""
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
KEEPING = frozenset(
    {
        *("abs", "ceil", "clamp", "clamp_max", "clamp_min", "floor", "round"),
        *("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"),
        *("avg_over_time", "max_over_time", "min_over_time", "last_over_time", "first_over_time", "sum_over_time"),
        *("quantile_over_time", "stddev_over_time", "mad_over_time", "predict_linear", "double_exponential_smoothing"),
    }
)
RATES = frozenset({"rate", "irate", "increase"})
DIFFERENCES = frozenset({"delta", "idelta", "deriv", "predict_linear"})
COUNTING = frozenset({"count", "group", "count_values"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a value. dimension, aggregation None: not known, anything goes.

    metric: the name that messages use; counter: it still grows for ever; bucket: of a histogram; gateways: it may hold
    several gateways' counts of the same requests; ranks: the engine's ranks stand apart by the label `engine`; number:
    the value of a literal.
    """

    labels: Labels = frozenset()
    dimension: Dimension | None = None
    aggregation: Aggregation | None = None
    why: str = ""
    metric: str = ""
    counter: bool = False
    bucket: bool = False
    gateways: bool = False
    ranks: bool = False
    number: float | None = None
    vector: bool = True


def of_selector(node: VectorSelector) -> Meaning:
    """Return what the catalogs say of a selector; an unknown metric may have any labels."""
    name = metric_name(node)
    known = vocabulary.find(name) if name else ()
    if not known:
        return Meaning(None, metric=name)
    first = known[0]
    labels: Labels = frozenset(vocabulary.EVERYWHERE)
    for one in known:
        own = one.metric.descriptor.labels
        if vocabulary.ANY_LABEL in own:
            labels = None
            break
        labels = labels | frozenset(own) if labels is not None else None
    if labels is not None and first.part == "_bucket":
        labels |= {"le"}
    descriptor = first.metric.descriptor
    if descriptor.type is MetricType.SUMMARY and not first.part:
        labels = labels | {"quantile"} if labels is not None else None
    aggregation = Aggregation.NONE if descriptor.type is MetricType.SUMMARY and not first.part else first.aggregation
    return Meaning(
        labels,
        dimensions.of_metric(descriptor, first.part),
        aggregation,
        _why(name, descriptor.unit, aggregation),
        name,
        counter=first.is_counter,
        bucket=first.part == "_bucket",
        gateways=first.kind == "vocabulary" and "gateway" in descriptor.labels and not _one_gateway(node.matchers),
        ranks=first.kind != "vocabulary" and "engine" in descriptor.labels,
    )


def metric_name(node: VectorSelector) -> str:
    """Return the metric that a selector names, "" where it names none or several."""
    if node.name:
        return node.name
    found = [one.value for one in node.matchers if one.name == NAME and one.op is MatchOp.EQUAL]
    return found[0] if found else ""


def grouped(node: Aggregate, inner: Labels) -> Labels:
    """Return the labels after an aggregation."""
    if not node.without:
        return frozenset(node.grouping)
    return None if inner is None else inner - frozenset(node.grouping)


def _one_gateway(matchers: Iterable[Matcher]) -> bool:
    return any(one.name == "gateway" and one.op is MatchOp.EQUAL and one.value for one in matchers)


def _why(name: str, unit: str, aggregation: Aggregation) -> str:
    if unit in ("percent", "ratio", "1"):
        return f"{name} is a {'percentage' if unit == 'percent' else 'ratio'}"
    if aggregation in (Aggregation.MEAN, Aggregation.MAX, Aggregation.MIN):
        word = {Aggregation.MEAN: "avg"}.get(aggregation, aggregation.value)
        return f"{name} is aggregated by {word}"
    return f"{name} is not to be aggregated"


def of_binary(node: Binary, left: Meaning, right: Meaning) -> Meaning:
    """Return what an operation on two known values gives."""
    if node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        both = None if left.labels is None or right.labels is None else left.labels | right.labels
        known = left if left.dimension is not None or left.metric else replace(right, labels=both)
        return replace(known, labels=both, gateways=left.gateways or right.gateways)
    shape = replace(_shape(node, left, right), number=None)
    if node.operator in COMPARISONS:
        if node.bool_modifier or (node.operator == "==" and right.number is not None):
            # Every value is 1, or the same: a sum counts.
            return replace(shape, dimension=Dimension(COUNT), aggregation=Aggregation.SUM, counter=False)
        return shape
    if node.operator in "+-":
        return _sum(node, shape, left, right)
    if node.operator == "*":
        return _product(shape, left, right)
    if node.operator == "/":
        return _quotient(shape, left, right)
    return replace(shape, dimension=None, aggregation=None, counter=False)


def _shape(node: Binary, left: Meaning, right: Meaning) -> Meaning:
    """Return the side that gives the labels, with the labels of the result."""
    if not left.vector or not right.vector:
        return right if right.vector else left
    gateways = left.gateways or right.gateways
    base = replace(left, gateways=gateways, counter=left.counter or right.counter, bucket=False)
    matching = node.matching
    if matching is None:
        return base
    if matching.cardinality is Cardinality.MANY_TO_ONE:
        return replace(base, labels=_with(left.labels, matching.include))
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        return replace(base, labels=_with(right.labels, matching.include))
    if matching.on:
        return replace(base, labels=frozenset(matching.labels))
    return replace(base, labels=None if left.labels is None else left.labels - frozenset(matching.labels))


def _with(found: Labels, more: Iterable[str]) -> Labels:
    return None if found is None else found | frozenset(more)


def _sum(node: Binary, shape: Meaning, left: Meaning, right: Meaning) -> Meaning:
    dimension = left.dimension if right.number is not None else right.dimension
    if left.dimension is not None and right.dimension is not None:
        dimension = left.dimension
        if node.operator == "-" and left.dimension == right.dimension == Dimension(TIMESTAMP):
            dimension = Dimension("seconds")
    if not left.vector or not right.vector:
        return replace(shape, dimension=dimension)
    same = left.aggregation is right.aggregation
    return replace(shape, dimension=dimension, aggregation=left.aggregation if same else None)


def _product(shape: Meaning, left: Meaning, right: Meaning) -> Meaning:
    for one, other in ((left, right), (right, left)):
        if other.number is not None:
            dimension = None if one.dimension is None else dimensions.scaled(one.dimension, other.number)
            return replace(shape, dimension=dimension)
        if other.metric.endswith("_info"):
            keeps = one.aggregation
            return replace(shape, dimension=one.dimension, aggregation=keeps, why=one.why, counter=one.counter)
    dimension = None
    for one, other in ((left, right), (right, left)):
        if one.dimension is not None and other.dimension is not None:
            plain = other.dimension.base in (COUNT, RATIO) and not other.dimension.rates
            if plain and dimension is None:
                dimension = dimensions.scaled(one.dimension, other.dimension.scale)
    return replace(shape, dimension=dimension, aggregation=None)


def _quotient(shape: Meaning, left: Meaning, right: Meaning) -> Meaning:
    if right.number is not None:
        found = left.dimension
        return replace(shape, dimension=None if found is None else dimensions.scaled(found, 1 / (right.number or 1)))
    dimension = None
    if left.dimension is not None and right.dimension is not None:
        dimension = dimensions.quotient(left.dimension, right.dimension)
    if not left.vector:
        dimension = None
    vectors = left.vector and right.vector
    return replace(
        shape,
        dimension=dimension,
        aggregation=Aggregation.NONE if vectors else None,
        why="a quotient is a ratio: divide the sums instead",
    )


def of_call(node: Call, args: tuple[Meaning, ...]) -> Meaning:
    """Return what a function gives."""
    name = node.function
    vector = next((arg for arg in args if arg.vector), None)
    if name == "time":
        return Meaning(frozenset(), Dimension(TIMESTAMP), vector=False)
    if name == "vector":
        return Meaning(frozenset())
    if vector is None:
        return Meaning(frozenset(), vector=False)
    if name == "scalar":
        return replace(vector, labels=frozenset(), vector=False)
    if name in RATES or name in DIFFERENCES - KEEPING:
        return _rated(name, vector)
    if name in KEEPING:
        return vector
    if name == "timestamp":
        return replace(vector, dimension=Dimension(TIMESTAMP), aggregation=Aggregation.MAX, counter=False)
    if name in ("label_replace", "label_join"):
        target = node.args[1]
        return replace(vector, labels=_with(vector.labels, [target.value] if isinstance(target, StringLiteral) else []))
    if name == "histogram_quantile":
        return _quantile(vector)
    if name in ("absent", "absent_over_time"):
        return Meaning(None, Dimension(COUNT))
    if name in ("changes", "resets", "count_over_time", "present_over_time"):
        return replace(vector, dimension=Dimension(COUNT), aggregation=Aggregation.SUM, counter=False)
    return replace(vector, dimension=None, aggregation=None, counter=False)


def _rated(name: str, vector: Meaning) -> Meaning:
    found = vector.dimension
    if found is not None and name in ("rate", "irate", "deriv"):
        found = Dimension(found.base, found.rates + 1, found.scale)
    elif found == Dimension(TIMESTAMP):
        found = Dimension("seconds")
    return replace(vector, dimension=found, counter=False)


def _quantile(vector: Meaning) -> Meaning:
    labels = None if vector.labels is None else vector.labels - {"le"}
    known = vocabulary.find(vector.metric.removesuffix("_bucket"))
    dimension = dimensions.of_metric(known[0].metric.descriptor, "") if known else None
    why = "a quantile cannot be added up or averaged: take it of the added buckets"
    return replace(
        vector, labels=labels, dimension=dimension, aggregation=Aggregation.NONE, why=why, bucket=False, counter=False
    )


def of_aggregate(node: Aggregate, inner: Meaning) -> Meaning:
    """Return what an aggregation gives."""
    if node.operator in ("topk", "bottomk", "limitk", "limit_ratio"):
        return inner
    labels = grouped(node, inner.labels)
    found = replace(inner, labels=labels, ranks=False)
    if node.operator in COUNTING:
        if node.operator == "count_values" and isinstance(node.param, StringLiteral):
            labels = _with(labels, [node.param.value])
        return replace(
            found, labels=labels, dimension=Dimension(COUNT), aggregation=Aggregation.SUM, counter=False, bucket=False
        )
    if node.operator == "quantile":
        return replace(found, aggregation=Aggregation.NONE, why="a quantile cannot be added up or averaged")
    if node.operator in ("max", "min"):
        return replace(found, bucket=False)
    return found


def of_leaf(node: Expr) -> Meaning:
    """Return what a number or a text means."""
    if isinstance(node, NumberLiteral):
        return Meaning(frozenset(), number=node.value, vector=False)
    return Meaning(frozenset(), vector=False)
