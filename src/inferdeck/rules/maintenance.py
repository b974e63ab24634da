"""Maintenance windows as PromQL: a recorded series while they last, and what makes an alert rule heed it.

Prometheus knows UTC only, so a weekly window moves against local clocks twice a year where those have summer time.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from inferdeck.config.schema import WEEKDAYS, MaintenanceWindow
from inferdeck.model.labels import escape
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.shape import Shape

SERIES = "inferdeck_maintenance"
GROUP = "maintenance"
ALL, ENVIRONMENT, LABELS = "all", "environment", "labels"
_DAY_MINUTES = 24 * 60


def group(windows: Sequence[MaintenanceWindow]) -> RuleGroup:
    """Return the recording rules that write SERIES while a window lasts."""
    rules = (
        Rule(
            expression(window),
            record=SERIES,
            labels={"window": window.name, "scope": scope(window), **window.labels},
        )
        for window in windows
    )
    return RuleGroup(GROUP, tuple(rules))


def scope(window: MaintenanceWindow) -> str:
    """Return how the window reaches: over all alerts, over those of an environment, or of other labels."""
    if not window.labels:
        return ALL
    return ENVIRONMENT if set(window.labels) == {"environment"} else LABELS


def heeding(expr: str, shape: Shape, windows: Sequence[MaintenanceWindow]) -> str:
    """Return an alert's expression that gives nothing during maintenance; shape: the labels of its series.

    A window of other labels than environment concerns the rules whose series have them all.
    """
    lines = [
        f"({expr})" if "\n" not in expr else f"(\n{_indented(expr)}\n)",
        f'unless on () ({SERIES}{{scope="{ALL}"}} == 1)',
        f'unless on (environment) ({SERIES}{{scope="{ENVIRONMENT}"}} == 1)',
    ]
    for window in windows:
        if scope(window) == LABELS and shape is not None and set(window.labels) <= shape:
            labels = ", ".join(sorted(window.labels))
            lines.append(f'unless on ({labels}) ({SERIES}{{window="{escape(window.name)}"}} == 1)')
    return "\n".join(lines)


def heeding_alone(expr: str, shape: Shape, windows: Sequence[MaintenanceWindow]) -> str:
    """Return the same without recorded series, each window written out: for Grafana-managed alerting."""
    lines = [f"({expr})" if "\n" not in expr else f"(\n{_indented(expr)}\n)"]
    for window in windows:
        if shape is not None and not set(window.labels) <= shape:
            continue
        found = expression(window)
        for label, value in sorted(window.labels.items()):
            found = f'label_replace({found}, "{label}", "{escape(value.replace("$", "$$"))}", "", "")'
        lines.append(f"unless on ({', '.join(sorted(window.labels))}) {found}")
    return "\n".join(lines)


def expression(window: MaintenanceWindow) -> str:
    """Return PromQL that gives 1 without labels while the window lasts, and nothing else."""
    if window.start and window.end:
        start, end = (int(datetime.datetime.fromisoformat(moment).timestamp()) for moment in (window.start, window.end))
        return f"clamp(vector(time()) >= {start} < {end}, 1, 1)"
    assert window.hours is not None  # noqa: S101  the schema asks for one or the other
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in window.hours.split("-"))
    days = [WEEKDAYS.index(day) for day in dict.fromkeys(window.days)]
    if begin < end:
        return f"clamp({_part(begin, end, days)}, 1, 1)"
    parts = [_part(begin, _DAY_MINUTES, days)]
    if end:
        parts.append(_part(0, end, [(day + 1) % 7 for day in days]))
    return f"clamp({' or '.join(parts)}, 1, 1)"


def _part(begin: int, end: int, days: Sequence[int]) -> str:
    """Return the minutes of the day that are in a span, on these days (0 is Monday; Prometheus' 0 is Sunday)."""
    minutes = f"(hour() * 60 + minute() >= {begin} < {end})"
    if len(set(days)) == 7:
        return minutes
    wanted = " or ".join(f"day_of_week() == {(day + 1) % 7}" for day in sorted(days))
    return f"({minutes} and on () ({wanted}))"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
