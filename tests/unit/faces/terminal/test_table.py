"""Tables of many rows: what is drawn when a key moves the selected row."""

from __future__ import annotations

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.drawing.picture import styled
from inferdeck.faces.terminal.views.table import Entry, Order, Table

WIDTH = 60


def many(count: int) -> Table:
    """Return a table of so many rows."""
    table = Table((Column("Name"), Column("Load", right=True)))
    table.take(
        [Entry(f"row-{n:03}", (Field(f"row-{n:03}"), Field(f"{n} %")), (f"row-{n:03}", n)) for n in range(count)]
    )
    return table


def test_moving_on_draws_no_row_anew() -> None:
    table = many(500)
    before = [table.row(number, WIDTH) for number in range(500)]
    table.select(300)
    after = [table.row(number, WIDTH) for number in range(500)]
    same = [number for number in range(500) if after[number] is before[number]]
    assert set(range(500)) - set(same) == {0, 300}
    assert after[300] == styled(before[300], "selected") and styled(after[0], "selected") == before[0]


def test_the_selected_row_is_found_after_every_change() -> None:
    table = many(500)
    table.select(10_000)
    assert table.selected == "row-499" and table.place == 499
    table.order = Order(1, reverse=True)
    table.arrange()
    assert table.place == 0
    table.words = "row-1"
    table.arrange()
    assert table.selected == "row-199" and table.place == 0


def test_an_empty_table_has_one_row_for_the_reason() -> None:
    table = many(0)
    assert table.place is None and table.height(WIDTH) == 1


def test_of_two_rows_with_one_key_the_first_is_selected() -> None:
    table = Table((Column("Name"),))
    table.take([Entry("same", (Field("a"),), ("a",)), Entry("same", (Field("b"),), ("b",))])
    assert table.place == 0
