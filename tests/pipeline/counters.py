"""What the store says that counters did between two collections, and what it ought to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inferdeck.model.labels import NAME, Labels
from inferdeck.store.interface import Matcher, MatchOp
from tests.pipeline.collecting import Stage, Watched

Key = tuple[str, ...]
"""The values of the labels that a comparison keeps."""
Sums = dict[Key, float]
Truth = Callable[[float, float], Iterable[tuple[Key, float]]]
"""What happened in (start, end], as amounts by key; equal keys are added up."""
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Claim:
    """One counter of the store and what the ledger says it counts."""

    family: str
    keep: tuple[str, ...]
    truth: Truth
    where: tuple[tuple[str, str], ...] = ()
    merge: Callable[[Key], Key] = lambda key: key
    exact: bool = True
    """Whole numbers, to be equal bit by bit; else within 1e-9."""


@dataclass(slots=True)
class Outcome:
    """How many comparisons were made: `equal` of equality, `bounded` across a restart; `short` is what was lost."""

    equal: int = 0
    bounded: int = 0
    amount: float = 0.0
    short: float = 0.0


def rises(stage: Stage, one: Watched, claim: Claim) -> list[Sums]:
    """Return what a family's series rose by between each two successive collections that worked, by kept labels.

    A fall is a reset, after which the whole value is new, as Prometheus has it.
    """
    stamps = {round(time * 1000): place for place, time in enumerate(one.read)}
    found: list[Sums] = [defaultdict(float) for _ in one.read]
    for series, values in stored(stage, one, claim.family, claim.where):
        labels = dict(series)
        key = claim.merge(tuple(labels.get(name, "") for name in claim.keep))
        last = 0.0
        for stamp in sorted(values):
            value = values[stamp]
            assert value >= 0, (series, stamp, value)
            found[stamps[stamp]][key] += value - last if value >= last else value
            last = value
    return found


def stored(
    stage: Stage, one: Watched, family: str, where: Iterable[tuple[str, str]] = ()
) -> Iterator[tuple[Labels, dict[int, float]]]:
    """Yield each series of a family of one target with its samples by their time in ms."""
    own = {"job": one.target.key.job, "instance": one.target.key.instance, NAME: family, **dict(where)}
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in own.items()]
    whole: dict[Labels, dict[int, float]] = defaultdict(dict)
    for block in stage.database.select(matchers, 0, 2**53):
        for series, values in zip(block.series, block.values, strict=True):
            at = np.flatnonzero(~np.isnan(values))
            whole[series].update(zip(block.timestamps_ms[at].tolist(), values[at].tolist(), strict=True))
    yield from whole.items()


def summed(amounts: Iterable[tuple[Key, float]]) -> Sums:
    """Add amounts up by key."""
    found: Sums = defaultdict(float)
    for key, amount in amounts:
        found[key] += amount
    return found


def compare(stage: Stage, process: str, claim: Claim) -> Outcome:
    """Compare a counter with the ledger from each collection to the next.

    Without a restart between two of them the ledger's figure is met exactly. With one, what was counted after the last
    beginning is there, and never more than all that happened.
    """
    one, outcome = stage.watched[process], Outcome()
    risen = rises(stage, one, claim)
    for place, (start, end) in enumerate(pairwise(one.read), 1):
        most = summed(claim.truth(start, end))
        begun = stage.ledger.beginnings(start, end, process)
        least = summed(claim.truth(begun[-1].time, end)) if begun else most
        outcome.bounded += bool(begun)
        for key in {*most, *risen[place]}:
            low, seen, high = least.get(key, 0.0), risen[place].get(key, 0.0), most.get(key, 0.0)
            slack = 0.0 if claim.exact else TOLERANCE
            said = f"{process}: {claim.family} {key} in ({start - stage.begin:g}, {end - stage.begin:g}]"
            assert seen <= high + slack, f"{said} overstates: {seen} of {high}"
            assert seen >= low - slack, f"{said} falls short: {seen}, and the ledger has {low}"
            if begun:
                outcome.short += high - seen
            else:
                outcome.equal += 1
                outcome.amount += seen
    return outcome


def compare_turns(stage: Stage, process: str, claim: Claim) -> Outcome:
    """Compare a counter of workers that answer in turn, two of them: all that either had counted when it was last read.

    So at each collection there is at least what had happened by the one before, and at most what has happened.
    """
    one, outcome = stage.watched[process], Outcome()
    seen: Sums = defaultdict(float)
    most: Sums = {}
    for place, risen in enumerate(rises(stage, one, claim)):
        for key, amount in risen.items():
            seen[key] += amount
        most = summed(claim.truth(float("-inf"), one.read[place]))
        least = summed(claim.truth(float("-inf"), one.read[place - 1])) if place else {}
        for key in {*most, *seen}:
            low, high, slack = least.get(key, 0.0), most.get(key, 0.0), 0.0 if claim.exact else TOLERANCE
            said = f"{process}: {claim.family} {key} until {one.read[place] - stage.begin:g}"
            assert seen[key] <= high + slack, f"{said} overstates: {seen[key]} of {high}"
            assert seen[key] >= low - slack, f"{said} falls short: {seen[key]}, and the ledger has {low}"
            outcome.bounded += 1
    outcome.amount = sum(seen.values())
    outcome.short = sum(most.values()) - outcome.amount
    return outcome
