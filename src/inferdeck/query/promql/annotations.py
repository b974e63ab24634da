"""Warnings and infos that come with an answer, in Prometheus' words (util/annotations/annotations.go)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from inferdeck.query.promql.ast import NOWHERE, Span
from inferdeck.query.promql.literals import quote


class Level(StrEnum):
    """How much an annotation matters."""

    WARNING = "PromQL warning"
    INFO = "PromQL info"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark about a part of the query; equal ones are shown once."""

    level: Level
    message: str
    span: Span = NOWHERE

    def text(self, query: str) -> str:
        """Return the line as Prometheus gives it, with the (line:column) of the part; columns count bytes from 1."""
        start = self.span.start
        line_start = query.rfind("\n", 0, start) + 1
        column = len(query[line_start:start].encode("utf-8", "surrogatepass")) + 1
        return f"{self.level.value}: {self.message} ({query.count(chr(10), 0, start) + 1}:{column})"


_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


def invalid_quantile(value: float, span: Span) -> Annotation:
    """A quantile outside 0..1, or NaN."""
    return _warning(f"quantile value should be between 0 and 1, got {go_general(value)}", span)


def invalid_ratio(value: float, capped: float, span: Span) -> Annotation:
    """A ratio of limit_ratio outside -1..1."""
    shown = f"got {go_general(value)}, capping to {go_general(capped)}"
    return _warning(f"ratio value should be between -1 and 1, {shown}", span)


def bad_bucket_label(metric: str, value: str, span: Span) -> Annotation:
    """A bucket series without a number in `le`."""
    return _warning(f'bucket label "le" is missing or has a malformed value of {quote(value)}{_for(metric)}', span)


def possible_non_counter(metric: str, span: Span) -> Annotation:
    """rate() and its kin over something that is not named like a counter."""
    text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
    return _info(f"{text} {quote(metric)}", span)


def forced_monotonicity(metric: str, span: Span) -> Annotation:
    """Buckets that were not cumulative and have been repaired."""
    return _info(_MONOTONICITY + _for(metric), span)


def histogram_ignored(aggregation: str, span: Span) -> Annotation:
    """An aggregation of floats that met native histograms."""
    return _info(f"ignored histogram in {aggregation} aggregation", span)


def histograms_ignored_in_range(metric: str, span: Span) -> Annotation:
    """A function of floats whose window held native histograms too."""
    return _info(f"ignored histograms in a range containing both floats and histograms{_for(metric)}", span)


def mixed_range(metric: str, span: Span) -> Annotation:
    """A window with floats and native histograms, which the function cannot put together."""
    return _warning(f"encountered a mix of histograms and floats{_for(metric)}", span)


def mixed_aggregation(span: Span) -> Annotation:
    """A group with floats and native histograms, which cannot be summed."""
    return _warning("encountered a mix of histograms and floats for aggregation", span)


def incompatible_types(left: str, operator: str, right: str, span: Span) -> Annotation:
    """A binary operation that has no meaning for these sample types ("float", "histogram")."""
    text = "incompatible sample types encountered for binary operator"
    return _info(f"{text} {quote(operator)}: {left} {operator} {right}", span)


def go_general(value: float) -> str:
    """Return a number as Go's %g writes it."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    exact = Decimal(repr(value)).normalize()
    power = exact.adjusted() if exact else 0
    if -4 <= power < 6:
        return format(exact, "f")
    sign, digits, _ = exact.as_tuple()
    first, *rest = map(str, digits)
    return f"{'-' if sign else ''}{first}{'.' if rest else ''}{''.join(rest)}e{power:+03d}"


def _for(metric: str) -> str:
    return f" for metric name {quote(metric)}" if metric else ""


def _warning(message: str, span: Span) -> Annotation:
    return Annotation(Level.WARNING, message, span)


def _info(message: str, span: Span) -> Annotation:
    return Annotation(Level.INFO, message, span)
