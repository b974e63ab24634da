"""The window kernels across series: each step is a row, each group of series a window of its columns."""

from __future__ import annotations

import numpy as np

from inferdeck.query.windows.grid import (
    Floats,
    Ints,
    Kernel,
    Semantics,
    Windows,
    absent,
    has_value,
    pack,
    place,
    row_pieces,
)
from inferdeck.query.windows.over_time import (
    avg_kernel,
    count_kernel,
    max_kernel,
    min_kernel,
    stddev_kernel,
    stdvar_kernel,
    sum_kernel,
)

_KERNELS: dict[str, Kernel] = {
    "sum": sum_kernel,
    "avg": avg_kernel,
    "min": min_kernel,
    "max": max_kernel,
    "count": count_kernel,
    "stddev": stddev_kernel,
    "stdvar": stdvar_kernel,
}


def aggregate(name: str, values: Floats, group: Ints, groups: int) -> Floats:
    """Return the sum, avg, min, max, count, stddev or stdvar of each group at each step, (groups, steps).

    Arguments and answer as for over_groups; the arithmetic is that of the *_over_time functions.
    """
    return over_groups(values, group, groups, _KERNELS[name])


def over_groups(values: Floats, group: Ints, groups: int, kernel: Kernel) -> Floats:
    """Return the kernel's value over the series of each group at each step, (groups, steps), ABSENT where none is.

    values: (series, steps). group: the group of each series, 0 to groups - 1. Series keep their order in a group.
    """
    out = absent((values.shape[1], groups))
    if out.size == 0 or not values.size:
        return absent((groups, values.shape[1]))
    if groups == 1:
        bounds = np.array([0, group.size], dtype=np.int64)
        rows = np.ascontiguousarray(values.T)
    else:
        order = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[order], np.arange(groups + 1)).astype(np.int64)
        rows = np.ascontiguousarray(values[order].T)
    begin, end = bounds[:-1], bounds[1:]
    places = np.zeros(rows.shape[1], dtype=np.int64)
    columns = np.zeros(groups, dtype=np.int64)
    dense = bool(has_value(rows).all())
    for some, keep in row_pieces(rows, groups, dense=dense, keep_stale=True):
        if keep is None:
            windows = Windows(rows[some], places[None, :], begin[None], end[None], columns, 0, Semantics.PROMETHEUS_3)
        else:
            packed, packed_places, before = pack(rows[some], places, keep)
            windows = Windows(
                packed, packed_places, before[:, begin], before[:, end], columns, 0, Semantics.PROMETHEUS_3
            )
        with np.errstate(all="ignore"):
            answer = kernel(windows)
        place(out, some, answer)
    turned: Floats = np.ascontiguousarray(out.view(np.uint64).T).view(np.float64)
    return turned
