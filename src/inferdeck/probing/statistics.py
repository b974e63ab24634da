"""Whether the members of a pool get the shares that they should, and what a sample of that size could have shown.

The test is Pearson's chi-squared test of goodness of fit, `X² = Σ (count - n·share)² / (n·share)` with k - 1 degrees of
freedom (Pearson 1900). Its power follows Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter
7: under another distribution X² is about noncentral chi-squared with noncentrality `n·w²`, where
`w² = Σ (other - share)² / share`. Where one member's share falls by d and the others take it over in proportion,
`w² = d² / (share·(1 - share))`.
The approximation wants expected counts of 5 and more (Cochran 1954), which `needed` sees to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

POWER = 0.8
"""Below it there is no verdict."""
ALPHA = 0.01
"""Of all pools of one run together: how often a right one may be called wrong."""
LOST = 0.5
"""The imbalance that must be seen: a member that lost this part of its share."""
LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How well counts fit shares: X², its degrees of freedom, and how often chance alone would give that much."""

    statistic: float
    freedom: int
    p_value: float


def shares(weights: Sequence[float]) -> tuple[float, ...]:
    """Return weights as shares of 1; raises ValueError where none is above 0 or one is below."""
    total = math.fsum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, and one must be above 0")
    return tuple(weight / total for weight in weights)


def fit(counts: Sequence[int], expected: Sequence[float]) -> Fit:
    """Test counts against shares, all above 0; with one member there is nothing to test and p is 1."""
    from scipy.stats import chi2

    total, freedom = sum(counts), len(counts) - 1
    if not total or not freedom:
        return Fit(0.0, freedom, 1.0)
    pairs = zip(counts, expected, strict=True)
    statistic = math.fsum((count - total * share) ** 2 / (total * share) for count, share in pairs)
    return Fit(statistic, freedom, float(chi2.sf(statistic, freedom)))


def power(total: int, freedom: int, effect: float, alpha: float) -> float:
    """Return how often a sample of `total` is called wrong where Cohen's w is `effect`."""
    from scipy.stats import chi2, ncx2

    if total <= 0 or freedom <= 0:
        return 0.0
    return float(ncx2.sf(chi2.isf(alpha, freedom), freedom, max(total * effect**2, 1e-12)))


def effect_of_loss(share: float, lost: float) -> float:
    """Return Cohen's w where a member loses this part (0 to 1) of its share to the others."""
    return lost * math.sqrt(share / (1.0 - share))


def power_against_loss(total: int, expected: Sequence[float], alpha: float, lost: float = LOST) -> float:
    """Return the power to see that any member lost this part of its share; the smallest member is the hardest."""
    return power(total, len(expected) - 1, effect_of_loss(min(expected), lost), alpha)


def smallest_loss(total: int, expected: Sequence[float], alpha: float, wanted: float = POWER) -> float | None:
    """Return the smallest part of its share that a member may lose and be seen; None where even all of it is not."""
    least, most = 0.0, 1.0
    if power_against_loss(total, expected, alpha, most) < wanted:
        return None
    for _ in range(50):
        middle = (least + most) / 2
        if power_against_loss(total, expected, alpha, middle) < wanted:
            least = middle
        else:
            most = middle
    return most


def needed(expected: Sequence[float], alpha: float, lost: float = LOST, wanted: float = POWER) -> int:
    """Return how many requests show the loss with the wanted power, at least 5 of them expected at each member."""
    if len(expected) < 2:
        return 0
    least = math.ceil(LEAST_EXPECTED / min(expected))
    most = max(least, 2)
    while power_against_loss(most, expected, alpha, lost) < wanted:
        most *= 2
    low = least
    while low < most:
        middle = (low + most) // 2
        if power_against_loss(middle, expected, alpha, lost) < wanted:
            low = middle + 1
        else:
            most = middle
    return low


def residual(count: int, total: int, share: float) -> float:
    """Return by how many standard deviations a member's count is off; negative where it got too little."""
    spread = math.sqrt(total * share * (1.0 - share))
    return (count - total * share) / spread if spread else 0.0
