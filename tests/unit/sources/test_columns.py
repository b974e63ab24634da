"""Samples made in Python become one layout that lives as long as its series do."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.labels import labels
from inferdeck.model.scrape import NAN_BITS
from inferdeck.sources.columns import Columns, Joined, Sample

EXTRA = labels({"job": "host", "instance": "here:1"})


def test_the_layout_is_the_same_object_while_the_series_are_the_same() -> None:
    columns = Columns(EXTRA)
    first, _ = columns.collect([("a", (), 1.0), ("b", (("x", "1"),), 2.0)])
    second, values = columns.collect([("a", (), 3.0), ("b", (("x", "1"),), 4.0)])
    assert second is first
    assert values.tolist() == [3.0, 4.0]


def test_another_order_of_the_same_series_keeps_the_layout_and_each_value_its_series() -> None:
    columns = Columns(EXTRA)
    first, _ = columns.collect([("a", (), 1.0), ("b", (), 2.0)])
    second, values = columns.collect([("b", (), 20.0), ("a", (), 10.0)])
    assert second is first
    assert values.tolist() == [10.0, 20.0]


def test_a_new_series_gives_a_new_layout() -> None:
    columns = Columns(EXTRA)
    first, _ = columns.collect([("a", (), 1.0)])
    second, values = columns.collect([("a", (), 1.0), ("b", (), 2.0)])
    assert second is not first
    assert values.tolist() == [1.0, 2.0]


def test_of_two_samples_of_one_series_the_first_is_kept() -> None:
    layout, values = Columns(EXTRA).collect([("a", (("x", "1"),), 1.0), ("a", (("x", "1"),), 2.0), ("b", (), 3.0)])
    assert len(layout) == 2
    assert values.tolist() == [1.0, 3.0]


def test_a_label_that_the_target_has_itself_is_renamed_as_prometheus_does() -> None:
    layout, _ = Columns(EXTRA).collect([("a", (("instance", "other"), ("empty", "")), 1.0)])
    assert layout.series == (labels({"exported_instance": "other", "job": "host", "instance": "here:1"}, "a"),)


def test_nan_is_the_ordinary_one() -> None:
    _, values = Columns(EXTRA).collect([("a", (), -math.nan)])
    assert values.view(np.uint64).tolist() == [NAN_BITS]


def test_nothing_is_nothing() -> None:
    layout, values = Columns(EXTRA).collect([])
    assert (len(layout), len(values)) == (0, 0)


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.lists(st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["", "1", "2"])), max_size=2).map(tuple),
        st.floats(allow_nan=False),
    ),
    max_size=6,
)


@given(st.lists(SAMPLES, max_size=5))
def test_every_collection_equals_one_made_afresh(collections: list[list[Sample]]) -> None:
    columns = Columns(EXTRA)
    for samples in collections:
        layout, values = columns.collect(samples)
        expected: dict[object, float] = {}
        for name, own, value in samples:
            expected.setdefault(labels({**dict(own), **dict(EXTRA)}, name), value)
        assert dict(zip(layout.series, values.tolist(), strict=True)) == expected


def test_joined_parts_are_one_layout_while_the_parts_are_the_same() -> None:
    one, two, joined = Columns(EXTRA), Columns(EXTRA), Joined()
    first, values = joined.join(one.collect([("a", (), 1.0)]), two.collect([("b", (), 2.0)]))
    second, _ = joined.join(one.collect([("a", (), 3.0)]), two.collect([("b", (), 4.0)]))
    third, _ = joined.join(one.collect([("a", (), 3.0)]), two.collect([("c", (), 4.0)]))
    assert values.tolist() == [1.0, 2.0]
    assert second is first
    assert third is not first
    assert third.series == (labels(EXTRA, "a"), labels(EXTRA, "c"))
