"""Reads durations: plain ones, and the experimental arithmetic of `[5m * 2]` and `offset -step()`."""

from __future__ import annotations

from inferdeck.query.promql.ast import Duration, DurationExpr, Span
from inferdeck.query.promql.cursor import Cursor
from inferdeck.query.promql.limits import check_depth

PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_UNARY = 2
_EXTREMES = {"min": "min", "min_of": "min", "max": "max", "max_of": "max"}
OUT_OF_RANGE_SECONDS = float(1 << 63) / 1e9


class DurationParser:
    """Reads durations at a cursor, in seconds."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0
        self._heights: dict[int, int] = {}

    def positive(self) -> Duration:
        """Read the duration of a range, a subquery or its step."""
        start = self._cursor.token.start
        found = self._expression(0)
        if isinstance(found, float) and found <= 0:
            raise self._cursor.error("duration must be greater than 0", start, self._cursor.last_end)
        return found

    def offset(self) -> Duration:
        """Read what follows `offset`: one signed term; arithmetic needs parentheses there."""
        cursor = self._cursor
        start = cursor.token.start
        sign = cursor.take().word if cursor.at("+", "-") else ""
        term = self._term("offset")
        return self._signed(sign, term, start)

    def _expression(self, lowest: int) -> Duration:
        cursor = self._cursor
        self._depth += 1
        check_depth(self._depth, cursor.text, cursor.token.start)
        start = cursor.token.start
        if cursor.at("+", "-"):
            sign = cursor.take().word
            left = self._signed(sign, self._expression(_UNARY + 1), start)
        else:
            left = self._term("subquery or range selector")
        while cursor.at(*PRECEDENCE) and PRECEDENCE[cursor.token.word] >= lowest:
            sign = cursor.take().word
            level = PRECEDENCE[sign]
            right = self._expression(level if sign == "^" else level + 1)
            left = self._made(sign, (left, right), start)
        self._depth -= 1
        return left

    def _term(self, where: str) -> Duration:
        cursor = self._cursor
        token = cursor.token
        if cursor.at_number():
            value = cursor.number()
            if not abs(value) <= OUT_OF_RANGE_SECONDS:
                raise cursor.error("duration out of range", token.start, token.end)
            return value
        if cursor.skip("("):
            found = self._expression(0)
            cursor.expect(")", where)
            return found
        if cursor.at("step", "range"):
            cursor.take()
            cursor.expect("(", where)
            cursor.expect(")", where)
            return self._made(token.word, (), token.start)
        if token.word in _EXTREMES and cursor.following.word == "(":
            cursor.take()
            cursor.take()
            first = self._expression(0)
            cursor.expect(",", where)
            second = self._expression(0)
            cursor.expect(")", where)
            return self._made(_EXTREMES[token.word], (first, second), token.start)
        raise cursor.unexpected(where, "number, duration, step(), or range()")

    def _signed(self, sign: str, term: Duration, start: int) -> Duration:
        if sign != "-":
            return term
        return -term if isinstance(term, float) else self._made("-", (term,), start)

    def _made(self, operator: str, operands: tuple[Duration, ...], start: int) -> DurationExpr:
        made = DurationExpr(operator, operands, span=Span(start, self._cursor.last_end))
        height = 1 + max((self._heights.get(id(operand), 0) for operand in operands), default=0)
        check_depth(height, self._cursor.text, start)
        self._heights[id(made)] = height
        return made
