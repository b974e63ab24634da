"""A terminal with few signs is sent only such as it has, in as many cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from inferdeck.faces.terminal.drawing.glyphs import ASCII, BLOCK, BRAILLE
from inferdeck.faces.terminal.plain import filters

CONSOLE = {*bytes(range(32, 256)).decode("cp437"), *"☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼⌂"}
OWN = "─│╭╮╰╯▔▁…·–●◐◔○→▸█▂▅×°≤µ⚠✓"


def sent(found: LineFilter, text: str) -> str:
    style = Style(bold=True)
    (segment,) = found.apply([Segment(text, style)], Color(0, 0, 0))
    assert segment.style == style
    return segment.text


@given(st.text())
def test_all_becomes_ascii_of_the_same_width(text: str) -> None:
    (found,) = filters(ASCII)
    shown = sent(found, text)
    assert shown.isascii() and len(shown) == (cell_len(text) if not text.isascii() else len(text))


def test_words_stay_readable() -> None:
    (found,) = filters(ASCII)
    assert sent(found, "╭─ Anfragen für Müller … 3 µs → 42 °C ─╮") == "+- Anfragen fur Muller ~ 3 us > 42 oC -+"
    assert sent(found, "한국 x") == "???? x"
    assert len({sent(found, sign) for sign in "●◐◔○"}) == 4


def test_a_console_gets_what_its_font_has() -> None:
    (found,) = filters(BLOCK)
    shown = sent(found, OWN)
    assert set(shown) <= CONSOLE and cell_len(shown) == cell_len(OWN)
    assert sent(found, "╭ Привет é ╮") == "┌ Привет é ┐"
    assert len({sent(found, sign) for sign in "●◐◔○"}) == 4


def test_other_terminals_are_sent_all() -> None:
    assert filters(BRAILLE) == []
