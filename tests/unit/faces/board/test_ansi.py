"""What of a program's output reaches the screen: colours, and nothing else that a terminal obeys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.faces.board import ansi

HARMLESS = re.compile(r"\x1b\[[0-9;]*m")
CASES = {
    "plain text": "plain text",
    "\x1b[2J\x1b[Hcleared": "cleared",
    "a\x1b]0;a title\x07b": "ab",
    "a\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\b": "alinkb",
    "\x1b]52;c;cm0gLXJmIC8=\x07clipboard": "clipboard",
    "\x1bP+q544e\x1b\\device": "device",
    "\x1b^private\x1b\\\x1b_apc\x1b\\kept": "kept",
    "8-bit \x9b2Jcsi \x9d0;title\x9cosc": "8-bit csi osc",
    "charset \x1b(0q\x1bc\x1b7\x1b8": "charset q",
    "\x1b[?1049h\x1b[?25l\x1b[6n\x1b[5;5Hmodes": "modes",
    "\x1b]0;never ends\nthe next line": "\nthe next line",
    "10 %\r50 %\r100 %": "100 %",
    "dos\r\nlines\r\n": "dos\nlines",
    "B\x08BO\x08OL\x08LD\x08D": "BOLD",
    "bell\x07 null\x00 delete\x7f": "bell null delete",
    "\u202egnp.exe\u2066 \u200bzero\ufeff": "gnp.exe zero",
    "a\tb": "a       b",
    "\u26a0\ufe0f llama.cpp": "\u26a0  llama.cpp",
    "\u2705\ufe0f up": "\u2705 up",
    "\ufe0fa": "a",
    "e" + "\u0301" * 40: "e" + "\u0301" * 4,
    "[red]markup[/red] [link=x]y[/]": "[red]markup[/red] [link=x]y[/]",
    "cut off \x1b[3": "cut off ",
    "\x1b[²m": "²m",
    "\u2028one\x0bline\x0c": "oneline",
}
STYLES = {
    "\x1b[31mx": "color(1)",
    "\x1b[1;92mx": "bold color(10)",
    "\x1b[38;5;208mx": "color(208)",
    "\x1b[38;2;1;2;3mx": "#010203",
    "\x1b[38:2::1:2:3mx": "#010203",
    "\x1b[48:5:20mx": "on color(20)",
    "\x1b[4:3mx": "underline",
    "\x9b32mx": "color(2)",
    "\x1b[31m\x1b[0mx": "",
    "\x1b[31m\x1b[mx": "",
    "\x1b[8mx": "",
    "\x1b[5;6mx": "",
}


def shown(output: str) -> str:
    return "\n".join("".join(segment.text for segment in line) for line in ansi.lines(output))


@pytest.mark.parametrize("output", CASES, ids=ascii)
def test_what_a_terminal_would_obey_is_left_out(output: str) -> None:
    assert shown(output) == CASES[output]


@pytest.mark.parametrize("output", STYLES, ids=ascii)
def test_colours_are_kept_as_styles(output: str) -> None:
    ((segment,),) = ansi.lines(output)
    style = str(segment.style or "").replace("none", "")
    for word in ("not blink2", "not blink", "not conceal"):
        style = style.replace(word, "")
    assert (segment.text, " ".join(style.split())) == ("x", STYLES[output])


def test_nothing_is_hidden_and_nothing_blinks() -> None:
    for segment in (segment for line in ansi.lines("\x1b[5;6;8;31mx\ny") for segment in line):
        assert segment.style is not None
        assert (segment.style.conceal, segment.style.blink, segment.style.blink2) == (False, False, False)
        assert segment.style.link is None


def test_a_colour_goes_on_over_lines_until_it_is_ended() -> None:
    red, still, plain = ansi.lines("\x1b[31ma\nb\x1b[0m\nc")
    assert red[0].style == still[0].style
    assert plain[0].style is None


def test_long_outputs_are_cut() -> None:
    assert len(ansi.lines("x\n" * 5000)) == ansi.MOST_LINES
    assert len(shown("y" * 100_000)) == ansi.MOST_CHARACTERS
    assert shown("kept\n\n\n   \n") == "kept"


def test_one_line_is_made_of_many() -> None:
    assert ansi.plain("a\n\tb \x1b[31mred\x1b]0;t\x07\u202e") == "a b red"


hostile = st.lists(
    st.text(max_size=8)
    | st.sampled_from(
        ["\x1b", "\x1b[", "\x1b]", "\x1bP", "\x9b", "\x9d", "\x07", "\x1b\\", "\r", "\n", "\x08", "\t", "m"]
    )
    | st.from_regex(r"\x1b\[[0-9;:?]{0,6}[@-~]", fullmatch=True)
    | st.from_regex(r"\x1b[\]P^_X][ -~]{0,6}(\x07|\x1b\\)?", fullmatch=True)
).map("".join)


@given(hostile)
def test_whatever_is_printed_only_colours_are_left(output: str) -> None:
    left = HARMLESS.sub("", ansi.clean(output))
    assert all(letter.isprintable() or letter in "\n\t" for letter in left)
    for segment in (segment for line in ansi.lines(output) for segment in line):
        assert segment.text.isprintable()
    assert ansi.plain(output).isprintable()


@given(hostile)
def test_cleaning_what_is_clean_changes_nothing(output: str) -> None:
    once = ansi.clean(output)
    assert ansi.clean(once) == once


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "M"]), max_size=60))
def test_harmless_text_stays_as_it_is(text: str) -> None:
    if text.isprintable():
        assert shown(text).rstrip() == text.rstrip()
