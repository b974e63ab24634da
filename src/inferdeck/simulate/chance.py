"""Where randomness enters: named streams, so that a change in one place leaves the others as they were."""

from __future__ import annotations

import hashlib
import math
import random

from inferdeck.simulate.fleet import Spread


def stream(seed: int, *names: str) -> random.Random:
    """Return the random numbers of one purpose; the same seed and names give the same numbers on every machine."""
    digest = hashlib.blake2b("\0".join((str(seed), *names)).encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - a simulation, and it must repeat


def draw(spread: Spread, chance: random.Random, factor: float = 1.0) -> float:
    """Return one value of a log-normal spread, multiplied before it is cut."""
    value = spread.median * factor * math.exp(chance.gauss(0.0, spread.sigma))
    return min(max(value, spread.smallest), spread.largest)


def whole(spread: Spread, chance: random.Random, factor: float = 1.0) -> int:
    """Return one value as a whole number, at least 1."""
    return max(1, round(draw(spread, chance, factor)))
