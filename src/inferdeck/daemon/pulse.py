"""The daemon's own pulse: how long its loop was busy, what it costs, whether the clock jumped."""

from __future__ import annotations

import os
import time
from collections import deque

import psutil

from inferdeck.model.clock import Clock

BEAT_SECONDS = 0.5
LAG_WINDOW_SECONDS = 60.0
STALL_SECONDS = 0.05
JUMP_SECONDS = 1.0
JUMPS_KEPT_SECONDS = 3600.0
CPU_WINDOW_SECONDS = 60.0


class Pulse:
    """Beats twice a second on the event loop; its figures may be read from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process = psutil.Process(os.getpid())
        self._lags: deque[tuple[float, float]] = deque()
        self._jumps: deque[tuple[float, float]] = deque()
        self._cpu: deque[tuple[float, float]] = deque()
        self._difference: float | None = None
        self.started = clock.now()
        self.stalls = 0

    async def beat(self) -> None:
        """Measure until cancelled."""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(BEAT_SECONDS)
            now = self._clock.monotonic()
            self.note(now, self._clock.now(), now - before - BEAT_SECONDS, time.process_time())

    def note(self, monotonic: float, wall: float, lag: float, cpu_seconds: float) -> None:
        """Take in one beat: the two clocks, how late it was, the process' CPU seconds until now."""
        self._lags.append((monotonic, max(0.0, lag)))
        self._cpu.append((monotonic, cpu_seconds))
        self.stalls += lag > STALL_SECONDS
        while self._lags[0][0] < monotonic - LAG_WINDOW_SECONDS:
            self._lags.popleft()
        while len(self._cpu) > 2 and self._cpu[0][0] < monotonic - CPU_WINDOW_SECONDS:
            self._cpu.popleft()
        difference = wall - monotonic
        if self._difference is not None and abs(difference - self._difference) > JUMP_SECONDS:
            self._jumps.append((monotonic, difference - self._difference))
        self._difference = difference
        while self._jumps and self._jumps[0][0] < monotonic - JUMPS_KEPT_SECONDS:
            self._jumps.popleft()

    def loop_lag(self) -> float | None:
        """Return the longest lag of the last minute in seconds."""
        return max((lag for _, lag in list(self._lags)), default=None)

    def cpu_share(self) -> float | None:
        """Return the CPU of the last minute; 1 is one processor."""
        beats = list(self._cpu)
        if len(beats) < 2 or beats[-1][0] <= beats[0][0]:
            return None
        return (beats[-1][1] - beats[0][1]) / (beats[-1][0] - beats[0][0])

    def jumps(self) -> tuple[tuple[float, float], ...]:
        """Return how long ago, and by how many seconds, the wall clock was moved within the last hour."""
        now = self._clock.monotonic()
        return tuple((now - when, seconds) for when, seconds in list(self._jumps))

    def memory_bytes(self) -> int:
        """Return the resident memory."""
        return int(self._process.memory_info().rss)

    def open_files(self) -> int | None:
        """Return how many files and sockets are open; None where the system does not tell."""
        try:
            return int(self._process.num_fds())
        except (psutil.Error, AttributeError):
            return None
