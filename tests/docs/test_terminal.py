"""docs/terminal.md says what the terminal view does."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from inferdeck.cli import arguments, whole_screen
from inferdeck.cli import themes as cli_themes
from inferdeck.config.load import load
from inferdeck.faces.terminal import places, themes
from inferdeck.faces.terminal.actions import ACTIONS, MOVES, SCOPES, mapped, spoken
from inferdeck.faces.terminal.once import FORMATS
from inferdeck.faces.terminal.span import DAY
from inferdeck.faces.terminal.views import layout

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "terminal.md").read_text(encoding="utf-8")


def rows(part: str) -> list[list[str]]:
    """Return the cells of the first table of a part of the page, without its head."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def part(heading: str) -> str:
    return PAGE.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]


def test_every_action_stands_on_the_page_with_its_keys() -> None:
    for scope, words in SCOPES.items():
        mine = [one for one in ACTIONS if one.scope == scope]
        if not mine:
            continue
        wanted = [[f"`{one.id}`", " ".join(f"`{spoken(key)}`" for key in one.keys), one.help] for one in mine]
        assert rows(part(f"### Keys {words}")) == wanted
    assert rows(part("### Keys that move")) == [[f"`{spoken(one)}`", f"`{other}`"] for one, other in MOVES]


def test_every_view_stands_on_the_page() -> None:
    assert [(name.strip("`"), about) for name, about in rows(part("## Views"))] == list(places.every(None))


def test_the_settings_on_the_page_are_settings(tmp_path: Path) -> None:
    text, _ = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "inferdeck.yaml").write_text(text, encoding="utf-8")
    found = load(path=tmp_path / "inferdeck.yaml", environ={}, kinds={}).terminal
    assert (found.interval, found.range, found.view, found.glyphs) == (10.0, 21600.0, "gateway", "block")
    assert found.history == 7 * DAY
    keys = {one.id: one.keys for one in mapped(found.keys)}
    assert (keys["refresh"], keys["help"]) == (("f5", "r"), ("question_mark", "f1"))


def test_the_theme_on_the_page_is_one(tmp_path: Path) -> None:
    _, text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    (one,) = cli_themes.read(tmp_path)
    assert one.problems == () and one.name == "dusk"
    assert all(f"`{key}`" in PAGE for key in (*themes.FURTHER, *themes.COLOURS) if key not in text)


def test_the_command_lines_on_the_page_can_be_read() -> None:
    (text,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    lines = [re.split(r" {2,}", line)[0] for line in text.splitlines()]
    for line in [*lines, "inferdeck top --once --format svg --size 120x46 --range 1d"]:
        assert line in PAGE
        assert arguments.parse(line.split()[1:]).command.words == ("top",)
    assert all(form in text for form in FORMATS)


def test_bounds_are_those_of_the_code() -> None:
    assert f"below {layout.NARROW} columns" in PAGE and f"below {layout.WIDE} in two" in PAGE
    assert whole_screen.SMALLEST == (20, 5) and "20 columns and 5 rows suffice" in PAGE.replace("\n", " ")
    assert not any(one.dangerous for one in ACTIONS) and "today there is none" in PAGE


def test_the_picture_is_one_that_loads_nothing() -> None:
    picture = (DOCS / "pictures" / "top.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "Overview" in picture and "simulated" in picture
