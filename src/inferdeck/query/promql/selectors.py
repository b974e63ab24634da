"""Reads what stands in braces and in lists of labels."""

from __future__ import annotations

from inferdeck.model.labels import NAME
from inferdeck.query.promql.ast import Span, VectorSelector
from inferdeck.query.promql.cursor import Cursor
from inferdeck.query.promql.lexer import WORD_OPERATORS, Kind, Token
from inferdeck.query.promql.literals import quote
from inferdeck.query.promql.patterns import compiled
from inferdeck.store.interface import Matcher, MatchOp

_OPS = {op.value: op for op in MatchOp}
_NEVER_METRICS = frozenset({"bool", "on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right"})


def is_metric_name(token: Token) -> bool:
    """Return whether the token may stand as a metric's name; most keywords may."""
    if token.kind in (Kind.IDENTIFIER, Kind.METRIC, Kind.AGGREGATOR):
        return True
    if token.kind is Kind.KEYWORD:
        return token.word not in _NEVER_METRICS
    return token.kind is Kind.OPERATOR and token.word in WORD_OPERATORS - {"atan2"}


def vector_selector(cursor: Cursor) -> VectorSelector:
    """Read `name`, `name{…}` or `{…}`."""
    start = cursor.token.start
    name = "" if cursor.at("{") else cursor.take().text
    inside = _matchers(cursor) if cursor.at("{") else ()
    span = Span(start, cursor.last_end)
    if not name:
        return VectorSelector("", inside, span=span)
    for matcher in inside:
        if matcher.name == NAME:
            message = f"metric name must not be set twice: {quote(name)} or {quote(matcher.value)}"
            raise cursor.error(message, span.start, span.end)
    return VectorSelector(name, (Matcher(NAME, MatchOp.EQUAL, name), *inside), span=span)


def _matchers(cursor: Cursor) -> tuple[Matcher, ...]:
    cursor.take()
    found: list[Matcher] = []
    while not cursor.at("}"):
        found.append(_matcher(cursor))
        if not cursor.skip(",") and not cursor.at("}"):
            raise cursor.unexpected("label matching", '"," or "}"')
    cursor.take()
    return tuple(found)


def _matcher(cursor: Cursor) -> Matcher:
    token = cursor.token
    if token.kind is Kind.STRING:
        name = cursor.string()
        if cursor.at(",", "}"):
            return Matcher(NAME, MatchOp.EQUAL, name)
    elif token.kind is Kind.IDENTIFIER:
        name = cursor.take().text
    else:
        raise cursor.unexpected("label matching", 'identifier or "}"')
    if not cursor.at(*_OPS):
        raise cursor.unexpected("label matching", "label matching operator")
    op = _OPS[cursor.take().word]
    if cursor.token.kind is not Kind.STRING:
        raise cursor.unexpected("label matching", "string")
    value = cursor.string()
    if op in (MatchOp.MATCH, MatchOp.NOT_MATCH):
        try:
            compiled(value)
        except ValueError as error:
            raise cursor.error(str(error), token.start, cursor.last_end) from error
    return Matcher(name, op, value)


def label_list(cursor: Cursor) -> tuple[str, ...]:
    """Read `(a, b, "c d")` of by, without, on, ignoring and group_*."""
    if not cursor.at("("):
        raise cursor.unexpected("grouping opts", '"("')
    cursor.take()
    names: list[str] = []
    while not cursor.at(")"):
        names.append(_label(cursor))
        if not cursor.skip(",") and not cursor.at(")"):
            raise cursor.unexpected("grouping opts", '"," or ")"')
    cursor.take()
    return tuple(names)


def _label(cursor: Cursor) -> str:
    token = cursor.token
    if token.kind is Kind.STRING:
        name = cursor.string()
        if not name:
            raise cursor.error(f"invalid label name for grouping: {quote(name)}", token.start, token.end)
        return name
    is_word = token.kind in (Kind.IDENTIFIER, Kind.KEYWORD, Kind.AGGREGATOR) or token.word in WORD_OPERATORS
    if not is_word or token.kind is Kind.METRIC:
        raise cursor.unexpected("grouping opts", "label")
    return cursor.take().text
