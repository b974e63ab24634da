"""Rows of cells as strips: shown whole, they cost no measuring, and nothing but their owner keeps them."""

from __future__ import annotations

import gc

import pytest
from rich.cells import cached_cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region

from inferdeck.faces.terminal.paint import Paint, Whole, cropped

ROW = (("⠤⠒ 17.25 req/s", "ok"), (" " * 20, ""), ("模型", "title"))
WIDTH = 38


def painted() -> Whole:
    """Return a row as it is shown."""
    strip = Paint({"text-success": "#00ff00"}, Style(bgcolor="#000000")).strip(ROW, WIDTH)
    assert isinstance(strip, Whole)
    return strip


@pytest.mark.parametrize("cuts", [[WIDTH], [WIDTH, WIDTH + 1]])
def test_a_row_that_is_shown_whole_is_not_measured(cuts: list[int]) -> None:
    strip, measured = painted(), cached_cell_len.cache_info()
    assert list(strip.divide(cuts)) == [strip]
    assert cached_cell_len.cache_info() == measured


def test_a_row_beneath_something_is_divided_by_cells() -> None:
    parts = painted().divide([3, 37, WIDTH, WIDTH + 1])
    assert [part.text for part in parts] == ["⠤⠒ ", "17.25 req/s" + " " * 20 + "模 ", " "]


def test_a_row_that_was_shown_goes_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        painted().divide([WIDTH])
        assert not any(isinstance(one, Whole) for one in gc.get_objects())
    finally:
        gc.enable()


def test_a_part_of_rows_is_cut_at_its_edges() -> None:
    rows = [Whole([Segment("0123456789")], 10)]
    assert cropped(rows, Region(0, 0, 11, 1), 10) == rows
    assert [strip.text for strip in cropped(rows, Region(3, 0, 4, 1), 10)] == ["3456"]
