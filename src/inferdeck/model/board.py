"""A board as a value: boxes of stickers, each of which shows what a command prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

REFRESH_SECONDS = 10.0
SHORTEST_REFRESH_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
MOST_STICKERS = 200


@dataclass(frozen=True, slots=True)
class Extent:
    """How wide or high something is: in cells, or in percent of what holds it; exactly one is above 0."""

    cells: int = 0
    percent: float = 0.0

    def of(self, whole: int) -> float:
        """Return cells, not yet rounded."""
        return float(self.cells) if self.cells else whole * self.percent / 100.0


@dataclass(frozen=True, slots=True)
class Sticker:
    """One command and where its output stands.

    refresh_seconds: from one start to the next; timeout_seconds: then it is ended; title: the command where empty;
    tail: the last lines are shown where not all fit.
    """

    command: str
    title: str = ""
    refresh_seconds: float = REFRESH_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS
    width: Extent | None = None
    height: Extent | None = None
    tail: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Stickers side by side (horizontal) or one below the other; height: of the screen, a fair part where None."""

    stickers: tuple[Sticker, ...]
    horizontal: bool = True
    height: Extent | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """Boxes, one below the other. name: of its file; folder: where it stands, "" where that is unknown."""

    boxes: tuple[Box, ...]
    name: str = ""
    folder: str = ""

    def stickers(self) -> Iterator[Sticker]:
        """Return all stickers in their order."""
        for box in self.boxes:
            yield from box.stickers
