"""A metric sink that keeps nothing itself: samples go to a spool on disk and from there to a receiver."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.errors import StaleStampError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.store.remote_write.sender import Backoff, Progress, Sender, label, request_headers, tls_context
from inferdeck.store.remote_write.spool import Spool
from inferdeck.store.remote_write.wire import LayoutEncoder, encode_block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteWriteStats:
    """One receiver: what waits now, and what happened since the sink was opened. Bytes on disk, samples."""

    name: str
    spooled_bytes: int
    spooled_samples: int
    sent_samples_total: int
    rejected_samples_total: int
    """Refused for good by the receiver (4xx other than 429)."""
    overflow_samples_total: int
    """Dropped unsent, oldest first, because the spool was full."""
    damaged_records_total: int
    failed_requests_total: int
    last_success_ms: int
    last_error: str
    last_error_ms: int


class RemoteWriteSink:
    """Implements store.interface.MetricSink for one Prometheus-compatible receiver (remote write 1.0).

    `append*` may be called from any one thread, before `start` too: they only write to the spool. `start` is called
    inside the event loop that sends, `aclose` once no one appends any more; both are idempotent. Samples in the past
    reach only receivers that take them out of order. Raises StoreError where the spool's directory cannot be used.
    """

    def __init__(
        self,
        config: RemoteWriteConfig,
        directory: Path,
        *,
        clock: Clock,
        sync: Literal["normal", "full"] = "normal",
        backoff: Backoff | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._spool = Spool(directory, config.spool_size, sync=sync)
        self._encoders: dict[str, LayoutEncoder] = {}
        self._last_stamp: dict[str, int] = {}
        self._progress = Progress()
        self._sender: Sender | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def append(self, scrape: Scrape) -> None:
        """Spool one scrape; its stamp must be after the target's last one since the sink was opened."""
        last = self._last_stamp.get(scrape.target)
        if last is not None and scrape.timestamp_ms <= last:
            raise StaleStampError(
                f"{scrape.target}: a scrape stamped {scrape.timestamp_ms} came after the one stamped {last}: "
                "was the clock set back?"
            )
        encoder = self._encoders.get(scrape.target)
        if encoder is None or encoder.layout is not scrape.layout:
            encoder = self._encoders[scrape.target] = LayoutEncoder(scrape.layout)
        for request in encoder.encode(scrape.timestamp_ms, scrape.values):
            self._spool.append(request)
        self._last_stamp[scrape.target] = scrape.timestamp_ms
        self._wake()

    def carry(self, target: str) -> bytes | None:
        """Return None: a receiver keeps samples, not our state."""
        return None

    def append_block(
        self, target: str, layout: Layout, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Spool many scrapes of one target, values of shape (series, times); ABSENT cells are left out."""
        for request in encode_block(layout.series, timestamps_ms, values):
            self._spool.append(request)
        if timestamps_ms.size:
            newest = int(timestamps_ms.max())
            self._last_stamp[target] = max(newest, self._last_stamp.get(target, newest))
        self._wake()

    def append_series(self, series: Labels, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Spool samples of one series."""
        for request in encode_block([series], timestamps_ms, values[None, :]):
            self._spool.append(request)
        self._wake()

    def start(self) -> None:
        """Begin to send in the running event loop; returns at once. Raises ConfigError (the CA cannot be read)."""
        if self._task is not None and not self._task.done():
            return
        self._loop = asyncio.get_running_loop()
        self._sender = Sender(
            self._config,
            self._spool,
            self._clock,
            self._backoff,
            tls_context(self._config),
            request_headers(self._config),
            self._progress,
        )
        self._task = self._loop.create_task(self._sender.run(), name=f"remote write to {label(self._config)}")
        self._task.add_done_callback(_report)

    async def aclose(self) -> None:
        """Stop sending and close the spool; what was not acknowledged waits there for the next sink."""
        task, self._task, self._loop = self._task, None, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._spool.close()

    def stats(self) -> RemoteWriteStats:
        """Return sizes and counts now; callable from any thread."""
        spool = self._spool.stats()
        progress = self._progress
        return RemoteWriteStats(
            name=label(self._config),
            spooled_bytes=spool.waiting_bytes,
            spooled_samples=spool.waiting_samples,
            sent_samples_total=progress.sent_samples,
            rejected_samples_total=progress.rejected_samples,
            overflow_samples_total=spool.overflow_samples_total,
            damaged_records_total=spool.damaged_records_total,
            failed_requests_total=progress.failed_requests,
            last_success_ms=progress.last_success_ms,
            last_error=progress.last_error,
            last_error_ms=progress.last_error_ms,
        )

    def _wake(self) -> None:
        loop, sender = self._loop, self._sender
        if loop is not None and sender is not None and not loop.is_closed():
            loop.call_soon_threadsafe(sender.wake.set)


def _report(task: asyncio.Task[None]) -> None:
    """A sender ends by being cancelled; anything else is a bug and must be seen."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has stopped", task.get_name(), exc_info=error)
