"""The mapping against what its catalog says, sum by sum and bucket by bucket."""

from __future__ import annotations

import gzip
import math
from collections.abc import Mapping
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import CatalogError
from inferdeck.model.labels import Labels, get, labels, metric_name
from inferdeck.model.scrape import Layout
from inferdeck.sources import catalog
from inferdeck.sources.arithmetic import exact_sums
from inferdeck.sources.buckets import LADDERS, le_text, weights
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.mapping import Mapped, Mapper

HEAD = "kind: planted\nidentity: gateway\nunmapped: only a test\nmetrics:\n"
IDENTITY = {"job": "planted", "instance": "host:1", "environment": "test"}
DURATION = "llm_request_duration_seconds"
Samples = Mapping[Labels, float]


def mapper(folder: Path, metrics: str, mappings: str, **constants: str) -> Mapper:
    path = folder / "catalog.yaml"
    path.write_text(f"{HEAD}{metrics}\nmappings:\n{mappings}\n")
    return Mapper(catalog.read(path), {**IDENTITY, **constants})


def run(found: Mapper, samples: Samples) -> dict[Labels, float]:
    """Return the canonical series alone, without the identity that all of them carry."""
    layout = Layout(tuple(samples))
    mapped = found.apply(layout, np.array(list(samples.values()), np.float64))
    assert mapped.layout.series[: len(layout)] == layout.series
    return {
        tuple(pair for pair in series if pair[0] not in (*IDENTITY, "gateway")): value
        for series, value in list(zip(mapped.layout.series, mapped.values.tolist(), strict=True))[len(layout) :]
    }


def one(family: str, /, **found: str) -> Labels:
    return labels(found, family)


REQUESTS = "  - {name: hits_total, type: counter, labels: [model, code], canonical: llm_requests_total}"


def test_a_label_value_with_a_line_break_arrives_whole(tmp_path: Path) -> None:
    found = mapper(
        tmp_path,
        REQUESTS,
        """
  - to: llm_requests_total
    from: hits_total
    where: {code: {match: "2.*"}}
    labels: {model: [other, name]}
""",
    )
    name = 'model"}\nfake_metric 1'
    assert run(found, {one("hits_total", name=name, code="2\n0"): 3.0}) == {one("llm_requests_total", model=name): 3.0}


def test_select_relabel_and_sum(tmp_path: Path) -> None:
    found = mapper(
        tmp_path,
        REQUESTS,
        """
  - to: llm_requests_total
    from: hits_total
    where: {code: {match: "2.."}}
    labels: {model: name}
    set: {status: success}
  - to: llm_requests_total
    from: hits_total
    where: {code: {not_match: "2.."}, name: {not: [x, y]}}
    set: {status: error}""",
    )
    samples = {
        one("hits_total", name="a", code="200", who="1"): 3.0,
        one("hits_total", name="a", code="204", who="2"): 4.0,
        one("hits_total", name="a", code="500"): 5.0,
        one("hits_total", name="x", code="500"): 9.0,
        one("hits_total"): 1.0,
    }
    assert run(found, samples) == {
        one("llm_requests_total", model="a", status="success"): 7,
        one("llm_requests_total", status="error"): 6,
    }


def test_identity_and_gateway_stand_on_every_canonical_series(tmp_path: Path) -> None:
    for given_name, expected in (({}, "host:1"), ({"gateway": "front"}, "front")):
        found = mapper(tmp_path, REQUESTS, "  - {to: llm_requests_total, from: hits_total}", **given_name)
        mapped = found.apply(Layout((one("hits_total", job="other"),)), np.array([1.0]))
        assert mapped.layout.series[-1] == labels({**IDENTITY, "gateway": expected}, "llm_requests_total")


def test_missing_stays_missing_and_the_layout_the_same_object(tmp_path: Path) -> None:
    found = mapper(tmp_path, REQUESTS, "  - {to: llm_requests_total, from: hits_total}")
    nothing = Layout((one("other"),))
    assert found.apply(nothing, np.array([1.0])).layout is nothing
    layout = Layout((one("hits_total"),))
    first: list[Mapped] = [found.apply(layout, np.array([value])) for value in (1.0, 2.0)]
    assert first[0].layout is first[1].layout
    assert [mapped.values[-1] for mapped in first] == [1, 2]


def test_the_first_of_several_names_wins_for_each_series(tmp_path: Path) -> None:
    metrics = f"{REQUESTS.replace('hits_total', 'new_total')}\n{REQUESTS.replace('hits_total', 'old_total')}"
    found = mapper(
        tmp_path, metrics, "  - {to: llm_requests_total, from: [new_total, old_total], labels: {model: [name, n]}}"
    )
    samples = {one("old_total", n="a"): 1.0, one("old_total", n="b"): 2.0, one("new_total", name="a", n="c"): 5.0}
    assert run(found, samples) == {one("llm_requests_total", model="a"): 5, one("llm_requests_total", model="b"): 2}


def test_values_can_be_scaled_compared_fixed_and_aggregated(tmp_path: Path) -> None:
    found = mapper(
        tmp_path,
        """
  - {name: state, type: gauge, aggregate: max, canonical: [llm_provider_health, llm_model_status, llm_model_info]}
  - {name: wait_ms, type: gauge, aggregate: max, canonical: [llm_queue_depth, llm_active_requests]}""",
        """
  - {to: llm_provider_health, from: state, not_equals: 2, aggregate: max}
  - {to: llm_model_status, from: state, equals: 1, aggregate: min, set: {status: degraded}}
  - {to: llm_model_info, from: state, value: 1, labels: {model: m}}
  - {to: llm_queue_depth, from: wait_ms, scale: 0.001, aggregate: mean}
  - {to: llm_active_requests, from: wait_ms, labels: {model: {from: m, match: "[^.]*[.](.*)", replace: "is $1"}}}""",
    )
    samples = {
        one("state", m="a"): 2.0,
        one("state", m="b"): 1.0,
        one("wait_ms", m="x.y"): 1500.0,
        one("wait_ms", m="z"): 500.0,
    }
    assert run(found, samples) == {
        one("llm_provider_health"): 1,
        one("llm_model_status", status="degraded"): 0,
        one("llm_model_info", model="a"): 1,
        one("llm_model_info", model="b"): 1,
        one("llm_queue_depth"): 1,
        one("llm_active_requests", model="is y"): 1500,
        one("llm_active_requests"): 500,
    }


def test_a_list_under_set_gives_one_series_each_and_quality_stands_beside(tmp_path: Path) -> None:
    found = mapper(
        tmp_path, REQUESTS, "  - {to: llm_requests_total, from: hits_total, set: {status: [a, b]}, quality: guessed}"
    )
    assert run(found, {one("hits_total"): 2.0}) == {
        one("llm_requests_total", status="a"): 2,
        one("llm_requests_total", status="b"): 2,
        one("inferdeck_quality", family="llm_requests_total", quality="estimated", reason="guessed"): 1,
    }


def histogram(counts: Mapping[float, float], **more: str) -> dict[Labels, float]:
    found = {one("took_bucket", le=le_text(bound), **more): value for bound, value in counts.items()}
    return {**found, one("took_sum", **more): 12.5, one("took_count", **more): max(counts.values())}


TOOK = "  - {name: took, type: histogram, canonical: llm_request_duration_seconds}"
TO_DURATION = "  - {to: llm_request_duration_seconds, from: took, histogram: true, labels: {model: m}}"


def buckets(found: Mapping[Labels, float]) -> dict[float, float]:
    return {
        float(get(series, "le")): value
        for series, value in found.items()
        if metric_name(series) == f"{DURATION}_bucket"
    }


def test_coinciding_bounds_are_exact_and_not_said_to_be_estimated(tmp_path: Path) -> None:
    counts = {bound: float(number) for number, bound in enumerate((*LADDERS[DURATION], math.inf), 1)}
    found = run(
        mapper(tmp_path, TOOK, TO_DURATION), {**histogram(counts, m="a", u="1"), **histogram(counts, m="a", u="2")}
    )
    assert buckets(found) == {bound: 2 * value for bound, value in counts.items()}
    assert found[one(f"{DURATION}_count", model="a")] == 2 * max(counts.values())
    assert found[one(f"{DURATION}_sum", model="a")] == 25
    assert not any(metric_name(series) == "inferdeck_quality" for series in found)


def test_other_bounds_are_interpolated_and_said_to_be_estimated(tmp_path: Path) -> None:
    found = run(mapper(tmp_path, TOOK, TO_DURATION), histogram({0.2: 4.0, 1.0: 12.0, 7.0: 18.0, math.inf: 20.0}))
    got = buckets(found)
    assert got[0.05] == pytest.approx(1.0)
    assert got[0.5] == pytest.approx(4 + 8 * 0.3 / 0.8)
    assert got[1.0] == 12
    assert got[5.0] == pytest.approx(12 + 6 * 4 / 6)
    assert got[600.0] == 18
    assert got[math.inf] == 20
    assert one("inferdeck_quality", family=DURATION, quality="estimated", reason="bucket_layout") in found


def test_children_with_different_bounds_are_added_each_by_its_own(tmp_path: Path) -> None:
    samples = {
        **histogram({1.0: 4.0, math.inf: 4.0}, u="old"),
        **histogram({0.5: 2.0, 1.0: 6.0, math.inf: 6.0}, u="new"),
    }
    got = buckets(run(mapper(tmp_path, TOOK, TO_DURATION), samples))
    assert (got[0.5], got[1.0], got[math.inf]) == (4, 10, 10)


def test_a_histogram_without_a_ladder_is_a_catalog_error(tmp_path: Path) -> None:
    metrics, mapping = TOOK.replace(DURATION, "llm_new_seconds"), TO_DURATION.replace(DURATION, "llm_new_seconds")
    with pytest.raises(CatalogError, match="no canonical ladder for histogram llm_new_seconds"):
        mapper(tmp_path, metrics, mapping)


def test_ladders_reach_beyond_the_alert_thresholds() -> None:
    assert max(LADDERS["llm_request_duration_seconds"]) > 120
    assert max(LADDERS["llm_time_to_first_token_seconds"]) > 30
    for ladder in LADDERS.values():
        assert list(ladder) == sorted(set(ladder))


BOUNDS = st.lists(st.floats(0.001, 1000), min_size=1, max_size=12, unique=True).map(sorted)


@given(known=BOUNDS, counts=st.lists(st.integers(0, 1000), min_size=13, max_size=13))
def test_weights_are_never_negative_and_counts_never_fall_along_the_ladder(
    known: list[float], counts: list[int]
) -> None:
    cumulative = dict(zip(known, np.cumsum(counts).tolist(), strict=False))
    last = 0.0
    for bound in LADDERS[DURATION]:
        shares, exact = weights(bound, known)
        assert all(share >= 0 for _, share in shares)
        assert exact == (bound in known)
        value = sum(cumulative[near] * share for near, share in shares)
        assert value >= last - 1e-9
        last = value


@given(
    values=st.lists(st.floats(0, 1e6), min_size=1, max_size=30),
    grown=st.lists(st.floats(0, 10), min_size=30, max_size=30),
    order=st.randoms(),
)
def test_a_sum_never_falls_while_no_member_does_in_whatever_order(
    values: list[float], grown: list[float], order: object
) -> None:
    after = [value + more for value, more in zip(values, grown, strict=False)]
    order.shuffle(after)  # type: ignore[attr-defined]
    starts, ends = np.array([0]), np.array([len(values)])
    assert exact_sums(np.array(after), starts, ends)[0] >= exact_sums(np.array(values), starts, ends)[0]


def test_what_is_no_number_spoils_only_its_own_sum(tmp_path: Path) -> None:
    found = mapper(tmp_path, REQUESTS, "  - {to: llm_requests_total, from: hits_total, labels: {model: m}}")
    infinite = float("inf")
    samples = {one("hits_total", m="a", u="1"): float("nan"), one("hits_total", m="a", u="2"): 1.5}
    samples |= {
        one("hits_total", m="b", u="1"): infinite,
        one("hits_total", m="b", u="2"): -infinite,
        one("hits_total", m="c"): 2,
    }
    got = run(found, samples)
    assert math.isnan(got[one("llm_requests_total", model="a")])
    assert math.isnan(got[one("llm_requests_total", model="b")])
    assert got[one("llm_requests_total", model="c")] == 2


@pytest.mark.parametrize(
    "name", ["litellm/samples/metrics_1.106.2_traffic.txt.gz", "vllm/samples/0.16.0-families.txt.gz"]
)
def test_a_layout_that_grew_is_mapped_as_if_it_were_new(name: str) -> None:
    known = catalog.load(name.split("/", maxsplit=1)[0])
    body = gzip.decompress((Path(catalog.FOLDER) / name).read_bytes())
    every = list(ExpositionParser(()).parse_sync(body, "text/plain").layout.series)
    chance = Random(7)
    lasting = Mapper(known, IDENTITY)
    for _ in range(4):
        chance.shuffle(every)
        # Cut now and then, as after a restart of the target.
        for size in (0, *sorted(chance.randrange(len(every)) for _ in range(4)), len(every), len(every) // 2):
            layout, values = Layout(tuple(every[:size])), np.arange(size, dtype=np.float64)
            grown, anew = lasting.apply(layout, values), Mapper(known, IDENTITY).apply(layout, values)
            assert grown.layout.series == anew.layout.series
            assert grown.values.tobytes() == anew.values.tobytes()
