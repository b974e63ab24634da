"""The lives of the fleet's processes: everything is deployed anew each night, so each day can be played by itself.

The present life goes on where its played past ends, since both are the same world: same fleet, seed and beginning. When
its night comes, its processes begin anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.world import World

DAY = 86_400.0
HOUR = 4
"""When everything begins anew, in UTC."""
RECENT_SECONDS = DAY
"""How far back samples stand 15 s apart; further back it is a minute."""
FINE_MS = 15_000
COARSE_MS = 60_000
_DAYS = 100_003


@dataclass(frozen=True, slots=True)
class Life:
    """From one deployment to the next, or to the present; Unix seconds."""

    start: float
    end: float


def began(moment: float) -> float:
    """Return when the life at a moment began."""
    return (moment - HOUR * 3600) // DAY * DAY + HOUR * 3600


def lives(present: float, days: float) -> Iterator[Life]:
    """Yield the lives of the last days, the present one first; the first of them all begins where the days begin."""
    oldest, start = (present - days * DAY) // 60 * 60, began(present)
    # The present one is whole, since the fleet that serves goes on with it.
    yield Life(start, present)
    while start > oldest:
        start, end = max(start - DAY, oldest), start
        yield Life(start, end)


def world(fleet: Fleet, seed: int, start: float) -> World:
    """Return the world of the life that begins at `start`; each day has other traffic.

    Where it goes on after that life, everything is deployed anew when the next one would begin.
    """
    found = World(fleet, seed=seed * _DAYS + int(began(start) // DAY), start=start)
    found.kernel.at(start, partial(_deploy, found, start + DAY))
    return found


def _deploy(world: World, moment: float) -> None:
    world.processes.deploy(moment)
    world.kernel.at(moment, partial(_deploy, world, moment + DAY))


def step_ms(moment: float, present: float) -> int:
    """Return how far apart samples stand at a moment."""
    return FINE_MS if moment > present - RECENT_SECONDS else COARSE_MS
