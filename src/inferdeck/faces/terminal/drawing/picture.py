"""Pictures: rows of spans of exact widths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inferdeck.faces.terminal.drawing.glyphs import Glyphs
from inferdeck.model import cells

Span = tuple[str, str]
"""A clean text and the name of its style; several names are joined by a blank ("warn selected")."""
Row = tuple[Span, ...]

SERIES = tuple(f"series{number}" for number in range(1, 9))
HEAT = tuple(f"heat{number}" for number in range(1, 9))
"""From little to much."""
STYLES = (
    "",
    *SERIES,
    *HEAT,
    "ok",
    "warn",
    "critical",
    "dim",
    "strong",
    "title",
    "axis",
    "cursor",
    "selected",
    "changed",
)
"""All names that a span's style is made of."""
_PLAIN_WORDS = {"–": "-", "…": "~", "µ": "u", "°": "o", "·": ".", "×": "x", "→": ">", "≤": "<", "─": "-"}


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows of one width in cells."""

    rows: tuple[Row, ...]
    width: int

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.rows)

    def text(self) -> str:
        """Return the picture without styles, a line for each row; blanks at the ends are left out."""
        return "".join("".join(text for text, _ in row).rstrip() + "\n" for row in self.rows)


def words(text: str, cells_wide: int, style: str = "", *, right: bool = False) -> Row:
    """Return a text from anywhere in exactly so many cells."""
    return ((cells.fit(cells.clean(text), cells_wide, right=right), style),) if cells_wide > 0 else ()


def blank(cells_wide: int) -> Row:
    """Return a row of blanks."""
    return ((" " * cells_wide, ""),) if cells_wide > 0 else ()


def wide(row: Row) -> int:
    """Return how many cells a row takes."""
    return sum(cells.width(text) for text, _ in row)


def fit(row: Iterable[Span], cells_wide: int, *, more: str = "…") -> Row:
    """Return the row in exactly so many cells: filled with blanks, or cut with `more` at the end."""
    spans = [span for span in row if span[0]]
    sizes = [cells.width(text) for text, _ in spans]
    room = cells_wide - sum(sizes)
    if room >= 0:
        # Nearly every row fits.
        return (*spans, (" " * room, "")) if room else tuple(spans)
    out: list[Span] = []
    left = cells_wide
    for (text, style), size in zip(spans, sizes, strict=True):
        if size < left:
            out.append((text, style))
            left -= size
            continue
        if left > 0:
            # The sign stands also where the cut falls between two spans.
            kept = cells.cut(text, left, more=more) if size > left else cells.cut(text + " ", left, more=more)
            out.append((cells.fit(kept, left), style))
            left = 0
        break
    if left > 0:
        out.append((" " * left, ""))
    return tuple(out)


def window(row: Row, start: int, cells_wide: int) -> Row:
    """Return exactly the cells of the row from `start` on."""
    out: list[Span] = []
    place = 0
    for text, style in row:
        size = cells.width(text)
        low, high = max(start, place), min(start + cells_wide, place + size)
        if low < high:
            out.append((cells.part(text, low - place, high - low), style))
        place += size
    return fit(out, cells_wide)


def styled(row: Row, style: str) -> Row:
    """Return the row with a further style on every span."""
    return tuple((text, f"{own} {style}" if own else style) for text, own in row)


def sides(left: Row, right: Row, cells_wide: int) -> Row:
    """Return both at the ends of a row; where there is no room for both, the left one is cut, then the right one."""
    room = cells_wide - wide(right)
    if not right or room < min(4, wide(left)) + 1:
        return fit(left, cells_wide)
    # One blank stands between them.
    return (*fit(left, room - 1), (" ", ""), *right)


def stack(rows: Iterable[Row], cells_wide: int, height: int) -> Picture:
    """Return exactly `height` rows of exactly `cells_wide` cells: cut, or filled with blank ones at the end."""
    kept = [fit(row, cells_wide) for row, _ in zip(rows, range(height), strict=False)]
    kept += [blank(cells_wide)] * (height - len(kept))
    return Picture(tuple(kept), cells_wide)


def spoken(picture: Picture, glyphs: Glyphs) -> Picture:
    """Return the picture with the letters that the glyphs allow: where only ASCII is safe, all others are replaced."""
    if not glyphs.ascii_only:
        return picture
    rows = tuple(tuple((_ascii(text), style) for text, style in row) for row in picture.rows)
    return Picture(rows, picture.width)


def trimmed(picture: Picture) -> Picture:
    """Return the picture without blank rows at its end."""
    rows = list(picture.rows)
    while rows and not any(text.strip() for text, _ in rows[-1]):
        rows.pop()
    return Picture(tuple(rows), picture.width)


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _PLAIN_WORDS.get(c, "?" * cells.width(c)) for c in text)


def series_style(index: int) -> str:
    """Return the style of the series that stands at this place."""
    return SERIES[index % len(SERIES)]


def longest(texts: Sequence[str]) -> int:
    """Return the width of the widest of these clean texts."""
    return max((cells.width(text) for text in texts), default=0)
