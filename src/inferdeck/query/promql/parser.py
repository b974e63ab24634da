"""PromQL's grammar by precedence climbing (prometheus promql/parser/generated_parser.y), with positions and limits."""

from __future__ import annotations

import math
from dataclasses import replace
from difflib import get_close_matches
from typing import TypeVar

from inferdeck.errors import QueryError
from inferdeck.model.labels import Labels, labels
from inferdeck.query.promql.ast import (
    Aggregate,
    AtKeyword,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from inferdeck.query.promql.check import SET_OPERATORS, check, value_type
from inferdeck.query.promql.cursor import Cursor
from inferdeck.query.promql.durations import DurationParser
from inferdeck.query.promql.functions import AGGREGATORS, FUNCTIONS
from inferdeck.query.promql.lexer import Kind
from inferdeck.query.promql.limits import check_depth, check_text
from inferdeck.query.promql.literals import float_text
from inferdeck.query.promql.selectors import is_metric_name, label_list, vector_selector
from inferdeck.store.interface import Matcher, MatchOp

E = TypeVar("E", bound=Expr)

PRECEDENCE: dict[str, int] = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">", "</", ">/"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
UNARY = 5


def parse(text: str) -> Expr:
    """Return the checked syntax tree of a query; raises QueryError, and LimitError for one too long or too deep."""
    check_text(text)
    cursor = Cursor(text)
    if cursor.at_end():
        raise QueryError("no expression found in input", text=text)
    found = _Parser(cursor).expression(0)
    if not cursor.at_end():
        raise cursor.unexpected()
    check(found, text)
    return found


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of `match[]`: one vector selector without modifiers; raises QueryError, LimitError."""
    check_text(text)
    cursor = Cursor(text)
    if not cursor.at("{") and not is_metric_name(cursor.token):
        raise cursor.unexpected()
    found = vector_selector(cursor)
    if not cursor.at_end():
        raise cursor.unexpected()
    check(found, text)
    return found.matchers


def parse_series(text: str) -> Labels:
    """Return the labels of one series, `name{a="b"}`; raises QueryError."""
    check_text(text)
    cursor = Cursor(text)
    if not cursor.at("{") and not is_metric_name(cursor.token):
        raise cursor.unexpected("metric description")
    found = vector_selector(cursor)
    if not cursor.at_end():
        raise cursor.unexpected("metric description")
    if any(matcher.op is not MatchOp.EQUAL for matcher in found.matchers):
        raise cursor.error('a series takes "=" only', found.span.start, found.span.end)
    return labels((matcher.name, matcher.value) for matcher in found.matchers)


class _Parser:
    """Reads expressions at a cursor; recursion is bounded by the depth limit."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._durations = DurationParser(cursor)
        self._depth = 0
        self._heights: dict[int, int] = {}

    def expression(self, lowest: int) -> Expr:
        """Read operands and the operators between them that bind at least as tightly as `lowest`."""
        cursor = self._cursor
        self._depth += 1
        check_depth(self._depth, cursor.text, cursor.token.start)
        left = self._unary() if cursor.at("+", "-") else self._postfix(self._primary())
        while cursor.token.kind is Kind.OPERATOR and PRECEDENCE.get(cursor.token.word, -1) >= lowest:
            operator = cursor.take().word
            with_bool = cursor.skip("bool")
            matching = self._matching(operator)
            level = PRECEDENCE[operator]
            right = self.expression(level if operator == "^" else level + 1)
            span = Span(left.span.start, right.span.end)
            kept = matching if _matters(matching, left, right) else None
            left = self._made(Binary(operator, left, right, with_bool, kept, span=span), left, right)
        self._depth -= 1
        return left

    def _unary(self) -> Expr:
        sign = self._cursor.take()
        inner = self.expression(UNARY + 1)
        span = Span(sign.start, inner.span.end)
        if isinstance(inner, NumberLiteral):
            value = -inner.value if sign.word == "-" else inner.value
            return self._made(replace(inner, value=value, span=span))
        return self._made(Unary(sign.word, inner, span=span), inner)

    def _matching(self, operator: str) -> VectorMatching:
        cursor = self._cursor
        found = VectorMatching(Cardinality.MANY_TO_MANY if operator in SET_OPERATORS else Cardinality.ONE_TO_ONE)
        if cursor.at("on", "ignoring"):
            on = cursor.take().word == "on"
            found = replace(found, on=on, labels=label_list(cursor))
            if cursor.at("group_left", "group_right"):
                side = Cardinality.MANY_TO_ONE if cursor.take().word == "group_left" else Cardinality.ONE_TO_MANY
                found = replace(found, cardinality=side, include=label_list(cursor) if cursor.at("(") else ())
        while cursor.at("fill", "fill_left", "fill_right"):
            found = self._fill(found)
        return found

    def _fill(self, found: VectorMatching) -> VectorMatching:
        cursor = self._cursor
        side = cursor.take()
        cursor.expect("(", "fill modifier")
        negative = cursor.at("-")
        if cursor.at("+", "-"):
            cursor.take()
        if not cursor.at_number():
            raise cursor.unexpected("fill modifier", "number")
        value = cursor.number()
        value = -value if negative else value
        cursor.expect(")", "fill modifier")
        if (side.word != "fill_right" and found.fill_left is not None) or (
            side.word != "fill_left" and found.fill_right is not None
        ):
            raise cursor.error("fill value may not be set multiple times", side.start, cursor.last_end)
        left = found.fill_left if side.word == "fill_right" else value
        right = found.fill_right if side.word == "fill_left" else value
        return replace(found, fill_left=left, fill_right=right)

    def _primary(self) -> Expr:
        cursor = self._cursor
        token = cursor.token
        if cursor.at_number():
            is_duration = token.kind is Kind.DURATION
            return self._made(NumberLiteral(cursor.number(), is_duration, span=Span(token.start, token.end)))
        if token.kind is Kind.STRING:
            return self._made(StringLiteral(cursor.string(), span=Span(token.start, token.end)))
        if cursor.skip("("):
            inner = self.expression(0)
            cursor.expect(")", "parentheses")
            return self._made(Paren(inner, span=Span(token.start, cursor.last_end)), inner)
        if token.kind is Kind.AGGREGATOR and (
            cursor.following.word in ("by", "without") or cursor.following.text == "("
        ):
            return self._aggregate()
        called = cursor.following.text == "("
        if called and (token.kind is Kind.IDENTIFIER or token.word in ("start", "end", "step", "range")):
            return self._call()
        if cursor.at("{") or is_metric_name(token):
            return self._made(vector_selector(cursor))
        raise cursor.unexpected()

    def _call(self) -> Call:
        name = self._cursor.take()
        # The three keywords may be written in any case; functions may not.
        written = name.text if name.kind is Kind.IDENTIFIER else name.word
        if written not in FUNCTIONS:
            near = get_close_matches(written, [*FUNCTIONS, *AGGREGATORS], 1, 0.6)
            hint = f", did you mean `{near[0]}`?" if near else ""
            raise self._cursor.error(f"unknown function `{written}`{hint}", name.start, name.end)
        args = self._arguments()
        return self._made(Call(written, args, span=Span(name.start, self._cursor.last_end)), *args)

    def _arguments(self) -> tuple[Expr, ...]:
        cursor = self._cursor
        cursor.expect("(", "function call")
        found: list[Expr] = []
        while not cursor.at(")"):
            found.append(self.expression(0))
            comma = cursor.token
            if cursor.skip(","):
                if cursor.at(")"):
                    raise cursor.error("trailing commas not allowed in function call args", comma.start, comma.end)
            elif not cursor.at(")"):
                raise cursor.unexpected("function call", '"," or ")"')
        cursor.take()
        return tuple(found)

    def _aggregate(self) -> Aggregate:
        cursor = self._cursor
        operator = cursor.take()
        clause = self._clause()
        args = self._arguments()
        end = cursor.last_end
        if clause is None and (clause := self._clause()) is not None:
            end = cursor.last_end
        without, grouping = clause or (False, ())
        wanted = 1 if AGGREGATORS[operator.word] is None else 2
        if not args:
            raise cursor.error("no arguments for aggregate expression provided", operator.start, end)
        if len(args) != wanted:
            message = "wrong number of arguments for aggregate expression provided"
            raise cursor.error(f"{message}, expected {wanted}, got {len(args)}", operator.start, end)
        param = args[0] if wanted == 2 else None
        span = Span(operator.start, end)
        return self._made(Aggregate(operator.word, args[-1], param, grouping, without, span=span), *args)

    def _clause(self) -> tuple[bool, tuple[str, ...]] | None:
        if not self._cursor.at("by", "without"):
            return None
        return self._cursor.take().word == "without", label_list(self._cursor)

    def _postfix(self, found: Expr) -> Expr:
        cursor = self._cursor
        while True:
            if cursor.at("["):
                found = self._range(found)
            elif cursor.at("offset"):
                found = self._offset(found)
            elif cursor.at("@"):
                found = self._at(found)
            elif cursor.at("anchored", "smoothed"):
                found = self._extension(found)
            else:
                return found

    def _range(self, inner: Expr) -> MatrixSelector | Subquery:
        cursor = self._cursor
        opening = cursor.take()
        span_start = inner.span.start
        length = self._durations.positive()
        if cursor.skip(":"):
            step = None if cursor.at("]") else self._durations.positive()
            cursor.expect("]", "subquery selector")
            return self._made(Subquery(inner, length, step, span=Span(span_start, cursor.last_end)), inner)
        if not cursor.at("]"):
            raise cursor.unexpected("subquery or range", '":" or "]"')
        cursor.take()
        wrong = ""
        if not isinstance(inner, VectorSelector):
            wrong = "ranges only allowed for vector selectors"
        elif inner.offset != 0:
            wrong = "no offset modifiers allowed before range"
        elif inner.at is not None:
            wrong = "no @ modifiers allowed before range"
        if wrong or not isinstance(inner, VectorSelector):
            raise cursor.error(wrong, opening.start, cursor.last_end)
        return self._made(MatrixSelector(inner, length, span=Span(span_start, cursor.last_end)), inner)

    def _offset(self, found: Expr) -> Expr:
        cursor = self._cursor
        cursor.take()
        offset = self._durations.offset()
        target = self._target(found, "offset modifier")
        if target.offset != 0:
            raise cursor.error("offset may not be set multiple times", found.span.start, found.span.end)
        return self._modified(found, replace(target, offset=offset))

    def _at(self, found: Expr) -> Expr:
        cursor = self._cursor
        cursor.take()
        when: float | AtKeyword
        if cursor.at("start", "end"):
            when = AtKeyword(cursor.take().word)
            cursor.expect("(", "@")
            cursor.expect(")", "@")
        else:
            negative = cursor.at("-")
            if cursor.at("+", "-"):
                cursor.take()
            if not cursor.at_number():
                raise cursor.unexpected("@", "timestamp")
            when = -cursor.number() if negative else cursor.number()
            if not math.isfinite(when) or abs(when) >= 2.0**63:
                message = f"timestamp out of bounds for @ modifier: {float_text(when)}"
                raise cursor.error(message, found.span.start, cursor.last_end)
        target = self._target(found, "@ modifier")
        if target.at is not None:
            raise cursor.error("@ <timestamp> may not be set multiple times", found.span.start, found.span.end)
        return self._modified(found, replace(target, at=when))

    def _extension(self, found: Expr) -> Expr:
        word = self._cursor.take().word
        start, end = found.span.start, found.span.end
        if isinstance(found, Subquery):
            raise self._cursor.error(f"{word} modifier is not supported for subqueries", start, end)
        if not isinstance(found, VectorSelector | MatrixSelector):
            raise self._cursor.error(f"{word} modifier not implemented", start, end)
        target = found.selector if isinstance(found, MatrixSelector) else found
        if target.extension not in ("", word):
            raise self._cursor.error("anchored and smoothed modifiers cannot be used together", start, end)
        return self._modified(found, replace(target, extension=word))

    def _target(self, found: Expr, what: str) -> VectorSelector | Subquery:
        if isinstance(found, MatrixSelector):
            return found.selector
        if isinstance(found, VectorSelector | Subquery):
            return found
        message = f"{what} must be preceded by an instant vector selector or range vector selector or a subquery"
        raise self._cursor.error(message, found.span.start, found.span.end)

    def _modified(self, found: Expr, changed: VectorSelector | Subquery) -> Expr:
        span = Span(found.span.start, self._cursor.last_end)
        height = self._heights[id(found)]
        made: Expr
        if isinstance(found, MatrixSelector) and isinstance(changed, VectorSelector):
            made = replace(found, selector=changed, span=span)
        else:
            made = replace(changed, span=span)
        self._heights[id(made)] = height
        return made

    def _made(self, node: E, *children: Expr) -> E:
        height = 1 + max([self._heights[id(child)] for child in children]) if children else 1
        check_depth(height, self._cursor.text, node.span.start)
        self._heights[id(node)] = height
        return node


def _matters(matching: VectorMatching, left: Expr, right: Expr) -> bool:
    """Whether to keep the clause: between vectors, and where it was written but stands at the wrong place."""
    written = bool(matching.labels) or matching.fill_left is not None or matching.fill_right is not None
    return written or value_type(left) is value_type(right) is ValueType.VECTOR
