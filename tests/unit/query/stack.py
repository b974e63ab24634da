"""A small stack written into the slow obvious store: two gateways, an engine, a Redis, a host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from inferdeck import __version__
from inferdeck.model.answers import Number, Own, RemoteWrite, StoreState, number
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.model.target import Health, TargetKey, TargetState
from inferdeck.query.status import Surroundings
from inferdeck.store.metrics.memory import MemoryStore

NOW_MS = 1_800_000_000_000
STEP_MS = 15_000


def series(name: str, /, **pairs: str) -> Labels:
    """Return a series of the environment "default"."""
    return labels({"environment": "default", **pairs}, name)


def filled(values: Mapping[Labels, Iterable[float]], target: str = "t", end_ms: int = NOW_MS) -> MemoryStore:
    """Return a store in which the last value of each series stands at `end_ms`, the others 15 s before each other."""
    store = MemoryStore()
    add(store, values, target, end_ms)
    return store


def add(store: MemoryStore, values: Mapping[Labels, Iterable[float]], target: str = "t", end_ms: int = NOW_MS) -> None:
    """Write series of equal length."""
    table = np.array([list(row) for row in values.values()], dtype=np.float64)
    layout = Layout(tuple(values))
    for column in range(table.shape[1]):
        stamp = end_ms - (table.shape[1] - 1 - column) * STEP_MS
        store.append(Scrape(target, stamp, layout, np.ascontiguousarray(table[:, column])))


def counter(per_second: float, samples: int = 21) -> list[float]:
    """Return a counter that grows evenly over five minutes."""
    return [1000.0 + per_second * 15 * index for index in range(samples)]


def state(job: str, instance: str, **changes: object) -> TargetState:
    """Return a target that is up."""
    given: dict[str, object] = {
        "key": TargetKey(job, instance, "default"),
        "name": instance,
        "url": f"http://{instance}",
        "origin": "configured",
        "health": Health.UP,
        "last_success_ms": NOW_MS - 2000,
        "last_duration_seconds": 0.012,
        "collections_total": 10,
        **changes,
    }
    return TargetState(**given)  # type: ignore[arg-type]


def around(
    *states: TargetState,
    writing: bool = True,
    trouble: str = "",
    quarantined: int = 0,
    remote_write: tuple[RemoteWrite, ...] = (),
) -> Surroundings:
    """Return surroundings at NOW_MS."""
    n = number(1.0, "count")
    store = StoreState("/data", writing, trouble, n, n, n, n, number(quarantined, "count"))
    own = Own(__version__, 1, 0.0, "http://x", n, n, n, n, n)
    return Surroundings(NOW_MS / 1000, states, (), store, own, remote_write)


def receiver(name: str = "mimir:9009", *, error: str = "", overflow: int = 0, rejected: int = 0) -> RemoteWrite:
    """Return a remote write; with an error it does not send now."""

    def count(value: float) -> Number:
        return number(value, "count")

    return RemoteWrite(
        name=name,
        waiting=number(2e6, "bytes"),
        waiting_samples=count(5000),
        sent=count(120_000),
        rejected=count(rejected),
        overflow=count(overflow),
        damaged=count(0),
        failed=count(3 if error else 0),
        last_success=number(90.0, "seconds"),
        error=error,
        error_age=number(1.0 if error else None, "seconds"),
        sending=not error,
    )
