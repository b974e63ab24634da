"""Counters that were added up and that their target does not show now, as after its restart, until they are used again.

Their totals go on being told beside those that it shows. Otherwise a sum over several of them, such as a canonical
series, would fall when the target restarts and jump when each comes back with its total, which reads as new traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import Labels
from inferdeck.model.scrape import EMPTY_LAYOUT, Layout
from inferdeck.sources.increases import Increases
from inferdeck.sources.repair_plan import Total

Values = NDArray[np.float64]

MOST_ABSENT = 20_000
"""The ones gone longest are forgotten first."""


class Absent:
    """Tells the totals of one target's absent counters; what they are stands in `increases.absent`.

    A family of which the target shows nothing at all is not told: it may have another name by now.
    """

    def __init__(self, increases: Increases) -> None:
        self._increases = increases
        self._before = EMPTY_LAYOUT
        self._shown: Callable[[], Mapping[Labels, Total]] = dict
        self._joined = EMPTY_LAYOUT
        self._values: Values = np.empty(0)

    def join(
        self, layout: Layout, values: Values, shown: Callable[[], Mapping[Labels, Total]], *, lasting: bool
    ) -> tuple[Layout, Values]:
        """Return the series with the absent ones after them; the layout is the same object while its input's is.

        shown: the series of the layout that are totals; asked for when the layout is new. lasting: it can be asked
        later, too.
        """
        if layout is not self._before:
            self._renew(layout, shown, lasting=lasting)
        if self._joined is layout:
            return layout, values
        return self._joined, np.concatenate((values, self._values))

    def _renew(self, layout: Layout, find: Callable[[], Mapping[Labels, Total]], *, lasting: bool) -> None:
        increases, before, known = self._increases, self._before.series, self._shown
        self._before = layout
        if lasting and not increases.absent and layout.series[: len(before)] == before:
            # It only grew, as most do: nothing that was shown is absent.
            self._shown, self._joined = find, layout
            return
        shown = find()
        self._shown = lambda: shown
        absent = {output: total for output, total in increases.absent.items() if output not in shown}
        absent |= {output: total for output, total in known().items() if output not in shown}
        for output in list(absent)[: max(0, len(absent) - MOST_ABSENT)]:
            del absent[output]
        if absent.keys() != increases.absent.keys():
            increases.absent = absent
            increases.shape += 1
            increases.version += 1
        families = {total.family for total in shown.values()}
        told = {
            output: increases.totals[total.key]
            for output, total in absent.items()
            if total.family in families and total.key in increases.totals
        }
        self._joined = Layout((*layout.series, *told)) if told else layout
        self._values = np.array(list(told.values()), np.float64)
