"""Catalog files: what they may say, and how each mistake is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.errors import CatalogError
from inferdeck.model.metric import Aggregation, MetricType
from inferdeck.sources import catalog
from inferdeck.sources.catalog import ClaimKind

GOOD = """\
kind: planted
title: Planted
identity: gateway
metrics:
  - {name: hits_total, type: counter, labels: [user], canonical: llm_requests_total, aliases: [{name: old_hits_total}]}
  - {name: load, type: gauge, aggregate: max, unmapped: no counterpart}
  - {name: secret, type: gauge, unmapped: one per key, store: false}
  - {name: "inner_*_latency", type: histogram, unmapped: inner}
fold: [{label: user}]
drop: ["*_created"]
mappings:
  - {to: llm_requests_total, from: [hits_total, old_hits_total], set: {status: success}, where: {user: {not: x}}}
"""


def read(folder: Path, text: str) -> catalog.Catalog:
    path = folder / "catalog.yaml"
    path.write_text(text)
    return catalog.read(path)


@pytest.mark.parametrize(
    ("family", "kind", "reason"),
    [
        ("hits_total", ClaimKind.METRIC, ""),
        ("hits", ClaimKind.METRIC, ""),
        ("old_hits", ClaimKind.ALIAS, ""),
        ("load", ClaimKind.UNMAPPED, "no counterpart"),
        ("secret", ClaimKind.DROPPED, "one per key"),
        ("hits_created", ClaimKind.DROPPED, "a name that is never stored"),
        ("inner_redis_latency", ClaimKind.UNMAPPED, "inner"),
        ("python_gc_objects_collected_total", ClaimKind.UNMAPPED, "about the process itself, used under its own name"),
        ("go_goroutines", ClaimKind.UNMAPPED, "about the process itself, used under its own name"),
        ("nobody_knows", ClaimKind.UNCLAIMED, ""),
    ],
)
def test_a_wire_name_is_answered(tmp_path: Path, family: str, kind: ClaimKind, reason: str) -> None:
    claim = read(tmp_path, GOOD).claim(family)
    assert (claim.kind, claim.reason) == (kind, reason)


def test_a_sample_belongs_to_its_family_and_part(tmp_path: Path) -> None:
    known = read(tmp_path, GOOD)
    metric, part = known.sample("inner_redis_latency_bucket")
    assert metric is not None
    assert (metric.descriptor.type, part) == (MetricType.HISTOGRAM, "_bucket")
    start, _ = known.sample("process_start_time_seconds")
    assert start is not None
    assert start.descriptor.aggregation is Aggregation.MAX
    assert known.sample("load_sum") == (None, "")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("unmapped: no counterpart", "unmaped: x", '6: metrics[1].unmaped: unknown key, did you mean "unmapped"?'),
        ("type: gauge, aggregate: max", "type: gouge", "6: metrics[1].type: Input should be 'counter'"),
        (", unmapped: no counterpart", "", "6: metrics[1].name: load wants canonical, or unmapped with the reason"),
        (
            "unmapped: no counterpart",
            "canonical: llm_active_requests",
            "load says canonical llm_active_requests, but no mapping leads there",
        ),
        ("[hits_total, old_hits_total]", "lost_total", "12: mappings[0].from: lost_total is no metric of this catalog"),
        ("[hits_total, old_hits_total]", "secret", "secret is not stored, so nothing can be computed from it"),
        ("aggregate: max, unmapped", "labels: [user], unmapped", "load has the folded label user: it wants aggregate"),
        (
            "to: llm_requests_total",
            "to: requests_total",
            'requests_total is not a canonical name, they begin with "llm_"',
        ),
        ("not: x", "match: '(x'", "in a regular expression"),
        ("set: {status: success}", "scale: 2, equals: 3", "only one of scale, equals"),
        ("set: {status: success}", "aggregate: none", "aggregate must be sum, mean, max or min"),
        ("kind: planted", "kind: [planted", "catalog.yaml:"),
        ("aggregate: max, unmapped", "aggregate: max, bounds: [1, 2], unmapped", "only a histogram has bounds"),
        ("type: gauge, aggregate: max", "type: histogram, bounds: [1, 3, 2]", "bounds must rise"),
        (
            "canonical: llm_requests_total",
            "canonical: llm_requests_total, unmapped: y",
            "hits_total has canonical and unmapped",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in GOOD
    with pytest.raises(CatalogError) as caught:
        read(tmp_path, GOOD.replace(before, after, 1))
    assert "catalog.yaml" in str(caught.value)
    assert message in str(caught.value)


def test_two_mappings_that_could_give_one_series_are_refused(tmp_path: Path) -> None:
    again = "  - {to: llm_requests_total, from: hits_total, set: {status: STATUS}}\n"
    read(tmp_path, GOOD + again.replace("STATUS", "error"))
    with pytest.raises(CatalogError, match="need a label under set that differs"):
        read(tmp_path, GOOD + again.replace("STATUS", "success"))


def test_a_missing_file_is_a_catalog_error() -> None:
    with pytest.raises(CatalogError, match=r"sources/nothing/catalog\.yaml: cannot be read"):
        catalog.load("nothing")


def test_every_catalog_of_ours_is_right() -> None:
    kinds = [path.parent.name for path in Path(catalog.FOLDER).glob("*/catalog.yaml")]
    assert {"litellm", "llamacpp", "redis", "host"} <= set(kinds)
    for kind in kinds:
        assert catalog.load(kind).kind == kind
