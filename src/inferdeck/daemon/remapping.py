"""`store remap`: the canonical series rebuilt from the stored native ones, as the catalogs map them today."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from inferdeck.daemon.jobs import Report
from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS, Layout
from inferdeck.model.target import TargetKey
from inferdeck.sources import assembly, catalog, registry
from inferdeck.sources.mapping import Mapper
from inferdeck.store.interface import Block, Matcher, MatchOp
from inferdeck.store.metrics.database import MetricDatabase

SLICE_MS = 2 * 3600 * 1000
_EVER_MS = 1 << 42
_PARTS = ("", "_bucket", "_sum", "_count")
_ABSENT = np.uint64(ABSENT_BITS)
_STALE = np.uint64(STALE_BITS)

OnWriter = Callable[[Callable[[], bool]], "Future[bool]"]
Bits = NDArray[np.uint64]
Named = Sequence[tuple[int, str]]
"""From which stamp on the target's canonical series carried which identity (`gateway: NAME` of the configuration)."""


def remap(database: MetricDatabase, on_writer: OnWriter, now_ms: int, report: Report) -> list[str]:
    """Rebuild everything up to `now_ms`, slice by slice; what is scraped meanwhile is mapped already."""
    oldest = database.stats().oldest_ms
    if oldest is None:
        return ["the store is empty"]
    targets = list(_targets(database, oldest, now_ms))
    starts = range(oldest - oldest % SLICE_MS, now_ms + 1, SLICE_MS)
    written = 0
    for index, key in enumerate(targets):
        known = catalog.load(key.job)
        names = sorted({f"{mapping.to}{part}" for mapping in known.mappings for part in _PARTS})
        for place, start in enumerate(starts):
            report((index + place / len(starts)) / len(targets), key.id)
            end = min(start + SLICE_MS - 1, now_ms)
            written += _slice(database, on_writer, key, known, names, start, end)
    return [f"{len(targets)} targets mapped anew, {written} canonical samples written"]


def _targets(database: MetricDatabase, start_ms: int, end_ms: int) -> Iterator[TargetKey]:
    kinds = [kind for kind in registry.KINDS if assembly.has_catalog(kind) and catalog.load(kind).mappings]
    up = [Matcher("__name__", MatchOp.EQUAL, "up"), Matcher("job", MatchOp.MATCH, "|".join(kinds))]
    for series in sorted(database.series(up, start_ms, end_ms)):
        yield TargetKey(get(series, "job"), get(series, "instance"), get(series, "environment"))


def _slice(
    database: MetricDatabase,
    on_writer: OnWriter,
    key: TargetKey,
    known: catalog.Catalog,
    names: list[str],
    start_ms: int,
    end_ms: int,
) -> int:
    own = [
        Matcher("job", MatchOp.EQUAL, key.job),
        Matcher("instance", MatchOp.EQUAL, key.instance),
        Matcher("environment", MatchOp.EQUAL, key.environment),
    ]
    pattern = "|".join(names)
    native = database.select([*own, Matcher("__name__", MatchOp.NOT_MATCH, pattern)], start_ms, end_ms)
    canonical = [Matcher("__name__", MatchOp.MATCH, pattern), *own]
    named = _named(database, canonical, known.identity, start_ms, end_ms)
    rebuilt = [mapped(block, known, named) for block in native]

    def write() -> bool:
        database.erase(canonical, start_ms, end_ms)
        for layout, stamps, bits in rebuilt:
            if len(layout):
                database.append_block(key.id, layout, stamps, bits.view(np.float64))
        return True

    on_writer(write).result()
    return sum(int(((bits != _ABSENT) & (bits != _STALE)).sum()) for _, _, bits in rebuilt)


def _named(
    database: MetricDatabase, canonical: list[Matcher], identity: str | None, start_ms: int, end_ms: int
) -> Named:
    """No native series tells the configured identity, so it is taken from the canonical ones before they are erased.

    A slice without canonical series takes that of the whole history, where it is one and the same.
    """
    if not identity:
        return []
    first: dict[str, int] = {}
    for block in database.select(canonical, start_ms, end_ms):
        there = np.ascontiguousarray(block.values).view(np.uint64) != _ABSENT
        for row, series in enumerate(block.series):
            if (name := get(series, identity)) and there[row].any():
                stamp = int(block.timestamps_ms[there[row].argmax()])
                first[name] = min(stamp, first.get(name, stamp))
    if first:
        return sorted((stamp, name) for name, stamp in first.items())
    always = {get(series, identity) for series in database.series(canonical, 0, _EVER_MS)} - {""}
    return [(0, always.pop())] if len(always) == 1 else []


def mapped(block: Block, known: catalog.Catalog, named: Named = ()) -> tuple[Layout, NDArray[np.int64], Bits]:
    """Return the canonical series of native ones on the same grid; a series that ends gets its stale mark."""
    cells = np.ascontiguousarray(block.values).view(np.uint64)
    there = (cells != _ABSENT) & (cells != _STALE)
    rows: dict[Labels, int] = {}
    columns: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
    plans: dict[tuple[bytes, str], tuple[Layout, NDArray[np.intp], Mapper]] = {}
    for column in range(cells.shape[1]):
        name = _name_at(named, int(block.timestamps_ms[column]))
        mask = (np.packbits(there[:, column]).tobytes(), name)
        if mask not in plans:
            present = np.flatnonzero(there[:, column])
            layout = Layout(tuple(block.series[row] for row in present))
            plans[mask] = (layout, present, Mapper(known, _constants(known, name, layout)))
        layout, present, mapper = plans[mask]
        found = mapper.apply(layout, block.values[present, column])
        added = found.layout.series[len(layout) :]
        places = np.array([rows.setdefault(series, len(rows)) for series in added], dtype=np.intp)
        columns.append((places, found.values[len(layout) :]))
    bits = np.full((len(rows), cells.shape[1]), _ABSENT, dtype=np.uint64)
    for column, (places, values) in enumerate(columns):
        bits[places, column] = np.ascontiguousarray(values).view(np.uint64)
    ended = (bits[:, 1:] == _ABSENT) & (bits[:, :-1] != _ABSENT)
    bits[:, 1:][ended] = _STALE
    return Layout(tuple(rows)), block.timestamps_ms, bits


def _name_at(named: Named, stamp_ms: int) -> str:
    before = [name for first, name in named if first <= stamp_ms]
    return before[-1] if before else named[0][1] if named else ""


def _constants(known: catalog.Catalog, name: str, layout: Layout) -> dict[str, str]:
    """Return what assembly gives the mapper while collecting: the configured identity under the target's labels."""
    return {**({known.identity: name} if known.identity and name else {}), **_shared(layout)}


def _shared(layout: Layout) -> dict[str, str]:
    """Return the labels that every series has, which are those of the target."""
    if not layout.series:
        return {}
    own = next((s for s in layout.series if metric_name(s) == "up"), layout.series[0])
    return {name: value for name, value in own if name != "__name__"}
