"""Reports: what hostile names do to them, and what every form tells."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.probing import report
from inferdeck.probing.values import (
    Bill,
    Case,
    Cause,
    Distribution,
    Kind,
    Plan,
    Report,
    Result,
    Share,
    State,
)

BILL = Bill(0.25, 10, 0, 0, 3, ("odd",), ("the gateway's own prices",))
TESTED = Distribution(50, (Share("a", 0.5, 50), Share("b", 0.5, 0)), 50.0, 1.5e-12, 0.01, 0.83, 0.48, 47)
RESULTS = (
    Result("direct:a", "direct", "a", State.PASSED, "answered by a-1", requests=1, seconds=0.5, cost_usd=0.001),
    Result("pool:p", "pool", "p", State.FAILED, "b got 0 of 50", Cause.STARVED, "set weights", requests=50,
           distribution=TESTED),
    Result("fallback:a", "fallback", "a", State.NO_VERDICT, "not seen", advice="allow it", requests=1),
    Result("stream:z", "stream", "z", State.SKIPPED, "direct:z failed"),
)  # fmt: skip
REPORT = Report("http://gateway:4000", False, 1_772_600_000.0, 12.5, BILL, 52, RESULTS, left_out=7)


def test_text_tells_signs_causes_advice_and_the_sample() -> None:
    text = "\n".join(line for line, _ in report.lines(REPORT))
    assert "✓ direct:a  answered by a-1" in text
    assert "✗ pool:p [starved pool member]  b got 0 of 50" in text
    assert "→ set weights" in text
    assert "50 requests, X² = 50.00, p = 1.5e-12 (level 0.01), power 0.83 to see half a share lost" in text
    assert "smallest imbalance seen with power 0.8: 50.0 % falling to 26.0 %" in text
    assert "1 passed, 1 failed, 1 no verdict, 1 skipped; 52 requests in 12.5 s" in text
    assert "7 models not probed" in text


def test_json_holds_everything() -> None:
    found = json.loads(report.as_json(REPORT))
    assert found["counts"] == {"passed": 1, "failed": 1, "no verdict": 1, "skipped": 1}
    assert [one["id"] for one in found["results"]] == [one.id for one in RESULTS]
    assert found["results"][1]["distribution"]["shares"][1] == {"id": "b", "expected": 0.5, "count": 0}
    assert found["results"][1]["cost_usd"] is None


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(report.as_junit(REPORT))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for one in (root, suite):
        assert (one.get("tests"), one.get("failures"), one.get("skipped"), one.get("errors")) == ("4", "1", "2", "0")
    cases = {case.get("name"): case for case in suite}
    failure = cases["pool:p"].find("failure")
    assert failure is not None
    assert failure.get("type") == "starved pool member"
    assert cases["fallback:a"].find("skipped") is not None
    assert cases["direct:a"].find("failure") is None


@given(st.text(max_size=40))
def test_any_name_makes_a_well_formed_report(name: str) -> None:
    result = Result(f"direct:{name}", "direct", name, State.FAILED, name, Cause.GARBAGE, name, (name,))
    found = Report(name, False, 0.0, 0.0, BILL, 1, (result,))
    root = ElementTree.fromstring(report.as_junit(found))
    assert len(list(root.iter("failure"))) == 1
    assert json.loads(report.as_json(found))["results"][0]["summary"] == name


def test_the_announcement_tells_requests_and_cost() -> None:
    cases = (Case(Kind.DIRECT, "a"), Case(Kind.POOL, "p", requests=50), Case(Kind.STREAM, "z", because="no"))
    lines = report.announced(Plan("http://gateway:4000", False, cases, 51, BILL, 7, ("a note",)))
    text = "\n".join(lines)
    assert lines[0] == "Sends 51 requests to http://gateway:4000:"
    assert lines[1:3] == ["  direct         1 case       1 request", "  pool           1 case      50 requests"]
    assert "stream" not in text
    assert "Cost: at most $0.25 for 10 requests; 3 unpriced, so that what they cost is not known (odd)" in text
    assert "Not probed: 7 further models" in text
    assert "Note: a note" in text
    simulated = report.announced(Plan("http://gateway:4000", True, cases, 51, BILL))
    assert any("nobody pays" in line for line in simulated)
