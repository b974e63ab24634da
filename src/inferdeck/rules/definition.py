"""An alert rule before a site's values stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = float | str


@dataclass(frozen=True, slots=True)
class Value:
    """A named number or text that a site may override; a text that is a duration stays one."""

    name: str
    default: Scalar
    help: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a runbook: what to look at, and the command that shows it ("" where there is none)."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule; texts and expressions hold `${name}` for values.

    expr: on the canonical vocabulary ("" where there is no such thing). gateway_expr: the same on the family
    llm_gateway_llm_gateway_*, "" where that has no such thing. absence: the rule means to fire where data is absent.
    """

    name: str
    severity: str
    hold: str
    keep: str
    values: tuple[Value, ...]
    expr: str
    gateway_expr: str
    summary: str
    description: str
    steps: tuple[Step, ...]
    absence: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Alert rules of one topic.

    of_gateway: one of the six groups of alerts.yaml, on llm_gateway_llm_gateway_*. slo: burn rates.
    """

    name: str
    title: str
    alerts: tuple[Alert, ...]
    of_gateway: bool = False
    slo: bool = False


@dataclass(frozen=True, slots=True)
class Definitions:
    """All alert rules and the values that several of them share."""

    groups: tuple[Group, ...]
    shared: Mapping[str, Value] = field(default_factory=dict)

    def alert(self, name: str) -> Alert | None:
        """Return the alert rule of this name."""
        return next((one for group in self.groups for one in group.alerts if one.name == name), None)
