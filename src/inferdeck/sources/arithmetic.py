"""Array arithmetic of the mapping stage: grouped sums, extremes and weights, all indices found once per layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.metric import Aggregation
from inferdeck.sources.buckets import Part
from inferdeck.sources.catalog import Mapping

Values = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(slots=True, eq=False)
class Output:
    """One canonical series: parts are groups of inputs with one weight each, added up before they are weighted."""

    parts: list[list[Part]]
    aggregate: Aggregation
    scale: float = 1.0
    equals: float | None = None
    not_equals: float | None = None
    value: float | None = None
    weighted: bool = False
    estimated: bool = False

    @classmethod
    def of(cls, mapping: Mapping) -> Output:
        """Return an output without parts that follows the mapping's rule."""
        return cls([], mapping.aggregate, mapping.scale, mapping.equals, mapping.not_equals, mapping.value)


class Groups:
    """Sums (or extremes) of groups of positions of an array."""

    def __init__(self, groups: Sequence[Sequence[int]]) -> None:
        self._index: Index = np.array([at for group in groups for at in group], np.intp)
        sizes = np.array([len(group) for group in groups], np.intp)
        self._starts: Index = np.cumsum(sizes) - sizes
        self._several = np.flatnonzero(sizes > 1)
        self._members = np.flatnonzero(np.repeat(sizes > 1, sizes))
        """Of those that have several."""
        self._sizes = sizes[self._several]
        self._begins: Index = np.cumsum(self._sizes) - self._sizes

    def gather(self, values: Values) -> Values:
        """Return the members of all groups, group by group."""
        found: Values = values[self._index]
        return found

    def reduce(self, gathered: Values, how: Aggregation) -> Values:
        """Return one value per group."""
        if not len(self._several):
            return gathered
        found: Values = gathered[self._starts]
        members = gathered[self._members]
        if how is Aggregation.MAX:
            found[self._several] = np.fmax.reduceat(members, self._begins)
        elif how is Aggregation.MIN:
            found[self._several] = np.fmin.reduceat(members, self._begins)
        else:
            sums = exact_sums(members, self._begins, self._begins + self._sizes)
            found[self._several] = sums / self._sizes if how is Aggregation.MEAN else sums
        return found


def exact_sums(values: Values, starts: Index, ends: Index) -> Values:
    """Return the sum of each group, rounded once.

    Whole numbers add up exactly in any order. Others do not: a series that joins a group could then lower the last bit
    of the sum, which a rate would take for a counter reset; the rounded true sum never falls while no member does.
    """
    with np.errstate(invalid="ignore"):
        sums: Values = np.add.reduceat(values, starts)
        fraction = values != np.trunc(values)
    if not fraction.any():
        return sums
    for group in np.flatnonzero(np.logical_or.reduceat(fraction, starts)).tolist():
        try:
            sums[group] = math.fsum(values[starts[group] : ends[group]].tolist())
        except (ValueError, OverflowError):
            continue  # Infinities of both signs, or too large: what numpy says of it.
    return sums


class Arithmetic:
    """All outputs of one layout as index and weight arrays."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._size = len(outputs)
        self._fixed = np.array([math.nan if output.value is None else output.value for output in outputs])
        plain = [at for at, one in enumerate(outputs) if one.value is None and not one.weighted]
        self._plain = [
            (
                how,
                rule,
                *_batch(outputs, [at for at in plain if (outputs[at].aggregate, _rule(outputs[at])) == (how, rule)]),
            )
            for how, rule in dict.fromkeys((outputs[at].aggregate, _rule(outputs[at])) for at in plain)
        ]
        self._weighted: Index = np.array([at for at, one in enumerate(outputs) if one.weighted], np.intp)
        inner = [part for at in self._weighted for part in outputs[at].parts]
        self._inner = Groups([[position for position, _ in part] for part in inner])
        self._shares = np.array([part[0][1] for part in inner])
        counts = iter(range(len(inner)))
        self._outer = Groups([[next(counts) for _ in outputs[at].parts] for at in self._weighted])

    def run(self, values: Values) -> Values:
        """Return one value per output; values: float64, one per series of the layout."""
        result = self._fixed.copy()
        for how, (equals, wanted), positions, groups, scales in self._plain:
            gathered = groups.gather(values)
            if equals is not None:
                same = gathered == equals
                gathered = np.where(np.isnan(gathered), gathered, (same if wanted else ~same).astype(np.float64))
            result[positions] = groups.reduce(gathered, how) * scales
        if len(self._weighted):
            counts = self._inner.reduce(self._inner.gather(values), Aggregation.SUM)
            result[self._weighted] = self._outer.reduce(self._outer.gather(counts * self._shares), Aggregation.SUM)
        return result


def _rule(output: Output) -> tuple[float | None, bool]:
    """Return which native value counts 1 (or, with False, which one counts 0); None: values count as they are."""
    return (output.equals, True) if output.not_equals is None else (output.not_equals, False)


def _batch(outputs: Sequence[Output], positions: list[int]) -> tuple[Index, Groups, Values]:
    groups = Groups([[at for part in outputs[position].parts for at, _ in part] for position in positions])
    return np.array(positions, np.intp), groups, np.array([outputs[position].scale for position in positions])
