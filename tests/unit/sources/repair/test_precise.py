"""A sum of increases is the sum of what has increased, to the last digit and however often one looked."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inferdeck.sources import precise

Values = NDArray[np.float64]

increases = st.floats(0.0, 1e6, allow_subnormal=False).map(lambda one: round(one, 9))
histories = st.lists(st.lists(increases, min_size=3, max_size=3), min_size=1, max_size=40)
looks = st.sets(st.integers(0, 39))


def watched(history: Values, seen: set[int]) -> Values:
    """Return the totals of counters [0, 1] and [2] at the end; history: their values, one row per moment."""
    groups = np.array([0, 0, 1])
    totals, rests, last = np.zeros(2), np.zeros(2), np.zeros(history.shape[1])
    for moment, values in enumerate(history):
        if moment in seen or moment == len(history) - 1:
            grown, lost = precise.difference(values, last)
            before = totals.copy()
            precise.accumulate(totals, rests, grown, lost, groups)
            assert (totals >= before).all()
            last = values
    return totals


@given(histories, looks)
def test_how_often_one_looked_makes_no_difference(grown: list[list[float]], seen: set[int]) -> None:
    history = np.cumsum(np.array(grown), axis=0)
    once, often, sometimes = (watched(history, one) for one in (set(), set(range(40)), seen))
    true = [math.fsum(history[-1, :2]), history[-1, 2]]
    assert once.tolist() == often.tolist() == sometimes.tolist() == true


def test_the_digit_that_made_a_demo_dear() -> None:
    costs = np.cumsum(np.round(np.random.default_rng(1).random((400, 3)) * 0.01, 6), axis=0)
    assert watched(costs, set()).tolist() == watched(costs, set(range(400))).tolist()
    plain = 0.0
    for step in np.diff(costs[:, :2], axis=0, prepend=0.0).sum(axis=1):
        plain += float(step)
    assert plain != math.fsum(costs[-1, :2]), "adding up the steps would have done"


def test_what_is_no_number_ends_in_no_traceback() -> None:
    grown, lost = precise.difference(np.array([np.inf, np.nan, 1.0]), np.array([1.0, 1.0, np.inf]))
    assert np.isinf(grown[0]) and np.isnan(grown[1]) and lost.tolist() == [0.0, 0.0, 0.0]
    totals, rests = np.array([1.5]), np.zeros(1)
    precise.accumulate(totals, rests, np.array([np.inf, 0.5]), np.zeros(2), np.array([0, 0]))
    assert np.isinf(totals[0]) and rests[0] == 0.0
