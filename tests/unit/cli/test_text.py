"""Pages are aligned, cut at their width, and hold nothing raw from outside."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli.figures import figure, shown
from inferdeck.cli.text import Cell, Page, cut, safe, width
from inferdeck.model.answers import Number, number


@given(st.text())
def test_safe_text_is_printable_and_short_of_nothing(text: str) -> None:
    found = safe(text)
    assert found.isprintable()
    assert safe(text, lines=True).replace("\n", "").isprintable()
    if text.isprintable():
        assert found == text


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b31m", "a\rb", "\u202eevil", "\x00", "a\nb", "\u2028"])
def test_control_and_direction_characters_are_escaped(text: str) -> None:
    assert re.search(r"\\x|\\u", safe(text))


@given(st.text(), st.integers(0, 40))
def test_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(safe(text), columns)) <= columns


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30)), max_size=5))
def test_a_table_fits_its_page(rows: list[tuple[str, str, str]]) -> None:
    page = Page(40, colour=False)
    page.table(("A", "B", "C"), rows, right="B")
    assert all(width(line) <= 40 for line in page.lines())


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    page = Page(80, colour=False)
    page.table(("NAME", "N", "X"), [("日本", "1", ""), ("b", Cell("100", "red"), "")], right="N")
    assert page.lines() == ["NAME    N", "日本    1", "b     100"]


def test_colours_only_where_wanted_and_never_from_outside() -> None:
    rows = [(Cell("\x1b[31mevil", "green"),)]
    plain, coloured = Page(80, colour=False), Page(80, colour=True)
    for page in (plain, coloured):
        page.table(("NAME",), rows)
    assert "\x1b" not in plain.text()
    assert coloured.lines()[1] == "\x1b[32m\\x1b[31mevil\x1b[0m"


@pytest.mark.parametrize(
    ("given_number", "text"),
    [
        (number(None, "count"), "–"),
        (number(0.0, "count"), "0"),
        (Number(None, "bytes", "unlimited"), "unlimited"),
        (number(0.5, "seconds", quality="estimated"), "~500 ms"),
        (number(0.5, "seconds", quality="stale", age_seconds=90), "500 ms, 1 min ago"),
        (number(3.6, "usd/h"), "$3.60/h"),
        (number(0.25, "ratio"), "25.0 %"),
    ],
)
def test_figures_say_what_they_are_worth(given_number: Number, text: str) -> None:
    assert shown(given_number) == text


def test_thresholds_colour() -> None:
    styles = [figure(number(value, "ratio"), warn=0.8, critical=0.9).style for value in (0.5, 0.85, 0.95)]
    assert styles == ["", "yellow", "red"]


def test_a_page_of_no_terminal_cuts_no_table() -> None:
    page = Page(None, colour=False)
    page.table(("NAME", "NOTE"), [("a", "x" * 500)])
    assert page.lines()[1] == "a     " + "x" * 500


@pytest.mark.parametrize("columns", [40, 60])
def test_a_wrapped_column_loses_no_word(columns: int) -> None:
    note = "once, then at most once an hour, or after the proxy at http://127.0.0.1:4000/health/readiness has changed"
    page = Page(columns, colour=False)
    page.table(
        ("STATE", "REQUEST", "NOTE"), [("on", "GET of a route", note), ("off", "GET /slots", "short")], wrap=True
    )
    text = " ".join(page.text().split())
    assert note in text
    assert page.lines()[-1].split() == ["off", "GET", "/slots", "short"]


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("long", ["n" * 500, "名" * 300])
def test_one_long_name_takes_no_column_away(columns: int, long: str) -> None:
    page = Page(columns, colour=False)
    rows = [("✓ up", long, "openai", "2.5", "10 req/s", "soon"), ("✓ up", "gpt-4o", "azure", "3", "1 req/s", "never")]
    page.table(
        ("STATE", "NAME", "PROVIDER", "IN", "REQUESTS", "ENDS"),
        rows,
        right="IN REQUESTS",
        spare="ENDS" if columns > 60 else "",
    )
    head, first, second = page.lines()
    assert head.split() == ["STATE", "NAME", "PROVIDER", "IN", "REQUESTS", "ENDS"]
    assert second.split() == ["✓", "up", "gpt-4o", "azure", "3", "1", "req/s", "never"]
    assert first.split()[3:] == ["openai", "2.5", "10", "req/s", "soon"]
    assert first.split()[2].endswith("…")
    assert columns - 2 <= width(first) <= columns


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_long_names_before_a_wrapped_column_leave_it_its_room(columns: int) -> None:
    page = Page(columns, colour=False)
    page.table(("KIND", "NAME", "WHAT"), [("restart", "n" * 300, "one two three four five six")], wrap=True)
    assert all(width(line) <= columns for line in page.lines())
    assert page.lines()[0].split() == ["KIND", "NAME", "WHAT"]
    assert "one two three" in page.lines()[1]
