"""From samples that a source makes itself to a layout with its values: the counterpart of the exposition parser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.model.scrape import EMPTY_LAYOUT, NAN_BITS, Layout

Pairs = tuple[tuple[str, str], ...]
"""Labels without the metric name, in any order."""
Sample = tuple[str, Pairs, float]
"""Metric name, its own labels, value."""


class Columns:
    """Lays out one target's samples, returning the same Layout while the set of series stays the same.

    `extra` are the target's labels (job, instance, environment, configured ones); a sample's own label of the same
    name becomes `exported_NAME`, as Prometheus does. Of two samples of one series the first is kept.
    """

    def __init__(self, extra: Labels) -> None:
        self._extra = dict(extra)
        self._keys: list[tuple[str, Pairs]] = []
        self._order: NDArray[np.intp] | None = None
        self._layout = EMPTY_LAYOUT

    def collect(self, samples: Iterable[Sample]) -> tuple[Layout, NDArray[np.float64]]:
        """Return the layout and one float64 per series; NaN bits are the ordinary ones (model/scrape.py)."""
        found = list(samples)
        keys = [(name, own) for name, own, _ in found]
        if keys != self._keys:
            self._lay_out(keys)
        values = np.fromiter((value for _, _, value in found), np.float64, len(found))
        if self._order is not None:
            values = values[self._order]
        values.view(np.uint64)[np.isnan(values)] = NAN_BITS
        return self._layout, values

    def _lay_out(self, keys: Sequence[tuple[str, Pairs]]) -> None:
        positions: dict[Labels, int] = {}
        for position, (name, own) in enumerate(keys):
            positions.setdefault(self._identity(name, own), position)
        if positions.keys() != set(self._layout.series):
            self._layout = Layout(tuple(positions))
        order = [positions[series] for series in self._layout.series]
        self._keys = list(keys)
        self._order = None if order == list(range(len(keys))) else np.array(order, np.intp)

    def _identity(self, name: str, own: Pairs) -> Labels:
        merged = {f"exported_{key}" if key in self._extra else key: value for key, value in own}
        return labels({**merged, **self._extra, NAME: name})


Part = tuple[Layout, NDArray[np.float64]]


class Joined:
    """Puts the series of several parts of one target behind each other, as one layout while the parts are the same."""

    def __init__(self) -> None:
        self._layouts: tuple[Layout, ...] = ()
        self._layout = EMPTY_LAYOUT

    def join(self, *parts: Part) -> Part:
        """Return one layout and its values; no series may stand in two parts."""
        layouts = tuple(layout for layout, _ in parts)
        if len(layouts) != len(self._layouts) or any(
            new is not old for new, old in zip(layouts, self._layouts, strict=True)
        ):
            self._layouts = layouts
            self._layout = Layout(tuple(series for layout in layouts for series in layout.series))
        return self._layout, np.concatenate([values for _, values in parts])
