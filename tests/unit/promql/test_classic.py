"""Questions for native histograms have a counterpart over classic series only where nothing else can answer them."""

from __future__ import annotations

import numpy as np
import pytest

from inferdeck.errors import NeedsHistogramsError
from inferdeck.model.labels import labels
from inferdeck.model.scrape import HISTOGRAM_BITS
from inferdeck.query.promql.classic import of_classic
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.format import one_line
from inferdeck.query.promql.parser import parse
from inferdeck.store.metrics.memory import MemoryStore


@pytest.mark.parametrize(
    ("query", "counterpart"),
    [
        ("histogram_quantile(0.9, x)", "histogram_quantile(0.9, x_bucket)"),
        (
            "histogram_quantile(0.9, sum by (job) (rate(x[5m])))",
            "histogram_quantile(0.9, sum by (job, le) (rate(x_bucket[5m])))",
        ),
        (
            "histogram_fraction(0, 1, avg without (job) (x{a='b'} offset 1m))",
            'histogram_fraction(0, 1, avg without (job) (x_bucket{a="b"} offset 1m))',
        ),
        ("histogram_count(x)", "(x_count) + 0"),
        ("histogram_avg(rate(x[5m]))", "rate(x_sum[5m]) / rate(x_count[5m])"),
        ("max(histogram_quantile(0.9, x)) > 3", "max(histogram_quantile(0.9, x_bucket)) > 3"),
        ("histogram_quantile(0.9, x) unless y", "histogram_quantile(0.9, x_bucket) unless y"),
    ],
)
def test_counterparts(query: str, counterpart: str) -> None:
    found = of_classic(parse(query))
    assert found is not None
    assert one_line(found) == counterpart


@pytest.mark.parametrize(
    "query",
    [
        "histogram_quantile(0.9, x_bucket)",
        "histogram_quantile(0.9, sum by (le) (x))",
        "histogram_quantile(0.9, a + b)",
        "rate(x[5m])",
        "absent(histogram_quantile(0.9, x))",
        "absent_over_time(histogram_quantile(0.9, x)[5m:1m])",
        "histogram_quantile(0.9, x) or y",
        "y unless histogram_quantile(0.9, x)",
        "histogram_count(x) + fill(0) y",
        "vector(scalar(histogram_count(x)))",
    ],
)
def test_what_something_else_may_answer_has_none(query: str) -> None:
    assert of_classic(parse(query)) is None


def _store(name: str, value: float) -> MemoryStore:
    store = MemoryStore()
    store.append_series(labels({}, name), np.array([0]), np.array([value]))
    return store


def test_absence_is_still_seen() -> None:
    engine = Engine(_store("x_count", 3.0))
    assert engine.instant("histogram_count(x)", 0).values.tolist() == [[3.0]]
    assert engine.instant("absent(histogram_count(x))", 0).values.tolist() == [[1.0]]


def test_content_that_is_not_kept_is_asked_for_in_vain() -> None:
    engine = Engine(_store("x", np.array([HISTOGRAM_BITS], dtype=np.uint64).view(np.float64)[0]), histograms=True)
    assert engine.instant("count(x)", 0).values.tolist() == [[1.0]]
    with pytest.raises(NeedsHistogramsError):
        engine.instant("sum(x)", 0)
