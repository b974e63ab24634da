"""What the store's tests share: layouts, scrapes, and a store's whole content as a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.store.interface import Block, Matcher, MatchOp, MetricReader

START_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 36_000_000
HOUR_MS = 3_600_000
FOREVER = 2**41
EVERYTHING = (Matcher("job", MatchOp.MATCH, ".*"),)

Content = dict[tuple[Labels, int], int]
"""(series, timestamp) -> bit pattern."""


def series(name: str, job: str = "test", **more: str) -> Labels:
    """Return one identity."""
    return labels({"job": job, "instance": "here:1", **more}, name)


def layout(count: int, job: str = "test", first: int = 0) -> Layout:
    """Return a layout of `count` series of one family."""
    return Layout(tuple(series("metric_total", job, number=str(i)) for i in range(first, first + count)))


def scrape(target: str, stamp: int, of: Layout, values: Sequence[float] | NDArray[np.float64]) -> Scrape:
    """Return a scrape with these values."""
    return Scrape(target, stamp, of, np.asarray(values, dtype=np.float64))


def content(
    store: MetricReader, matchers: Sequence[Matcher] = EVERYTHING, start: int = 0, end: int = FOREVER
) -> Content:
    """Return all samples of a store; fails where one is there twice, out of range or out of order."""
    return of_blocks(store.select(matchers, start, end), start, end)


def of_blocks(blocks: Iterable[Block], start: int = 0, end: int = FOREVER) -> Content:
    """Return all samples of these blocks; fails as `content` does."""
    found: Content = {}
    for block in blocks:
        bits = block.values.view(np.uint64)
        assert bits.shape == (len(block.series), block.timestamps_ms.size)
        assert (np.diff(block.timestamps_ms) > 0).all()
        assert block.dense == (not (bits == ABSENT_BITS).any())
        for labels_, row in zip(block.series, bits.tolist(), strict=True):
            for stamp, pattern in zip(block.timestamps_ms.tolist(), row, strict=True):
                if pattern != ABSENT_BITS:
                    assert (labels_, stamp) not in found
                    assert start <= stamp <= end
                    found[labels_, stamp] = pattern
    return found


class Whole:
    """The same store, which always gives every sample."""

    def __init__(self, reader: MetricReader) -> None:
        self._reader = reader
        self.series = reader.series
        self.label_names = reader.label_names
        self.label_values = reader.label_values

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        return self._reader.select(matchers, start_ms, end_ms, max_samples=max_samples)
