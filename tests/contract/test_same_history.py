"""Any history of scrapes, bulk writes, erasures, flushes and restarts reads the same from both stores."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inferdeck.errors import StaleStampError
from inferdeck.model.clock import ManualClock
from inferdeck.model.scrape import ABSENT_BITS, NAN_BITS, STALE_BITS, Layout, Scrape
from inferdeck.store.interface import Matcher, MatchOp
from inferdeck.store.metrics.codec import CodecName
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.store.samples import START_MS, content, series

BLOCK_MS = 10_000
CODECS: list[CodecName] = ["pcodec", "zstd"]
SPECIAL = np.array([STALE_BITS, NAN_BITS], dtype=np.uint64).view(np.float64)
stamps = st.integers(0, 40_000).map(lambda offset: START_MS // 86_400_000 * 86_400_000 + 86_380_000 + offset)
"""Twenty seconds to both sides of a midnight, in blocks of ten seconds."""


class SameHistory(RuleBasedStateMachine):
    """Both stores are told the same; the one on disk is flushed and reopened at any moment."""

    @initialize(codec=st.sampled_from(CODECS))
    def start(self, codec: CodecName) -> None:
        self.codec = codec
        self.path = Path(tempfile.mkdtemp(prefix="inferdeck-store-"))
        self.clock = ManualClock(START_MS / 1000)
        self.memory = MemoryStore()
        self.random = np.random.default_rng(7)
        self.layouts: dict[str, Layout] = {}
        self.open()

    def open(self) -> None:
        self.database = MetricDatabase.open(
            self.path, clock=self.clock, block_ms=BLOCK_MS, flush_slice=2, codec=self.codec, reserve_bytes=0
        )

    def values(self, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        values = self.random.integers(0, 5, shape).astype(np.float64)
        values[self.random.random(shape) < 0.2] += 0.25
        marked = self.random.random(shape) < 0.2
        values.view(np.uint64)[marked] = self.random.choice(SPECIAL.view(np.uint64), int(marked.sum()))
        return values

    def layout(self, job: str, wanted: list[int]) -> Layout:
        chosen = tuple(series("metric", job, number=str(i)) for i in dict.fromkeys(wanted))
        if job not in self.layouts or self.layouts[job].series != chosen:
            self.layouts[job] = Layout(chosen)
        return self.layouts[job]

    @rule(
        job=st.sampled_from("ab"),
        wanted=st.lists(st.integers(0, 5), max_size=6),
        stamp=stamps,
        count=st.integers(1, 70),
    )
    def scrapes(self, job: str, wanted: list[int], stamp: int, count: int) -> None:
        of = self.layout(job, wanted)
        for i in range(count):
            one = Scrape(job, stamp + 7 * i, of, self.values(len(of)), bytes([i]) if i % 3 == 0 else None)
            refused = []
            for store in (self.memory, self.database):
                try:
                    store.append(one)
                except StaleStampError:
                    refused.append(store)
            assert len(refused) in (0, 2)
            assert self.memory.carry(job) == self.database.carry(job)

    @rule(
        job=st.sampled_from("abc"),
        wanted=st.lists(st.integers(0, 5), max_size=6),
        times=st.lists(stamps, max_size=8),
    )
    def block(self, job: str, wanted: list[int], times: list[int]) -> None:
        of = self.layout(job, wanted)
        values = self.values(len(of), len(times))
        values.view(np.uint64)[self.random.random(values.shape) < 0.2] = ABSENT_BITS
        for store in (self.memory, self.database):
            store.append_block(job, of, np.array(times, dtype=np.int64), values)

    @rule(job=st.sampled_from("abc"), number=st.integers(0, 5), times=st.lists(stamps, max_size=5))
    def one_series(self, job: str, number: int, times: list[int]) -> None:
        values = self.values(len(times))
        for store in (self.memory, self.database):
            store.append_series(series("metric", job, number=str(number)), np.array(times, dtype=np.int64), values)

    @rule(number=st.integers(0, 5), first=stamps, length=st.integers(0, 30_000))
    def erase(self, number: int, first: int, length: int) -> None:
        only = [Matcher("number", MatchOp.EQUAL, str(number))]
        assert self.memory.erase(only, first, first + length) == self.database.erase(only, first, first + length)

    @rule(seconds=st.sampled_from([0, 0, 100, -100, 100_000]), ticks=st.integers(1, 5))
    def ticks(self, seconds: int, ticks: int) -> None:
        self.clock.jump(seconds)
        for _ in range(ticks):
            self.database.tick()

    @rule()
    def flush(self) -> None:
        self.database.flush_all()

    @rule()
    def restart(self) -> None:
        self.database.close()
        self.open()

    @rule(first=stamps, length=st.integers(0, 30_000))
    def range(self, first: int, length: int) -> None:
        assert content(self.database, [], first, first + length) == content(self.memory, [], first, first + length)

    @invariant()
    def same(self) -> None:
        if hasattr(self, "database"):
            assert content(self.database, []) == content(self.memory, [])

    def teardown(self) -> None:
        if hasattr(self, "database"):
            assert self.database.check().problems == []
            assert self.database.stats().quarantined == 0
            self.database.close()
            shutil.rmtree(self.path)


TestSameHistory = SameHistory.TestCase
TestSameHistory.settings = settings(
    max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
