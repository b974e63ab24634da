"""The vocabulary knows every canonical family that a catalog maps to, with its labels."""

from __future__ import annotations

import pytest

from inferdeck.model.metric import Aggregation
from inferdeck.sources import catalog, registry, vocabulary
from inferdeck.sources.assembly import has_catalog


@pytest.mark.parametrize("kind", [kind for kind in registry.KINDS if has_catalog(kind)])
def test_every_mapping_leads_to_a_family_of_the_vocabulary_and_gives_labels_that_it_names(kind: str) -> None:
    found = catalog.load(kind)
    for mapping in found.mappings:
        known = {one.kind: one for one in vocabulary.find(mapping.to)}["vocabulary"]
        labels = {relabel.label for relabel in mapping.labels} | {label for label, _ in mapping.set}
        assert not {label for label in labels if not known.has(label)}, mapping.to


def test_the_parts_of_a_histogram_are_counters_that_are_summed() -> None:
    (bucket,) = vocabulary.find("llm_request_duration_seconds_bucket")
    assert bucket.is_counter and bucket.aggregation is Aggregation.SUM
    assert bucket.has("le") and bucket.has("model") and bucket.has("environment") and not bucket.has("engine")
    assert not vocabulary.find("llm_request_duration_seconds_total")


def test_a_wrong_name_has_a_nearest_one() -> None:
    assert vocabulary.find("llm_request_total") == ()
    assert vocabulary.nearest("llm_request_total") == "llm_requests_total"
    assert vocabulary.nearest("nothing_like_it") == ""
