"""What a terminal with few signs is sent, by us or by Textual: others as signs that it has, in as many cells."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from inferdeck.faces.terminal.drawing.glyphs import Glyphs

_ASCII = {
    **dict.fromkeys("─━═╌┄┈▔▁‐‑‒–—−", "-"),
    **dict.fromkeys("│┃║╎┆┊▌▐▎▏▍▋▊▉", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛╔╗╚╝✓◐", "+"),
    **dict.fromkeys("▂▃▄▅▆▇█▀░▒▓", " "),
    **dict.fromkeys("›»→▶►▸≥", ">"),
    **dict.fromkeys("‹«←◀◄≤", "<"),
    **dict.fromkeys("▲↑△▴", "^"),
    **dict.fromkeys("▼↓▽▾", "v"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("µμ", "u"),
    **dict.fromkeys("×✗", "x"),
    "·": ".",
    "•": "*",
    "●": "*",
    "○": "o",
    "◔": "-",
    "°": "o",
    "…": "~",
    "⚠": "!",
    "🔎": "  ",
}
_CONSOLE = {
    **dict.fromkeys("╌┄┈▔▁━", "─"),
    **dict.fromkeys("‐‑‒–—−", "-"),
    **dict.fromkeys("╎┆┊┃", "│"),
    **dict.fromkeys("╭┏", "┌"),
    **dict.fromkeys("╮┓", "┐"),
    **dict.fromkeys("╰┗", "└"),
    **dict.fromkeys("╯┛", "┘"),
    **dict.fromkeys("▏▎▍▋▊▉", "▌"),
    **dict.fromkeys("▂▃▅", "▄"),
    **dict.fromkeys("▆▇", "█"),
    "›": "»",
    "‹": "«",
    "▶": "►",
    "▸": "►",
    "◀": "◄",
    "▾": "▼",
    "▴": "▲",
    "△": "▲",
    "▽": "▼",
    "●": "•",
    "◐": "◘",
    "◔": "◙",
    "…": "~",
    "×": "x",
    "✓": "√",
    "✗": "x",
    "⚠": "!",
    "🔎": "  ",
}
"""Signs that code page 437 has not; letters are left, since consoles have fonts for the languages of their users."""


class FewSigns(LineFilter):
    """Replaces signs. every: also all others that are not ASCII, letters by ones without accents."""

    def __init__(self, signs: dict[str, str], *, every: bool) -> None:
        super().__init__()
        self._known = {ord(sign): instead for sign, instead in signs.items()}
        self._every = every

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with the signs that the terminal has."""
        return [
            segment if segment.text.isascii() else Segment(self.replaced(segment.text), segment.style, segment.control)
            for segment in segments
        ]

    def replaced(self, text: str) -> str:
        """Return a text with other signs, in as many cells as it had."""
        if not self._every:
            return text.translate(self._known)
        width = cell_len(text)
        for sign in set(text):
            if not sign.isascii() and ord(sign) not in self._known:
                bare = unicodedata.normalize("NFKD", sign)[:1]
                self._known[ord(sign)] = bare if bare.isascii() and bare.isprintable() else "?" * cell_len(sign)
        return text.translate(self._known)[:width].ljust(width)


def filters(glyphs: Glyphs) -> list[LineFilter]:
    """Return what changes lines on a terminal for which these were chosen."""
    if glyphs.ascii_only:
        return [FewSigns(_ASCII, every=True)]
    return [FewSigns(_CONSOLE, every=False)] if glyphs.name == "block" else []
