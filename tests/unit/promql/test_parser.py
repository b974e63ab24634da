"""Trees, precedence and positions; one_line with all parentheses shows how operators group."""

from __future__ import annotations

import math

import pytest

from inferdeck.errors import QueryError
from inferdeck.model.labels import labels
from inferdeck.query.promql.ast import (
    Aggregate,
    AtKeyword,
    Binary,
    Call,
    Cardinality,
    DurationExpr,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.parser import parse, parse_selector, parse_series
from inferdeck.query.promql.walk import nodes
from inferdeck.store.interface import Matcher, MatchOp


def grouped(expr: Expr) -> str:
    """The expression with parentheses around every operation."""
    if isinstance(expr, Binary):
        return f"({grouped(expr.left)} {expr.operator} {grouped(expr.right)})"
    if isinstance(expr, Unary):
        return f"({expr.operator}{grouped(expr.expr)})"
    if isinstance(expr, Paren):
        return grouped(expr.expr)
    if isinstance(expr, NumberLiteral):
        return f"{expr.value:g}"
    assert isinstance(expr, VectorSelector)
    return expr.name


@pytest.mark.parametrize(
    ("query", "groups"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a * b + c", "((a * b) + c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("a * b ^ c * d", "((a * (b ^ c)) * d)"),
        ("-a ^ b", "(-(a ^ b))"),
        ("-a * b", "((-a) * b)"),
        ("a ^ -b * c", "((a ^ (-b)) * c)"),
        ("a ^ -b ^ c", "(a ^ (-(b ^ c)))"),
        ("-1 ^ 2", "(-(1 ^ 2))"),
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c unless d", "((a and b) or (c unless d))"),
        ("a unless b and c", "((a unless b) and c)"),
        ("a == b + c > d", "((a == (b + c)) > d)"),
        ("a atan2 b % c", "((a atan2 b) % c)"),
        ("a + b atan2 c", "(a + (b atan2 c))"),
        ("a > b and c < d or e", "(((a > b) and (c < d)) or e)"),
        ("(a + b) * c", "((a + b) * c)"),
        ("a </ b + c", "(a </ (b + c))"),
    ],
)
def test_operators_bind_as_in_prometheus(query: str, groups: str) -> None:
    assert grouped(parse(query)) == groups


def selector(name: str, *matchers: Matcher) -> VectorSelector:
    return VectorSelector(name, (Matcher("__name__", MatchOp.EQUAL, name), *matchers))


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("up", selector("up")),
        ("sum", selector("sum")),
        ("by + 1", Binary("+", selector("by"), NumberLiteral(1.0))),
        ("5m", NumberLiteral(300.0, duration=True)),
        ("1h30m5s250ms", NumberLiteral(5405.25, duration=True)),
        ("-5m", NumberLiteral(-300.0, duration=True)),
        ("'a\\'b'", StringLiteral("a'b")),
        ("`\\n`", StringLiteral("\\n")),
        ('"\\xff"', StringLiteral("\udcff")),
        ('up{job=~"a|b",}', selector("up", Matcher("job", MatchOp.MATCH, "a|b"))),
        (
            '{"my.name", x="y"}',
            VectorSelector("", (Matcher("__name__", MatchOp.EQUAL, "my.name"), Matcher("x", MatchOp.EQUAL, "y"))),
        ),
        ('{"__name__"="a"}', VectorSelector("", (Matcher("__name__", MatchOp.EQUAL, "a"),))),
        ("up[5m]", MatrixSelector(selector("up"), 300.0)),
        ("up[300]", MatrixSelector(selector("up"), 300.0)),
        ("up[5m:]", Subquery(selector("up"), 300.0)),
        ("up[5m:1m]", Subquery(selector("up"), 300.0, 60.0)),
        ("up offset -5m", VectorSelector("up", selector("up").matchers, -300.0)),
        ("up @ 1.5 offset 1m", VectorSelector("up", selector("up").matchers, 60.0, 1.5)),
        ("up offset 1m @ -1", VectorSelector("up", selector("up").matchers, 60.0, -1.0)),
        ("up @ start()", VectorSelector("up", selector("up").matchers, 0.0, AtKeyword.START)),
        ("up[1m] @ END()", MatrixSelector(VectorSelector("up", selector("up").matchers, 0.0, AtKeyword.END), 60.0)),
        ("up[5m] anchored", MatrixSelector(VectorSelector("up", selector("up").matchers, extension="anchored"), 300.0)),
        ("up[5m * 2]", MatrixSelector(selector("up"), DurationExpr("*", (300.0, 2.0)))),
        (
            "up offset -step()",
            VectorSelector("up", selector("up").matchers, DurationExpr("-", (DurationExpr("step", ()),))),
        ),
        (
            "up[max(1m, range())]",
            MatrixSelector(selector("up"), DurationExpr("max", (60.0, DurationExpr("range", ())))),
        ),
        ("up[2^3^2]", MatrixSelector(selector("up"), DurationExpr("^", (2.0, DurationExpr("^", (3.0, 2.0)))))),
        ("sum by (a, b) (up)", Aggregate("sum", selector("up"), None, ("a", "b"))),
        ("sum(up) without (a)", Aggregate("sum", selector("up"), None, ("a",), without=True)),
        ('sum by ("a b", on,) (up)', Aggregate("sum", selector("up"), None, ("a b", "on"))),
        ("topk(5, up)", Aggregate("topk", selector("up"), NumberLiteral(5.0))),
        ("rate(up[5m])", Call("rate", (MatrixSelector(selector("up"), 300.0),))),
        ("step()", Call("step", ())),
        ("start", selector("start")),
        ("info(up, {})", Call("info", (selector("up"), VectorSelector("", ())))),
    ],
)
def test_trees(query: str, tree: Expr) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("clause", "matching"),
    [
        ("", VectorMatching()),
        ("on()", VectorMatching(on=True)),
        ("ignoring(x)", VectorMatching(labels=("x",))),
        ("on(x) group_left", VectorMatching(Cardinality.MANY_TO_ONE, on=True, labels=("x",))),
        ("on(x) group_right(y)", VectorMatching(Cardinality.ONE_TO_MANY, on=True, labels=("x",), include=("y",))),
        ("fill(1)", VectorMatching(fill_left=1.0, fill_right=1.0)),
        ("fill_right(-1) fill_left(2)", VectorMatching(fill_left=2.0, fill_right=-1.0)),
        (
            "on(x) group_left() fill_left(Inf)",
            VectorMatching(Cardinality.MANY_TO_ONE, on=True, labels=("x",), fill_left=math.inf),
        ),
    ],
)
def test_vector_matching(clause: str, matching: VectorMatching) -> None:
    tree = parse(f"a * {clause} b")
    assert isinstance(tree, Binary)
    assert tree.matching == matching


def test_set_operators_match_many_to_many() -> None:
    tree = parse("a and on(x) b")
    assert isinstance(tree, Binary)
    assert tree.matching == VectorMatching(Cardinality.MANY_TO_MANY, on=True, labels=("x",))


def test_matching_stands_between_vectors_only() -> None:
    tree = parse("a * 2")
    assert isinstance(tree, Binary)
    assert tree.matching is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("1E-3", 0.001), ("0x1F", 31.0), ("0x_1f", 31.0),
        ("017", 15.0), ("08", 8.0), ("1_000", 1000.0), ("0xFFFFFFFFFFFFFFFF1", float(0xFFFFFFFFFFFFFFFF1)),
        ("Inf", math.inf), ("-inf", -math.inf), ("+INF", math.inf), ("0.000_1", 0.0001),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert parse(text) == NumberLiteral(value)


def test_not_a_number() -> None:
    tree = parse("nan")
    assert isinstance(tree, NumberLiteral)
    assert math.isnan(tree.value)


def test_spans_cover_what_was_written() -> None:
    query = "sum by (a) (\n  rate(up{x='y'}[5m] offset 1m)\n) / -b # end"
    found = {type(node).__name__: query[node.span.start : node.span.end] for node in nodes(parse(query))}
    assert found["Aggregate"] == query[: query.index(")\n") + 1] + "\n)"
    assert found["Call"] == "rate(up{x='y'}[5m] offset 1m)"
    assert found["MatrixSelector"] == "up{x='y'}[5m] offset 1m"
    assert found["Unary"] == "-b"
    assert found["Binary"] == query.removesuffix(" # end")


def test_selector_of_match() -> None:
    assert parse_selector('{job="a"}') == (Matcher("job", MatchOp.EQUAL, "a"),)
    assert parse_selector("up") == (Matcher("__name__", MatchOp.EQUAL, "up"),)
    for wrong in ("up[5m]", "up offset 1m", "rate(up)", "{}", '{a=~".*"}', "", "1", "up up"):
        with pytest.raises(QueryError):
            parse_selector(wrong)


def test_series() -> None:
    assert parse_series('up{a="b", c=""}') == labels({"a": "b"}, "up")
    assert parse_series("{}") == ()
    assert parse_series('{"a b"}') == labels({}, "a b")
    for wrong in ('up{a!="b"}', "up 1", "up[5m]"):
        with pytest.raises(QueryError):
            parse_series(wrong)
