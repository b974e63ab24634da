"""Conditions of alert rules that hold at a moment: no waiting, no notification."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Condition:
    """One series for which the condition of an alert rule holds; severity: critical, warning or info."""

    alert: str
    severity: str
    labels: Labels
    summary: str
    value: float
    hold: str = ""
    """For how long it must hold before the alert fires, as Prometheus writes it."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds at `time` (Unix seconds), the gravest first; failed: rules that could not be evaluated, and why."""

    time: float
    rules: int
    held: tuple[Condition, ...] = ()
    failed: tuple[str, ...] = ()
