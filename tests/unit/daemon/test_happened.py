"""What sources tell arrives in the store once, masked, off the loop, also when the store fails for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inferdeck.config.schema import TargetConfig
from inferdeck.daemon import happened as module
from inferdeck.daemon.happened import RETRY_SECONDS, Happened
from inferdeck.daemon.own_series import INTERVAL_SECONDS, NAME, SHOWN_SECONDS, OwnSeries
from inferdeck.errors import StoreFullError
from inferdeck.model.annotations import Asked, Draft
from inferdeck.model.clock import ManualClock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import labels
from inferdeck.model.scrape import STALE_BITS, Layout
from inferdeck.model.target import TargetKey
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.state.database import StateDatabase
from tests.unit.sources.endpoint import MemorySink

NOW = 1_800_000_000.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[StateDatabase]:
    found = StateDatabase.open(tmp_path / "state.db", clock=clock)
    yield found
    found.close()


class Teller:
    """A source that tells what happened, and the last of it again and again."""

    kind = "docker"
    instance = "d"
    probes: Sequence[Probe] = ()

    def __init__(self) -> None:
        self.calls = 0
        self._layout = Layout((labels({"instance": "d"}, "m"),))

    async def collect(self, now: float) -> Collected:
        self.calls += 1
        told = (Happening(NOW - 5, "restart", "vllm", "vllm was restarted", "default/docker/d", {"image": "a"}),)
        return Collected(self._layout, np.array([1.0]), happenings=told)

    async def aclose(self) -> None:
        """Hold nothing."""


async def test_what_a_source_tells_is_kept_once(store: StateDatabase, clock: ManualClock) -> None:
    sink = MemorySink()
    writer = SinkWriter(sink)
    taking = Happened(store, clock)
    runner = Runner(clock, writer, taking.told)
    source = Teller()
    key = TargetKey("docker", "d", "prod")
    runner.add(Target(key, source, TargetConfig.model_validate({}), "unix:///d", ()))
    noting = asyncio.ensure_future(taking.keep_noting())
    runner.start()
    async with asyncio.timeout(30):
        while source.calls < 3 or not store.events(Asked()).total:
            await clock.advance(5.0)
            await asyncio.sleep(0.01)
    await runner.stop()
    noting.cancel()
    await taking.flush()
    writer.close()
    kept = store.events(Asked()).items
    assert [(one.kind, one.subject, one.environment, one.facts) for one in kept] == [
        ("restart", "vllm", "prod", {"image": "a"})
    ]


async def test_a_full_disk_makes_events_wait(
    store: StateDatabase, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking = Happened(store, clock)
    note, refused = store.note, 0

    def full(happenings: object) -> int:
        nonlocal refused
        refused += 1
        raise StoreFullError("state.db: cannot be written")

    monkeypatch.setattr(store, "note", full)
    noting = asyncio.ensure_future(taking.keep_noting())
    taking.told("default", [Happening(NOW + one, "oom", "x", "y") for one in range(700)])
    async with asyncio.timeout(30):
        while refused < 3:
            await clock.advance(RETRY_SECONDS)
            await asyncio.sleep(0.01)
    monkeypatch.setattr(store, "note", note)
    async with asyncio.timeout(30):
        while store.events(Asked()).total < 700:
            await clock.advance(RETRY_SECONDS)
            await asyncio.sleep(0.01)
    assert taking.lost == 0
    noting.cancel()
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    small = Happened(store, clock)
    monkeypatch.setattr(store, "note", full)
    small._waiting = type(small._waiting)(maxlen=10)
    small.told("default", [Happening(NOW + one, "oom", "z", "y") for one in range(25)])
    assert not await small.flush()
    assert small.lost == 15
    monkeypatch.setattr(store, "note", note)
    assert await small.flush()
    assert [one.time for one in store.events(Asked(subject="z")).items] == [NOW + one for one in range(24, 14, -1)]


async def test_what_has_no_time_takes_nothing_with_it(store: StateDatabase, clock: ManualClock) -> None:
    taking = Happened(store, clock)
    times = (float("nan"), float("inf"), -1.0, 1e300, NOW)
    taking.told("default", [Happening(time, "start", "x", "y") for time in times])
    assert await taking.flush()
    assert [one.time for one in store.events(Asked()).items] == [NOW]


async def test_no_secret_and_no_broken_text_is_kept(store: StateDatabase, clock: ManualClock, tmp_path: Path) -> None:
    taking = Happened(store, clock, lambda text: text.replace("own-planted", "•••"))
    facts = {"OPENAI_API_KEY": "planted-fact", "password": "planted-fact-2", "note": "own-planted", "n": "\ud800"}
    text = "failed: Authorization: Bearer planted-bearer-123 at https://u:planted-url@h/ own-planted"
    taking.told("default", [Happening(NOW, "start", "x" * 9999, text, "s", facts)])
    assert await taking.flush()
    kept = store.events(Asked()).items[0]
    assert "planted" not in repr(kept)
    assert kept.facts["n"] == "?" and len(kept.subject) == 500
    store.close()
    assert not any(b"planted" in path.read_bytes() for path in tmp_path.iterdir())


async def test_events_and_annotations_are_series_until_they_are_old(store: StateDatabase, clock: ManualClock) -> None:
    sink = MemorySink()
    writer = SinkWriter(sink)
    series = OwnSeries(store, writer, clock, "127.0.0.1:4633", "default")
    await series.write()
    assert sink.scrapes == []
    happening = Happening(NOW - 10, "deployment", "vllm", "t", "default/docker/d")
    store.note(
        [(happening, "prod"), (replace(happening, time=NOW - 5), "prod"), (replace(happening, kind="xid"), "prod")]
    )
    store.annotate(Draft("rolled out", NOW - 3, kind="note", tags=("a", "b"), environment="default"))
    await clock.advance(INTERVAL_SECONDS)
    await series.write()
    own = {"instance": "127.0.0.1:4633", "job": "inferdeck"}
    event = {"environment": "prod", "kind": "deployment", "source": "default/docker/d", "subject": "vllm"}
    note = {"environment": "default", "kind": "note", "source": "annotation", "subject": "rolled out", "tags": "a, b"}
    wanted = {labels({**own, **event}, NAME): NOW - 5, labels({**own, **note}, NAME): NOW - 3}
    last = sink.scrapes[-1]
    assert dict(zip(last.layout.series, last.values.tolist(), strict=True)) == wanted
    await clock.advance(INTERVAL_SECONDS)
    await series.write()
    assert sink.scrapes[-1].layout is last.layout
    store.delete_annotation(1)
    await clock.advance(INTERVAL_SECONDS)
    await series.write()
    ended = sink.scrapes[-1]
    bits = dict(zip(ended.layout.series, ended.values.view(np.uint64).tolist(), strict=True))
    assert bits[labels({**own, **note}, NAME)] == STALE_BITS
    await clock.advance(SHOWN_SECONDS)
    await series.write()
    assert sink.scrapes[-1].values.view(np.uint64).tolist() == [STALE_BITS]
    count = len(sink.scrapes)
    await clock.advance(INTERVAL_SECONDS)
    await series.write()
    assert len(sink.scrapes) == count
    writer.close()


async def test_what_inferdeck_knows_of_itself_is_written_beside_the_events(
    store: StateDatabase, clock: ManualClock
) -> None:
    sink = MemorySink()
    writer = SinkWriter(sink)
    known: dict[str, list[tuple[dict[str, str], float]]] = {}
    series = OwnSeries(store, writer, clock, "127.0.0.1:4633", "default", lambda: known, {"simulated": "true"})
    await series.write()
    assert sink.scrapes == []
    known["inferdeck_price_catalog_timestamp_seconds"] = [({"prices": "genai-prices"}, NOW - 86_400)]
    await clock.advance(INTERVAL_SECONDS)
    await series.write()
    pairs = {"environment": "default", "instance": "127.0.0.1:4633", "job": "inferdeck", "prices": "genai-prices"}
    pairs["simulated"] = "true"
    last = sink.scrapes[-1]
    assert last.layout.series == (labels(pairs, "inferdeck_price_catalog_timestamp_seconds"),)
    assert last.values.tolist() == [NOW - 86_400]
    writer.close()
