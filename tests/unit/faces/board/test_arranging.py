"""Where stickers stand, in windows of every size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.faces.board.arranging import LEAST_HEIGHT, LEAST_WIDTH, Place, arrange, share
from inferdeck.model.board import Board, Box, Extent, Sticker

HALF = Extent(percent=50)


def row(*widths: Extent | None, height: Extent | None = None) -> Box:
    return Box(tuple(Sticker("a", width=width) for width in widths), height=height)


def column(*heights: Extent | None) -> Box:
    return Box(tuple(Sticker("a", height=height) for height in heights), horizontal=False)


def percent(*numbers: float) -> list[Extent]:
    return [Extent(percent=number) for number in numbers]


SHIPPED = Board((row(HALF, HALF), row(*percent(33, 34, 33)), column(Extent(percent=100))))


def test_the_shipped_board_fills_the_window() -> None:
    assert arrange(SHIPPED, 120, 36) == [
        Place(0, 0, 60, 12),
        Place(60, 0, 60, 12),
        Place(0, 12, 40, 12),
        Place(40, 12, 40, 12),
        Place(80, 12, 40, 12),
        Place(0, 24, 120, 12),
    ]


def test_three_times_33_percent_fills_the_row() -> None:
    places = arrange(Board((row(*percent(33, 33, 33)),)), 120, 30)
    assert [place.width for place in places] == [40, 40, 40]


def test_what_is_left_is_shared_and_cells_are_kept() -> None:
    places = arrange(Board((row(Extent(cells=30), None, None),)), 101, 30)
    assert [place.width for place in places] == [30, 36, 35]
    places = arrange(Board((column(Extent(cells=6), None),)), 80, 30)
    assert [place.height for place in places] == [6, 24]


def test_a_box_says_how_high_it_is_or_its_stickers_do() -> None:
    tall = Box((Sticker("a", height=Extent(cells=9)), Sticker("b")))
    places = arrange(Board((tall, row(None), row(None, height=Extent(percent=20)))), 100, 40)
    assert [place.height for place in places] == [9, 9, 23, 8]


def test_narrow_windows_stack_what_stands_side_by_side() -> None:
    places = arrange(SHIPPED, 50, 20)
    assert [(place.x, place.width) for place in places] == [(0, 25), (25, 25), (0, 50), (0, 50), (0, 50), (0, 50)]
    assert places[-1].y + places[-1].height > 20


def test_the_smallest_window_shows_one_sticker_at_a_time() -> None:
    places = arrange(SHIPPED, 20, 4)
    assert [(place.width, place.height) for place in places] == [(20, 4)] * 6
    assert [place.y for place in places] == [0, 4, 8, 12, 16, 20]


extents = st.none() | st.builds(Extent, cells=st.integers(1, 60)) | st.builds(Extent, percent=st.floats(1, 100))
stickers = st.builds(Sticker, st.just("a"), width=extents, height=extents)
boxes = st.builds(Box, st.lists(stickers, min_size=1, max_size=6).map(tuple), st.booleans(), extents)
boards = st.builds(Board, st.lists(boxes, min_size=1, max_size=5).map(tuple))


@given(boards, st.integers(1, 220), st.integers(1, 80))
def test_no_sticker_covers_another_or_leaves_the_window_at_its_side(board: Board, width: int, height: int) -> None:
    places = arrange(board, width, height)
    assert len(places) == len(list(board.stickers()))
    for place in places:
        assert place.x >= 0 and place.x + place.width <= width
        assert place.width >= min(LEAST_WIDTH, width) and place.height >= min(LEAST_HEIGHT, height)
    assert not any(_overlap(one, other) for number, one in enumerate(places) for other in places[:number])


def _overlap(one: Place, other: Place) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not (beside or one.y + one.height <= other.y or other.y + other.height <= one.y)


@given(st.lists(st.tuples(extents, st.integers(1, 20)), min_size=1, max_size=8), st.integers(1, 200))
def test_shares_fill_the_whole_where_one_takes_the_rest(parts: list[tuple[Extent | None, int]], whole: int) -> None:
    sizes = share([extent for extent, _ in parts], [least for _, least in parts], whole)
    assert all(size >= least for size, (_, least) in zip(sizes, parts, strict=True))
    if any(extent is None for extent, _ in parts):
        assert sum(sizes) >= whole


def test_a_box_lower_than_its_stickers_want_does_not_cover_the_next() -> None:
    first = column(Extent(cells=2), Extent(cells=2), Extent(cells=5))
    places = arrange(Board((first, column(None))), 1, 1)
    assert [(place.y, place.height) for place in places] == [(0, 1), (1, 1), (2, 1), (3, 1)]


@given(st.lists(st.tuples(extents, st.integers(1, 20)), min_size=1, max_size=8), st.integers(1, 200))
def test_shares_are_no_more_than_the_whole_where_it_suffices(
    parts: list[tuple[Extent | None, int]], whole: int
) -> None:
    least = [size for _, size in parts]
    assert sum(share([extent for extent, _ in parts], least, whole)) <= max(whole, sum(least))
