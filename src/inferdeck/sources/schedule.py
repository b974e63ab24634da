"""When a target is read and how the moment is stamped: pure functions of two clocks."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass

from inferdeck.errors import AuthError, CollectError

_SPREAD_SECONDS = 2.0
_TOLERANCE_SHARE, _TOLERANCE_MS = 0.01, 100.0
_BACK_OFF_SECONDS = 60.0
_BACK_OFF_REFUSED_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Slot:
    """One scheduled collection: its number, and its moment on the monotonic clock in seconds."""

    number: int
    monotonic: float


class Schedule:
    """The moments at which one target is read: every `interval` on the monotonic clock, whatever the wall clock does.

    Targets that start together are spread over two seconds by their name, so that they never fall on one moment.
    """

    def __init__(self, target: str, interval: float, now: float, monotonic: float) -> None:
        spread = zlib.crc32(target.encode()) / 2**32 * min(interval, _SPREAD_SECONDS)
        self._interval = interval
        self._start = monotonic + spread
        self._anchor_ms = float(round((now + spread) * 1000))
        self._tolerance_ms = min(_TOLERANCE_MS, interval * 1000 * _TOLERANCE_SHARE)
        self._next = 0
        self._last_ms = 0

    def take(self, monotonic: float) -> tuple[Slot, int]:
        """Return the next slot that is not past, and how many had to be left out because they were."""
        passed = int((monotonic - self._start) // self._interval)
        missed = max(0, passed - self._next)
        number = self._next + missed
        self._next = number + 1
        return Slot(number, self._start + number * self._interval), missed

    def stamp(self, slot: Slot, now: float, monotonic: float) -> tuple[int, str]:
        """Return the Unix milliseconds under which a collection that begins now is stored, and a warning or "".

        Begun within 1 % of the interval (at most 100 ms) of its moment, it has the moment's own time, so that the grid
        stays regular. Where the wall clock jumped ahead, stamps follow it. Where it was set back behind the newest
        sample, stamps go on from that sample by the monotonic clock: nothing is lost or written twice, and rates stay
        right; the price is stamps ahead of the wall clock until it is right again.
        """
        late_ms = max(0.0, (monotonic - slot.monotonic) * 1000)
        step_ms = slot.number * self._interval * 1000
        planned_ms = self._anchor_ms + step_ms
        actual_ms = now * 1000 - late_ms
        warning = ""
        if abs(actual_ms - planned_ms) > self._tolerance_ms:
            if actual_ms > self._last_ms:
                self._anchor_ms = float(round(actual_ms)) - step_ms
                planned_ms = self._anchor_ms + step_ms
            else:
                behind = (planned_ms - actual_ms) / 1000
                warning = (
                    f"the wall clock is {behind:.0f} s behind the newest samples; new ones are stamped on from them"
                )
        stamp = round(planned_ms if late_ms <= self._tolerance_ms else planned_ms + late_ms)
        self._last_ms = max(stamp, self._last_ms + 1)
        return self._last_ms, warning

    def continue_from(self, slot: Slot, last_ms: int) -> int:
        """Return a stamp for `slot` after a sample that is already stored at `last_ms`, and go on from there."""
        self._anchor_ms = last_ms + self._interval * 1000 - slot.number * self._interval * 1000
        self._last_ms = round(last_ms + self._interval * 1000)
        return self._last_ms


def back_off(target: str, failures: int, interval: float, error: CollectError) -> float:
    """Return for how many seconds a target that failed this often in a row is not asked again.

    The first failure costs nothing: the next interval tries again. Then the pause doubles, up to a minute, or five
    where the key was refused: gateways count refused requests. One tenth of it is drawn by the target's name.
    """
    if failures < 2:
        return 0.0
    limit = max(interval, _BACK_OFF_REFUSED_SECONDS if isinstance(error, AuthError) else _BACK_OFF_SECONDS)
    pause = min(limit, interval * 2.0 ** min(failures - 1, 30))
    # Not for secrets: the same target draws the same numbers, so that a test can repeat them.
    return pause * (0.9 + 0.1 * random.Random(f"{target}/{failures}").random())  # noqa: S311
