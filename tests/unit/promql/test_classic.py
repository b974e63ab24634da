"""Questions for native histograms are joined by the same ones over classic series."""

from __future__ import annotations

import pytest

from inferdeck.query.promql.classic import with_classic
from inferdeck.query.promql.format import one_line
from inferdeck.query.promql.parser import parse


@pytest.mark.parametrize(
    ("query", "joined"),
    [
        ("histogram_quantile(0.9, x)", "(histogram_quantile(0.9, x) or histogram_quantile(0.9, x_bucket))"),
        (
            "histogram_quantile(0.9, sum by (job) (rate(x[5m])))",
            "(histogram_quantile(0.9, sum by (job) (rate(x[5m]))) or "
            "histogram_quantile(0.9, sum by (job, le) (rate(x_bucket[5m]))))",
        ),
        (
            "histogram_fraction(0, 1, avg without (job) (x{a='b'} offset 1m))",
            '(histogram_fraction(0, 1, avg without (job) (x{a="b"} offset 1m)) or '
            'histogram_fraction(0, 1, avg without (job) (x_bucket{a="b"} offset 1m)))',
        ),
        ("histogram_count(x)", "(histogram_count(x) or (x_count) + 0)"),
        ("histogram_avg(rate(x[5m]))", "(histogram_avg(rate(x[5m])) or rate(x_sum[5m]) / rate(x_count[5m]))"),
        ("histogram_quantile(0.9, x_bucket)", "histogram_quantile(0.9, x_bucket)"),
        ("histogram_quantile(0.9, sum by (le) (x))", "histogram_quantile(0.9, sum by (le) (x))"),
        ("histogram_quantile(0.9, a + b)", "histogram_quantile(0.9, a + b)"),
        ("rate(x[5m])", "rate(x[5m])"),
    ],
)
def test_the_tree_that_is_evaluated(query: str, joined: str) -> None:
    assert one_line(with_classic(parse(query))) == joined
