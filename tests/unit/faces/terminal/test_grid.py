"""The grid: only what is visible is computed, columns go in their order, nothing jumps."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing import grid
from inferdeck.faces.terminal.drawing.glyphs import ASCII, BRAILLE
from inferdeck.faces.terminal.drawing.grid import Column, Field, Grid
from inferdeck.faces.terminal.drawing.picture import Row, wide

COLUMNS = (Column("Model"), Column("Provider", drop=1), Column("Load", right=True), Column("Age", right=True, drop=2))


def fields(place: int) -> list[Field]:
    return [Field(f"model-{place}"), Field("openai"), Field(f"{place} %", "warn"), Field(f"{place} s")]


def made(count: int = 500, **more: object) -> Grid:
    widths = grid.measured(COLUMNS, map(fields, range(20)))
    return Grid(COLUMNS, count, fields, widths, **more)  # type: ignore[arg-type]


def text(rows: Sequence[Row]) -> list[str]:
    return ["".join(part for part, _ in row).rstrip() for row in rows]


def test_only_visible_rows_are_asked_for() -> None:
    asked: list[int] = []

    def counted(place: int) -> list[Field]:
        asked.append(place)
        return fields(place)

    found = grid.rows(Grid(COLUMNS, 500, counted, (10, 8, 6, 6)), 490, 20, 60, BRAILLE)
    assert asked == list(range(490, 500))
    assert len(found) == 20
    assert text(found)[10:] == [""] * 10


def test_columns_go_in_their_order_and_the_rest_is_cut_at_last() -> None:
    assert text([grid.heading(made(), 40, ASCII)]) == ["Model     Provider    Load   Age"]
    assert text([grid.heading(made(), 30, ASCII)]) == ["Model      Load   Age"]
    assert text([grid.heading(made(), 18, ASCII)]) == ["Model      Load"]
    assert text(grid.rows(made(), 0, 2, 13, ASCII)) == ["model~    0 %", "model~    1 %"]


def test_the_sorted_column_is_marked_the_selected_row_and_changed_fields_are_styled() -> None:
    marked = made(sorted_by=2, reverse=True, selected=1)
    assert "Load▼" in text([grid.heading(marked, 60, BRAILLE)])[0]
    found = grid.rows(marked, 0, 2, 60, BRAILLE)
    assert all("selected" in style for _, style in found[1])
    assert not any("selected" in style for _, style in found[0])
    changed = Grid((Column("a"),), 1, lambda _: [Field("x", "warn", changed=True)], (3,))
    assert grid.rows(changed, 0, 1, 3, BRAILLE) == [(("x  ", "warn changed"),)]


def test_a_grid_scrolled_to_the_side_shows_every_column() -> None:
    found = text([grid.heading(made(left=10), 20, ASCII), *grid.rows(made(left=10), 0, 1, 20, ASCII)])
    assert found == ["<rovider    Load   A", "<penai       0 %   0"]


def test_widths_never_shrink_while_rows_change() -> None:
    columns = (Column("a", most=12), Column("b"))
    first = grid.measured(columns, [[Field("long text"), Field("界界")]])
    assert first == (9, 4)
    assert grid.measured(columns, [[Field("x"), Field("y")]], first) == first
    assert grid.measured(columns, [[Field("x" * 99), Field("y")]], first) == (12, 4)


def test_what_changed_is_found_by_the_rows_key() -> None:
    before = {"a": ("1", "2 s"), "b": ("1", "1 s")}
    now = {"b": ("5", "9 s"), "a": ("1", "3 s"), "new": ("1", "1 s")}
    assert grid.differing(before, now, ignored=[1]) == {("b", 0)}


def test_scrolling_moves_as_little_as_is_needed() -> None:
    assert grid.scrolled(0, 5, 100, 10) == 0
    assert grid.scrolled(0, 10, 100, 10) == 1
    assert grid.scrolled(50, 20, 100, 10) == 20
    assert grid.scrolled(99, None, 100, 10) == 90
    assert grid.scrolled(5, 0, 3, 10) == 0


@given(
    st.lists(st.lists(st.text(st.characters(), max_size=300), min_size=3, max_size=3), max_size=5),
    st.integers(1, 120),
    st.integers(0, 60),
    st.integers(0, 3),
)
def test_any_texts_keep_the_width(rows: list[list[str]], width: int, left: int, start: int) -> None:
    columns = (Column("a"), Column("b", right=True, drop=1), Column("c", right=True))
    found = [[Field(text) for text in row] for row in rows]
    made = Grid(columns, len(found), lambda place: found[place], grid.measured(columns, found), 0, left=left)
    for row in [grid.heading(made, width, BRAILLE), *grid.rows(made, start, 4, width, BRAILLE)]:
        assert wide(row) == width
