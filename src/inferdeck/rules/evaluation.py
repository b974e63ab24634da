"""Evaluates groups of rules at one moment: recorded series, alerts and what Prometheus writes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from inferdeck.errors import EvaluationError, InferdeckError
from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.query.promql.literals import duration_ms
from inferdeck.query.promql.result import ResultType
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.rules import templates
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.states import Alert, Found, State, advanced
from inferdeck.rules.templates import Data

ALERT_NAME = "alertname"
ALERTS, ALERTS_FOR_STATE = "ALERTS", "ALERTS_FOR_STATE"
Sample = tuple[Labels, float]


@dataclass(slots=True)
class Evaluated:
    """What one rule did: samples to store, series that ended, or why it failed."""

    samples: dict[Labels, float]
    ended: tuple[Labels, ...] = ()


@dataclass(slots=True)
class RuleState:
    """One rule between evaluations: its alerts, and the series that it wrote last."""

    rule: Rule
    alerts: dict[Labels, Alert] = field(default_factory=dict)
    written: frozenset[Labels] = frozenset()

    def evaluate(self, answer: Outcome, now_ms: int, data: Data) -> Evaluated:
        """Take the answer of the rule's expression; raises EvaluationError, UsageError. data: external labels, URL."""
        found = dict(self._alerting(answer, now_ms, data) if self.rule.alert else self._recorded(answer))
        ended = tuple(sorted(self.written - found.keys()))
        self.written = frozenset(found)
        return Evaluated(found, ended)

    def _recorded(self, answer: Outcome) -> Iterator[Sample]:
        seen: set[Labels] = set()
        for series, value in _vector(answer):
            made = labels({**dict(series), **self.rule.labels, NAME: self.rule.record})
            if made in seen:
                raise EvaluationError("vector contains metrics with the same labelset after applying rule labels")
            seen.add(made)
            yield made, value

    def _alerting(self, answer: Outcome, now_ms: int, data: Data) -> Iterator[Sample]:
        found = [self._found(series, value, data) for series, value in _vector(answer)]
        hold, keep = _milliseconds(self.rule.hold), _milliseconds(self.rule.keep)
        self.alerts = advanced(self.alerts, found, now_ms, hold, keep)
        for alert in self.alerts.values():
            own = dict(alert.labels)
            yield labels({**own, NAME: ALERTS, "alertstate": alert.state.value}), 1.0
            yield labels({**own, NAME: ALERTS_FOR_STATE}), alert.active_ms / 1000

    def _found(self, series: Labels, value: float, data: Data) -> Found:
        own = {name: text for name, text in series if name != NAME}
        shown = Data(own, value, data.external_labels, data.external_url)
        added = {name: templates.expand(text, shown) for name, text in self.rule.labels.items()}
        notes = {name: templates.expand(text, shown) for name, text in self.rule.annotations.items()}
        return Found(labels({**own, **added, ALERT_NAME: self.rule.alert}), notes, value)

    def firing(self) -> list[Alert]:
        """Return the alerts that fire."""
        return [alert for alert in self.alerts.values() if alert.state is State.FIRING]


def states(groups: tuple[RuleGroup, ...]) -> list[RuleState]:
    """Return the state of every rule before its first evaluation, group by group."""
    return [RuleState(rule) for group in groups for rule in group.rules]


def failed(rule: Rule, error: InferdeckError) -> str:
    """Return why a rule could not be evaluated, in a line."""
    return f"{rule.place}: {rule.name}: {error}"


def _vector(answer: Outcome) -> list[Sample]:
    if answer.kind == ResultType.SCALAR.value:
        return [((), answer.scalar)]
    if answer.kind != ResultType.VECTOR.value:
        raise EvaluationError(f"a rule wants an instant vector or a scalar, its expression gives a {answer.kind}")
    return [(series, points[0][1]) for series, points in answer.rows]


def _milliseconds(text: str) -> int:
    return duration_ms(text) if text else 0
