"""docs/widgets.md names every widget, every figure and every parameter, and what it shows is right."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from inferdeck.api import widgets as api
from inferdeck.daemon.shared_answers import MOST_SECONDS
from inferdeck.daemon.widgets import CONDITIONS_SECONDS, LINES_SECONDS, SLOW_SECONDS
from inferdeck.model.widget import EXIT_CODES, NAMES, State
from inferdeck.render.widgets import reference
from inferdeck.render.widgets.contents import CONTENTS

TEXT = (Path(__file__).parents[2] / "docs" / "widgets.md").read_text(encoding="utf-8")


def test_the_tables_are_current() -> None:
    assert reference.page(TEXT) == TEXT, "run scripts/generate"


def test_every_widget_has_its_section_with_all_its_figures() -> None:
    assert tuple(CONTENTS) == NAMES
    for name, content in CONTENTS.items():
        section = TEXT.split(f"\n### {name}\n", 1)[1].split("\n### ", 1)[0]
        for told in content.told:
            assert f"| `{told.path}` |" in section
            assert told.family in section


def test_every_parameter_is_explained() -> None:
    table = TEXT.split("| parameter | what it does |", 1)[1].split("\n\n", 1)[0]
    named = re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    assert tuple(named) == api.PARAMETERS


def test_the_examples_ask_for_what_is_there() -> None:
    urls = [urlsplit(f"http://{one}") for one in re.findall(r"localhost:4633[^\"\s]*", TEXT)]
    assert len(urls) == 4
    for url in urls:
        name = url.path.removeprefix(api.PREFIX).strip("/")
        assert not name or name in CONTENTS
        assert set(parse_qs(url.query)) <= set(api.PARAMETERS)


def test_exit_codes_and_times_are_those_of_the_code() -> None:
    assert "ends with 0, 1, 2 or 3 for ok, warning, critical and unknown" in TEXT
    assert [EXIT_CODES[one] for one in (State.OK, State.WARNING, State.CRITICAL, State.UNKNOWN)] == [0, 1, 2, 3]
    assert f"up to\n{MOST_SECONDS:g} s" in TEXT
    assert f"Lines of logs serve for {LINES_SECONDS:g} s, costs and hit rates of an hour for {SLOW_SECONDS:g} s" in TEXT
    assert f"conditions of\nrules for {CONDITIONS_SECONDS:g} s" in TEXT
