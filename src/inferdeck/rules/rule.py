"""Prometheus' own notion of rules, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """An alerting rule (`alert`) or a recording rule (`record`); the other name is "".

    hold: how long a condition must be there before it fires, keep: how long it goes on firing after it is gone, as
    durations in Prometheus' notation, "" for none. place: "file:line" of the rule, for messages.
    """

    expr: str
    alert: str = ""
    record: str = ""
    hold: str = ""
    keep: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    place: str = ""

    @property
    def name(self) -> str:
        """The name of the alert or of the recorded series."""
        return self.alert or self.record


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated one after the other at the same moment; interval "" leaves it to the server."""

    name: str
    rules: tuple[Rule, ...]
    interval: str = ""
