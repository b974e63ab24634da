"""The sink against receivers that fail in every way: nothing is lost but what is refused, nothing is out of order."""

from __future__ import annotations

import asyncio
import email.utils
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.errors import ConfigError, StaleStampError
from inferdeck.model.clock import SystemClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS, STALE_BITS, Layout, Scrape
from inferdeck.store.remote_write import Backoff, RemoteWriteSink
from tests.unit.store.remote_write.receiver import Receiver, answer, receiver, samples, until

LAYOUT = Layout((labels({"job": "x"}, "a"), labels({"job": "x"}, "b")))
T0 = 1_700_000_000_000
FAST = Backoff(first=0.01, longest=0.05)


def config(url: str, **more: Any) -> RemoteWriteConfig:
    return RemoteWriteConfig.model_validate({"url": url, "spool_size": 10**6, "deadline": 5} | more)


def scrape(number: int, target: str = "t") -> Scrape:
    return Scrape(target, T0 + number * 1000, LAYOUT, np.array([float(number), -float(number)]))


@asynccontextmanager
async def sink_to(target: Receiver, directory: Path, **more: Any) -> AsyncIterator[RemoteWriteSink]:
    sink = RemoteWriteSink(config(target.url, **more), directory, clock=SystemClock(), backoff=FAST)
    sink.start()
    try:
        yield sink
    finally:
        await sink.aclose()


def stamps(target: Receiver) -> list[int]:
    """The numbers of the scrapes that arrived, in order, by the first series."""
    return [(time - T0) // 1000 for time, _ in samples(target.accepted).get(LAYOUT.series[0], [])]


async def test_everything_arrives_in_order(tmp_path: Path) -> None:
    async with receiver() as target, sink_to(target, tmp_path) as sink:
        for number in range(50):
            await asyncio.to_thread(sink.append, scrape(number))
        await until(lambda: sink.stats().sent_samples_total == 100)
        assert stamps(target) == list(range(50))
        assert sink.stats().spooled_samples == 0
        assert sink.stats().last_error == ""
        headers = target.requests[0].headers
        assert headers["Content-Type"] == "application/x-protobuf"
        assert headers["Content-Encoding"] == "snappy"
        assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


@pytest.mark.parametrize("trouble", [answer(500), answer(503, "busy"), answer(429), "cut"])
async def test_a_passing_trouble_loses_nothing(tmp_path: Path, trouble: Any) -> None:
    async with receiver(trouble, trouble, trouble) as target, sink_to(target, tmp_path) as sink:
        for number in range(5):
            sink.append(scrape(number))
        await until(lambda: sink.stats().sent_samples_total == 10)
        assert stamps(target) == [0, 1, 2, 3, 4]
        found = sink.stats()
        assert found.failed_requests_total == 3
        assert found.rejected_samples_total == 0
        assert found.last_error


async def test_a_receiver_that_hangs_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    async with receiver("hang") as target, sink_to(target, tmp_path, deadline=0.2) as sink:
        sink.append(scrape(1))
        await until(lambda: sink.stats().sent_samples_total == 2)
        assert "no answer within 0.2 s" in sink.stats().last_error


async def test_a_receiver_that_is_down_gets_everything_when_it_is_up(tmp_path: Path) -> None:
    async with receiver() as target:
        url = target.url
    sink = RemoteWriteSink(config(url), tmp_path, clock=SystemClock(), backoff=FAST)
    sink.start()
    sink.append(scrape(1))
    await until(lambda: sink.stats().failed_requests_total > 1)
    await sink.aclose()
    async with receiver() as target, sink_to(target, tmp_path) as sink:
        await until(lambda: sink.stats().sent_samples_total == 2)
        assert stamps(target) == [1]


@pytest.mark.parametrize("status", [400, 401, 404, 413])
async def test_what_is_refused_is_dropped_and_counted_and_the_rest_goes_on(tmp_path: Path, status: int) -> None:
    async with receiver(answer(status, "no thanks")) as target, sink_to(target, tmp_path) as sink:
        sink.append(scrape(1))
        await until(lambda: sink.stats().rejected_samples_total == 2)
        sink.append(scrape(2))
        await until(lambda: sink.stats().sent_samples_total == 2)
        assert stamps(target) == [2]
        assert sink.stats().last_error == f"HTTP {status}: no thanks"


async def test_a_redirect_is_neither_followed_nor_a_loss(tmp_path: Path) -> None:
    redirect = answer(307, Location="http://127.0.0.1:1/elsewhere")
    async with receiver(redirect) as target, sink_to(target, tmp_path) as sink:
        sink.append(scrape(1))
        await until(lambda: sink.stats().sent_samples_total == 2)
        assert "redirects are not followed" in sink.stats().last_error


class RecordingClock(SystemClock):
    """Sleeps at once and remembers for how long it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_retry_after_is_kept_and_pauses_grow(tmp_path: Path) -> None:
    date = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=100))
    trouble = [
        answer(429, Retry_After="7"),
        answer(503, Retry_After=date),
        answer(503, Retry_After="soon"),
        answer(500),
    ]
    clock = RecordingClock()
    async with receiver(*trouble) as target:
        backoff = Backoff(first=0.01, longest=1.0)
        sink = RemoteWriteSink(config(target.url), tmp_path, clock=clock, backoff=backoff)
        sink.start()
        sink.append(scrape(1))
        await until(lambda: sink.stats().sent_samples_total == 2)
        await sink.aclose()
    assert clock.slept[0] == 7.0
    assert 90 <= clock.slept[1] <= 100
    assert 0.8 * 0.04 <= clock.slept[2] <= 1.2 * 0.04
    assert 0.8 * 0.08 <= clock.slept[3] <= 1.2 * 0.08


async def test_blocks_and_single_series_arrive_without_holes(tmp_path: Path) -> None:
    grid = np.array([T0 + 2000, T0, T0 + 1000])
    values = np.array([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]])
    values.view(np.uint64)[1, 2] = ABSENT_BITS
    values.view(np.uint64)[0, 0] = STALE_BITS
    one = float(np.float64(1.0))
    async with receiver() as target, sink_to(target, tmp_path) as sink:
        sink.append_block("t", LAYOUT, grid, values)
        sink.append_series(labels({}, "alone"), np.array([T0]), np.array([one]))
        await until(lambda: sink.stats().sent_samples_total == 6)
        found = samples(target.accepted)
        assert found[LAYOUT.series[0]][2] == (T0 + 2000, STALE_BITS)
        assert [time for time, _ in found[LAYOUT.series[1]]] == [T0, T0 + 2000]
        assert found[labels({}, "alone")] == [(T0, int(np.float64(1.0).view(np.uint64)))]


async def test_a_stamp_that_is_not_after_the_last_is_refused(tmp_path: Path) -> None:
    sink = RemoteWriteSink(config("http://127.0.0.1:1/"), tmp_path, clock=SystemClock())
    sink.append(scrape(5))
    for number in (5, 4):
        with pytest.raises(StaleStampError, match="clock"):
            sink.append(scrape(number))
    sink.append(scrape(4, target="another"))
    assert sink.stats().spooled_samples == 4
    assert sink.carry("t") is None
    await sink.aclose()


async def test_a_full_spool_drops_the_oldest_and_says_so(tmp_path: Path) -> None:
    async with receiver() as target:
        sink = RemoteWriteSink(config(target.url, spool_size=100_000), tmp_path, clock=SystemClock(), backoff=FAST)
        for number in range(3000):
            sink.append(scrape(number))
        lost = sink.stats().overflow_samples_total
        assert 0 < lost < 6000
        sink.start()
        await until(lambda: sink.stats().sent_samples_total == 6000 - lost)
        assert stamps(target) == list(range(lost // 2, 3000))
        await sink.aclose()


async def test_start_and_close_may_be_repeated(tmp_path: Path) -> None:
    async with receiver() as target, sink_to(target, tmp_path) as sink:
        sink.start()
        sink.append(scrape(1))
        await until(lambda: sink.stats().sent_samples_total == 2)
        await sink.aclose()
        await sink.aclose()


async def test_credentials_are_sent_and_never_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secrets = {"key": "k-12345-secret", "headers": {"X-Scope-OrgID": "tenant-secret"}}
    echo = answer(400, "bad token k-12345-secret of tenant-secret\n\x1b[31m")
    with caplog.at_level(logging.DEBUG, logger="inferdeck"):
        async with receiver(echo) as target, sink_to(target, tmp_path, **secrets) as sink:
            sink.append(scrape(1))
            await until(lambda: sink.stats().rejected_samples_total == 2)
            assert target.requests[0].headers["Authorization"] == "Bearer k-12345-secret"
            assert target.requests[0].headers["X-Scope-OrgID"] == "tenant-secret"
            told = f"{sink.stats()} {sink!r} {caplog.text}"
    assert "bad token" in told
    assert "secret" not in told.replace("•••", "")
    assert "\x1b" not in told


async def test_basic_authentication_is_sent(tmp_path: Path) -> None:
    login = {"basic_auth": {"username": "me", "password": "pw"}}
    async with receiver() as target, sink_to(target, tmp_path, **login) as sink:
        sink.append(scrape(1))
        await until(lambda: sink.stats().sent_samples_total == 2)
        assert target.requests[0].headers["Authorization"] == "Basic bWU6cHc="


async def test_an_unreadable_authority_is_said_at_the_start(tmp_path: Path) -> None:
    settings = config("https://127.0.0.1:1/w", tls={"ca": str(tmp_path / "none.pem")})
    sink = RemoteWriteSink(settings, tmp_path / "s", clock=SystemClock())
    with pytest.raises(ConfigError, match=r"none\.pem cannot be read"):
        sink.start()
    await sink.aclose()
