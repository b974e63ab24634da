"""The words of `inferdeck widget`: read as argparse reads them, or left to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.cli import arguments
from inferdeck.faces.widgets import ask, wish
from inferdeck.faces.widgets.wish import Wish, read
from inferdeck.model import widget as model

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
OPTIONS: dict[str, st.SearchStrategy[str]] = {
    "--host": st.sampled_from(model.HOSTS),
    "--icons": st.sampled_from(model.ICONS),
    "--width": st.integers(1, 10_000).map(str),
    "--height": st.integers(1, 10_000).map(str),
    "--max-age": st.integers(0, 10_000_000).map(str),
    "--timeout": st.integers(1, 60_000).map(str),
    **dict.fromkeys(("--field", "--environment", "--gateway", "--stream", "--level", "--url", "--data-dir"), TEXTS),
}


def values(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) or None for name in Wish.__slots__}


@st.composite
def words(draw: st.DrawFn) -> list[str]:
    found: list[str] = []
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), unique=True)):
        value = draw(OPTIONS[name])
        found += [f"{name}={value}"] if draw(st.booleans()) else [name, value]
    found.insert(0 if draw(st.booleans()) else len(found), draw(st.sampled_from(model.NAMES)))
    return found + (["--check"] if draw(st.booleans()) else [])


@settings(max_examples=40, deadline=None)
@given(words())
def test_words_that_are_read_are_read_as_argparse_reads_them(given_words: list[str]) -> None:
    found = read(given_words)
    if found is not None:
        assert values(found) == values(arguments.parse(["widget", *given_words]))


@given(
    st.lists(st.sampled_from(["health", "--width", "--check", "-h", "--wid", "=", "0", "7", "--width=", ""]) | TEXTS)
)
def test_no_words_break_it(given_words: list[str]) -> None:
    found = read(given_words)
    assert found is None or found.name in model.NAMES


@pytest.mark.parametrize(
    "given_words",
    [[], ["nonsense"], ["health", "cost"], ["health", "--width"], ["health", "--width", "0"], ["health", "--help"],
     ["health", "-h"], ["health", "--width", "-4"], ["health", "--wid", "4"], ["health", "--host", "nano"],
     ["health", "--max_age", "4"], ["health", "--field", ""], ["health", "--timeout", "99999999999999999999"]],
)  # fmt: skip
def test_what_needs_explaining_is_left_to_argparse(given_words: list[str]) -> None:
    assert read(given_words) is None


def test_names_are_those_of_the_model() -> None:
    assert wish.NAMES == model.NAMES
    assert wish.HOSTS == model.HOSTS
    assert wish.ICONS == model.ICONS
    assert {str(state): code for state, code in model.EXIT_CODES.items()} == ask.STATES


def test_bounds_are_those_of_the_route() -> None:
    from inferdeck.api import widgets

    assert wish.LARGEST_SIZE == widgets.LARGEST_SIZE
    assert set(ask._ASKED) | {"colour"} == set(widgets.PARAMETERS)
