"""Dashboard files: every mistake with file, line and key; our own follow the schema; users' files are read again."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from inferdeck.config import document
from inferdeck.dashboards import loader, schema
from inferdeck.dashboards.folder import Folder
from inferdeck.errors import ConfigError, NotFoundError
from inferdeck.model.dashboard import Level, PanelKind, Threshold, level, places
from inferdeck.model.units import UNITS, show

SMALL = """\
uid: small
title: Small
rows:
  - panels:
      - {id: a, title: A, kind: stat, queries: [up]}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loader.parse(text.encode(), "mine.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (("uid: small", "uid: Small One"), "mine.yaml:1: uid: string should match"),
        (("title: Small\n", ""), 'mine.yaml:1: "title" is missing'),
        (("kind: stat", "kind: stats"), "mine.yaml:5: rows[0].panels[0].kind: input should be 'stat'"),
        (("queries: [up]", "qeries: [up]"), 'qeries: unknown key, did you mean "queries"?'),
        (("queries: [up]", "queries: []"), "rows[0].panels[0]: a stat panel wants queries"),
        (("queries: [up]", "queries: [up], unit: sec"), 'unknown unit "sec"'),
        (("queries: [up]", "queries: [up], width: 25"), "rows[0].panels[0].width: input should be less than or equal"),
        (("queries: [up]", "queries: [up], links: [{title: x}]"), "a link wants one of dashboard, view, url"),
        (("queries: [up]", "queries: [up], links: [{title: x, url: 'javascript:1'}]"), "a url begins with"),
        (("kind: stat", "kind: logs"), "a logs panel wants question, and no queries"),
        (("kind: stat", "kind: matrix"), "a matrix wants rows_by and columns_by"),
        (("queries: [up]", "needs: alerts"), "says in `empty` why"),
        (("kind: stat", "kind: text"), "a text panel wants content"),
        (("rows:", "variables: [{name: x}]\nrows:"), "a label_values variable wants metric"),
        (("rows:", "range: 6 hours\nrows:"), "mine.yaml:3: range"),
        (
            ("queries: [up]}", "queries: [up]}\n      - {id: a, title: B, kind: stat, queries: [up]}"),
            'mine.yaml:6: rows[0].panels[1].id: "a" is the id of mine.yaml:5 already',
        ),
        (
            ("queries: [up]", "queries: [up], thresholds: [{value: 2, level: warn}, {value: 1, level: ok}]"),
            "thresholds must ascend",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(change: tuple[str, str], wanted: str) -> None:
    found = problems(SMALL.replace(*change))
    assert any(wanted in one for one in found), found
    assert all(one.startswith("mine.yaml") for one in found)


def test_the_schema_knows_what_the_loader_knows() -> None:
    assert (Path(schema.__file__).parent / schema.FILE_NAME).read_text(encoding="utf-8") == schema.text()
    validator = jsonschema.Draft202012Validator(schema.json_schema())
    for path in sorted(loader.DEFINITIONS.glob("*.yaml")):
        data = json.loads(json.dumps(document.read(path).data))
        assert [error.message for error in validator.iter_errors(data)] == [], path.name
    wrong = document.parse(SMALL.replace("kind: stat", "kind: stats").encode(), "x").data
    assert list(validator.iter_errors(wrong))


def test_a_broken_file_takes_no_other_down_and_stays_as_it_was(tmp_path: Path) -> None:
    now = [0.0]
    folder = Folder(tmp_path / "dashboards", lambda: now[0])
    assert "small" not in folder.shelf().dashboards
    (tmp_path / "dashboards").mkdir()
    path = tmp_path / "dashboards" / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    (tmp_path / "dashboards" / "other.yaml").write_text(SMALL.replace("uid: small", "uid: other"), encoding="utf-8")
    assert folder.recent() is not None  # a look holds for a second
    now[0] += 2
    assert folder.recent() is None
    shelf = folder.shelf()
    assert {"small", "other", "overview"} <= set(shelf.dashboards)
    before = shelf.get("small")

    path.write_text(SMALL.replace("kind: stat", "kind: wrong"), encoding="utf-8")
    now[0] += 2
    shelf = folder.shelf()
    assert shelf.get("small") is before
    assert shelf.problems[0].startswith("small.yaml:5: rows[0].panels[0].kind: ")

    path.write_text(SMALL.replace("title: Small", "title: New"), encoding="utf-8")
    now[0] += 2
    shelf = folder.shelf()
    assert (shelf.get("small").dashboard.title, shelf.problems) == ("New", ())
    assert shelf.get("small").revision != before.revision

    path.unlink()
    now[0] += 2
    with pytest.raises(NotFoundError, match="overview"):
        folder.shelf().get("small")


def test_a_users_file_replaces_ours_and_two_of_one_uid_are_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(SMALL.replace("uid: small", "uid: overview"), encoding="utf-8")
    shelf = Folder(tmp_path, lambda: 0.0).shelf()
    assert shelf.get("overview").origin == str(tmp_path / "a.yaml")
    assert shelf.problems == ('b.yaml: uid: "overview" is the uid of a.yaml already',)


def test_panels_stand_from_left_to_right() -> None:
    panels = [*loader.parse(SMALL.encode(), "x").dashboard.panels()] * 3
    assert [(place.x, place.y) for place in places(panels)] == [(0, 0), (12, 0), (0, 8)]


def test_thresholds_say_what_a_value_means() -> None:
    steps = (Threshold(1, Level.WARN), Threshold(5, Level.CRITICAL))
    found = [level(value, Level.OK, steps) for value in (0.0, 1.0, 7.0, None, float("nan"))]
    assert found == [Level.OK, Level.WARN, Level.CRITICAL, None, None]


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_shows_every_number(unit: str) -> None:
    for value in (0.0, 1.0, -2.5, 1e-9, 12345.678, 1e300, None, float("nan"), float("inf")):
        assert show(unit, value)
    assert show(unit, None) == "–"


def test_every_kind_of_panel_is_drawn_in_ours() -> None:
    used = {panel.kind for one in loader.shipped() for panel in one.dashboard.panels()}
    assert {PanelKind.STAT, PanelKind.TIMESERIES, PanelKind.TABLE, PanelKind.MATRIX, PanelKind.HEATMAP} <= used


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "null\n", "[]\n"])
def test_a_file_that_is_still_empty_is_told_of(text: str) -> None:
    with pytest.raises(ConfigError, match='"uid" is missing'):
        loader.parse(text.encode(), "new.yaml")
