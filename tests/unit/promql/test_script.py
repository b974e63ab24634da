"""Reading scripts, and judging answers against them."""

from __future__ import annotations

import math

import pytest

from inferdeck.errors import UsageError
from inferdeck.model.labels import labels
from inferdeck.query.promql.script.asking import Asking
from inferdeck.query.promql.script.commands import Case, Clear, Expectation, Load, Remark, SeriesPoints
from inferdeck.query.promql.script.comparing import almost_equal, difference, failure, remarks
from inferdeck.query.promql.script.invariance import pinned_cases
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.query.promql.script.points import Mark
from inferdeck.query.promql.script.reading import read
from inferdeck.query.promql.script.run import State, run
from inferdeck.store.metrics.memory import MemoryStore

UP = labels({"job": "a"}, "up")


def only_case(text: str) -> Case:
    (case,) = read(text)
    assert isinstance(case, Case)
    return case


def test_a_script_is_a_list_of_commands() -> None:
    script = """
# comment
load 10s
  up{job="a"} 0+1x2
  {__name__="down", job="}"} _ 5

eval instant at 1m30s  up
  {} 3

clear

load_with_nhcb 1m
  x_bucket{le="1"} 1
"""
    assert read(script) == [
        Load(3, 10_000, (SeriesPoints(UP, (0, 1, 2)), SeriesPoints(labels({"job": "}"}, "down"), (Mark.GAP, 5.0)))),
        Case(7, "up", 90_000, 90_000, 0, (SeriesPoints((), (3,), 1),)),
        Clear(10),
        Load(12, 60_000, (SeriesPoints(labels({"le": "1"}, "x_bucket"), (1,)),), nhcb=True),
    ]


def test_range_cases() -> None:
    case = only_case("eval range from 0 to 1m step 15s sum(up) by (job)\n  {job='a'} 1 2 _ 4")
    assert (case.start_ms, case.end_ms, case.step_ms, case.query) == (0, 60_000, 15_000, "sum(up) by (job)")
    assert [one.series for one in case.series] == [labels({"job": "a"})]


@pytest.mark.parametrize(
    ("lines", "expectations"),
    [
        ("expect fail", [Expectation(Remark.FAIL)]),
        ("expect fail msg: oh no", [Expectation(Remark.FAIL, message="oh no")]),
        ("expect warn regex:o.*", [Expectation(Remark.WARN, pattern="o.*")]),
        ("expect ordered\nexpect no_info", [Expectation(Remark.ORDERED), Expectation(Remark.NO_INFO)]),
    ],
)
def test_expect_lines(lines: str, expectations: list[Expectation]) -> None:
    assert list(only_case(f"eval instant at 0 x\n{lines}").expectations) == expectations


@pytest.mark.parametrize("mode", ["fail", "warn", "info", "ordered"])
def test_old_forms(mode: str) -> None:
    assert only_case(f"eval_{mode} instant at 0 x").expectations == (Expectation(Remark(mode)),)


def test_old_fail_messages() -> None:
    case = only_case("eval_fail instant at 0 x\n  expected_fail_message it broke")
    assert case.expectations == (Expectation(Remark.FAIL, message="it broke"),)


def test_scalars_strings_and_matrices() -> None:
    assert only_case("eval instant at 0 1\n  -0x10").scalar == -16
    assert only_case("eval instant at 0 1\n  +Inf").scalar == math.inf
    assert only_case("eval instant at 0 'a'\n  expect string \"a\\n\"").text == "a\n"
    grid = only_case("eval instant at 5m x[1m]\n  expect range vector from 4m to 5m step 30s\n  x 1 2 3")
    assert grid.matrix == (240_000, 300_000, 30_000)


def test_ordered_lines_count_from_one_without_expect_lines() -> None:
    case = only_case("eval instant at 0 sort(x)\n  expect ordered\n  a 1\n  b 2")
    assert [one.place for one in case.series] == [1, 2]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("\nnonsense", 2),
        ("load", 1),
        ("load 5q", 1),
        ("load 1m\n  up{a!='b'} 1", 2),
        ("load 1m\n  up 1 2 three", 2),
        ("eval now up", 1),
        ("eval instant at soon up", 1),
        ("eval range from 1m to 0 step 1m up", 1),
        ("eval instant at 0 up\n  expect trouble", 2),
        ("eval instant at 0 up\n  expect string 5", 2),
        ("eval instant at 0 up\n  expect fail regex: (", 2),
        ("eval instant at 0 up\n  expect range vector from x", 2),
        ("load 1m\n  up@st 1", 2),
        ("load 1m\n  up{a!='b'}@st 1s", 2),
    ],
)
def test_mistakes_name_their_line(script: str, line: int) -> None:
    with pytest.raises(UsageError, match=rf"^line {line}: "):
        read(script)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (1.0, 1.0000009, True),
        (1.0, 1.00001, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (0.0, 1e-300, False),
        (0.0, 1e-320, True),
        (1e308, 1.1e308, False),
    ],
)
def test_almost_equal(first: float, second: float, *, equal: bool) -> None:
    assert almost_equal(first, second) is equal
    assert almost_equal(second, first) is equal


def vector(*rows: tuple[str, float]) -> Outcome:
    return Outcome("vector", tuple((labels({}, name), ((0, value),)) for name, value in rows))


CASE = only_case("eval instant at 0 x\n  a 1\n  b 2")
ORDERED = only_case("eval instant at 0 x\n  expect ordered\n  a 1\n  b 2")


@pytest.mark.parametrize(
    ("case", "found", "wrong"),
    [
        (CASE, vector(("a", 1), ("b", 2)), ""),
        (CASE, vector(("b", 2), ("a", 1)), ""),
        (ORDERED, vector(("b", 2), ("a", 1)), "expected b at place 2, it is at 1"),
        (CASE, vector(("a", 1)), "expected series b was not found"),
        (CASE, vector(("a", 1), ("b", 2), ("c", 3.0)), "unexpected series c with 3"),
        (CASE, vector(("a", 1), ("b", 2.1)), "expected 2 for b, got 2.1"),
        (CASE, vector(("a", 1), ("a", 1), ("b", 2)), "a comes twice"),
        (CASE, Outcome("scalar", scalar=1.0), "expected series, got the scalar 1"),
        (only_case("eval instant at 0 x\n  5"), Outcome("scalar", scalar=6.0), "expected scalar 5, got 6"),
        (only_case("eval instant at 0 x\n  5"), vector(("a", 1)), "expected the scalar 5, got a vector of 1 series"),
        (only_case("eval instant at 0 x\n  expect string 'a'"), Outcome("string", text="a"), ""),
        (only_case("eval instant at 0 x\n  expect string 'a'"), vector(), 'expected string "a", got a vector'),
    ],
)
def test_instant_answers(case: Case, found: Outcome, wrong: str) -> None:
    assert difference(case, found) == wrong


RANGE = only_case("eval range from 0 to 20s step 10s x\n  a 1 _ 3")
A = labels({}, "a")


@pytest.mark.parametrize(
    ("points", "wrong"),
    [
        (((0, 1.0), (20_000, 3.0)), ""),
        (((0, 1.0), (10_000, 3.0)), "expected a point of a at 20000 ms, it is at 10000 ms"),
        (((0, 1.0), (20_000, 4.0)), "expected 3 for a at 20000 ms, got 4"),
        (((0, 1.0),), "expected 2 points for a, got 1 points: 1@0"),
    ],
)
def test_range_answers(points: tuple[tuple[int, float], ...], wrong: str) -> None:
    assert difference(RANGE, Outcome("matrix", ((A, points),))) == wrong


def test_a_matrix_is_sorted() -> None:
    found = Outcome("matrix", ((labels({}, "b"), ((0, 1.0),)), (A, ((0, 1.0),))))
    assert "sorted" in difference(RANGE, found)


WARN = "PromQL warning: oh (1:1)"


@pytest.mark.parametrize(
    ("lines", "found", "wrong"),
    [
        ("", (WARN,), ""),
        ("expect warn", (WARN,), ""),
        ("expect warn", (), "expected warning, got none"),
        ("expect no_warn", (WARN,), f"unexpected warning: {WARN}"),
        (f"expect warn msg: {WARN}", (WARN,), ""),
        ("expect warn msg: PromQL warning: oh", (WARN,), ""),
        (
            "expect warn msg: PromQL warning: oh (1:2)",
            (WARN,),
            f'expected warning "PromQL warning: oh (1:2)", got {WARN}',
        ),
        ("expect warn msg: oh", (WARN,), f'expected warning "oh", got {WARN}'),
        ("expect warn regex: o.", (WARN,), ""),
        ("expect warn regex: ^oh", (WARN,), f'expected warning matching "^oh", got {WARN}'),
        (f"expect warn msg: {WARN}", (WARN, "another"), "unexpected warning: another"),
    ],
)
def test_annotations(lines: str, found: tuple[str, ...], wrong: str) -> None:
    case = only_case(f"eval instant at 0 x\n{lines}")
    assert remarks(case, Outcome("vector", warnings=found)) == wrong


def test_failures() -> None:
    assert failure(CASE, "it broke") == "failed: it broke"
    assert failure(only_case("eval instant at 0 x\n  expect fail"), "it broke") == ""
    assert failure(only_case("eval instant at 0 x\n  expect fail regex: br.k"), "it broke") == ""
    wrong = failure(only_case("eval instant at 0 x\n  expect fail msg: no"), "it broke")
    assert wrong == 'expected to fail "no", failed with: it broke'


@pytest.mark.parametrize(
    ("query", "pinned"),
    [
        ("a + b offset 1m", "a @ 50.000 + b @ 50.000 offset 1m"),
        ("rate(a[1m])", "rate(a[1m] @ 50.000)"),
        ("sum_over_time(rate(a[1m])[5m:])", "sum_over_time(rate(a[1m])[5m:] @ 50.000)"),
        ("a @ 10 + a @ start()", "a @ 10.000 + a @ 50.000"),
        ("topk(scalar(a), -(b))", "topk(scalar(a @ 50.000), -(b @ 50.000))"),
        ("sum_over_time(timestamp(a)[5m:])", "sum_over_time(timestamp(a)[5m:] @ 50.000)"),
    ],
)
def test_instant_cases_are_asked_again_with_a_fixed_time(query: str, pinned: str) -> None:
    assert pinned_cases(query, 50_000) == [(pinned, when) for when in (-500_000, 0, 10_000, 50_000, 500_000)]


@pytest.mark.parametrize("query", ["time()", "timestamp(a)", "abs(hour(a))", "predict_linear(a[5m], 1)", "a + step()"])
def test_what_reads_the_time_is_not_asked_again(query: str) -> None:
    assert pinned_cases(query, 50_000) == []


STARTED = """
load 1m
  made_total{kind="restarted"}@st  _ -30s-1mx2 -1s
  made_total{kind="restarted"}     _ 60+60x3
  made_total{kind="plain"}         0+60x4

eval instant at 4m increase(made_total{kind="plain"}[3m])
  {kind="plain"} 180

eval instant at 4m increase(made_total[3m])
  {kind="plain"} 180
  {kind="restarted"} 420

eval instant at 4m increase(made_total[3m:1m])
  {kind="plain"} 180
  {kind="restarted"} 180

eval instant at 4m sum(made_total)
  {} 481

clear
load 1m
  made_total 0+60x4

eval instant at 4m increase(made_total[3m])
  {} 181
"""


def test_only_what_needs_the_start_of_a_counter_is_set_aside() -> None:
    verdicts = run(read(STARTED), MemoryStore, Asking)
    states = [(one.state, one.reason) for one in verdicts]
    skipped = "the counters it reads have start timestamps, which are not kept"
    assert states == [
        (State.PASSED, ""),
        (State.SKIPPED, skipped),
        (State.PASSED, ""),
        (State.FAILED, "expected 481 for {}, got 480"),
        (State.FAILED, "expected 181 for {}, got 180"),
    ]
