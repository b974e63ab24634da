"""histogram_quantile and histogram_fraction on classic buckets (Prometheus' promql/quantile.go)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inferdeck.model.labels import Labels, get, without
from inferdeck.query.windows.grid import Bools, Floats, Ints, absent, has_value

# Differences of neighbouring buckets below this are taken for noise of floating point (smallDeltaTolerance).
_NOISE = 1e-12
_SMALLEST_NORMAL = 2.0**-1022
# What Go's strconv.ParseFloat reads; Python's float() would also take blanks and 1_000.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+\Z", re.ASCII)
_INFINITE = re.compile(r"[+-]?(inf|infinity)\Z", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """The buckets of one classic histogram: its labels without `le`, upper bounds in order, rows of the input."""

    labels: Labels
    bounds: Floats
    rows: Ints


def parse_le(text: str) -> float | None:
    """Return the upper bound that an `le` label names, or None where it is no number that Prometheus would read."""
    if _INFINITE.match(text):
        return float(text)
    if _DECIMAL.match(text):
        value = float(text)
    elif _HEXADECIMAL.match(text):
        try:
            value = float.fromhex(text)
        except OverflowError:
            return None
    else:
        return None
    return value if np.isfinite(value) else None


def group_buckets(series: Sequence[Labels]) -> tuple[list[Buckets], list[int]]:
    """Group bucket series by their labels without `le`, in order of first sight; also the rows without a good `le`."""
    groups: dict[Labels, list[tuple[float, int]]] = {}
    bad = []
    for row, labels in enumerate(series):
        bound = parse_le(get(labels, "le"))
        if bound is None:
            bad.append(row)
        else:
            groups.setdefault(without(labels, "le"), []).append((bound, row))
    found = []
    for labels, members in groups.items():
        members.sort(key=lambda member: member[0])
        bounds = np.array([bound for bound, _ in members])
        found.append(Buckets(labels, bounds, np.array([row for _, row in members], dtype=np.int64)))
    return found, bad


def histogram_quantile(q: float | Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Bools]:
    """Return the q-quantile at each step, and whether counts that fell with growing bounds had to be repaired.

    q: one, or one per step. bounds: upper bounds in order, (buckets,). counts: cumulative counts or rates, (buckets,
    steps), ABSENT_BITS where a bucket has no value at a step: that step then does without it. The answer is ABSENT
    where no bucket has a value; NaN without observations, with fewer than two buckets or without a +Inf bucket; -Inf
    and +Inf for q outside 0 to 1; the second highest bound where the quantile lies in the +Inf bucket. The lowest
    bucket starts at 0 if its bound is above 0.
    """
    each = np.broadcast_to(np.asarray(q, dtype=np.float64), counts.shape[1:])
    forced = np.zeros(counts.shape[1], dtype=np.bool_)

    def solve(columns: Ints, some_bounds: Floats, some: Floats) -> Floats:
        values, forced[columns] = _quantile(each[columns], some_bounds, some)
        return values

    return _by_presence(bounds, counts, solve), forced


def histogram_fraction(lower: float | Floats, upper: float | Floats, bounds: Floats, counts: Floats) -> Floats:
    """Return the fraction of observations between two values at each step; arguments as for histogram_quantile.

    NaN without observations, without a +Inf bucket or where a limit is NaN; 0 where lower >= upper.
    """
    low = np.broadcast_to(np.asarray(lower, dtype=np.float64), counts.shape[1:])
    high = np.broadcast_to(np.asarray(upper, dtype=np.float64), counts.shape[1:])

    def solve(columns: Ints, some_bounds: Floats, some: Floats) -> Floats:
        return _fraction(low[columns], high[columns], some_bounds, some)

    return _by_presence(bounds, counts, solve)


def _by_presence(bounds: Floats, counts: Floats, solve: Callable[[Ints, Floats, Floats], Floats]) -> Floats:
    """Call solve(columns, bounds, counts) once for every set of buckets that are there together; bounds coalesced."""
    found = absent((counts.shape[1],))
    for columns, rows in _patterns(has_value(counts)):
        with np.errstate(all="ignore"):
            found[columns] = solve(columns, *_coalesce(bounds[rows], counts[np.ix_(rows, columns)]))
    return found


def _patterns(there: Bools) -> Iterator[tuple[Ints, Ints]]:
    """Yield (steps, buckets) for every set of buckets that occurs; there: (buckets, steps)."""
    full = there.all(axis=0)
    if there.shape[0] and full.any():
        yield np.flatnonzero(full), np.arange(there.shape[0])
    rest = np.flatnonzero(~full & there.any(axis=0))
    sets: dict[bytes, list[int]] = {}
    for step, pattern in zip(rest.tolist(), np.packbits(there[:, rest], axis=0).T, strict=True):
        sets.setdefault(pattern.tobytes(), []).append(step)
    for steps in sets.values():
        yield np.array(steps, dtype=np.int64), np.flatnonzero(there[:, steps[0]])


def _coalesce(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Add up buckets with the same bound, as le="1" and le="1.0" are."""
    starts = np.flatnonzero(np.concatenate([[True], bounds[1:] != bounds[:-1]]))
    if starts.size == bounds.size:
        return bounds, counts
    return bounds[starts], np.add.reduceat(counts, starts, axis=0)


def _repair(counts: Floats) -> tuple[Floats, Bools]:
    """Return counts that never fall with growing bounds, and the steps where more than noise had to go."""
    forced = np.zeros(counts.shape[1], dtype=np.bool_)
    below, above = counts[:-1], counts[1:]
    # Most steps need nothing: every bucket equals the one below or lies clearly above it (never so with NaN).
    fine = ((above == below) | (above - below > 2 * _NOISE * above)) & (below >= 0)
    steps = np.flatnonzero(~fine.all(axis=0))
    if steps.size == 0:
        return counts, forced
    some = counts[:, steps]
    accepted = some[0]
    for row in some[1:]:
        near = _almost_equal(accepted, row)
        falls = (row < accepted) & ~near
        forced[steps] |= falls
        np.copyto(row, accepted, where=near | falls)
        accepted = row
    counts = counts.copy()
    counts[:, steps] = some
    return counts, forced


def _almost_equal(a: Floats, b: Floats) -> Bools:
    apart = np.abs(a - b)
    size = np.minimum(np.abs(a) + np.abs(b), np.finfo(np.float64).max)
    tiny = (a == 0) | (b == 0) | (size < _SMALLEST_NORMAL)
    close: Bools = (a == b) | np.where(tiny, apart < _NOISE * _SMALLEST_NORMAL, apart / size < _NOISE)
    return close


def _quantile(q: Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Bools]:
    inside = (q >= 0) & (q <= 1)
    outside = np.where(np.isnan(q), np.nan, np.where(q < 0, -np.inf, np.inf))
    if bounds[-1] != np.inf:
        return np.where(inside, np.nan, outside), np.zeros(q.shape, dtype=np.bool_)
    counts, forced = _repair(counts)
    last = bounds.size - 1
    if last < 1:
        return np.where(inside, np.nan, outside), np.zeros(q.shape, dtype=np.bool_)
    rank = q * counts[-1]
    at = _search(counts, rank, last)
    each = np.arange(q.size)
    below = np.maximum(at - 1, 0)
    start = np.where(at > 0, bounds[below], 0.0)
    before = np.where(at > 0, counts[below, each], 0.0)
    end = bounds[at]
    value = start + (end - start) * ((rank - before) / (counts[at, each] - before))
    value = np.where((at == 0) & (bounds[0] <= 0), bounds[0], value)
    value = np.where(at == last, bounds[last - 1], value)
    empty = counts[-1] == 0
    value = np.where(empty, np.nan, value)
    return np.where(inside, value, outside), forced & inside & ~empty


def _search(counts: Floats, rank: Floats, last: int) -> Ints:
    """Return the first bucket that reaches the rank, by the same bisection as Go's sort.Search (NaN included)."""
    low = np.zeros(rank.shape, dtype=np.int64)
    high = np.full(rank.shape, last, dtype=np.int64)
    each = np.arange(rank.size)
    while (low < high).any():
        middle = (low + high) // 2
        reaches = counts[np.minimum(middle, last), each] >= rank
        going = low < high
        high = np.where(going & reaches, middle, high)
        low = np.where(going & ~reaches, middle + 1, low)
    return low


def _fraction(lower: Floats, upper: Floats, bounds: Floats, counts: Floats) -> Floats:
    if bounds[-1] != np.inf:
        return np.full(lower.shape, np.nan)
    total = counts[-1]
    ranks = [np.minimum(_rank(limit, bounds, counts), total) for limit in (lower, upper)]
    fraction = np.where(lower >= upper, 0.0, (ranks[1] - ranks[0]) / total)
    return np.where((total == 0) | np.isnan(lower) | np.isnan(upper), np.nan, fraction)


def _rank(limit: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Return how many observations lie below a limit, linear inside a bucket; infinitely wide ones do not split."""
    rank: Floats = counts[-1].copy()
    known = np.zeros(limit.shape, dtype=np.bool_)
    before = np.zeros(limit.shape)
    start = 0.0 if bounds[0] > 0 else -np.inf
    for end, count in zip(bounds, counts, strict=True):
        hit = ~known & (start >= limit)
        rank = np.where(hit, before, rank)
        known |= hit
        hit = ~known & (start < limit) & (end > limit)
        part = count if start == -np.inf else before + (count - before) * (limit - start) / (end - start)
        rank = np.where(hit, part, rank)
        known |= hit
        before, start = count, end
    return rank
