"""Which conditions of alert rules hold at a moment: the expressions alone, without `for` and without states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferdeck.errors import InferdeckError
from inferdeck.model.conditions import Condition, Conditions
from inferdeck.model.labels import NAME, labels
from inferdeck.query.interface import QueryService
from inferdeck.query.promql.result import Result
from inferdeck.query.windows import has_value
from inferdeck.rules import templates
from inferdeck.rules.rule import Rule
from inferdeck.rules.site import SEVERITIES


async def holding(service: QueryService, rules: Sequence[Rule], now: float) -> Conditions:
    """Evaluate every alerting rule, one after the other; one that fails is told and hinders no other."""
    held: list[Condition] = []
    failed: list[str] = []
    alerting = [rule for rule in rules if rule.alert]
    for rule in alerting:
        try:
            held += _held(rule, await service.instant(rule.expr, round(now * 1000)))
        except InferdeckError as error:
            failed.append(f"{rule.name}: {error}")
    return Conditions(now, len(alerting), tuple(sorted(held, key=_order)), tuple(failed))


def _held(rule: Rule, found: Result) -> Iterator[Condition]:
    for series, there, row in zip(found.series, has_value(found.values), found.values, strict=True):
        if there[0]:
            own = {name: text for name, text in series if name != NAME}
            data = templates.Data(own, float(row[0]))
            summary = templates.expand(rule.annotations.get("summary", ""), data)
            severity = rule.labels.get("severity", "")
            yield Condition(rule.alert, severity, labels(own), summary, float(row[0]), rule.hold)


def _order(one: Condition) -> tuple[int, str, tuple[tuple[str, str], ...]]:
    grave = SEVERITIES.index(one.severity) if one.severity in SEVERITIES else len(SEVERITIES)
    return grave, one.alert, one.labels
