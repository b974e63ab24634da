"""What the formatter writes reads back as the same tree, and looks as Prometheus writes it."""

from __future__ import annotations

import pytest
from hypothesis import given

from inferdeck.query.promql.format import WIDEST_LINE, one_line, pretty
from inferdeck.query.promql.parser import parse
from tests.unit.promql.queries import queries


@given(queries())
def test_one_line_reads_back_as_the_same_tree(query: str) -> None:
    tree = parse(query)
    written = one_line(tree)
    assert parse(written) == tree
    assert one_line(parse(written)) == written


@given(queries())
def test_pretty_reads_back_as_the_same_tree(query: str) -> None:
    tree = parse(query)
    assert parse(pretty(tree)) == tree


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("sum(x)by(a,b)", "sum by (a, b) (x)"),
        ("sum without()(x)", "sum without () (x)"),
        ("topk ( 5 ,x )", "topk(5, x)"),
        ("a+on(b)group_left(c)d", "a + on (b) group_left (c) d"),
        ("a>bool ignoring(b)c", "a > bool ignoring (b) c"),
        ("a * fill(0) b", "a * fill (0) b"),
        ("x{a='b',c!~\"d\"}[90s]offset 60s@10", 'x{a="b",c!~"d"}[1m30s] @ 10.000 offset 1m'),
        ('{"my metric","a b"="c"}', '{__name__="my metric","a b"="c"}'),
        ("x[5m:]", "x[5m:]"),
        ("x[1d:15m] @ end() offset -1h", "x[1d:15m] @ end() offset -1h"),
        ("0x10 + Inf - -Inf * nan", "16 + Inf - -Inf * NaN"),
        ("1h30m", "1h30m"),
        ("- - x", "--x"),
        ("x[5m*2+step()]", "x[5m * 2 + step()]"),
        ("x offset (1m+30s)", "x offset (1m + 30s)"),
        ("x[5m]smoothed", "x[5m] smoothed"),
        ('`a\n"`', r'"a\n\""'),
        ("SUM(x)", "sum(x)"),
        ("x # what\n+y", "x + y"),
    ],
)
def test_style_is_that_of_prometheus(query: str, written: str) -> None:
    assert one_line(parse(query)) == written


LONG = 'sum by (le, model) (rate(llm_request_duration_seconds_bucket{environment="production",status="success"}[5m]))'


def test_long_expressions_are_broken_at_their_parts() -> None:
    assert pretty(parse(f"histogram_quantile(0.95, {LONG}) > 2")) == (
        "  histogram_quantile(\n"
        "    0.95,\n"
        "    sum by (le, model) (\n"
        '      rate(llm_request_duration_seconds_bucket{environment="production",status="success"}[5m])\n'
        "    )\n"
        "  )\n"
        ">\n"
        "  2"
    )
    assert all(len(line) <= WIDEST_LINE for line in pretty(parse(LONG)).splitlines())


def test_short_expressions_stay_on_one_line() -> None:
    assert pretty(parse("sum(rate(x[5m]))")) == "sum(rate(x[5m]))"
