"""The same store, obvious and slow, in memory: the second witness of the contract test, and a store for other tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inferdeck.errors import LimitError, StaleStampError
from inferdeck.model.labels import Labels, get
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.store.interface import Block, Matcher
from inferdeck.store.metrics.index import predicate


class MemoryStore:
    """MetricSink and MetricReader over one dictionary: series -> timestamp -> bit pattern. For one thread."""

    def __init__(self) -> None:
        self._samples: dict[Labels, dict[int, int]] = {}
        self._last: dict[str, int] = {}
        self._carry: dict[str, bytes] = {}

    def append(self, scrape: Scrape) -> None:
        """Keep one scrape; raises StaleStampError."""
        last = self._last.get(scrape.target, -1)
        if scrape.timestamp_ms <= last:
            raise StaleStampError(
                f"{scrape.target}: a scrape at {scrape.timestamp_ms} ms is not after the last one, at {last} ms", last
            )
        self._last[scrape.target] = scrape.timestamp_ms
        if scrape.carry is not None:
            self._carry[scrape.target] = scrape.carry
        self._keep(scrape.layout.series, np.array([scrape.timestamp_ms]), scrape.values.reshape(-1, 1))

    def carry(self, target: str) -> bytes | None:
        """Return the repair state stored with the target's last scrape."""
        return self._carry.get(target)

    def append_block(
        self, target: str, layout: Layout, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Keep many scrapes of one target."""
        self._keep(layout.series, timestamps_ms, values)

    def append_series(self, series: Labels, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Keep samples of one series."""
        self._keep((series,), timestamps_ms, np.reshape(values, (1, -1)))

    def erase(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> int:
        """Remove the samples of the matching series from start to end; returns how many there were."""
        removed = 0
        for series in self._matching(matchers):
            samples = self._samples[series]
            gone = [stamp for stamp in samples if start_ms <= stamp <= end_ms]
            removed += len(gone)
            for stamp in gone:
                del samples[stamp]
        return removed

    def _keep(self, series: Sequence[Labels], stamps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        rows = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64).tolist()
        for labels, row in zip(series, rows, strict=True):
            samples = self._samples.setdefault(labels, {})
            samples.update(
                (stamp, bits) for stamp, bits in zip(stamps.tolist(), row, strict=True) if bits != ABSENT_BITS
            )

    def _matching(self, matchers: Sequence[Matcher]) -> Iterable[Labels]:
        tests = [(matcher.name, predicate(matcher)) for matcher in matchers]
        return [series for series in self._samples if all(test(get(series, name)) for name, test in tests)]

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        """Return one dense block per matching series."""
        blocks = []
        total = 0
        for series in self._matching(matchers):
            samples = sorted(pair for pair in self._samples[series].items() if start_ms <= pair[0] <= end_ms)
            total += len(samples)
            if total > max_samples:
                raise LimitError(f"the query reads more than {max_samples:,} samples")
            if samples:
                stamps = np.array([stamp for stamp, _ in samples], dtype=np.int64)
                bits = np.array([[pattern for _, pattern in samples]], dtype=np.uint64)
                blocks.append(Block((series,), stamps, bits.view(np.float64), dense=True))
        return blocks

    def at_hand(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_series: int, max_samples: int
    ) -> list[Block] | None:
        """Return what `select` would, or None past the limits."""
        try:
            blocks = self.select(matchers, start_ms, end_ms, max_samples=max_samples)
        except LimitError:
            return None
        return blocks if len(blocks) <= max_series else None

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        """Return the matching series that have samples in the range."""
        return [block.series[0] for block in self.select(matchers, start_ms, end_ms)]

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of those series."""
        return sorted({name for series in self.series(matchers, start_ms, end_ms) for name, _ in series})

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted values of one label of those series."""
        found = self.series(matchers, start_ms, end_ms)
        return sorted({value for series in found for key, value in series if key == name})
