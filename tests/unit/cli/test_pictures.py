"""Pictures on standard output: signs by what the terminal has, colours only where they are wanted."""

from __future__ import annotations

import io
import sys

import pytest

from inferdeck.cli import pictures
from inferdeck.faces.terminal.drawing.picture import STYLES, Picture


class Terminal(io.StringIO):
    def __init__(self, encoding: str, *, tty: bool = True) -> None:
        super().__init__()
        self._encoding, self._tty = encoding, tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._tty


@pytest.mark.parametrize(
    ("term", "encoding", "tty", "name", "colour"),
    [
        ("xterm-256color", "utf-8", True, "braille", True),
        ("linux", "utf-8", True, "block", True),
        ("dumb", "utf-8", True, "ascii", False),
        ("xterm", "ANSI_X3.4-1968", True, "ascii", True),
        ("xterm", "utf-8", False, "braille", False),
    ],
)
def test_signs_fit_the_terminal(
    term: str, encoding: str, tty: bool, name: str, colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal(encoding, tty=tty))
    look = pictures.look()
    assert (look.glyphs.name, look.colour, look.big) == (name, colour, tty)


@pytest.mark.parametrize("term", ["xterm", "xterm-256color"])
def test_every_style_has_a_colour_and_is_closed(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM", raising=False)
    for style in STYLES:
        shown = pictures.painted(Picture((((("x", style),)),), 1), colour=True)
        assert shown == "x\n" if not style else shown.startswith("\x1b[") and shown.endswith("mx\x1b[0m\n"), style
        assert pictures.painted(Picture(((("x", style),),), 1), colour=False) == "x\n"
