"""Sums that do not depend on how often one looked: each is carried with what its last digit cannot show.

A sum of increases would else end in other digits than the sum of what has increased: a series that goes on from another
way of adding up could fall by its last bit, which a rate takes for a counter reset. Formulas: Knuth's TwoSum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def difference(left: Values, right: Values) -> tuple[Values, Values]:
    """Return left - right and what rounding took from it; the second is 0 where the first is no number."""
    with np.errstate(invalid="ignore"):
        found = left - right
        away = found - left
        lost = (left - (found - away)) + (-right - away)
    return found, np.where(np.isfinite(lost), lost, 0.0)


def accumulate(
    totals: Values, rests: Values, grown: Values, lost: Values, starts: NDArray[np.intp] | NDArray[np.int64]
) -> None:
    """Add each group of `grown` and `lost` to its total and rest, in place; starts: where each group begins."""
    sums, low = np.add.reduceat(grown, starts), np.add.reduceat(lost, starts)
    _mend(sums, low, grown, starts)
    with np.errstate(invalid="ignore"):
        high = totals + sums
        away = high - totals
        low = rests + low + ((totals - (high - away)) + (sums - away))
        low[~np.isfinite(low)] = 0.0
        totals[:] = high + low
        low -= totals - high
    rests[:] = np.where(np.isfinite(low), low, 0.0)


def _mend(sums: Values, low: Values, grown: Values, starts: NDArray[np.intp] | NDArray[np.int64]) -> None:
    """Make the sums of groups exact in which several fractions have grown: whole numbers add up as they are."""
    fraction = grown != np.trunc(grown)
    if not fraction.any():
        return
    several = np.add.reduceat((grown > 0.0).astype(np.intp), starts) > 1
    ends = np.append(starts[1:], len(grown))
    for group in np.flatnonzero(np.logical_or.reduceat(fraction, starts) & several).tolist():
        parts = grown[starts[group] : ends[group]].tolist()
        try:
            sums[group] = math.fsum(parts)
            low[group] += math.fsum((*parts, -sums[group]))
        except (ValueError, OverflowError):
            continue  # Infinities, or too large: what numpy says of it.
