"""Every good file loads; every bad one gives exactly the text beside it, with all of its mistakes."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from inferdeck.config.json_schema import json_schema
from inferdeck.config.load import load
from inferdeck.errors import ConfigError
from tests.unit.config.corpus import BAD, ENVIRON, GOOD, KINDS

# An editor checks mappings; a key without a value is null to it.
NOT_FOR_EDITORS = {"empty", "comment", "null_sections"}


def good() -> list[Path]:
    return sorted(GOOD.glob("*.yaml"))


def bad() -> list[Path]:
    return sorted(BAD.glob("*.yaml"))


@pytest.mark.parametrize("file", good(), ids=lambda file: file.stem)
def test_good_file_loads(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOOD)
    assert load(path=Path(file.name), environ=ENVIRON, kinds=KINDS).file == file


@pytest.mark.parametrize("file", bad(), ids=lambda file: file.stem)
def test_bad_file_is_answered_with_exactly_this_text(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as caught:
        load(path=Path(file.name), environ=ENVIRON, kinds=KINDS)
    expected = file.with_suffix(".txt").read_text(encoding="utf-8").replace("{folder}", str(BAD))
    assert f"{caught.value}\n" == expected


def test_every_bad_file_has_its_text_and_every_text_its_file() -> None:
    assert {file.stem for file in bad()} == {file.stem for file in BAD.glob("*.txt")}


@pytest.mark.parametrize("file", bad(), ids=lambda file: file.stem)
def test_every_line_of_an_error_begins_with_the_file(file: Path) -> None:
    lines = file.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert lines
    assert all(line.startswith(f"{file.name}:") for line in lines)


@pytest.mark.parametrize("file", bad(), ids=lambda file: file.stem)
def test_no_error_shows_a_secret(file: Path) -> None:
    assert "planted" not in file.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", [f for f in good() if f.stem not in NOT_FOR_EDITORS], ids=lambda file: file.stem)
def test_the_json_schema_accepts_what_loads(file: Path) -> None:
    jsonschema.validate(YAML(typ="safe", pure=True).load(file), json_schema(KINDS))


@pytest.mark.parametrize(
    "stem", ["unknown_key", "unknown_kind", "units", "wrong_types", "unknown_section", "remote_write"]
)
def test_the_json_schema_refuses_what_does_not_load(stem: str) -> None:
    data = YAML(typ="safe", pure=True).load(BAD / f"{stem}.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema(KINDS))
