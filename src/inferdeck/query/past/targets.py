"""Whether targets were up at an earlier moment, and when they were read last by then: from their series `up`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.target import Health, TargetState
from inferdeck.query import windows
from inferdeck.query.figures import STALE_INTERVALS, TARGET
from inferdeck.query.rows import Group, group
from inferdeck.store.interface import Block, Matcher, MatchOp, MetricReader

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
UP, DURATION = "up", "scrape_duration_seconds"
FRESH_MS = 300_000
"""What was not read for so long, nor for STALE_INTERVALS of its intervals, was not watched: nobody knows how it was."""
_LATEST = 20
"""Collections from which their interval is seen."""
REACH_MS = 86_400_000
"""How far back the last success of what was not up is looked for."""


@dataclass(slots=True)
class _Seen:
    """Of one target: its newest collection, whether that worked, the newest one that did and how long it took.

    interval_ms: between collections, by their median; 0 where there are not two.
    """

    newest_ms: int = 0
    up: bool = False
    success_ms: int = 0
    seconds: float = 0.0
    interval_ms: float = 0.0


def states(reader: MetricReader, watched: Sequence[TargetState], at_ms: int) -> tuple[TargetState, ...]:
    """Return the targets that are watched now as they were then; what they tell of themselves is as it is now."""
    seen = _seen(reader.select([_NAMES], at_ms - FRESH_MS, at_ms))
    late = [state for state in watched if not _of(seen, state).success_ms]
    if late:
        pattern = "|".join(sorted({re.escape(state.key.instance) for state in late}))
        reach = max(REACH_MS, *(_limit(state) for state in late))
        only = Matcher("instance", MatchOp.MATCH, pattern)
        seen |= _seen(reader.select([_NAMES, only], at_ms - reach, at_ms))
    return tuple(_then(state, _of(seen, state), at_ms) for state in watched)


_NAMES = Matcher("__name__", MatchOp.MATCH, f"{UP}|{DURATION}")
_NEVER = _Seen()


def _of(seen: Mapping[Group, _Seen], state: TargetState) -> _Seen:
    return seen.get((state.key.job, state.key.instance, state.key.environment), _NEVER)


def _limit(state: TargetState) -> int:
    return max(FRESH_MS, round(STALE_INTERVALS * state.interval_seconds * 1000))


def _then(state: TargetState, seen: _Seen, at_ms: int) -> TargetState:
    known = seen.newest_ms and at_ms - seen.newest_ms <= _limit(state)
    return replace(
        state,
        health=(Health.UP if seen.up else Health.DOWN) if known else Health.UNKNOWN,
        # It may have been read less often than now, and is not stale for that.
        interval_seconds=max(state.interval_seconds, seen.interval_ms / 1000),
        last_attempt_ms=seen.newest_ms,
        last_success_ms=seen.success_ms,
        last_duration_seconds=seen.seconds,
        next_attempt_ms=0,
        last_error="",
        last_error_kind="",
        last_error_ms=0,
        consecutive_failures=0,
        warnings=(),
    )


def _seen(blocks: Iterable[Block]) -> dict[Group, _Seen]:
    found: dict[Group, _Seen] = {}
    took: dict[Group, dict[int, float]] = {}
    for block in windows.join(list(blocks)):
        there = windows.has_value(block.values)
        ended = windows.is_stale(block.values)
        for labels, values, known, stale in zip(map(dict, block.series), block.values, there, ended, strict=True):
            key = group(labels, TARGET)
            if labels["__name__"] == DURATION:
                moments = block.timestamps_ms[known & ~stale].tolist()
                took.setdefault(key, {}).update(zip(moments, values[known & ~stale].tolist(), strict=True))
            elif known.any():
                _read(found.setdefault(key, _Seen()), block.timestamps_ms, values, known, stale)
    for key, one in found.items():
        one.seconds = took.get(key, {}).get(one.success_ms, 0.0)
    return found


def _read(one: _Seen, times_ms: Ints, values: Floats, known: Bools, stale: Bools) -> None:
    newest = int(np.flatnonzero(known)[-1])
    if times_ms[newest] > one.newest_ms:
        # Where a series has ended, its target was not watched any more.
        one.newest_ms = 0 if stale[newest] else int(times_ms[newest])
        one.up = bool(values[newest])
        moments = times_ms[known][-_LATEST:]
        one.interval_ms = float(np.median(np.diff(moments))) if len(moments) > 1 else 0.0
    worked = np.flatnonzero(known & ~stale & (values > 0))
    if len(worked):
        one.success_ms = max(one.success_ms, int(times_ms[worked[-1]]))
