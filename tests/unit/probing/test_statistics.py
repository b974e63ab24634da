"""The test of a pool's shares, against enumerations and simulations that know no approximation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.probing import statistics

POOLS = [(1.0, 1.0), (3.0, 1.0), (1.0, 1.0, 1.0), (2.0, 1.0, 1.0, 1.0)]


def outcomes(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield every way in which so many requests can fall on so many members."""
    for head in product(range(total + 1), repeat=parts - 1):
        if sum(head) <= total:
            yield (*head, total - sum(head))


def probability(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the multinomial probability of counts."""
    logs = math.lgamma(sum(counts) + 1)
    for count, share in zip(counts, shares, strict=True):
        logs += count * math.log(share) - math.lgamma(count + 1)
    return math.exp(logs)


def distance(counts: Sequence[int], shares: Sequence[float]) -> float:
    total = sum(counts)
    return sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))


def exact_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return how often chance alone gives counts at least as far off, by adding up every outcome."""
    limit = distance(counts, shares) - 1e-9
    every = outcomes(sum(counts), len(counts))
    return sum(probability(one, shares) for one in every if distance(one, shares) >= limit)


def loss(shares: Sequence[float], member: int, lost: float) -> list[float]:
    """Return shares of which one member lost a part to the others, in proportion."""
    taken = shares[member] * lost
    rest = 1.0 - shares[member]
    return [share - taken if place == member else share * (rest + taken) / rest for place, share in enumerate(shares)]


def test_a_worked_example_from_the_literature() -> None:
    """Mendel's peas, 556 of four kinds at 9:3:3:1: X² = 0.470 with 3 degrees of freedom (Pearson's own p is 0.925)."""
    found = statistics.fit([315, 101, 108, 32], statistics.shares([9, 3, 3, 1]))
    assert found.freedom == 3
    assert found.statistic == pytest.approx(0.470, abs=5e-4)
    assert found.p_value == pytest.approx(0.925, abs=1e-3)


def test_power_is_that_of_cohens_table() -> None:
    """Cohen 1988, table 7.4: for w = 0.3 at the 0.05 level, power 0.8 needs 87 cases with u = 1, 133 with u = 4."""
    for freedom, cases in ((1, 87), (4, 133)):
        assert statistics.power(cases, freedom, 0.3, 0.05) == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize("counts", [(30, 17), (35, 12), (24, 24), (20, 15, 10), (22, 11, 9)])
def test_p_is_close_to_that_of_every_outcome_added_up(counts: tuple[int, ...]) -> None:
    shares = statistics.shares([1.0] * len(counts))
    assert statistics.fit(counts, shares).p_value == pytest.approx(exact_p(counts, shares), abs=0.05)


@pytest.mark.parametrize("weights", POOLS)
def test_as_many_requests_as_are_needed_show_a_lost_half(weights: tuple[float, ...]) -> None:
    """A simulation counts how often a pool is called wrong: rarely where it is right, mostly where it is not."""
    shares, alpha = statistics.shares(weights), 0.01
    total = statistics.needed(shares, alpha)
    smallest = shares.index(min(shares))
    limit = _limit(len(shares) - 1, alpha)
    found = {}
    for name, truth in (("right", shares), ("wrong", loss(shares, smallest, 0.5))):
        drawn = np.random.default_rng(5).multinomial(total, truth, size=20_000)
        expected = total * np.array(shares)
        found[name] = float((((drawn - expected) ** 2 / expected).sum(axis=1) >= limit).mean())
    assert found["right"] < 0.02
    # The approximation of small samples is off by a few points of a hundred.
    assert 0.72 < found["wrong"] < 0.95
    assert statistics.power_against_loss(total, shares, alpha) >= statistics.POWER
    assert min(shares) * total >= statistics.LEAST_EXPECTED


def _limit(freedom: int, alpha: float) -> float:
    """Return the chi-squared quantile by simulation of sums of squared normals."""
    drawn = np.random.default_rng(11).standard_normal((400_000, freedom))
    return float(np.quantile((drawn**2).sum(axis=1), 1 - alpha))


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=6), st.floats(0.05, 0.95), st.integers(0, 5))
def test_the_effect_of_a_loss_is_cohens_w(weights: list[float], lost: float, place: int) -> None:
    shares = statistics.shares(weights)
    member = place % len(shares)
    other = loss(shares, member, lost)
    assert sum(other) == pytest.approx(1.0)
    w = math.sqrt(sum((new - old) ** 2 / old for new, old in zip(other, shares, strict=True)))
    assert statistics.effect_of_loss(shares[member], lost) == pytest.approx(w, rel=1e-9)


@pytest.mark.parametrize("weights", POOLS)
def test_the_smallest_loss_that_is_seen_has_the_wanted_power(weights: tuple[float, ...]) -> None:
    shares = statistics.shares(weights)
    for total in (40, 100, 1000):
        found = statistics.smallest_loss(total, shares, 0.01)
        if found is None:
            assert statistics.power_against_loss(total, shares, 0.01, 1.0) < statistics.POWER
        else:
            assert statistics.power_against_loss(total, shares, 0.01, found) == pytest.approx(
                statistics.POWER, abs=1e-6
            )
    assert statistics.smallest_loss(3, shares, 0.01) is None


def test_needed_is_the_first_number_that_is_enough() -> None:
    for weights in POOLS:
        shares = statistics.shares(weights)
        total = statistics.needed(shares, 0.01)
        enough = statistics.power_against_loss(total - 1, shares, 0.01) >= statistics.POWER
        assert not enough or (total - 1) * min(shares) < statistics.LEAST_EXPECTED
    assert statistics.needed((1.0,), 0.01) == 0


def test_a_pool_that_is_right_is_rarely_called_wrong() -> None:
    shares, chance = statistics.shares([1.0, 2.0]), Random(3)
    wrong = 0
    for _ in range(300):
        small = sum(chance.random() < shares[0] for _ in range(80))
        wrong += statistics.fit([small, 80 - small], shares).p_value < 0.01
    assert wrong <= 9
