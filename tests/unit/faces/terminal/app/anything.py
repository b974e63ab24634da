"""Values of any of the model's types, with the words of somebody who wants to break the screen."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import EnumMeta
from functools import cache
from typing import Any

import rich.cells
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing.picture import STYLES, Row
from inferdeck.faces.terminal.paint import _FAINT, _LOOKS, _VARIABLES

HOSTILE = st.sampled_from(
    [
        *("", "x", "gpt-4o", "x" * 300, "a\nb", "a\tb", "\0", "\ud800"),
        *("\x1b[2J\x1b]0;owned\x07", "[bold]b[/bold]", "$x {{y}} #(z)"),
        *("e\u0301\u0302\u0301", "\U0001f469\u200d\U0001f52c\U0001f1e9\U0001f1ea", "\u202eevil", "\u05e9\u05dc"),
        "\ud55c\u754c" * 9,
    ]
) | st.text(max_size=12)
FLOATS = st.sampled_from([0.0, 1.0, 0.5, -1.0, 1e-9, 123456.789, 1.7e308, 1e18]) | st.floats(
    allow_nan=False, allow_infinity=False
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: HOSTILE,
    float: FLOATS,
    int: st.integers(-10, 2**40),
    bool: st.booleans(),
    type(None): st.none(),
    bytes: st.binary(max_size=8),
    Any: HOSTILE,
}


@cache
def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a type: each text in it may be anything."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([any_of(one) for one in inner])
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if (origin is tuple and inner[1:] == (...,)) or origin in (list, Sequence):
        return st.lists(any_of(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(any_of(one) for one in inner))
    if origin in (dict, Mapping):
        return st.dictionaries(any_of(inner[0]), any_of(inner[1]), max_size=2)
    if isinstance(kind, EnumMeta):
        return st.sampled_from(list(kind))
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in dataclasses.fields(kind)})


def check(row: Row, width: int) -> None:
    """A row has exactly so many cells, nothing in it moves the cursor, and each of its styles can be painted."""
    text = "".join(part for part, _ in row)
    assert rich.cells.cell_len(text) == width, repr(text)
    assert text.isprintable(), repr(text)
    for _, style in row:
        assert set(style.split()) <= {*STYLES, *_LOOKS, *_VARIABLES, *_FAINT}, style


def words(rows: Sequence[Row]) -> str:
    """Return rows as text."""
    return "\n".join("".join(part for part, _ in row).rstrip() for row in rows)
