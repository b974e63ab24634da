"""The files that come with inferdeck read the same by either part of ruamel; everybody else's are read by Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml.parser import Parser

import inferdeck
from inferdeck.config import document
from inferdeck.shipped import is_shipped, reader
from inferdeck.simulate import yaml_file

PACKAGE = Path(inferdeck.__file__).parent
FILES = sorted(PACKAGE.rglob("*.yaml"))
OF_SIMULATOR = sorted((PACKAGE / "simulate").rglob("*.yaml"))


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_shipped_file_says_the_same_to_both_readers(path: Path) -> None:
    body = path.read_bytes()
    fast, slow = document.parse(body, path.name, shipped=True), document.parse(body, path.name)
    assert fast == slow
    assert document.read(path) == slow


@pytest.mark.parametrize("path", OF_SIMULATOR, ids=named)
def test_a_shipped_fleet_or_scenario_says_the_same_to_both_readers(path: Path) -> None:
    body = path.read_bytes()
    assert yaml_file.parse(body, path.name, shipped=True) == yaml_file.parse(body, path.name)


def test_only_what_lies_in_the_package_is_shipped(tmp_path: Path) -> None:
    assert FILES
    assert all(map(is_shipped, FILES))
    assert not is_shipped(tmp_path / "overview.yaml")
    assert not is_shipped(Path("overview.yaml"))


def test_a_file_of_a_user_is_read_by_python_which_survives_any_depth() -> None:
    assert reader(shipped=False).Parser is Parser


def test_without_the_part_in_c_shipped_files_are_read_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruamel.yaml.main.CParser", None)
    assert reader(shipped=True).Parser is Parser
    for path in (
        PACKAGE / "rules" / "definitions" / "shared.yaml",
        PACKAGE / "dashboards" / "definitions" / "cache.yaml",
    ):
        body = path.read_bytes()
        assert document.parse(body, path.name, shipped=True) == document.parse(body, path.name)


def test_a_shipped_file_is_read_in_c_where_that_is_installed() -> None:
    pytest.importorskip("_ruamel_yaml")
    assert reader(shipped=True).Parser is not Parser
