"""Rows that a function makes for a width; made once for each width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from inferdeck.faces.terminal.drawing.picture import Row, fit


class Fixed:
    """Lines of one answer."""

    def __init__(self, made: Callable[[int], Sequence[Row]]) -> None:
        self._made = made
        self._rows: tuple[int, Sequence[Row]] = (-1, ())

    def height(self, width: int) -> int:
        """Return how many rows there are."""
        return len(self._at(width))

    def row(self, number: int, width: int) -> Row:
        """Return one row."""
        return fit(self._at(width)[number], width)

    def _at(self, width: int) -> Sequence[Row]:
        if self._rows[0] != width:
            self._rows = (width, self._made(width))
        return self._rows[1]
