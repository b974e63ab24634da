"""A plan and a report as text, JSON and JUnit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from inferdeck.model.json_form import plain
from inferdeck.model.numbers import percent
from inferdeck.probing.statistics import POWER
from inferdeck.probing.values import Bill, Distribution, Kind, Plan, Report, Result, State

SIGNS = {State.PASSED: "✓", State.FAILED: "✗", State.NO_VERDICT: "?", State.SKIPPED: "–"}
STYLES = {State.PASSED: "green", State.FAILED: "red", State.NO_VERDICT: "yellow", State.SKIPPED: "dim"}
MOST_NOTES = 12
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def announced(plan: Plan) -> list[str]:
    """Return what a plan will send and what that may cost, before anything is sent."""
    where = f"{plan.gateway} (the simulator)" if plan.simulated else plan.gateway
    lines = [f"Sends {_many(plan.requests, 'request')} to {where}:"]
    for kind in Kind:
        cases = [case for case in plan.cases if case.kind is kind and not case.because]
        if cases:
            sent = sum(case.requests for case in cases)
            lines.append(
                f"  {kind:<11}{len(cases):>5} {'cases' if len(cases) > 1 else 'case ':<5} {_many(sent, 'request', 6)}"
            )
    lines.append(f"Cost: {cost(plan.bill)}")
    if plan.simulated:
        lines[-1] += "; it is simulated, so nobody pays"
    if plan.bill.sources:
        lines.append(f"Prices: {', '.join(plan.bill.sources)}")
    if plan.left_out:
        lines.append(f"Not probed: {_many(plan.left_out, 'further model')}; name them with --model, or raise --models")
    shown = plan.notes[:MOST_NOTES]
    lines += [f"Note: {note}" for note in shown]
    if len(plan.notes) > len(shown):
        lines.append(f"Note: {len(plan.notes) - len(shown)} more notes in the JSON report")
    return lines


def cost(bill: Bill) -> str:
    """Return a bill in words; what is unpriced is said, never 0."""
    parts = []
    if bill.priced:
        parts.append(f"at most {usd(bill.usd)} for {_many(bill.priced, 'request')}")
    if bill.self_hosted:
        parts.append(f"{bill.self_hosted} to models that run here")
    if bill.free:
        parts.append(f"{bill.free} free")
    if bill.unpriced:
        names = ", ".join(bill.unpriced_models[:5]) + (", …" if len(bill.unpriced_models) > 5 else "")
        parts.append(f"{bill.unpriced} unpriced, so that what they cost is not known ({names})")
    return "; ".join(parts) or "nothing is sent"


def usd(value: float) -> str:
    """Return an amount with as many digits as tell something."""
    return f"${value:.2f}" if value >= 1 or not value else f"${value:.2g}" if value >= 1e-4 else f"${value:.1e}"


def lines(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the lines of a report for people, each with its style."""
    for one in report.results:
        cause = f" [{one.cause}]" if one.cause else ""
        yield f"{SIGNS[one.state]} {one.id}{cause}  {one.summary}", STYLES[one.state]
        if one.distribution is not None:
            yield f"    {tested(one.distribution)}", "dim"
        if one.advice:
            yield f"    → {one.advice}", ""
        if one.state is State.FAILED and one.evidence:
            yield f"    {'; '.join(one.evidence)}", "dim"
    yield "", ""
    yield summary(report), "red" if report.count(State.FAILED) else "green"


def _many(count: int, word: str, room: int = 0) -> str:
    return f"{count:>{room}} {word}{'s' * (count != 1)}"


def tested(found: Distribution) -> str:
    """Return sample size, power and the smallest imbalance that could have been seen."""
    if found.smallest_loss is None:
        seen = f"too few to see with power {POWER} that a member gets nothing"
    else:
        least = min(found.shares, key=lambda one: one.expected)
        left = least.expected * (1 - found.smallest_loss)
        seen = f"smallest imbalance seen with power {POWER}: {percent(least.expected)} falling to {percent(left)}"
    return (
        f"{_many(found.requests, 'request')}, X² = {found.statistic:.2f}, "
        f"p = {found.p_value:.3g} (level {found.alpha:.2g}), power {found.power:.2f} to see half a share lost; {seen}"
    )


def summary(report: Report) -> str:
    """Return the counts in one line."""
    counts = ", ".join(f"{report.count(state)} {state}" for state in State if report.count(state))
    head = "interrupted: " if report.interrupted else ""
    sent = sum(one.requests for one in report.results)
    costs = [one.cost_usd for one in report.results if one.cost_usd is not None]
    spent = f", {usd(sum(costs))} by the gateway's reckoning" if costs else ""
    more = f"; {_many(report.left_out, 'model')} not probed" if report.left_out else ""
    return f"{head}{counts or 'no case'}; {_many(sent, 'request')} in {report.seconds:.1f} s{spent}{more}"


def as_json(report: Report) -> str:
    """Return the whole report as JSON."""
    found: dict[str, Any] = plain(report)
    found["counts"] = {str(state): report.count(state) for state in State}
    return json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2)


def as_junit(report: Report) -> str:
    """Return the report in JUnit's XML: a test per case, one without a verdict counts as skipped.

    Elements and attributes as Jenkins' junit-10.xsd has them.
    """
    skipped = report.count(State.SKIPPED) + report.count(State.NO_VERDICT)
    counts = {"tests": str(len(report.results)), "failures": str(report.count(State.FAILED)), "skipped": str(skipped)}
    time = {"time": f"{report.seconds:.3f}"}
    root = ElementTree.Element("testsuites", {"name": "inferdeck probe routing", **counts, "errors": "0", **time})
    moment = datetime.fromtimestamp(report.time, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    head = {"name": _xml(f"routing of {report.gateway}"), "errors": "0", "timestamp": moment}
    suite = ElementTree.SubElement(root, "testsuite", {**head, **counts, **time})
    for one in report.results:
        _case(suite, one)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, one: Result) -> None:
    head = {"classname": f"routing.{one.kind}", "name": _xml(one.id), "time": f"{one.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", head)
    if one.state is State.FAILED:
        fault = ElementTree.SubElement(case, "failure", {"type": str(one.cause), "message": _xml(one.summary)})
        fault.text = _xml("\n".join(part for part in (one.summary, one.advice, *one.evidence) if part))
    elif one.state is not State.PASSED:
        ElementTree.SubElement(case, "skipped", {"message": _xml(f"{one.state}: {one.summary}")})
    said = [*one.evidence, *([tested(one.distribution)] if one.distribution else [])]
    if said:
        ElementTree.SubElement(case, "system-out").text = _xml("\n".join(said))


def _xml(text: str) -> str:
    """Return text without the characters that XML 1.0 cannot hold."""
    return _NO_XML.sub("�", text)
