"""Big digits: what they say cannot be taken for something else."""

from __future__ import annotations

import pytest

from inferdeck.faces.terminal.drawing import figures
from inferdeck.faces.terminal.drawing.glyphs import ASCII, BRAILLE


def test_big_digits_with_their_unit_at_the_foot() -> None:
    assert figures.big("17 ms", "ok", BRAILLE) == [
        (("▀█  ▀▀█", "ok"),),
        ((" █    █", "ok"),),
        (("▀▀▀   ▀", "ok"), (" ms", "ok")),
    ]


@pytest.mark.parametrize("sign", ["$", "€", "£", "¥"])
def test_a_sum_of_money_is_not_taken_for_another_number(sign: str) -> None:
    plain, money = figures.big("8.64", "", BRAILLE), figures.big(f"{sign}8.64", "", BRAILLE)
    rows = [(money_row[0][0], plain_row[0][0]) for money_row, plain_row in zip(money, plain, strict=True)]
    assert [drawn.removesuffix(bare) for drawn, bare in rows] == ["  ", f"{sign} ", "  "]


@pytest.mark.parametrize("text", ["–", "12 of 14", "∞", ""])
def test_what_is_no_single_number_is_not_drawn_big(text: str) -> None:
    assert figures.big(text, "", BRAILLE) == []
    assert figures.big("5", "", ASCII) == []
