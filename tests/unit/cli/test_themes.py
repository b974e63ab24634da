"""Themes of a user's own: what may stand in a file, and what is said where something is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.design import ColorSystem

from inferdeck.cli.themes import MOST_FILES, read
from inferdeck.errors import UsageError
from inferdeck.faces.terminal import themes
from inferdeck.faces.terminal.app import Options, Terminal

WHOLE = """
name: dusk
dark: true
ansi: false
primary: "#ff8800"
secondary: ansi_blue
warning: "#fa0"
error: rgb(200,20,20)
success: hsl(120,50%,50%)
accent: "#abcdef80"
foreground: "#eeddff"
background: "#201020"
surface: "#302030"
panel: "#403040"
boost: transparent
luminosity_spread: 0.2
text_alpha: 1
variables:
  text-success: "#00ff88"
  text-muted: auto 60%
  input-selection-background: "#ffffff 35%"
  block-cursor-text-style: bold not underline
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_is_a_theme(tmp_path: Path) -> None:
    path = write(tmp_path, "x.yaml", WHOLE)
    (one,) = read(tmp_path)
    assert (one.name, one.origin, one.problems) == ("dusk", str(path), ())
    assert one.theme is not None
    assert (one.theme.primary, one.theme.variables["text-success"]) == ("#ff8800", "#00ff88")


def test_only_the_first_colour_is_needed_and_the_file_names_it(tmp_path: Path) -> None:
    write(tmp_path, "dawn.yml", "primary: ansi_red\n")
    write(tmp_path, "readme.txt", "no theme")
    (one,) = read(tmp_path)
    assert one.name == "dawn" and one.theme is not None and one.theme.dark
    assert themes.listed([one])[0] == ("dawn", str(tmp_path / "dawn.yml"))
    assert "nord" in themes.names([one])


def test_no_folder_has_no_themes(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("primary: '#fff'\nbackgrund: '#000'\n", ':2: backgrund: unknown key, did you mean "background"?'),
        ("dark: true\n", ": primary: is missing; the other colours have defaults"),
        ("primary: #fff\n", ":1: primary: expected a colour such as"),
        ("primary: redd\n", "ansi_blue or transparent, got 'redd'"),
        ("primary: 12\n", ":1: primary: expected a colour"),
        ("primary: '#fff'\ndark: maybe\n", ":2: dark: expected true or false"),
        ("primary: '#fff'\ntext_alpha: 2\n", ":2: text_alpha: expected a number from 0 to 1"),
        ("primary: '#fff'\ntext_alpha: true\n", ":2: text_alpha: expected a number from 0 to 1"),
        ("name: a b\nprimary: '#fff'\n", ":1: name: a name has letters, digits, - and _, at most 40"),
        ("primary: '#fff'\nvariables: [a]\n", ":2: variables: expected a mapping"),
        (
            "primary: '#fff'\nvariables:\n  text-sucess: '#000'\n",
            ':3: variables.text-sucess: unknown variable, did you mean "text-success"?',
        ),
        ("primary: '#fff'\nvariables: {border: {x: y}}\n", ":2: variables.border: expected a colour"),
        ("primary: '#fff'\nvariables: {border: auto 50%}\n", ":2: variables.border: expected a colour"),
        ("primary: '#fff'\nvariables: {link-style: 7}\n", "variables.link-style: expected words such as bold"),
        ("primary: '#fff'\nprimary: '#000'\n", ":2: primary: duplicate key"),
        ("- a\n", ":1: expected a mapping: primary and the other colours of a theme"),
        ("", "expected a mapping"),
        ("primary: [\n", ":2: "),
        ("a: b\x1b\n", "the character U+001B may not stand in a text file"),
    ],
)
def test_mistakes_are_told_with_file_line_and_key(text: str, said: str, tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.yaml", text)
    (one,) = read(tmp_path)
    assert one.theme is None and one.name == "wrong"
    assert said in one.problems[0] and one.problems[0].startswith(str(path))
    with pytest.raises(UsageError, match=r"wrong\.yaml"):
        themes.check("wrong", [one])


def test_all_mistakes_of_a_file_are_told_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "wrong.yaml", "dark: 1\nprimary: x\nansi: 2\n")
    (one,) = read(tmp_path)
    assert [line.partition(": ")[0] for line in one.problems] == [f"{path}:{number}" for number in (1, 2, 3)]


def test_a_name_stands_in_one_file(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "name: same\nprimary: '#fff'\n")
    write(tmp_path, "b.yaml", "name: same\nprimary: '#000'\n")
    one, two = read(tmp_path)
    assert one.theme is not None and two.theme is None
    assert f"b.yaml: name: {tmp_path / 'a.yaml'} has the same one" in two.problems[0]


def test_a_folder_that_is_a_file_and_one_with_too_many_files(tmp_path: Path) -> None:
    (one,) = read(write(tmp_path, "file", ""))
    assert "cannot be read: not a directory" in one.problems[0]
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MOST_FILES + 1):
        write(folder, f"t{number:03}.yaml", "primary: '#fff'\n")
    found = read(folder)
    assert len(found) == MOST_FILES + 1 and "only the first 100 files are read" in found[-1].problems[0]


def test_a_theme_of_ones_own_replaces_a_built_in_one(tmp_path: Path) -> None:
    write(tmp_path, "nord.yaml", "primary: '#fff'\n")
    assert themes.names(read(tmp_path)).count("nord") == 1
    assert dict(themes.listed(read(tmp_path)))["nord"].endswith("nord.yaml")


def test_what_is_no_theme_is_told_with_all_that_are() -> None:
    themes.check("", [])
    themes.check("nord", [])
    with pytest.raises(UsageError, match=r"there is no theme 'nrod'; there are: ansi-dark, .*textual-light"):
        themes.check("nrod", [])


@pytest.mark.parametrize("value", ["transparent", "ansi_red", "#123456 40%", "rgb(1, 2, 3)", "#1234"])
async def test_what_is_taken_can_be_drawn(value: str) -> None:
    colour = value if " " not in value or "(" in value else "#123456"
    variables = {
        key: "bold reverse not dim" if "-style" in key else "auto 50%" if before.startswith("auto") else value
        for key, before in ColorSystem(primary="#000000").generate().items()
    }
    theme, mistakes = themes.made("x", {**dict.fromkeys(themes.COLOURS, colour), "variables": variables})
    assert theme is not None and mistakes == []
    own = [themes.UserTheme("x", "x.yaml", theme)]
    async with Terminal(lambda: None, Options(theme="x", own_themes=own)).run_test() as pilot:
        assert pilot.app.theme == "x"
        await pilot.press("question_mark", "escape", "ctrl+p")
        await pilot.pause()


@pytest.mark.parametrize(
    ("chosen", "colour", "few", "first"),
    [
        ("", True, False, ""),
        ("nord", True, False, "nord"),
        ("nord", True, True, "nord"),
        ("", True, True, "ansi-dark"),
        ("", False, False, "ansi-dark"),
        ("nord", False, False, "ansi-dark"),
        ("ansi-light", False, False, "ansi-light"),
        ("ansi-light", True, False, "ansi-light"),
    ],
)
def test_terminals_with_few_colours_get_their_own(chosen: str, colour: bool, few: bool, first: str) -> None:
    assert themes.first(chosen, colour=colour, few=few) == first
