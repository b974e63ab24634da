"""The files that an operator loads into Prometheus, made of the definitions and the site's values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from inferdeck.rules import maintenance, prometheus_file
from inferdeck.rules.definition import Group
from inferdeck.rules.rule import RuleGroup
from inferdeck.rules.site import GROUP_PREFIX, Family, Site

ALERTS = "alerts.yaml"
CANONICAL = "alerts-canonical.yaml"
STACK = "alerts-stack.yaml"
SLO = "alerts-slo.yaml"
GATEWAY_SLO = "alerts-gateway-slo.yaml"
MAINTENANCE = "maintenance.yaml"
RECORDING = "recording.yaml"
TITLES: Mapping[str, str] = {
    ALERTS: "Alert rules on the metrics llm_gateway_llm_gateway_* of a gateway.",
    CANONICAL: "The same alert rules on the canonical metrics llm_*.",
    STACK: "Alert rules for the rest of the stack: usage, money, models, engines, GPUs, targets.",
    SLO: "Burn rates of the objectives, on the canonical metrics llm_*.",
    GATEWAY_SLO: "Burn rates of the objectives, on the metrics llm_gateway_llm_gateway_*.",
    MAINTENANCE: "Maintenance windows as series; alert rules give nothing while one covers them.",
}
_HINT = "Written by inferdeck rules export; thresholds and windows stand in inferdeck.yaml under rules (docs/rules.md)."
_WHICH: Mapping[str, tuple[Family, Callable[[Group], bool]]] = {
    ALERTS: (Family.GATEWAY, lambda group: group.of_gateway),
    CANONICAL: (Family.CANONICAL, lambda group: group.of_gateway),
    STACK: (Family.CANONICAL, lambda group: not group.of_gateway and not group.slo),
    SLO: (Family.CANONICAL, lambda group: group.slo),
    GATEWAY_SLO: (Family.GATEWAY, lambda group: group.slo),
}


def alert_groups(site: Site, *, alone: bool = False) -> dict[str, list[RuleGroup]]:
    """Return the groups of every file with alert rules, by file name."""
    by_family = {family: site.groups(family, alone=alone) for family in Family}
    return {name: list(_picked(by_family[family], site, wanted)) for name, (family, wanted) in _WHICH.items()}


def files(site: Site) -> dict[str, str]:
    """Return all files but the recording rules of the vocabulary, by name."""
    groups = {**alert_groups(site), MAINTENANCE: [maintenance.group(site.config.maintenance)]}
    return {name: prometheus_file.text(found, f"{TITLES[name]}\n{_HINT}") for name, found in groups.items()}


def _picked(groups: Iterable[RuleGroup], site: Site, wanted: Callable[[Group], bool]) -> Iterable[RuleGroup]:
    names = {group.name for group in site.definitions.groups if wanted(group)}
    return (group for group in groups if group.name.removeprefix(GROUP_PREFIX) in names)
