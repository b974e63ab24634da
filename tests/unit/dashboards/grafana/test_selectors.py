"""PromQL with Grafana's variables in it: read, and narrowed without changing anything else."""

from __future__ import annotations

import pytest

from inferdeck.dashboards.grafana.selectors import narrowed, read
from inferdeck.errors import QueryError

M = 'c="1"'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("up", f"up{{{M}}}"),
        ("up{}", f"up{{{M}}}"),
        ('up{a="}"}', f'up{{{M}, a="}}"}}'),
        ("sum by (a) (rate(x[$__rate_interval]))", f"sum by (a) (rate(x{{{M}}}[$__rate_interval]))"),
        ("rate(x[${__range}] offset 5m)", f"rate(x{{{M}}}[${{__range}}] offset 5m)"),
        ("topk($n, a) / on (b) b", f"topk($n, a{{{M}}}) / on (b) b{{{M}}}"),
        ("sum by ($label) (a)", f"sum by ($label) (a{{{M}}})"),
        ('a{x=~"$x"} # up{}', f'a{{{M}, x=~"$x"}} # up{{}}'),
        ('{__name__="a"}', f'{{{M}, __name__="a"}}'),
        ("time() + vector(1)", "time() + vector(1)"),
    ],
)
def test_a_matcher_is_added_to_every_selector_and_nowhere_else(text: str, wanted: str) -> None:
    assert narrowed(text, M) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "llm_${kind}_total",
        "rate(a[[[span]]])",
        "a{$filter}",
        "a > $threshold",
        "a offset $span",
        "sum by (a, $b) (c)",
        'a{b="[[c]]"}',
        "$metric",
        "quantile_over_time($q, a[$__interval:])",
    ],
)
def test_variables_may_stand_anywhere(text: str) -> None:
    assert len(read(text).text) == len(text)


def test_what_is_wrong_without_its_variables_is_said() -> None:
    with pytest.raises(QueryError):
        read("sum(rate(a[$x])")


@pytest.mark.parametrize("text", ["$a" * 100_000, "(" * 16_000, "sum by (" + "$a, " * 3_000, '"' * 15_999, "{" * 9_000])
def test_texts_that_are_made_to_take_long_are_refused(text: str) -> None:
    with pytest.raises(QueryError):
        read(text)
