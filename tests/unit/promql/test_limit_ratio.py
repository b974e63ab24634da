"""limit_ratio chooses by the hash of the bytes that Prometheus' release builds keep of a series' labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xxhash

from inferdeck.model.labels import Labels, labels
from inferdeck.query.promql.engine import Engine
from inferdeck.store.metrics.memory import MemoryStore

SERIES = [
    (labels({}, "up"), b"\x08__name__\x02up"),
    (labels({"job": "api", "instance": "gw:1"}, "up"), b"\x08__name__\x02up\x08instance\x04gw:1\x03job\x03api"),
    # A length counts bytes, and takes four of them from 255 on.
    (labels({"job": "größe"}, "up"), b"\x08__name__\x02up\x03job\x07gr\xc3\xb6\xc3\x9fe"),
    (labels({"job": "x" * 254}, "up"), b"\x08__name__\x02up\x03job\xfe" + b"x" * 254),
    (labels({"job": "x" * 300}, "up"), b"\x08__name__\x02up\x03job\xff\x2c\x01\x00" + b"x" * 300),
]


def test_the_hash_is_xxh64_without_a_seed() -> None:
    # The first test vectors of the algorithm's description.
    assert xxhash.xxh64_intdigest(b"") == 0xEF46DB3751D8E999
    assert xxhash.xxh64_intdigest(b"a") == 0xD24EC4F1A98C6E5B


@pytest.mark.parametrize(("series", "data"), SERIES, ids=range(len(SERIES)))
def test_a_series_is_chosen_from_its_place_on(series: Labels, data: bytes) -> None:
    store = MemoryStore()
    store.append_series(series, np.array([0]), np.array([1.0]))
    engine = Engine(store)
    place = xxhash.xxh64_intdigest(data) / float(2**64 - 1)
    above = math.nextafter(place, 2.0)
    assert 0.0 < place < 1.0
    assert not engine.instant(f"limit_ratio({place!r}, up)", 0).series
    assert engine.instant(f"limit_ratio({above!r}, up)", 0).series == (series,)
    assert engine.instant(f"limit_ratio({place - 1 - 1e-9!r}, up)", 0).series == (series,)
    assert not engine.instant(f"limit_ratio({place - 1 + 1e-9!r}, up)", 0).series
