"""One scrape: the values of a target's series at one moment."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inferdeck.model.labels import Labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STALE_BITS = 0x7FF0000000000002
"""The bits of Prometheus' stale marker (model/value/value.go): the series ended here."""
NAN_BITS = 0x7FF8000000000001
"""The bits of an ordinary NaN sample; every other NaN of a target is stored as this one."""
ABSENT_BITS = 0x7FF0000000000003
"""Ours, never on a wire: no sample of this series at this moment (a hole in a grid)."""
HISTOGRAM_BITS = 0x7FF0000000000004
"""Ours, never on a wire nor on disk: a sample that is a native histogram whose content is not kept.

A signalling NaN, so that arithmetic can never produce it.
"""

STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]
"""For tests and messages; write markers through uint64 views, since a float may lose its NaN bits."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Layout:
    """The series of a target in the order in which its scrapes give their values.

    Compared by identity: a source returns the same object as long as its series and their order stay the same, so that
    every later stage does its work by series once per layout and its work by sample in arrays.
    """

    series: tuple[Labels, ...]

    def __len__(self) -> int:
        return len(self.series)


EMPTY_LAYOUT = Layout(())


@dataclass(frozen=True, slots=True, eq=False)
class Scrape:
    """What a target said at one moment, ready to be stored.

    timestamp_ms: Unix milliseconds. values: float64, one per series of the layout; NaN bits as above, never ABSENT.
    carry: the repair stage's state after this scrape (opaque), stored in the same transaction; None keeps the last.
    """

    target: str
    timestamp_ms: int
    layout: Layout
    values: NDArray[np.float64]
    carry: bytes | None = field(default=None)
