"""A table's text against that of Prometheus' own Python client."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from inferdeck.simulate.table import Table, number

_CREATED = re.compile(r"(_created(?:\{.*\})?) \S+")
_VALUES = st.floats(0, 1e9) | st.integers(0, 10**12).map(float)


@given(st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["x", "y"]), _VALUES), max_size=8))
def test_python_style_is_what_prometheus_client_writes(seen: list[tuple[str, str, float]]) -> None:
    registry, table = CollectorRegistry(), Table(python=True)
    labels = ("zone", "host")
    counter = Counter("asked", "How\nmany \\ ", labels, registry=registry)
    gauge = Gauge("level", "Level", labels, registry=registry)
    histogram = Histogram("took_seconds", "Time", labels, registry=registry, buckets=(0.1, 1.0, 2_500_000.0))
    empty = Counter("never", "Not once", labels, registry=registry)
    own = (
        table.counter("asked_total", "How\nmany \\ ", labels, created=True),
        table.gauge("level", "Level", labels),
        table.histogram("took_seconds", (0.1, 1.0, 2_500_000.0), "Time", labels, created=True),
    )
    table.counter("never_total", "Not once", labels, created=True)
    for zone, host, value in seen:
        counter.labels(zone, host).inc(value)
        gauge.labels(zone, host).set(value)
        histogram.labels(zone, host).observe(value)
        own[0].inc((zone, host), value)
        own[1].set(value, (zone, host))
        own[2].observe(value, (zone, host))
    assert empty is not None
    real = generate_latest(registry).decode()
    assert _CREATED.sub(r"\1", table.text()) == _CREATED.sub(r"\1", real)


def test_created_is_the_time_at_which_a_child_began() -> None:
    table = Table(python=True)
    family = table.counter("asked_total", "", ("who",), created=True)
    table.now = 1_795_219_200.5
    family.inc(("a",))
    table.now += 10.0
    family.inc(("a",))
    assert 'asked_created{who="a"} 1.7952192005e+09' in table.text()
    assert list(table.values) == [2.0, 1_795_219_200.5]


def test_numbers_are_those_of_a_go_program_from_a_million_on() -> None:
    assert [number(value) for value in (0.0, 100_000.0, 1_000_000.0, 2_085_412_864.0, 9.223372036854776e18)] == [
        *("0.0", "100000.0", "1e+06", "2.085412864e+09", "9.223372036854776e+18")
    ]
