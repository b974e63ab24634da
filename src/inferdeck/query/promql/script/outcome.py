"""What a query gave, in the form in which scripts compare it."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.model.labels import Labels

Row = tuple[Labels, tuple[tuple[int, float], ...]]
"""A series and its (milliseconds, value) points."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer: `kind` is vector, matrix, scalar or string; warnings and infos with their positions."""

    kind: str
    rows: tuple[Row, ...] = ()
    scalar: float = 0.0
    text: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    def at(self, time_ms: int) -> Outcome:
        """Return the column of a matrix at one moment as a vector."""
        rows = [(series, tuple(point for point in found if point[0] == time_ms)) for series, found in self.rows]
        return Outcome("vector", tuple(row for row in rows if row[1]), warnings=self.warnings, infos=self.infos)
