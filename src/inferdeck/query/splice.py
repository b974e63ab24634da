"""Matrices cut by time and put together again, their JSON text with them: most of a refreshed panel is text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import encode
from inferdeck.query.promql.result import Result, ResultType

_ABSENT = np.uint64(ABSENT_BITS)
_MOST_CUT = 64
"""More steps than so many at either end are not looked for in the text: it is written anew."""
_BETWEEN = b"],["


def written(result: Result) -> Result:
    """Return a matrix with its text."""
    if result.points is not None or result.type is not ResultType.MATRIX:
        return result
    return replace(result, points=tuple(encode.points(result.steps_ms, result.values)))


def refreshed(held: Result, start_ms: int, last_ms: int, fresh: Result) -> Result:
    """Return the steps of `held` from start to last, then those of `fresh`; with text where `held` has it."""
    kept = cut(held, start_ms, last_ms)
    return joined(kept, fresh if kept.points is None else written(fresh))


def cut(result: Result, start_ms: int, end_ms: int) -> Result:
    """Return the steps from start to end, both included; series without a value in them are left out."""
    low, high = np.searchsorted(result.steps_ms, [start_ms, end_ms + 1]).tolist()
    if (low, high) == (0, result.steps_ms.size):
        return result
    there = _bits(result.values) != _ABSENT
    living = there[:, low:high].any(axis=1)
    points = _cut_points(result, there, living, low, high)
    values, series = result.values[:, low:high], result.series
    if not living.all():
        values = values[living]
        series = tuple(one for one, lives in zip(series, living.tolist(), strict=True) if lives)
    return replace(result, series=series, steps_ms=result.steps_ms[low:high], values=values, points=points)


def _cut_points(
    result: Result, there: NDArray[np.bool_], living: NDArray[np.bool_], low: int, high: int
) -> tuple[bytes, ...] | None:
    steps = result.steps_ms.size
    if result.points is None or max(low, steps - high) > _MOST_CUT:
        return None
    before, after = there[:, :low].sum(axis=1).tolist(), there[:, high:].sum(axis=1).tolist()
    found = zip(result.points, before, after, living.tolist(), strict=True)
    return tuple(_without(text, first, last) for text, first, last, lives in found if lives)


def _without(text: bytes, first: int, last: int) -> bytes:
    """Return points without so many at either end; at least one stays."""
    begin, end = 0, len(text)
    for _ in range(first):
        begin = text.index(_BETWEEN, begin) + 2
    for _ in range(last):
        end = text.rindex(_BETWEEN, 0, end) + 1
    return text[begin:end]


def joined(earlier: Result, later: Result) -> Result:
    """Return both one after the other, series by series, with text where both have it; warnings and infos of both."""
    steps = np.concatenate([earlier.steps_ms, later.steps_ms])
    series = earlier.series if earlier.series == later.series else tuple(sorted({*earlier.series, *later.series}))
    if series is earlier.series:
        values = np.concatenate([_bits(earlier.values), _bits(later.values)], axis=1)
    else:
        place = {one: row for row, one in enumerate(series)}
        values = np.full((len(series), steps.size), ABSENT_BITS, dtype=np.uint64)
        edge = earlier.steps_ms.size
        for part, columns in ((earlier, slice(0, edge)), (later, slice(edge, None))):
            if part.series:
                values[[place[one] for one in part.series], columns] = _bits(part.values)
    return Result(
        ResultType.MATRIX,
        series,
        steps,
        values.view(np.float64),
        warnings=tuple(dict.fromkeys([*earlier.warnings, *later.warnings])),
        infos=tuple(dict.fromkeys([*earlier.infos, *later.infos])),
        points=_joined_points(series, earlier, later),
    )


def _joined_points(series: tuple[Labels, ...], earlier: Result, later: Result) -> tuple[bytes, ...] | None:
    if earlier.points is None or later.points is None:
        return None
    if earlier.series == later.series:
        return tuple(b",".join(filter(None, pair)) for pair in zip(earlier.points, later.points, strict=True))
    texts: dict[Labels, list[bytes]] = {one: [] for one in series}
    for part, points in ((earlier, earlier.points), (later, later.points)):
        for one, text in zip(part.series, points, strict=True):
            texts[one].append(text)
    return tuple(b",".join(filter(None, texts[one])) for one in series)


def _bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    return values.view(np.uint64)
