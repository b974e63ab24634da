"""Reads anybody's dashboards and rules against what targets expose and what the catalogs know.

Found are: metrics that no target has any more and labels that their series do not have, each with what replaces it;
sums of what cannot be added; rates of what is no counter; quantiles of what are no buckets; units that do not fit.
What only the site can know, such as the labels that its Prometheus adds, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from inferdeck.dashboards import dimensions, meaning
from inferdeck.dashboards.dimensions import Dimension
from inferdeck.dashboards.grafana import names, selectors, units
from inferdeck.dashboards.grafana.labels import exact, given
from inferdeck.dashboards.grafana.live import Live
from inferdeck.dashboards.grafana.names import State
from inferdeck.dashboards.grafana.questions import Asked, Question
from inferdeck.dashboards.remarks import Fault, Remark, Severity
from inferdeck.dashboards.review import Review, review
from inferdeck.errors import QueryError
from inferdeck.model.labels import NAME
from inferdeck.query.promql.ast import Aggregate, Call, Expr, MatrixSelector, Paren, VectorSelector
from inferdeck.query.promql.walk import nodes
from inferdeck.sources import vocabulary
from inferdeck.store.interface import Matcher, MatchOp

ADDED_BY_PROMETHEUS = frozenset(
    {
        *("job", "instance", "environment", "env", "cluster", "namespace", "pod", "container", "node", "service"),
        *("endpoint", "host", "hostname", "region", "zone", "datacenter", "dc", "team", "app", "release", "site"),
        *("nodename", "tenant", "role", "stage", "group", "prometheus", "exported_job", "exported_instance"),
    }
)
"""Labels that a site gives its targets; a page of metrics does not show them."""
_DEAD = {State.RENAMED, State.ENDED, State.UNKNOWN}
_LEGEND = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. subject: the metric or label; instead: what to write in its place, "" where nothing is known."""

    fault: str
    place: str
    text: str
    subject: str = ""
    instead: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" + (f"; use {self.instead}" if self.instead else "")


def lint(file: str, asked: Asked, live: Live, recorded: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return what is wrong with one file; recorded: metrics that rules of other files make."""
    made = frozenset(recorded) | asked.recorded
    found: list[Finding] = []
    for question in asked.questions:
        found += _question(file, question, live, made)
    return tuple(dict.fromkeys(found))


def _question(file: str, question: Question, live: Live, made: frozenset[str]) -> Iterator[Finding]:
    place = f"{file}: {question.place}"
    try:
        reading = selectors.read(question.expr)
    except QueryError as error:
        yield Finding("syntax", place, error.headline)
        return
    yield from _metrics(place, reading.expr, live, made)
    yield from _labels(place, question, reading.expr, live)
    if question.label:
        return
    found = review(reading.text)
    yield from _values(place, question, found)
    yield from _quantiles(place, reading.expr)
    yield from _unit(place, question, found)


# Names


def _metrics(place: str, expr: Expr, live: Live, made: frozenset[str]) -> Iterator[Finding]:
    for selector in _selectors(expr):
        name = meaning.metric_name(selector)
        if not name or "xx" in name or name in made or (name in live.samples):
            continue
        found = names.verdict(name, live)
        if found.state is State.THERE:
            continue
        severity = Severity.ERROR if found.state in _DEAD else Severity.ADVICE
        fault = "dead-metric" if found.state in _DEAD else found.state.value
        yield Finding(fault, place, found.text, name, found.instead, severity)


def _selectors(expr: Expr) -> list[VectorSelector]:
    return [node for node in nodes(expr) if isinstance(node, VectorSelector)]


# Labels


def _labels(place: str, question: Question, expr: Expr, live: Live) -> Iterator[Finding]:
    for node in nodes(expr):
        if isinstance(node, VectorSelector):
            own = given(node, live)
            for matcher in node.matchers:
                if matcher.name != NAME and _dead(matcher.name, own, live):
                    yield _label(place, matcher.name, own, meaning.metric_name(node), _matters(matcher))
        elif isinstance(node, Aggregate) and not node.without:
            own = given(node.expr, live)
            for name in node.grouping:
                if "xx" not in name and name != "x" and _dead(name, own, live):
                    yield _label(place, name, own, _subject(node.expr), Severity.ERROR)
    own = given(expr, live)
    asked = [question.label] if question.label else _LEGEND.findall(question.legend)
    whole = exact(expr)
    for name in asked:
        if name != NAME and (_dead(name, own, live) or (whole and own is not None and name not in own)):
            severity = Severity.ERROR if question.label else Severity.ADVICE
            yield _label(place, name, own, _subject(expr), severity)


def _dead(name: str, own: frozenset[str] | None, live: Live) -> bool:
    if own is None or name in own or name.startswith("$"):
        return False
    return live.whole or name not in ADDED_BY_PROMETHEUS


def _label(place: str, name: str, own: frozenset[str] | None, metric: str, severity: Severity) -> Finding:
    pool = sorted(own or ())
    near = [one for one in pool if one.casefold() == name.casefold()] or get_close_matches(name, pool, 1, 0.6)
    there = ", ".join(pool) or "none"
    text = f'{metric or "the value"} has no label "{name}" (there are: {there})'
    return Finding("dead-label", place, text, name, near[0] if near else "", severity)


def _matters(matcher: Matcher) -> Severity:
    """A label that is absent is "": a matcher that takes that changes nothing."""
    if matcher.op is MatchOp.EQUAL:
        return Severity.ERROR if matcher.value else Severity.ADVICE
    if matcher.op is MatchOp.MATCH and not matcher.value.startswith(("$", ".*", "[[")):
        return Severity.ERROR if matcher.value else Severity.ADVICE
    return Severity.ADVICE


def _subject(expr: Expr) -> str:
    found = [meaning.metric_name(one) for one in _selectors(expr)]
    return found[0] if found else ""


# Values


def _values(place: str, question: Question, found: Review) -> Iterator[Finding]:
    counted = _counted(found.expr)
    for remark in found.remarks:
        if remark.fault is Fault.AGGREGATION and "per rank" not in remark.text:
            if (remark.start, remark.end) not in counted and "_info is" not in remark.text:
                # A sum of quotients may be meant: limits of CPU time are quota / period.
                severity = Severity.ADVICE if "a quotient" in remark.text else Severity.ERROR
                yield Finding("aggregation", place, remark.text, severity=severity)
        elif remark.fault is Fault.COUNTER and "may see one sample" not in remark.text:
            raw = "only grows" in remark.text
            if not (raw and question.rule):
                severity = Severity.ADVICE if raw else Severity.ERROR
                yield Finding("counter", place, remark.text, severity=severity)
        elif remark.fault is Fault.UNIT and "Unix time" not in remark.text:
            yield _remark("unit", place, remark)


def _counted(expr: Expr | None) -> set[tuple[int, int]]:
    """Return where an aggregation stands whose result is only counted, so that its values do not matter."""
    found = set()
    for node in nodes(expr) if expr is not None else ():
        if isinstance(node, Aggregate) and node.operator in meaning.COUNTING:
            inner = _bare(node.expr)
            found.add((inner.span.start, inner.span.end))
    return found


def _remark(fault: str, place: str, remark: Remark) -> Finding:
    return Finding(fault, place, remark.text, severity=remark.severity)


def _quantiles(place: str, expr: Expr) -> Iterator[Finding]:
    for node in nodes(expr):
        if not isinstance(node, Call) or node.function != "histogram_quantile":
            continue
        inner = _bare(node.args[1])
        if isinstance(inner, Aggregate):
            kept = "le" not in inner.grouping if inner.without else "le" in inner.grouping
            native = not any(meaning.metric_name(one).endswith("_bucket") for one in _selectors(inner))
            if not kept and not native:
                yield Finding(
                    "quantile", place, "the quantile has no buckets: `le` is aggregated away; add le to by (…)"
                )
                continue
            inner = _bare(inner.expr)
        if isinstance(inner, VectorSelector) and meaning.metric_name(inner).endswith("_bucket"):
            name = meaning.metric_name(inner)
            text = "the quantile is of everything since the start: the buckets only grow"
            yield Finding("quantile", place, text, name, f"rate({name}[…])")


def _bare(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr.selector if isinstance(expr, MatrixSelector) else expr


def _unit(place: str, question: Question, found: Review) -> Iterator[Finding]:
    wanted = units.measures(question.unit)
    given_ = found.meaning.dimension if found.meaning is not None else None
    if wanted is None or given_ is None or dimensions.fits(given_, wanted):
        return
    quotient = found.meaning is not None and "a quotient" in found.meaning.why
    if quotient and wanted.base == dimensions.RATIO and given_ == Dimension("tokens"):
        # Tokens per something may well be a share, such as accepted ones per draft.
        return
    better = units.id_of(given_)
    found_unit = f'of the unit "{better}"' if better else str(given_)
    text = f'the values are {found_unit}, but the unit "{question.unit}" shows {wanted}'
    if better:
        text = f'the values are {found_unit}, but are shown as "{question.unit}"'
    yield Finding("unit", place, text, question.unit, f'the unit "{better}"' if better else "")


def wanted(found: Iterable[Asked]) -> list[str]:
    """Return the names whose series decide: those that are asked for, and those that may stand in for them."""
    asked: set[str] = set()
    for one in found:
        for question in one.questions:
            try:
                expr = selectors.read(question.expr).expr
            except QueryError:
                continue
            asked |= {meaning.metric_name(selector) for selector in _selectors(expr)}
    asked.discard("")
    for name in list(asked):
        asked |= {known.metric.descriptor.name + known.part for known in vocabulary.find(name)}
    return sorted(asked)
