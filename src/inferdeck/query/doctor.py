"""What is wrong and how to mend it: every check is a function from what is seen to findings."""

from __future__ import annotations

from inferdeck.model.answers import Diagnosis, Finding
from inferdeck.query import data_checks, target_checks
from inferdeck.query.evidence import Case, Facts
from inferdeck.query.figures import Figures, intervals
from inferdeck.query.status import WINDOW_SECONDS, Surroundings
from inferdeck.store.interface import MetricReader

SEVERITIES = ("error", "warning", "info")


def advice(around: Surroundings) -> tuple[Finding, ...]:
    """Return the findings that cost nothing to make: those over the targets' states, and what discovery says."""
    found = [finding for check in target_checks.CHECKS for finding in check(around)]
    return tuple(_worst_first(found))


def diagnose(reader: MetricReader, around: Surroundings, facts: Facts) -> Diagnosis:
    """Return the findings of all checks, the worst first."""
    figures = Figures(
        reader, data_checks.METRICS, int(around.now * 1000), int(WINDOW_SECONDS * 1000), intervals(around.states)
    )
    case = Case(around, facts, figures)
    found = [*advice(around), *(finding for check in data_checks.CHECKS for finding in check(case))]
    return Diagnosis(len(target_checks.CHECKS) + len(data_checks.CHECKS), tuple(_worst_first(found)))


def _worst_first(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
