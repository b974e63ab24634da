"""What the rest of inferdeck may ask of a metric store; each protocol has two implementations and one contract test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout, Scrape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MatchOp(StrEnum):
    """PromQL's label matchers; the regular expressions are anchored at both ends."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCH = "=~"
    NOT_MATCH = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; an absent label has the value ""."""

    name: str
    op: MatchOp
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Series that share one time grid.

    timestamps_ms: int64, shape (times,), strictly increasing. values: float64, shape (series, times); a cell whose
    bits are ABSENT_BITS is a hole, one with STALE_BITS a stale marker. The arrays belong to the store: do not write.
    """

    series: tuple[Labels, ...]
    timestamps_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    dense: bool
    """True where no cell is ABSENT (stale markers may occur)."""


class WindowUse(StrEnum):
    """What a window function looks at; the samples between may then be left out."""

    LAST = "last"
    """The newest sample, be it a stale marker."""
    ENDS = "ends"
    """The oldest and the newest sample that is no stale marker, and how many there are."""
    RISE = "rise"
    """As ENDS, and every sample from which a counter fell."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseBlock(Block):
    """A block in which samples are left out that certain windows do not need.

    counts: int64, shape (times,): how many samples of a series a column stands for, itself and those left out before
    it. places: int64, shape (series,): by these the rows of several blocks come into the order that `select` gives.
    """

    counts: NDArray[np.int64]
    places: NDArray[np.int64]


class MetricSink(Protocol):
    """Where samples go. All methods block for well under 50 ms and are called from one thread at a time.

    When `append*` returns, the samples survive kill -9 of this process (of the machine with sync=full). Raises
    StoreFullError (nothing was kept, try again later), StaleStampError (`append` only).
    """

    def append(self, scrape: Scrape) -> None:
        """Keep one scrape; its stamp must be after the target's last one."""
        ...

    def carry(self, target: str) -> bytes | None:
        """Return the repair state stored with the target's last scrape, or None where there is none."""
        ...

    def append_block(
        self, target: str, layout: Layout, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        """Keep many scrapes of one target, values of shape (series, times), in any order and also in the past.

        A sample that is already there is replaced.
        """
        ...

    def append_series(self, series: Labels, timestamps_ms: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Keep samples of one series at times of its own, in any order, also in the past; present ones are replaced."""
        ...


class MetricReader(Protocol):
    """Where samples come from. Safe to call from any thread; raises LimitError past the limits given."""

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        """Return every sample of the matching series with start_ms <= timestamp <= end_ms, in blocks by grid.

        A series may occur in several blocks (consecutive storage blocks of one target are joined where possible), but
        never twice at one timestamp. Blocks with no samples are left out.
        """
        ...

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        """Return the matching series that have samples in the range (to the precision of a storage block)."""
        ...

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of those series."""
        ...

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted values of one label of those series."""
        ...


@runtime_checkable
class ReadyReader(MetricReader, Protocol):
    """A MetricReader that can say at once what it has in memory."""

    def at_hand(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_series: int, max_samples: int
    ) -> list[Block] | None:
        """Return what `select` would, if that takes well under a millisecond; else None.

        That is: nothing is read from a disk, at most so many series match, and so many samples are touched. Matchers
        that are no equalities may take longer.
        """
        ...


@runtime_checkable
class SparseReader(MetricReader, Protocol):
    """A MetricReader that can leave out what windows do not need, and so read months in the time of a day."""

    def select_windows(
        self,
        matchers: Sequence[Matcher],
        ends_ms: NDArray[np.int64],
        reach_ms: int,
        use: WindowUse,
        *,
        max_samples: int = 50_000_000,
    ) -> list[SparseBlock] | None:
        """Return what a function of this use needs of the windows end - reach_ms <= timestamp <= end; None: use select.

        Each series occurs once. What the function makes of these blocks equals bit for bit what it makes of `select`'s.
        """
        ...
