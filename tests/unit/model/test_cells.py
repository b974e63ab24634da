"""Cells: what is cleaned is as wide as wcwidth and rich (Textual's own ruler) say, whatever it was before."""

from __future__ import annotations

import pytest
import rich.cells
import wcwidth
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model import cells

ANYTHING = st.text(st.characters(), max_size=40) | st.text(
    st.sampled_from("a[]\x1b\u200d\ufe0f\u202e👩🏽🔬❤⚠🇩🇪é́̂שلหิ한ᄒ界ﾠ\t\n\0"), max_size=40
)


@given(ANYTHING)
def test_every_ruler_agrees_about_a_clean_text(text: str) -> None:
    clean = cells.clean(text)
    assert cells.width(clean) == rich.cells.cell_len(clean)
    assert cells.width(clean) == sum(wcwidth.wcwidth(letter) for letter in clean)
    assert all(letter.isprintable() for letter in clean)
    assert cells.clean(clean) == clean


@given(ANYTHING, st.integers(0, 50), st.integers(0, 50))
def test_what_is_cut_or_filled_has_the_asked_width(text: str, start: int, room: int) -> None:
    clean = cells.clean(text)
    assert cells.width(cells.cut(clean, room)) <= room
    assert cells.width(cells.fit(clean, room)) == room
    assert cells.width(cells.fit(clean, room, right=True)) == room
    assert cells.width(cells.part(clean, start, room)) == room


def test_every_letter_is_counted_as_terminals_do() -> None:
    for code in range(0x110000):
        clean = cells.clean(chr(code))
        assert cells.width(clean) == sum(wcwidth.wcwidth(one) for one in clean) == rich.cells.cell_len(clean), hex(code)


@pytest.mark.parametrize(
    ("text", "clean", "width"),
    [
        ("gpt-4o", "gpt-4o", 6),
        ("\x1b[31mred", "␛[31mred", 8),
        ("a\tb\nc", "a b c", 5),
        ("👩\u200d🔬", "👩🔬", 4),
        ("🇩🇪", "DE", 2),
        ("👍🏽", "👍", 2),
        ("⚠\ufe0f", "⚠", 1),
        ("abc\u202efed", "abcfed", 6),
        ("z" + "\u0316" * 30, "z\u0316\u0316", 1),
        ("\u0301a", "a", 1),
        ("界", "界", 2),
        ("\ud800\ue000", "��", 2),
    ],
)
def test_hostile_texts(text: str, clean: str, width: int) -> None:
    assert cells.clean(text) == clean
    assert cells.width(clean) == width


def test_a_cut_text_ends_with_a_sign_and_never_with_half_a_letter() -> None:
    assert cells.cut("abcdef", 4) == "abc…"
    assert cells.cut("界界界", 4) == "界…"
    assert cells.cut("abc", 1) == "…"
    assert cells.cut("abc", 0) == ""
    assert cells.part("a界b", 2, 2) == " b"
    assert cells.part("a界b", 1, 1) == " "
