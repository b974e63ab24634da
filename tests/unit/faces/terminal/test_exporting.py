"""What is exported can be read by others, whatever names are in it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.style import Style

from inferdeck.faces.terminal.exporting import rows_svg
from inferdeck.faces.terminal.paint import Paint
from inferdeck.faces.terminal.writing import written

NAMES = ["plain <b>&", "\x1b[31mred\x07", "\u202egpt", "half a letter \ud800"]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_with_any_title_can_be_read(name: str, tmp_path: Path) -> None:
    picture = rows_svg([(("text", ""),)], Paint({}, Style()), name)
    assert not [one for one in picture if one in "\x1b\x07\u202e"]
    assert written("svg", picture, ("view", name), tmp_path).startswith("written to ")
    (file,) = tmp_path.iterdir()
    assert ElementTree.fromstring(file.read_bytes()).tag.endswith("svg")


def test_a_text_that_no_file_can_hold_is_written_all_the_same(tmp_path: Path) -> None:
    assert written("json", NAMES[-1], ("view",), tmp_path) == f"written to {tmp_path / 'inferdeck-view.json'}"
    assert (tmp_path / "inferdeck-view.json").read_text() == "half a letter ?"
