"""What is wrong with rules: metrics, labels and aggregations by the catalogs, and what their texts show.

Beside what dashboards are checked for: an alert that fires where data is absent has to mean it, the labels that a text
shows have to be there, and an alert without a severity, a summary or a runbook helps nobody at night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inferdeck.dashboards.remarks import Fault, Severity
from inferdeck.dashboards.review import Review, review
from inferdeck.errors import InferdeckError
from inferdeck.query.promql.ast import Binary, Call, Expr, VectorSelector
from inferdeck.query.promql.literals import duration_ms
from inferdeck.query.promql.walk import nodes
from inferdeck.rules import templates
from inferdeck.rules.rule import Rule, RuleGroup

ABSENCE = frozenset({"absent", "absent_over_time"})
WANTED = ("summary", "description")


class Finding:
    """One mistake (or advice) in a rule: where, and what."""

    __slots__ = ("advice", "place", "text")

    def __init__(self, place: str, text: str, *, advice: bool = False) -> None:
        self.place = place
        self.text = text
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" + (" (advice)" if self.advice else "")


def check(
    groups: Sequence[RuleGroup], extra: frozenset[str] = frozenset(), absence: frozenset[str] = frozenset()
) -> list[Finding]:
    """Return what is wrong with rules. extra: labels that a site gives; absence: alerts that mean absent data."""
    recorded = frozenset(rule.record for group in groups for rule in group.rules if rule.record)
    found = list(_doubles(groups))
    for group in groups:
        for rule in group.rules:
            found += _rule(rule, recorded, extra, meant=rule.alert in absence)
    return found


def _rule(rule: Rule, recorded: frozenset[str], extra: frozenset[str], *, meant: bool) -> Iterator[Finding]:
    where = f"{rule.place}: {rule.name}"
    try:
        seen = review(rule.expr, extra)
    except InferdeckError as error:
        yield Finding(where, str(error))
        return
    mine = _reads(seen.expr, recorded)
    for remark in seen.remarks:
        if mine and remark.fault in (Fault.UNKNOWN_METRIC, Fault.UNKNOWN_LABEL):
            continue
        # A recording rule may rename a counter, which stays one, and add up what is one series each.
        if rule.record and remark.fault is Fault.COUNTER:
            continue
        advice = remark.severity is Severity.ADVICE or (bool(rule.record) and remark.fault is Fault.AGGREGATION)
        yield Finding(where, remark.text, advice=advice)
    if not rule.alert or seen.expr is None:
        return
    if not meant:
        yield from (Finding(where, text, advice=True) for text in _absent(seen.expr))
    if not any(isinstance(node, Binary) for node in nodes(seen.expr)) and not _fires_alone(seen.expr):
        yield Finding(where, "compares with nothing, so it fires wherever there is data", advice=True)
    yield from _words(rule, where, None if mine else seen)


def _words(rule: Rule, where: str, seen: Review | None) -> Iterator[Finding]:
    for name in WANTED:
        if not rule.annotations.get(name):
            yield Finding(where, f"has no {name}", advice=True)
    if "severity" not in rule.labels:
        yield Finding(where, "has no label severity, by which notifications are routed", advice=True)
    labels = None if seen is None or seen.meaning is None else seen.meaning.labels
    for name, text in {**rule.labels, **rule.annotations}.items():
        shown, trouble = templates.check(text)
        if trouble:
            yield Finding(where, f"{name}: {trouble}", advice=True)
        for label in sorted(shown - (labels or shown) - rule.labels.keys()):
            there = ", ".join(sorted(labels or ())) or "none"
            yield Finding(
                where, f"{name} shows the label {label}, which the expression does not give; it gives {there}"
            )
    for key, text in (("for", rule.hold), ("keep_firing_for", rule.keep)):
        try:
            duration_ms(text or "0")
        except ValueError as error:
            yield Finding(where, f"{key}: {error}")


def _reads(expr: Expr | None, recorded: frozenset[str]) -> bool:
    if expr is None:
        return False
    return any(isinstance(node, VectorSelector) and node.name in recorded for node in nodes(expr))


def _fires_alone(expr: Expr) -> bool:
    return any(isinstance(node, Call) and node.function in ABSENCE for node in nodes(expr))


def _absent(expr: Expr) -> Iterator[str]:
    for node in nodes(expr):
        if isinstance(node, Call) and node.function in ABSENCE:
            yield f"{node.function} fires where data is absent: also where the system was never there"


def _doubles(groups: Iterable[RuleGroup]) -> Iterator[Finding]:
    names: set[str] = set()
    for group in groups:
        if group.name in names:
            place = group.rules[0].place if group.rules else ""
            yield Finding(place, f"group {group.name} stands twice; names of groups are unique in a file")
        names.add(group.name)
        seen: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        for rule in group.rules:
            key = (rule.name, tuple(sorted(rule.labels.items())))
            if key in seen:
                yield Finding(rule.place, f"{rule.name} stands in {seen[key]} already, with the same labels")
            seen[key] = rule.place
