"""Writes expressions back as text, on one line or broken up (style: prometheus promql/parser/prettier_rules.md).

Whatever is written reads back as the same tree: parse(one_line(expr)) == expr, and the same for pretty().
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inferdeck.model.labels import NAME
from inferdeck.query.promql.ast import (
    Aggregate,
    At,
    AtKeyword,
    Binary,
    Call,
    Cardinality,
    Duration,
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
from inferdeck.query.promql.durations import PRECEDENCE as DURATION_PRECEDENCE
from inferdeck.query.promql.literals import duration_text, float_text, quote
from inferdeck.store.interface import Matcher

WIDEST_LINE = 100
_PLAIN_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUMS = frozenset({"+", "-", "%", "min", "max"})


def one_line(expr: Expr) -> str:
    """Return the expression as Prometheus would write it on one line."""
    if isinstance(expr, NumberLiteral):
        return _number(expr)
    if isinstance(expr, StringLiteral):
        return quote(expr.value)
    if isinstance(expr, Paren):
        return f"({one_line(expr.expr)})"
    if isinstance(expr, Unary):
        return expr.operator + one_line(expr.expr)
    if isinstance(expr, Binary):
        return f"{one_line(expr.left)} {_operator(expr)} {one_line(expr.right)}"
    if isinstance(expr, Aggregate):
        return f"{_aggregation(expr)}({', '.join(map(one_line, _arguments(expr)))})"
    if isinstance(expr, Call):
        return f"{expr.function}({', '.join(map(one_line, expr.args))})"
    if isinstance(expr, Subquery):
        return one_line(expr.expr) + _subquery_tail(expr)
    if isinstance(expr, MatrixSelector):
        return f"{_selector(expr.selector)}[{_duration(expr.range)}]{_modifiers(expr.selector)}"
    if isinstance(expr, VectorSelector):
        return _selector(expr) + _modifiers(expr)
    raise TypeError(f"not an expression: {type(expr).__name__}")


def pretty(expr: Expr) -> str:
    """Return the expression with line breaks and two blanks per level wherever a line would pass 100 characters."""
    return _pretty(expr, 0)


def _pretty(expr: Expr, level: int) -> str:
    margin = "  " * level
    flat = one_line(expr)
    if len(flat) <= WIDEST_LINE:
        return margin + flat
    if isinstance(expr, Binary):
        left, right = _pretty(expr.left, level + 1), _pretty(expr.right, level + 1)
        return f"{left}\n{margin}{_operator(expr)}\n{right}"
    if isinstance(expr, Aggregate):
        return f"{margin}{_aggregation(expr)}(\n{_lines(_arguments(expr), level + 1)}\n{margin})"
    if isinstance(expr, Call) and expr.args:
        return f"{margin}{expr.function}(\n{_lines(expr.args, level + 1)}\n{margin})"
    if isinstance(expr, Paren):
        return f"{margin}(\n{_pretty(expr.expr, level + 1)}\n{margin})"
    if isinstance(expr, Unary):
        return f"{margin}{expr.operator}{_pretty(expr.expr, level).lstrip()}"
    if isinstance(expr, Subquery):
        return _pretty(expr.expr, level) + _subquery_tail(expr)
    return margin + flat


def _lines(args: Sequence[Expr], level: int) -> str:
    return ",\n".join(_pretty(arg, level) for arg in args)


def _number(expr: NumberLiteral) -> str:
    milliseconds = expr.value * 1000
    if expr.duration and milliseconds.is_integer():
        return duration_text(int(milliseconds))
    # A sign before Inf would bind less tightly than a power after it.
    return float_text(expr.value).removeprefix("+")


def _aggregation(expr: Aggregate) -> str:
    if expr.without or expr.grouping:
        return f"{expr.operator} {'without' if expr.without else 'by'} ({_labels(expr.grouping)}) "
    return expr.operator


def _arguments(expr: Aggregate) -> tuple[Expr, ...]:
    return (expr.expr,) if expr.param is None else (expr.param, expr.expr)


def _operator(expr: Binary) -> str:
    parts = [expr.operator]
    if expr.bool_modifier:
        parts.append("bool")
    if expr.matching is not None:
        parts += _matching(expr.matching)
    return " ".join(parts)


def _matching(matching: VectorMatching) -> list[str]:
    parts = []
    grouped = matching.cardinality in (Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY)
    if matching.on or matching.labels or grouped:
        parts.append(f"{'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})")
    if grouped:
        side = "left" if matching.cardinality is Cardinality.MANY_TO_ONE else "right"
        parts.append(f"group_{side} ({_labels(matching.include)})")
    left, right = matching.fill_left, matching.fill_right
    if left is not None and float_text(left) == float_text(right if right is not None else left + 1):
        return [*parts, f"fill ({float_text(left)})"]
    if left is not None:
        parts.append(f"fill_left ({float_text(left)})")
    if right is not None:
        parts.append(f"fill_right ({float_text(right)})")
    return parts


def _labels(names: Sequence[str]) -> str:
    return ", ".join(map(_label, names))


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else quote(name)


def _selector(expr: VectorSelector) -> str:
    matchers = expr.matchers[1:] if expr.name else expr.matchers
    if expr.name and not matchers:
        return expr.name
    return f"{expr.name}{{{','.join(map(_matcher, matchers))}}}"


def _matcher(matcher: Matcher) -> str:
    name = matcher.name if matcher.name == NAME else _label(matcher.name)
    return f"{name}{matcher.op.value}{quote(matcher.value)}"


def _subquery_tail(expr: Subquery) -> str:
    step = "" if expr.step is None else _duration(expr.step)
    return f"[{_duration(expr.range)}:{step}]{_place(expr.at, expr.offset)}"


def _modifiers(expr: VectorSelector) -> str:
    extension = f" {expr.extension}" if expr.extension else ""
    return extension + _place(expr.at, expr.offset)


def _place(at: At, offset: Duration) -> str:
    text = ""
    if isinstance(at, AtKeyword):
        text = f" @ {at.value}()"
    elif at is not None:
        fixed = f"{at:.3f}"
        text = f" @ {fixed if float(fixed) == at else float_text(at)}"
    if isinstance(offset, DurationExpr):
        bare = offset.operator not in DURATION_PRECEDENCE
        return f"{text} offset {_duration(offset) if bare else f'({_duration(offset)})'}"
    return f"{text} offset {_duration(offset)}" if offset else text


def _duration(duration: Duration) -> str:
    if not isinstance(duration, DurationExpr):
        milliseconds = duration * 1000
        return duration_text(int(milliseconds)) if milliseconds.is_integer() else float_text(duration)
    operator, operands = duration.operator, duration.operands
    if operator in ("step", "range"):
        return f"{operator}()"
    if operator in ("min", "max"):
        return f"{operator}_of({', '.join(_operand(one, operator) for one in operands)})"
    level = DURATION_PRECEDENCE[operator]
    if len(operands) == 1:
        return f"{operator}{_grouped(operands[0], operator, _duration_level(operands[0]) <= 2)}"
    left, right = operands
    is_power = operator == "^"
    first = _grouped(left, operator, _duration_level(left) < level + is_power)
    second = _grouped(right, operator, _duration_level(right) < level + (not is_power))
    return f"{first} {operator} {second}"


def _grouped(operand: Duration, operator: str, parentheses: bool) -> str:
    text = _operand(operand, operator)
    return f"({text})" if parentheses else text


def _operand(operand: Duration, operator: str) -> str:
    """A short literal under a product is most likely a plain factor."""
    if isinstance(operand, DurationExpr) or operator in _SUMS or abs(operand) >= 60:
        return _duration(operand)
    return float_text(operand)


def _duration_level(duration: Duration) -> int:
    if isinstance(duration, DurationExpr):
        unary = duration.operator == "-" and len(duration.operands) == 1
        return 2 if unary else DURATION_PRECEDENCE.get(duration.operator, 9)
    return 2 if duration < 0 else 9
