"""Themes: those of Textual, and a user's own, made of what stands in a file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.color import Color, ColorParseError
from textual.design import ColorSystem
from textual.theme import BUILTIN_THEMES, Theme

from inferdeck.errors import UsageError

PLAIN = "ansi-dark"
"""The theme of terminals with few colours or none."""
COLOURS = (
    *("primary", "secondary", "warning", "error", "success", "accent"),
    *("foreground", "background", "surface", "panel", "boost"),
)
_FLAGS = ("dark", "ansi")
_SHARES = {"luminosity_spread": 0.15, "text_alpha": 0.95}
FURTHER = (*_FLAGS, *_SHARES)
_VARIABLES = ColorSystem(primary="#000000").generate()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_SHARED = re.compile(r"(?P<colour>\S.*?)\s+(?P<share>[0-9]{1,2}|100)%")
_TEXT_STYLES = frozenset(
    ("none", "not", "b", "bold", "d", "dim", "i", "italic", "r", "reverse", "s", "strike", "u", "underline")
)


@dataclass(frozen=True, slots=True)
class UserTheme:
    """A file of a user's own: the theme in it, or what is wrong with it, a line for each mistake."""

    name: str
    origin: str
    theme: Theme | None
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a file, and under which key."""

    path: tuple[str, ...]
    message: str


def made(stem: str, data: object) -> tuple[Theme | None, list[Mistake]]:
    """Return the theme that a file's content describes, None with its mistakes; stem: its name where it says none."""
    if not isinstance(data, Mapping):
        return None, [Mistake((), "expected a mapping: primary and the other colours of a theme")]
    mistakes = [*_unknown(data), *_missing(data)]
    name = str(data.get("name", stem))
    if not _NAME.fullmatch(name):
        mistakes.append(Mistake(("name",), "a name has letters, digits, - and _, at most 40"))
    mistakes += [Mistake((key,), said) for key in COLOURS if key in data and (said := _colour(data[key]))]
    mistakes += [
        Mistake((key,), "expected true or false") for key in _FLAGS if not isinstance(data.get(key, True), bool)
    ]
    for key in _SHARES:
        value = data.get(key, 0.5)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            mistakes.append(Mistake((key,), "expected a number from 0 to 1"))
    variables = data.get("variables") or {}
    mistakes += _variables(variables)
    if mistakes:
        return None, mistakes
    return _theme(name, data, variables), []


def _theme(name: str, data: Mapping[str, Any], variables: Mapping[str, str]) -> Theme:
    return Theme(
        name=name,
        **{key: data[key] for key in COLOURS if key in data},
        dark=data.get("dark", True),
        ansi=data.get("ansi", False),
        luminosity_spread=float(data.get("luminosity_spread", _SHARES["luminosity_spread"])),
        text_alpha=float(data.get("text_alpha", _SHARES["text_alpha"])),
        variables={key: _plain(value) for key, value in variables.items()},
    )


def _unknown(data: Mapping[str, Any]) -> list[Mistake]:
    known = ("name", *COLOURS, *FURTHER, "variables")
    return [Mistake((str(key),), _meant(str(key), known, "key")) for key in data if key not in known]


def _missing(data: Mapping[str, Any]) -> list[Mistake]:
    return [] if "primary" in data else [Mistake(("primary",), "is missing; the other colours have defaults")]


def _variables(variables: object) -> list[Mistake]:
    if not isinstance(variables, Mapping):
        return [Mistake(("variables",), "expected a mapping (name: colour)")]
    found = []
    for key, value in variables.items():
        said = ""
        if key not in _VARIABLES:
            said = _meant(str(key), _VARIABLES, "variable")
        elif "-style" in key:
            said = "" if isinstance(value, str) and {*value.split()} <= _TEXT_STYLES else _STYLED
        elif not (isinstance(value, str) and _automatic(value) and _automatic(_VARIABLES[key])):
            said = _colour(_plain(value) if isinstance(value, str) else value)
        if said:
            found.append(Mistake(("variables", str(key)), said))
    return found


_STYLED = "expected words such as bold, underline, reverse, none"


def _colour(value: object) -> str:
    """Return what is wrong with a colour, "" where nothing is."""
    expected = 'expected a colour such as "#88c0d0", ansi_blue or transparent'
    if not isinstance(value, str):
        return f"{expected}; # and what follows it is a comment where it stands without quotes"
    try:
        Color.parse(value)
    except ColorParseError:
        return f"{expected}, got {value[:40]!r}"
    return ""


def _automatic(value: str) -> bool:
    """Return whether it is black or white, by what it stands on."""
    return re.fullmatch(r"auto [0-9]{1,2}%", value) is not None


def _plain(value: str) -> str:
    """Return a colour with a share of itself behind it, as Textual's style sheets have it, as one colour."""
    found = _SHARED.fullmatch(value)
    if found is None or _automatic(value):
        return value
    try:
        return Color.parse(found["colour"]).multiply_alpha(int(found["share"]) / 100).hex
    except ColorParseError:
        return value


def _meant(key: str, known: Iterable[str], what: str) -> str:
    close = difflib.get_close_matches(key, list(known), 1, 0.6)
    return f"unknown {what}" + (f', did you mean "{close[0]}"?' if close else "")


def listed(own: Iterable[UserTheme], *, coloured: bool = True) -> list[tuple[str, str]]:
    """Return (name, where it comes from) of all themes, a user's own first. coloured: also others than ansi ones."""
    mine = {one.theme.name: (one.theme, one.origin) for one in own if one.theme is not None}
    there = {name: (theme, "built in") for name, theme in sorted(BUILTIN_THEMES.items()) if name not in mine}
    every = {**dict(sorted(mine.items())), **there}
    return [(name, origin) for name, (theme, origin) in every.items() if coloured or theme.ansi]


def names(own: Iterable[UserTheme], *, coloured: bool = True) -> list[str]:
    """Return the names of all themes, a user's own first."""
    return [name for name, _ in listed(own, coloured=coloured)]


def problems(own: Iterable[UserTheme]) -> list[str]:
    """Return what is wrong in all files, a line for each mistake."""
    return [line for one in own for line in one.problems]


def check(name: str, own: Sequence[UserTheme]) -> None:
    """Raises UsageError where there is no theme of this name, with what is wrong in its file where it has one."""
    if not name or name in names(own):
        return
    broken = [line for one in own if one.name == name for line in one.problems]
    raise UsageError("\n".join(broken) or f"there is no theme {name[:40]!r}; there are: {', '.join(names(own))}")


def first(chosen: str, *, colour: bool, few: bool, own: Sequence[UserTheme] = ()) -> str:
    """Return the theme to begin with, "" for Textual's own. few: the terminal has 16 colours or fewer.

    Nearest colours are not good enough there: a red and a green that are not far from grey would both become grey.
    """
    if not colour:
        return chosen if chosen in names(own, coloured=False) else PLAIN
    return chosen or (PLAIN if few else "")
