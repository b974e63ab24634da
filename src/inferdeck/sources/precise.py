"""Sums that do not depend on how often one looked: each is carried with what its last digit cannot show.

A sum of increases would else end in other digits than the sum of what has increased: a series that goes on from another
way of adding up could fall by its last bit, which a rate takes for a counter reset. Formulas: Knuth's TwoSum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Index = NDArray[np.intp]


def difference(left: Values, right: Values) -> tuple[Values, Values]:
    """Return left - right and what rounding took from it; the second is 0 where the first is no number."""
    with np.errstate(invalid="ignore"):
        found = left - right
        away = found - left
        lost = (left - (found - away)) + (-right - away)
    return found, np.where(np.isfinite(lost), lost, 0.0)


def accumulate(totals: Values, rests: Values, grown: Values, lost: Values, groups: Index) -> None:
    """Add what has grown, and what rounding took from it, to the totals and their rests, in place.

    grown: none less than 0, one at least. groups: the place of the total of each, ascending.
    """
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    some = groups[starts]
    sums, low, before = np.add.reduceat(grown, starts), np.add.reduceat(lost, starts), totals[some]
    _mend(sums, low, grown, starts)
    with np.errstate(invalid="ignore"):
        high = before + sums
        away = high - before
        low = rests[some] + low + ((before - (high - away)) + (sums - away))
        low[~np.isfinite(low)] = 0.0
        after = high + low
        low -= after - high
    totals[some], rests[some] = after, np.where(np.isfinite(low), low, 0.0)


def _mend(sums: Values, low: Values, grown: Values, starts: Index) -> None:
    """Make the sums of groups exact in which several have grown, fractions among them: whole numbers add up so."""
    fraction = grown != np.trunc(grown)
    if not fraction.any():
        return
    ends = np.append(starts[1:], len(grown))
    for group in np.flatnonzero(np.logical_or.reduceat(fraction, starts) & (ends - starts > 1)).tolist():
        parts = grown[starts[group] : ends[group]].tolist()
        try:
            sums[group] = math.fsum(parts)
            low[group] += math.fsum((*parts, -sums[group]))
        except (ValueError, OverflowError):
            continue  # Infinities, or too large: what numpy says of it.
