"""Signs go by what the locale really says, also where Python makes UTF-8 of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inferdeck.cli import signs


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "braille"),
        ({"LANG": ""}, "braille"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "POSIX"}, "ascii"),
        ({"LANG": "C.UTF-8"}, "braille"),
        ({"LANG": "C.utf8"}, "braille"),
        ({"LANG": "en_GB.UTF-8"}, "braille"),
        ({"LANG": "de_DE.UTF-8@euro"}, "braille"),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, "ascii"),
        ({"LANG": "de_DE@euro"}, "ascii"),
        ({"LANG": "ja_JP.eucJP"}, "ascii"),
        ({"LC_CTYPE": "UTF-8"}, "braille"),
        ({"LANG": "en_GB.UTF-8", "LC_CTYPE": "C"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "en_GB.UTF-8"}, "braille"),
        ({"LANG": "en_GB.UTF-8", "LC_CTYPE": "en_GB.UTF-8", "LC_ALL": "C"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "C", "LC_ALL": "en_GB.UTF-8"}, "braille"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": ""}, "braille"),
        ({"TERM": "linux", "LANG": "en_GB.UTF-8"}, "block"),
        ({"TERM": "linux-16color", "LANG": "en_GB.UTF-8"}, "block"),
        ({"TERM": "linux", "LANG": "C"}, "ascii"),
        ({"TERM": "dumb", "LANG": "en_GB.UTF-8"}, "ascii"),
        ({"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}, "braille"),
    ],
)
def test_the_locale_and_the_terminal_decide(variables: dict[str, str], name: str) -> None:
    assert signs.chosen(variables, "utf-8", "iso8859-1") == name


def test_a_locale_without_an_encoding_has_the_one_of_this_system() -> None:
    assert signs.chosen({"LANG": "de_DE"}, "utf-8", "UTF-8") == "braille"


def test_what_cannot_be_printed_is_not_drawn() -> None:
    assert signs.chosen({"LANG": "en_GB.UTF-8"}, "iso8859-1", "UTF-8") == "ascii"


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "braille"),
        ({"LC_ALL": "C"}, "ascii"),
        ({"LC_CTYPE": "C"}, "ascii"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "C.UTF-8"}, "braille"),
        ({"LANG": "C.UTF-8", "LC_CTYPE": "C"}, "ascii"),
    ],
)
def test_python_hides_nothing_of_it(variables: dict[str, str], name: str) -> None:
    if sys.platform != "linux" and variables:
        pytest.skip("what a program was started with is only known on Linux")
    code = "from inferdeck.cli import signs; print(signs.name())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"TERM": "xterm", **variables}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == name
