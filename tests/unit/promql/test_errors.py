"""What is refused, in Prometheus' words where it has some, at the right place."""

from __future__ import annotations

import pytest

from inferdeck.errors import QueryError, UsageError, exit_code, http_status
from inferdeck.query.promql.parser import parse


def refused(query: str) -> QueryError:
    with pytest.raises(QueryError) as raised:
        parse(query)
    return raised.value


@pytest.mark.parametrize(
    ("query", "headline"),
    [
        ("", "1:1: parse error: no expression found in input"),
        ("# only this", "1:1: parse error: no expression found in input"),
        ("rat(foo[5m])", "1:1: parse error: unknown function `rat`, did you mean `rate`?"),
        ("zzzzzz(foo)", "1:1: parse error: unknown function `zzzzzz`"),
        ("RATE(foo[5m])", "1:1: parse error: unknown function `RATE`"),
        ("1 1", '1:3: parse error: unexpected number "1"'),
        ("foo bar", '1:5: parse error: unexpected identifier "bar"'),
        ("foo +", "1:6: parse error: unexpected end of input"),
        ("a\n  + * b", "2:5: parse error: unexpected <op:*>"),
        ("é{", "1:1: parse error: unexpected character: 'é'"),
        ('"é" é', "1:6: parse error: unexpected character: 'é'"),
        ("(foo", "1:5: parse error: unclosed left parenthesis"),
        ("foo)", "1:4: parse error: unexpected right parenthesis ')'"),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo{a}", '1:6: parse error: unexpected "}" in label matching, expected label matching operator'),
        ("foo{a=b}", '1:7: parse error: unexpected identifier "b" in label matching, expected string'),
        ("foo{a='b' c='d'}", '1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}"'),
        ("foo{5='b'}", "1:5: parse error: unexpected character inside braces: '5'"),
        ("foo{a=~'('}", "1:5: parse error: error parsing regexp: missing ): ("),
        ("foo{__name__='bar'}", '1:1: parse error: metric name must not be set twice: "foo" or "bar"'),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{a=~'.*',b!='c'}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("'abc", "1:1: parse error: unterminated quoted string"),
        ("`abc", "1:1: parse error: unterminated raw string"),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        ("foo[]", '1:5: parse error: unexpected "]" in subquery or range selector, '
                  "expected number, duration, step(), or range()"),
        ("foo[0]", "1:5: parse error: duration must be greater than 0"),
        ("foo[-5m]", "1:5: parse error: duration must be greater than 0"),
        ("foo[5x]", '1:5: parse error: bad number or duration syntax: "5x"'),
        ("foo[5m5h]", '1:5: parse error: not a valid duration string: "5m5h"'),
        ("foo[1000y]", "1:5: parse error: duration out of range"),
        ("sum(foo)[5m]", "1:9: parse error: ranges only allowed for vector selectors"),
        ("foo offset 5m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
        ("foo @ 5 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
        ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("foo @ 1e30", "1:1: parse error: timestamp out of bounds for @ modifier: 1e+30"),
        ("(foo) offset 1m", "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
                            "range vector selector or a subquery"),
        ("1 @ 2", "1:1: parse error: @ modifier must be preceded by an instant vector selector or "
                  "range vector selector or a subquery"),
        ("foo[5m] anchored smoothed", "1:1: parse error: anchored and smoothed modifiers cannot be used together"),
        ("foo[5m:1m] smoothed", "1:1: parse error: smoothed modifier is not supported for subqueries"),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        ("topk(foo)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                      "expected 2, got 1"),
        ("sum by (5) (foo)", '1:9: parse error: unexpected number "5" in grouping opts, expected label'),
        ("sum by foo", '1:8: parse error: unexpected identifier "foo" in grouping opts, expected "("'),
        ("sum(foo) by (a) by (b)", "1:17: parse error: unexpected <by>"),
        ("abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"),
        ("abs(foo bar)", '1:9: parse error: unexpected identifier "bar" in function call, expected "," or ")"'),
        ("abs()", '1:1: parse error: expected 1 argument(s) in call to "abs", got 0'),
        ("round(foo, 1, 2)", '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3'),
        ("label_join(foo)", '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1'),
        ("rate(foo)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ("abs(foo[5m])", '1:5: parse error: expected type instant vector in call to function "abs", got range vector'),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk('a', foo)", "1:6: parse error: expected type scalar in aggregation parameter, got string"),
        ("count_values(1, foo)", "1:14: parse error: expected type string in aggregation parameter, got scalar"),
        ("foo[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
        ("1 and foo", '1:1: parse error: set operator "and" not allowed in binary scalar expression'),
        ("foo and on(a) group_left bar", '1:1: parse error: no grouping allowed for "and" operation'),
        ("foo * on(a) group_left(a) bar", '1:5: parse error: label "a" must not occur in ON and GROUP clause at once'),
        ("foo * on(a) 2", "1:1: parse error: vector matching only allowed between instant vectors"),
        ("foo * fill(0) 2", "1:1: parse error: filling in missing series only allowed between instant vectors"),
        ("foo or fill(0) bar", "1:1: parse error: filling in missing series not allowed for set operators"),
        ("foo * fill(0) fill_left(1) bar", "1:15: parse error: fill value may not be set multiple times"),
        ("-'a'", '1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, '
                 'got "string"'),
        ("foo[5m][5m:]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        ("info(foo, bar)", "1:11: parse error: expected label selectors only, got vector selector instead"),
        ("info(foo, abs(bar))", "1:11: parse error: expected label selectors only"),
        ("1e999", '1:1: parse error: error parsing number: "1e999" is out of range'),
    ],
)  # fmt: skip
def test_refusals(query: str, headline: str) -> None:
    assert refused(query).headline == headline


def test_the_view_shows_the_place() -> None:
    error = refused('sum(rat(foo{a="b"}[5m]))')
    assert str(error).splitlines() == [
        "1:5: parse error: unknown function `rat`, did you mean `rate`?",
        '  sum(rat(foo{a="b"}[5m]))',
        "      ^^^",
    ]
    assert error.text[error.start : error.end] == "rat"


def test_the_view_of_a_long_line_shows_a_part() -> None:
    error = refused("x" * 5000 + " y")
    headline, line, carets = str(error).splitlines()
    assert headline.startswith("1:5002: ")
    assert line.startswith("  …")
    assert line.index("y") == carets.index("^")
    assert len(line) < 130


def test_the_view_of_many_lines_shows_one() -> None:
    error = refused("a +\n\tb c\n+ d")
    assert str(error).splitlines() == ['2:4: parse error: unexpected identifier "c"', "   b c", "     ^"]


def test_columns_count_bytes_and_carets_characters() -> None:
    error = refused('"é" 5')
    assert error.headline.startswith("1:6: ")
    assert str(error).splitlines()[2] == "      ^"


def test_text_that_is_not_unicode_is_refused() -> None:
    assert refused("a\udc80").headline == "1:2: parse error: invalid UTF-8 rune"


def test_a_refused_query_is_the_callers_mistake() -> None:
    error = refused("1 1")
    assert isinstance(error, UsageError)
    assert (exit_code(error), http_status(error)) == (2, 400)
