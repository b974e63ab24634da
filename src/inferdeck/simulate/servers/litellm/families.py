"""The metrics of a proxy, as declared when it starts: type, name, labels and help from the files beside this one."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from inferdeck.simulate.servers.litellm.dialect import DEFAULT_BUCKETS, Dialect
from inferdeck.simulate.table import Family, Table

PER_OUTPUT = "litellm_deployment_latency_per_output_token"
_REDIS = "litellm_redis_circuit_breaker"
_UNCREATED = ("python_gc_", "process_")
"""Collectors of prometheus_client itself, which have no `_created`."""


def declare(table: Table, dialect: Dialect, *, redis: bool) -> dict[str, Family]:
    """Declare all families of a dialect in their order and return them by name; `redis`: also its breaker's."""
    found = {}
    for kind, name, labels, text in _rows(dialect.families):
        if name.startswith(_REDIS) and not redis:
            continue
        found[name] = _one(table, dialect, kind, name, labels, text)
    return found


def _one(table: Table, dialect: Dialect, kind: str, name: str, labels: tuple[str, ...], text: str) -> Family:
    if kind == "histogram":
        bounds = DEFAULT_BUCKETS if name == PER_OUTPUT else dialect.buckets
        return table.histogram(name, bounds, text, labels, created=True)
    if kind == "counter":
        return table.counter(name, text, labels, created=not name.startswith(_UNCREATED))
    return table.gauge(name, text, labels)


@cache
def _rows(name: str) -> tuple[tuple[str, str, tuple[str, ...], str], ...]:
    lines = (files(__package__) / name).read_text("utf-8").splitlines()
    return tuple(
        (kind, metric, tuple(filter(None, labels.split(","))), text)
        for kind, metric, labels, text in (line.split("\t") for line in lines)
    )
