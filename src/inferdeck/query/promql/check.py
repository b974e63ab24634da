"""Types of expressions, and what Prometheus refuses although it can be read (promql/parser/parse.go, checkAST)."""

from __future__ import annotations

from inferdeck.errors import QueryError
from inferdeck.query.promql.ast import (
    Aggregate,
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
    VectorSelector,
)
from inferdeck.query.promql.functions import AGGREGATORS, FUNCTIONS
from inferdeck.query.promql.literals import quote
from inferdeck.query.promql.patterns import matches

COMPARISONS = frozenset({"==", "!=", "<=", "<", ">=", ">"})
SET_OPERATORS = frozenset({"and", "or", "unless"})
_TYPES = {
    NumberLiteral: ValueType.SCALAR,
    StringLiteral: ValueType.STRING,
    MatrixSelector: ValueType.MATRIX,
    Subquery: ValueType.MATRIX,
    VectorSelector: ValueType.VECTOR,
    Aggregate: ValueType.VECTOR,
}
_ARITHMETIC = (ValueType.SCALAR, ValueType.VECTOR)


def value_type(expr: Expr) -> ValueType:
    """Return the type that an expression evaluates to."""
    while isinstance(expr, (Paren, Unary)):
        expr = expr.expr
    if isinstance(expr, Binary):
        scalar = value_type(expr.left) is value_type(expr.right) is ValueType.SCALAR
        return ValueType.SCALAR if scalar else ValueType.VECTOR
    return FUNCTIONS[expr.function].returns if isinstance(expr, Call) else _TYPES[type(expr)]


def check(expr: Expr, text: str) -> None:
    """Raise QueryError for the first thing in the tree that Prometheus would refuse."""
    _Checker(text).visit(expr)


class _Checker:
    def __init__(self, text: str) -> None:
        self._text = text

    def visit(self, expr: Expr) -> ValueType:
        """Check a subtree and return its type."""
        if isinstance(expr, VectorSelector):
            self._selector(expr)
        elif isinstance(expr, Binary):
            return self._binary(expr)
        elif isinstance(expr, Call):
            self._call(expr)
            return FUNCTIONS[expr.function].returns
        elif isinstance(expr, Aggregate):
            self._aggregate(expr)
        elif isinstance(expr, Paren):
            return self.visit(expr.expr)
        elif isinstance(expr, Unary):
            return self._unary(expr)
        elif isinstance(expr, MatrixSelector):
            self._selector(expr.selector)
        elif isinstance(expr, Subquery):
            self._subquery(expr)
        return value_type(expr)

    def _selector(self, expr: VectorSelector) -> None:
        if not expr.name and all(matches(matcher, "") for matcher in expr.matchers):
            self._refuse(expr, "vector selector must contain at least one non-empty matcher")

    def _subquery(self, expr: Subquery) -> None:
        found = self.visit(expr.expr)
        if found is not ValueType.VECTOR:
            self._refuse(expr, f"subquery is only allowed on instant vector, got {_go_name(found)} instead")

    def _unary(self, expr: Unary) -> ValueType:
        found = self.visit(expr.expr)
        if found not in _ARITHMETIC:
            self._refuse(
                expr,
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f"got {quote(found.value)}",
            )
        return found

    def _aggregate(self, expr: Aggregate) -> None:
        self._expect(expr.expr, ValueType.VECTOR, "aggregation expression")
        wanted = AGGREGATORS[expr.operator]
        if wanted is not None and expr.param is not None:
            self._expect(expr.param, wanted, "aggregation parameter")

    def _call(self, expr: Call) -> None:
        function = FUNCTIONS[expr.function]
        given = len(expr.args)
        wanted = ""
        if not function.variadic and given != len(function.args):
            wanted = f"{len(function.args)}"
        elif given < function.fewest:
            wanted = f"at least {function.fewest}"
        elif function.most is not None and given > function.most:
            wanted = f"at most {function.most}"
        if wanted:
            self._refuse(expr, f"expected {wanted} argument(s) in call to {quote(expr.function)}, got {given}")
        for index, argument in enumerate(expr.args):
            if expr.function == "info" and index == 1:
                self._info_selector(argument)
            else:
                self._expect(argument, function.expected(index), f"call to function {quote(expr.function)}")

    def _info_selector(self, argument: Expr) -> None:
        """The second argument of info() selects labels, so that it may be empty but have no name outside braces."""
        if not isinstance(argument, VectorSelector):
            self._refuse(argument, "expected label selectors only")
        elif argument.name:
            self._refuse(argument, "expected label selectors only, got vector selector instead")

    def _expect(self, expr: Expr, wanted: ValueType, where: str) -> None:
        found = self.visit(expr)
        if found is not wanted:
            self._refuse(expr, f"expected type {wanted} in {where}, got {found}")

    def _binary(self, expr: Binary) -> ValueType:
        left, right = self.visit(expr.left), self.visit(expr.right)
        comparison = expr.operator in COMPARISONS
        both_scalars = left is right is ValueType.SCALAR
        if expr.bool_modifier and not comparison:
            self._refuse_operator(expr, "bool modifier can only be used on comparison operators")
        if comparison and not expr.bool_modifier and both_scalars:
            self._refuse_operator(expr, "comparisons between scalars must use BOOL modifier")
        matching = expr.matching
        if matching is not None and matching.on:
            for name in matching.labels:
                if name in matching.include:
                    message = f"label {quote(name)} must not occur in ON and GROUP clause at once"
                    self._refuse_operator(expr, message)
        for side, found in ((expr.left, left), (expr.right, right)):
            if found not in _ARITHMETIC:
                self._refuse(side, "binary expression must contain only scalar and instant vector types")
        self._matching(expr, both_vectors=left is right is ValueType.VECTOR)
        return ValueType.SCALAR if both_scalars else ValueType.VECTOR

    def _matching(self, expr: Binary, *, both_vectors: bool) -> None:
        matching = expr.matching
        is_set = expr.operator in SET_OPERATORS
        if matching is not None:
            filled = matching.fill_left is not None or matching.fill_right is not None
            if not both_vectors and matching.labels:
                self._refuse(expr, "vector matching only allowed between instant vectors")
            if not both_vectors and filled:
                self._refuse(expr, "filling in missing series only allowed between instant vectors")
            if is_set and both_vectors and matching.cardinality is not Cardinality.MANY_TO_MANY:
                self._refuse(expr, f"no grouping allowed for {quote(expr.operator)} operation")
            if is_set and both_vectors and filled:
                self._refuse(expr, "filling in missing series not allowed for set operators")
        if is_set and not both_vectors:
            self._refuse(expr, f"set operator {quote(expr.operator)} not allowed in binary scalar expression")

    def _refuse_operator(self, expr: Binary, message: str) -> None:
        start, end = expr.left.span.end, max(expr.left.span.end + 1, expr.right.span.start)
        between = self._text[start:end]
        start += len(between) - len(between.lstrip())
        self._refuse_span(Span(start, max(start + 1, start + len(between.strip()))), message)

    def _refuse(self, expr: Expr, message: str) -> None:
        self._refuse_span(expr.span, message)

    def _refuse_span(self, span: Span, message: str) -> None:
        raise QueryError(message, text=self._text, start=span.start, end=span.end)


def _go_name(found: ValueType) -> str:
    """Prometheus shows its internal names in this one message."""
    return {ValueType.VECTOR: "vector", ValueType.MATRIX: "matrix"}.get(found, found.value)
