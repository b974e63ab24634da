"""Never wider nor higher than the host's room, in cells as wcwidth counts them; figures and facts by their paths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from inferdeck.errors import NotFoundError
from inferdeck.model import cells
from inferdeck.model.answers import Number, number
from inferdeck.model.widget import NAMES as WIDGET_NAMES
from inferdeck.model.widget import Cell, Column, Figure, Frame, Look, State, Widget
from inferdeck.render.hosts import HOSTS
from inferdeck.render.hosts.signs import SIGNS
from inferdeck.render.hosts.waybar import TOOLTIP_ROWS
from inferdeck.render.hosts.xbar import MENU_ROWS
from tests.unit.render.hosts import readers
from tests.unit.render.hosts.hostile import ICONS, NAMES
from tests.unit.render.hosts.samples import WIDGETS, named

ROOMY = ("text", "ansi", "conky", "sampler", "wth")
"""Hosts of many lines that have a size."""
CELLS = st.builds(Cell, NAMES, st.sampled_from(Look), st.one_of(st.none(), st.sampled_from(State)))
COLUMNS = st.builds(Column, st.one_of(st.just(""), NAMES), st.booleans(), st.integers(0, 3))


@st.composite
def widgets(draw: st.DrawFn) -> Widget:
    """Return a widget of any form, its rows as long as its columns, shorter or longer."""
    return Widget(
        "models",
        draw(NAMES),
        draw(st.sampled_from(State)),
        columns=tuple(draw(st.lists(COLUMNS, max_size=4))),
        rows=tuple(tuple(draw(st.lists(CELLS, max_size=5))) for _ in range(draw(st.integers(0, 5)))),
        line=tuple(draw(st.lists(CELLS, max_size=4))),
        note=draw(NAMES),
        age_seconds=draw(st.one_of(st.none(), st.floats(0, 1e6))),
        simulated=draw(st.booleans()),
        tail=draw(st.booleans()),
        link=draw(NAMES),
    )


def shown(host: str, drawn: str) -> str:
    """Return what the host shows of it."""
    return readers.conky(drawn) if host == "conky" else readers.terminal(drawn)


@given(widget=widgets(), width=st.integers(1, 60), height=st.one_of(st.none(), st.integers(1, 9)), icons=ICONS)
def test_lines_are_never_wider_or_more_than_there_is_room(
    widget: Widget, width: int, height: int | None, icons: str
) -> None:
    for host in ROOMY:
        drawn = shown(host, HOSTS[host].draw(widget, Frame(width, height, icons, colour=host == "ansi")))
        assert drawn.endswith("\n")
        found = drawn.removesuffix("\n").split("\n")
        assert height is None or len(found) <= height
        assert max(wcswidth(line) for line in found) <= width
        assert all(wcswidth(line) >= 0 for line in found)


@given(widget=widgets(), width=st.integers(1, 60), icons=ICONS)
def test_the_line_is_never_wider_than_there_is_room(widget: Widget, width: int, icons: str) -> None:
    frame = Frame(width, None, icons, colour=True)
    assert 0 <= wcswidth(readers.tmux(HOSTS["tmux"].draw(widget, frame))) <= width
    assert 0 <= wcswidth(readers.waybar(HOSTS["waybar"].draw(widget, frame))[0]) <= width
    assert 0 <= wcswidth(readers.xbar(HOSTS["xbar"].draw(widget, frame)).bar[0]) <= width
    assert 0 <= wcswidth(readers.terminal(HOSTS["starship"].draw(widget, frame)).removesuffix("\n")) <= width


@given(name=NAMES, icons=ICONS, width=st.one_of(st.none(), st.integers(20, 90)))
def test_columns_stand_in_line_whatever_the_names(name: str, icons: str, width: int | None) -> None:
    rows = (
        (Cell(name, sign=State.OK), Cell("1.00 k")),
        (Cell("b", sign=State.WARNING), Cell("2")),
        (Cell("c"), Cell("3")),
    )
    widget = Widget("models", "Models", State.OK, columns=(Column("N"), Column("V", right=True)), rows=rows)
    drawn = HOSTS["text"].draw(widget, Frame(width, icons=icons)).splitlines()[2:]
    # Figures stand at the right edge, so that every row ends in the same cell.
    assert len({wcswidth(line) for line in drawn}) == 1


def test_signs_are_as_wide_as_wcwidth_says() -> None:
    for signs in SIGNS.values():
        assert all(cells.width(sign) == wcswidth(sign) for sign in signs.values())
        assert not any("\ufe0f" in sign for sign in signs.values()), "terminals disagree about its width"


@pytest.mark.parametrize("widget", WIDGET_NAMES)
@pytest.mark.parametrize("width", [80, 60, 44, 30, 20, 10, 3, 1])
@pytest.mark.parametrize("height", [None, 12, 5, 3, 2, 1])
def test_every_widget_fits(widget: str, width: int, height: int | None) -> None:
    for icons in ("words", "emoji"):
        found = HOSTS["text"].draw(WIDGETS[widget], Frame(width, height, icons)).removesuffix("\n").split("\n")
        assert max(map(wcswidth, found)) <= width
        assert height is None or len(found) <= height


def test_width_is_used_up_before_anything_is_cut() -> None:
    whole = HOSTS["text"].draw(WIDGETS["providers"], Frame())
    widest = max(map(wcswidth, whole.splitlines()))
    assert HOSTS["text"].draw(WIDGETS["providers"], Frame(widest)) == whole
    assert "…" not in HOSTS["text"].draw(WIDGETS["providers"], Frame(widest - 1))


def test_columns_go_in_their_order() -> None:
    titles = ("Models", "Latency", "Load")
    gone = []
    for width in range(60, 10, -1):
        drawn = HOSTS["text"].draw(WIDGETS["providers"], Frame(width))
        gone += [one for one in titles if one not in drawn and one not in gone]
    assert tuple(gone) == titles


def test_one_long_name_takes_no_column_away() -> None:
    assert "38.0 tok/s" in HOSTS["text"].draw(WIDGETS["models"], Frame(32))


def test_last_rows_of_logs_stay() -> None:
    drawn = HOSTS["text"].draw(WIDGETS["logs"], Frame(80, 3)).splitlines()
    assert len(drawn) == 3 and "successful" in drawn[-1] and "timeout" in drawn[-2]


def test_rows_that_do_not_fit_are_counted() -> None:
    assert HOSTS["text"].draw(WIDGETS["health"], Frame(80, 4)).splitlines()[2] == "… 3 more"


def test_tooltips_and_menus_end_somewhere() -> None:
    many = replace(WIDGETS["providers"], rows=WIDGETS["providers"].rows * 100)
    _, tooltip = readers.waybar(HOSTS["waybar"].draw(many, Frame()))
    assert tooltip.count("\n") + 1 == TOOLTIP_ROWS and tooltip.endswith("more")
    menu = readers.xbar(HOSTS["xbar"].draw(many, Frame()))
    assert len(menu.items) == MENU_ROWS and menu.items[-1].endswith("more")


@pytest.mark.parametrize("host", ["text", "ansi", "tmux", "waybar", "xbar", "conky", "starship", "sampler", "wth"])
def test_what_is_simulated_or_old_says_so(host: str) -> None:
    frame = Frame(icons=HOSTS[host].icons, colour=HOSTS[host].colour)
    assert "simulated" in HOSTS[host].draw(WIDGETS["metrics"], frame)
    assert "2 min ago" in HOSTS[host].draw(WIDGETS["providers"], frame)
    fresh = HOSTS[host].draw(WIDGETS["health"], frame)
    assert "simulated" not in fresh and "ago" not in fresh


@pytest.mark.parametrize("host", HOSTS)
def test_only_text_and_ansi_draw_emoji_where_nobody_chose(host: str) -> None:
    drawn = HOSTS[host].draw(WIDGETS["health"], Frame(icons=HOSTS[host].icons))
    assert any(sign in drawn for sign in "✅⚠❌") == (host in ("text", "ansi"))


@pytest.mark.parametrize(
    ("host", "path", "alone"),
    [
        ("text", "latency.LiteLLM", "0.0123\n"),
        ("sampler", "latency.LiteLLM", "0.0123\n"),
        ("text", "latency.Redis", "NaN\n"),
        ("sampler", "latency.Redis", "\n"),
        ("json", "latency.Redis", None),
        ("tmux", "latency.LiteLLM", "12.3 ms\n"),
        ("tmux", "latency.Redis", "–\n"),
        ("text", "up", "2\n"),
        ("starship", "state.llama.cpp", "down\n"),
        ("conky", "latency.LiteLLM", "12.3 ms\n"),
        ("waybar", "latency.LiteLLM", '{"text": "12.3 ms"}\n'),
        ("prom", "up", '# TYPE inferdeck_widget_figure gauge\ninferdeck_widget_figure{unit="count"} 2\n'),
        ("prom", "latency.Redis", "# inferdeck_widget_figure is missing\n"),
    ],
)
def test_one_figure_alone(host: str, path: str, alone: str | None) -> None:
    drawn = HOSTS[host].draw(WIDGETS["health"], Frame(), path)
    assert drawn == alone if alone is not None else '"value": null' in drawn


@given(value=st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**15)))
def test_a_number_alone_is_one_float_in_full(value: float | None) -> None:
    figure = Figure("one", number(value, "seconds"), "inferdeck_one")
    widget = Widget("status", "Status", State.OK, figures=(figure,))
    drawn = HOSTS["sampler"].draw(widget, Frame(), "one")
    assert drawn.count("\n") == 1
    if value is None:
        assert drawn == "\n"
    else:
        assert float(drawn) == value
        assert set(drawn) <= set("-0123456789.\n")


def test_ratio_alone_is_what_a_bar_of_conky_reads() -> None:
    widget = Widget("cache", "Cache", State.OK, figures=(Figure("hits", Number(0.0001, "ratio", "measured"), "f"),))
    assert HOSTS["conky"].draw(widget, Frame(), "hits") == "0.0 %\n"


@pytest.mark.parametrize("host", HOSTS)
def test_unknown_field_says_what_there_is(host: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        HOSTS[host].draw(WIDGETS["health"], Frame(), "latency.LiteLM")
    said = str(raised.value)
    assert "did you mean latency.LiteLLM?" in said
    assert all(path in said for path in ("up", "latency.Redis", "state.llama.cpp"))


@given(name=NAMES)
def test_what_an_unknown_field_says_is_text(name: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        HOSTS["text"].draw(named(name), Frame(), "unknown")
    readers.terminal(str(raised.value))
