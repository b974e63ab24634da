"""Hostile queries end with one of our two errors, never with a crash or a recursion error."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inferdeck.errors import LimitError, QueryError
from inferdeck.query.promql.ast import Expr
from inferdeck.query.promql.format import one_line, pretty
from inferdeck.query.promql.limits import DEEPEST, LONGEST_TEXT
from inferdeck.query.promql.parser import parse


@pytest.mark.parametrize(
    "query",
    [
        "1+" * 5_000 + "1",
        "a or " * 2_000 + "a",
        "1^" * 5_000 + "1",
        "(" * 20_000 + "1" + ")" * 20_000,
        "(" * 20_000,
        "-" * 50_000 + "a",
        "abs(" * 10_000 + "a" + ")" * 10_000,
        "sum(" * 10_000 + "a" + ")" * 10_000,
        "a" + "[1m:]" * 10_000,
        f"a[{'(' * 20_000}5m{')' * 20_000}]",
        f"a[{'1+' * 20_000}5m]",
        f"a[{'-' * 20_000}5m]",
        f"a[{'2^' * 20_000}2]",
        "a offset " + "(" * 20_000,
        f"a[{'max(1,' * 10_000}1{')' * 10_000}]",
        "a + " * 300_000 + "a",
    ],
    ids=lambda query: f"{query[:6]}...{len(query)}",
)
def test_deep_and_long_queries_meet_a_limit(query: str) -> None:
    with pytest.raises(LimitError, match=r"nests more than 100 levels|characters, at most"):
        parse(query)


def test_the_limits_leave_room_for_real_queries() -> None:
    parse("+".join(["a"] * DEEPEST))
    with pytest.raises(LimitError):
        parse("+".join(["a"] * (DEEPEST + 1)))
    parse("(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1))
    parse("a" * LONGEST_TEXT)
    wide = f"a{{b=~'{'x|' * 40_000}'}}"
    assert parse(one_line(parse(wide))) == parse(wide)


def read(query: str) -> Expr | None:
    """The tree, or None for a text that is refused with words."""
    try:
        return parse(query)
    except (QueryError, LimitError) as error:
        return None if str(error) else parse("not refused well")


@given(st.text(alphabet=st.sampled_from(list("ab1.5m[](){}\"'`=~!<>^*/%@:,+-_ \n#\\")), max_size=60))
def test_any_text_is_read_or_refused(query: str) -> None:
    tree = read(query)
    assert tree is None or parse(pretty(tree)) == tree


@given(st.text(max_size=60))
@example("\ud800")
@example("\x00")
def test_any_unicode_is_read_or_refused(query: str) -> None:
    read(query)
