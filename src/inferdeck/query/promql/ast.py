"""What a PromQL expression is after parsing (shape: prometheus promql/parser/ast.go)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inferdeck.store.interface import Matcher


class ValueType(StrEnum):
    """The types that an expression may have, under the names of Prometheus' messages."""

    SCALAR = "scalar"
    VECTOR = "instant vector"
    MATRIX = "range vector"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a node stands in the query text: character offsets, end exclusive."""

    start: int
    end: int


NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Expr:
    """Base of all nodes; compared without their position."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class NumberLiteral(Expr):
    """A scalar; `duration` where it was written as one (`5m` is 300 since Prometheus 3)."""

    value: float
    duration: bool = False


@dataclass(frozen=True, slots=True)
class StringLiteral(Expr):
    """A string, unescaped."""

    value: str


@dataclass(frozen=True, slots=True)
class DurationExpr(Expr):
    """Arithmetic where a duration is expected (experimental): +, -, *, /, %, ^, unary, step(), range(), min/max.

    operator: the sign or function name. A plain duration is never one: it is its seconds as a float.
    """

    operator: str
    operands: tuple[Duration, ...]


Duration = float | DurationExpr
"""Seconds, or an expression that gives them once step and range are known."""


class AtKeyword(StrEnum):
    """`@ start()` and `@ end()`."""

    START = "start"
    END = "end"


At = float | AtKeyword | None
"""Unix seconds, a keyword, or no modifier."""


@dataclass(frozen=True, slots=True)
class VectorSelector(Expr):
    """An instant vector selector; the metric name is a matcher on __name__ among the others, in text order."""

    name: str
    """The name as written before the braces, or ""."""
    matchers: tuple[Matcher, ...]
    offset: Duration = 0.0
    at: At = None
    extension: str = ""
    """"anchored" or "smoothed" (experimental, on the range of a matrix selector or alone), else ""."""


@dataclass(frozen=True, slots=True)
class MatrixSelector(Expr):
    """A range vector selector; offset and @ stand on the inner selector."""

    selector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery(Expr):
    """`expr[range:step]`; step None means the default resolution."""

    expr: Expr
    range: Duration
    step: Duration | None = None
    offset: Duration = 0.0
    at: At = None


@dataclass(frozen=True, slots=True)
class Paren(Expr):
    """Parentheses, kept for the formatter and for positions."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """+ or - before an expression."""

    operator: str
    expr: Expr


class Cardinality(StrEnum):
    """How the two sides of a vector operation match."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """The on/ignoring/group_* clause of a vector operation; fill_* are the experimental fill modifiers."""

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """An operation on two expressions; `matching` only where both are vectors."""

    operator: str
    left: Expr
    right: Expr
    bool_modifier: bool = False
    matching: VectorMatching | None = None


@dataclass(frozen=True, slots=True)
class Aggregate(Expr):
    """`operator [by|without (grouping)] (param, expr)`."""

    operator: str
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function call; the signature is in functions.py's table."""

    function: str
    args: tuple[Expr, ...]
