"""From what a dcgm-exporter says to the series that the cards of this machine give: one question answers for both.

Blank values: dcgm_structs.h, DCGM_INT32_BLANK, DCGM_INT64_BLANK, DCGM_FP64_BLANK and the three values behind each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inferdeck.model.labels import NAME, Labels, labels
from inferdeck.model.scrape import EMPTY_LAYOUT, Layout
from inferdeck.model.target import Fact
from inferdeck.sources import gpus

_PREFIX = "DCGM_"
_BLANKS = (0x7FFFFFF0, 2.0**47)
_FIRST_LARGE_BLANK = 2.0**62
# Spellings of other versions and settings -> the one that most dashboards know.
_SPELLINGS = {"hostname": gpus.HOST, "uuid": "UUID"}
_REASONS = (gpus.REASONS, "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS")
_MEMORY = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED")
_TOTAL = "DCGM_FI_DEV_FB_TOTAL"
_EVENTS = np.array([list(gpus.CLOCK_EVENTS.values())], np.int64)
_CARD = ("gpu", "UUID", "pci_bus_id", "device", "modelName", gpus.HOST, gpus.DRIVER)


def blank(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell for each value whether it is DCGM's way to say that there is none."""
    found = values >= _FIRST_LARGE_BLANK
    for first in _BLANKS:
        found |= (values >= first) & (values <= first + 3)
    return found


class Shape:
    """Takes blank values out and puts `gpu_info` and `gpu_clock_event` in; the layout stays while the series do.

    `extra` are the target's own labels, which the layout carries already.
    """

    def __init__(self, extra: Labels) -> None:
        self._extra = dict(extra)
        self._source = EMPTY_LAYOUT
        self._blank: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._names: list[str] = []
        self._ours: NDArray[np.bool_] = np.empty(0, np.bool_)
        self._kept: NDArray[np.intp] = np.empty(0, np.intp)
        self._masks: NDArray[np.intp] = np.empty(0, np.intp)
        self._infos: NDArray[np.float64] = np.empty(0)
        self._layout = EMPTY_LAYOUT

    def apply(self, layout: Layout, values: NDArray[np.float64]) -> tuple[Layout, NDArray[np.float64]]:
        """Return the layout and its values."""
        new = layout is not self._source
        if new:
            self._source = layout
            self._names = [dict(series)[NAME] for series in layout.series]
            self._ours = np.array([name.startswith(_PREFIX) for name in self._names], np.bool_)
        absent = blank(values) & self._ours
        if new or not np.array_equal(absent, self._blank):
            self._blank = absent
            self._lay_out()
        masks = values[self._masks].astype(np.int64)
        events = (masks[:, None] & _EVENTS != 0).astype(np.float64).ravel()
        return self._layout, np.concatenate([values[self._kept], self._infos, events])

    def _lay_out(self) -> None:
        spelled = [_spelled(series) for series in self._source.series]
        kept = [place for place in range(len(spelled)) if not self._blank[place]]
        infos = self._info(spelled[place] for place in kept if self._ours[place])
        masks = [place for place in kept if self._names[place] in _REASONS]
        events = [
            labels({**dict(spelled[place]), NAME: gpus.CLOCK_EVENT, "clock_event": reason})
            for place in masks
            for reason in gpus.CLOCK_EVENTS
        ]
        self._kept, self._masks = np.array(kept, np.intp), np.array(masks, np.intp)
        self._infos = np.ones(len(infos))
        series = (*(spelled[place] for place in kept), *infos, *events)
        if series != self._layout.series:
            self._layout = Layout(series)

    def _info(self, found: Iterator[Labels]) -> Sequence[Labels]:
        """Return one `gpu_info` per card, by the series that says most of it."""
        cards: dict[str, dict[str, str]] = {}
        for series in found:
            own = dict(series)
            card = {name: own[name] for name in _CARD if name in own}
            if "UUID" in card and "gpu" in card and len(card) > len(cards.get(card["UUID"], ())):
                cards[card["UUID"]] = card
        return [labels({**card, **self._extra, NAME: gpus.INFO}) for card in cards.values()]


def facts(layout: Layout, values: NDArray[np.float64]) -> Iterator[Fact]:
    """Yield the cards, and the instances of those that are split, of a layout that Shape made."""
    cards: dict[str, dict[str, str]] = {}
    memory: dict[tuple[str, str, str], dict[str, float]] = {}
    for series, value in zip(layout.series, values.tolist(), strict=True):
        own = dict(series)
        if own[NAME] == gpus.INFO:
            cards[own["UUID"]] = own
        elif own[NAME] in (*_MEMORY, _TOTAL) and "UUID" in own:
            place = (own["UUID"], own.get("GPU_I_ID", ""), own.get("GPU_I_PROFILE", ""))
            memory.setdefault(place, {})[own[NAME]] = value
    for uuid, own in cards.items():
        parts = {place: sizes for place, sizes in memory.items() if place[0] == uuid and place[1]}
        card = _card(own)
        yield gpus.fact(card, _total(memory.get((uuid, "", ""), {})), "enabled" if parts else "")
        for (_, number, profile), sizes in parts.items():
            part = gpus.Card(
                f"{card.index}:{number}", f"{uuid}/{number}", card.bus, "", card.model, card.host, card.driver
            )
            yield gpus.fact(part, _total(sizes), profile or "instance", parent=uuid)


def _total(sizes: Mapping[str, float]) -> int | None:
    """Return the bytes of a card's memory, to the MiB: its total, or the sum of what is used, free and reserved."""
    if _TOTAL in sizes:
        return int(sizes[_TOTAL]) * gpus.MEBIBYTE
    if not all(name in sizes for name in _MEMORY[:2]):
        return None
    return int(sum(sizes.get(name, 0.0) for name in _MEMORY)) * gpus.MEBIBYTE


def _card(own: Mapping[str, str]) -> gpus.Card:
    index, uuid, bus, device, model, host, driver = (own.get(name, "") for name in _CARD)
    return gpus.Card(index, uuid, bus, device, model, host, driver)


def _spelled(series: Labels) -> Labels:
    own = dict(series)
    other = {name: wanted for name, wanted in _SPELLINGS.items() if name in own and wanted not in own}
    if not other or not own[NAME].startswith(_PREFIX):
        return series
    return labels({other.get(name, name): value for name, value in own.items()})
