"""The definitions with a site's values in them: alert rules as Prometheus takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inferdeck.config.complaints import unknown
from inferdeck.config.schema import RulesConfig, Settings
from inferdeck.errors import ConfigError
from inferdeck.model.labels import escape
from inferdeck.query.promql.ast import VectorSelector
from inferdeck.query.promql.literals import duration_ms
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.walk import nodes
from inferdeck.rules import maintenance, wording
from inferdeck.rules.definition import Alert, Definitions, Group, Scalar, Value
from inferdeck.rules.rule import Rule, RuleGroup
from inferdeck.rules.shape import output_labels

SEVERITIES = ("critical", "warning", "info")
PREFIX = "LLMGateway"
GROUP_PREFIX = "llm_gateway_"
_OBSERVER = {True: "instance", False: "gateway"}


class Family(StrEnum):
    """On which metrics a rule stands: the canonical vocabulary, or the family llm_gateway_llm_gateway_*."""

    CANONICAL = "canonical"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Chosen:
    """One alert rule as a site wants it."""

    alert: Alert
    enabled: bool
    severity: str
    hold: str
    keep: str
    values: Mapping[str, Scalar]


class Site:
    """The alert rules of one site. Raises ConfigError with one line per mistake: file:line: key: what."""

    def __init__(self, definitions: Definitions, settings: Settings | None = None) -> None:
        self.definitions = definitions
        self.config = settings.rules if settings is not None else RulesConfig()
        self._origins = settings.origins if settings is not None else {}
        self._problems: list[str] = []
        self._shared = self._overridden(definitions.shared, self.config.values, "rules.values")
        for name in self.config.alerts:
            if definitions.alert(name) is None:
                known = [alert.name for group in definitions.groups for alert in group.alerts]
                self._complain(f"rules.alerts.{name}", unknown(name, known, "alert rule"))
        self.chosen = {alert.name: self._chosen(alert) for group in definitions.groups for alert in group.alerts}
        if self._problems:
            raise ConfigError("\n".join(self._problems))

    def groups(self, family: Family, *, alone: bool = False) -> list[RuleGroup]:
        """Return all groups that have rules on a family; alone: maintenance windows are written out in each rule."""
        found = []
        for group in self.definitions.groups:
            rules = tuple(self._rules(group, family, alone=alone))
            if rules:
                prefix = GROUP_PREFIX if family is Family.GATEWAY else ""
                found.append(RuleGroup(prefix + group.name, rules))
        return found

    def _rules(self, group: Group, family: Family, *, alone: bool) -> Iterator[Rule]:
        for alert in group.alerts:
            expr = alert.gateway_expr if family is Family.GATEWAY else alert.expr
            chosen = self.chosen[alert.name]
            if expr and chosen.enabled:
                yield self._rule(group, chosen, expr, family, alone=alone)

    def _rule(self, group: Group, chosen: Chosen, expr: str, family: Family, *, alone: bool) -> Rule:
        alert = chosen.alert
        own = family is Family.GATEWAY
        made = excluding(wording.in_expression(expr, chosen.values), self.config.exclude)
        silence = maintenance.heeding_alone if alone else maintenance.heeding
        words = {
            **chosen.values,
            "for": chosen.hold,
            "severity": chosen.severity,
            "gateway": f"{{{{ $labels.{_OBSERVER[own]} }}}}",
        }
        return Rule(
            silence(made, output_labels(parse(made)), self.config.maintenance),
            alert=PREFIX + alert.name if own else alert.name,
            hold=chosen.hold,
            keep=chosen.keep,
            labels={"severity": chosen.severity, "category": group.name},
            annotations={
                "summary": wording.in_words(alert.summary, words),
                "description": wording.in_words(alert.description, words),
                "runbook": _runbook(alert),
            },
            place=alert.place,
        )

    def _chosen(self, alert: Alert) -> Chosen:
        key = f"rules.alerts.{alert.name}"
        given = dict(self.config.alerts.get(alert.name, {}))
        enabled = given.pop("enabled", True)
        if not isinstance(enabled, bool):
            self._complain(f"{key}.enabled", "expected true or false")
        severity = given.pop("severity", alert.severity)
        if severity not in SEVERITIES:
            self._complain(f"{key}.severity", f"expected {', '.join(SEVERITIES)}, got {severity}")
        hold = self._duration(f"{key}.for", given.pop("for", alert.hold))
        keep = self._duration(f"{key}.keep_firing_for", given.pop("keep_firing_for", alert.keep))
        own = self._overridden({value.name: value for value in alert.values}, given, key)
        return Chosen(alert, bool(enabled), str(severity), hold, keep, {**self._shared, **own})

    def _overridden(
        self, values: Mapping[str, Value], given: Mapping[str, Scalar | bool], key: str
    ) -> dict[str, Scalar]:
        found = {name: value.default for name, value in values.items()}
        for name, wanted in given.items():
            if name not in values:
                words = () if key == "rules.values" else ("enabled", "severity", "for", "keep_firing_for")
                self._complain(f"{key}.{name}", unknown(name, [*values, *words], "value"))
                continue
            default = values[name].default
            if isinstance(wanted, bool) or isinstance(wanted, str) != isinstance(default, str):
                self._complain(f"{key}.{name}", f"expected {'text' if isinstance(default, str) else 'a number'}")
            elif isinstance(default, str) and is_duration(default):
                found[name] = self._duration(f"{key}.{name}", wanted)
            else:
                found[name] = wanted
        return found

    def _duration(self, key: str, value: Scalar | bool) -> str:
        text = str(value)
        if text and not is_duration(text):
            self._complain(key, f'"{text}" is no duration of Prometheus; write for example 5m, 1h30m or 3d')
        return text

    def _complain(self, key: str, message: str) -> None:
        near = [place for known, place in self._origins.items() if known == key or known.startswith(f"{key}.")]
        self._problems.append(f"{near[0]}: {key}: {message}" if near else f"{key}: {message}")


def is_duration(text: str) -> bool:
    """Tell whether a text is a duration in Prometheus' notation."""
    try:
        duration_ms(text)
    except ValueError:
        return False
    return True


def excluding(expr: str, exclude: Mapping[str, Sequence[str]]) -> str:
    """Return an expression whose selectors all leave out these values of these labels."""
    matchers = [_matcher(label, values) for label, values in sorted(exclude.items()) if values]
    if not matchers:
        return expr
    added = ", ".join(matchers)
    ends = {(node.span.start, node.span.end) for node in nodes(parse(expr)) if isinstance(node, VectorSelector)}
    for start, end in sorted(ends, reverse=True):
        written = expr[start:end]
        if "{" not in written:
            made = f"{written}{{{added}}}"
        else:
            inside = written.rstrip().removesuffix("}").rstrip().rstrip(",")
            made = f"{inside}{'' if inside.endswith('{') else ', '}{added}}}"
        expr = expr[:start] + made + expr[end:]
    return expr


def _matcher(label: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return f'{label}!="{escape(values[0])}"'
    return f'{label}!~"{escape("|".join(re.escape(value) for value in values))}"'


def _runbook(alert: Alert) -> str:
    lines = []
    for number, step in enumerate(alert.steps, 1):
        lines.append(f"{number}. {step.text}")
        if step.command:
            lines.append(f"   $ {step.command}")
    return "\n".join(lines)
