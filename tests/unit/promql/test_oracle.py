"""Another parser reads the same queries and means the same by them (in the language of 2.x)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import QueryError
from inferdeck.query.promql.ast import Expr, NumberLiteral, VectorMatching
from inferdeck.query.promql.parser import parse
from inferdeck.store.interface import Matcher
from tests.unit.promql.oracle import Oracle, running
from tests.unit.promql.queries import queries

_BARE_GROUP = re.compile(r"([-+*/%^<>=]|\bbool|\batan2)\s+(group_(?:left|right)\b)")


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with running() as found:
        yield found


@given(query=queries(stable=True))
def test_both_accept_and_mean_the_same(oracle: Oracle, query: str) -> None:
    tree = parse(query)
    answer = oracle.ask(query)
    assert "error" not in answer, (query, answer)
    assert shape(parse(written(answer))) == shape(tree)


@given(query=queries(stable=True), data=st.data())
def test_both_refuse_what_was_broken(oracle: Oracle, query: str, data: st.DataObject) -> None:
    """One piece of a query is cut out: where both still accept it, they still mean the same."""
    start = data.draw(st.integers(0, len(query)))
    broken = query[:start] + query[start + data.draw(st.integers(1, 5)) :]
    tree = read(broken)
    answer = oracle.ask(broken)
    if tree is not None and "pretty" in answer:
        assert shape(read(written(answer))) == shape(tree)


def written(answer: Mapping[str, str]) -> str:
    """The query as the other parser writes it, with the `ignoring ()` before group_left that it leaves out."""
    return _BARE_GROUP.sub(r"\1 ignoring () \2", answer["pretty"])


def shape(node: object) -> object:
    """The tree without positions, matchers in one order (the other parser sorts them), 1m as the 60 it writes."""
    if isinstance(node, NumberLiteral):
        return "NumberLiteral", repr(node.value)
    if isinstance(node, Expr | VectorMatching):
        return type(node).__name__, [shape(getattr(node, item.name)) for item in fields(node) if item.compare]
    if isinstance(node, tuple):
        return sorted(node, key=repr) if node and isinstance(node[0], Matcher) else [shape(item) for item in node]
    return node


def read(query: str) -> Expr | None:
    try:
        return parse(query)
    except QueryError:
        return None
