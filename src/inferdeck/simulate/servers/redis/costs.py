"""What a command costs a Redis: microseconds and bytes on the wire, and how Redis counts them.

Times are those of the captured server (INFO commandstats of Redis 7.0.15) where it had the command, plausible and
unverified ones elsewhere; longer values take longer. The histogram is HdrHistogram with two digits, as Redis 7 keeps
one per command.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

MICROSECONDS: dict[str, float] = {
    "get": 5.0,
    "set": 9.0,
    "mget": 6.0,
    "incrby": 4.0,
    "incrbyfloat": 6.0,
    "expire": 3.0,
    "evalsha": 38.0,
    "info": 158.0,
    "ping": 4.0,
    "scan": 24.0,
    "config|get": 12.0,
}
OTHER_MICROSECONDS = 5.0
MICROSECONDS_PER_KIB = 1.5
KEY_MICROSECONDS = 0.9
"""Each further key of an MGET."""
FRAME_BYTES = 34
"""Around the arguments of a command."""
REPLY_BYTES = 5


def nanoseconds(command: str, size: int = 0, keys: int = 1) -> int:
    """Return how long a command takes whose values hold this many bytes."""
    each = MICROSECONDS.get(command, OTHER_MICROSECONDS)
    return int(1000 * (each + KEY_MICROSECONDS * (keys - 1) + MICROSECONDS_PER_KIB * size / 1024))


class Stat:
    """What Redis keeps of one command."""

    __slots__ = ("_took", "calls", "failed", "rejected", "times")

    def __init__(self) -> None:
        self.times: dict[int, int] = {}
        """Nanoseconds to the number of calls that took so long."""
        self.calls = 0
        """How often it was called."""
        self._took = 0
        self.rejected = 0
        self.failed = 0

    def add(self, took: int, calls: int = 1) -> None:
        """Count calls."""
        self.times[took] = self.times.get(took, 0) + calls
        self.calls += calls
        self._took += took * calls

    @property
    def histogram(self) -> Counter[int]:
        """Highest nanoseconds of a bucket to calls."""
        found: Counter[int] = Counter()
        for took, calls in self.times.items():
            found[highest(took)] += calls
        return found

    def microseconds(self) -> int:
        """Return the time that all calls took together."""
        return self._took // 1000

    def percentile(self, percent: float) -> float:
        """Return a percentile of the calls in microseconds."""
        wanted, seen, histogram = max(1, int(percent / 100 * self.calls + 0.5)), 0, self.histogram
        for bucket in sorted(histogram):
            seen += histogram[bucket]
            if seen >= wanted:
                return bucket / 1000
        return 0.0

    def powers(self) -> list[tuple[int, int]]:
        """Return LATENCY HISTOGRAM's buckets: microseconds, calls up to there; empty ones left out."""
        bounds, bound = [], 1024
        while bound < 2**30:
            bounds.append(highest(bound))
            bound *= 2
        counts = [0] * (len(bounds) + 1)
        for bucket, calls in self.histogram.items():
            counts[min(bisect_left(bounds, bucket), len(bounds) - 1)] += calls
        found, total = [], 0
        for bound, calls in zip(bounds, counts, strict=False):
            total += calls
            if calls:
                found.append((bound // 1000, total))
        return found


class Bundle:
    """Commands that always come together: what they take, in the order in which Redis sees them."""

    def __init__(self, commands: Sequence[str], asked: int, told: int) -> None:
        self.times = [(command, nanoseconds(command)) for command in commands]
        self.count = len(commands)
        self.asked, self.told = asked, told
        """Bytes of all of them together."""


def highest(value: int) -> int:
    """Return the highest nanoseconds that HdrHistogram with two digits does not tell from this."""
    shift = max(0, value.bit_length() - 8)
    return (((value >> shift) + 1) << shift) - 1
