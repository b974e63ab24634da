"""What becomes of an alerting rule's series from evaluation to evaluation (semantics: prometheus rules/alerting.go)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import Labels, text


class State(StrEnum):
    """The states of an alert that is there at all."""

    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Times in Unix milliseconds; gone_ms: since when its condition is gone while it is kept firing."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    state: State
    active_ms: int
    gone_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A series that the rule's expression gave: the alert's labels and its annotations."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float


Alerts = Mapping[Labels, Alert]


def advanced(before: Alerts, found: list[Found], now_ms: int, hold_ms: int, keep_ms: int) -> dict[Labels, Alert]:
    """Return the alerts after an evaluation; raises EvaluationError where two series get the same labels.

    A condition that is gone ends an alert at once, or keep_ms after where it was firing.
    """
    there: dict[Labels, Found] = {}
    for one in found:
        if one.labels in there:
            message = "vector contains metrics with the same labelset after applying alert labels"
            raise EvaluationError(f"{message}: {text(one.labels)}")
        there[one.labels] = one
    after: dict[Labels, Alert] = {}
    for labels, old in before.items():
        if labels not in there and old.state is State.FIRING and keep_ms:
            gone = now_ms if old.gone_ms is None else old.gone_ms
            if now_ms - gone < keep_ms:
                after[labels] = replace(old, gone_ms=gone)
    for labels, one in there.items():
        old_one = before.get(labels)
        active = now_ms if old_one is None else old_one.active_ms
        firing = now_ms - active >= hold_ms or (old_one is not None and old_one.state is State.FIRING)
        state = State.FIRING if firing else State.PENDING
        after[labels] = Alert(labels, one.annotations, one.value, state, active)
    return after
