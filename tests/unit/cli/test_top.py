"""`inferdeck top --once` in all its formats, and what it says where it cannot draw."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from inferdeck.cli import main, top
from inferdeck.client.marker import Marker, write
from inferdeck.daemon.targets_file import note
from inferdeck.errors import UnavailableError
from tests.unit.api.place import Place, served


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with served(tmp_path_factory.mktemp("daemon")) as found:
        yield found


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file and no data of this machine."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("INFERDECK_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def run(place: Place, *words: str) -> int:
    return main(["top", "--url", place.url, "--once", *words])


def test_text_has_the_size_that_was_asked_for(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--screen", "services", "--size", "80x24") == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert len(lines) == 24 and max(len(line) for line in lines) <= 80
    assert "10.0.0.7:8000" in lines[2]


def test_a_picture_loads_nothing(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--format", "svg") == 0
    out = capfdbinary.readouterr().out.decode()
    assert ElementTree.fromstring(out).tag.endswith("svg")
    assert "@font-face" not in out and "url(http" not in out and "Overview" in out


def test_a_png_is_one(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code = run(place, "--format", "png", "--screen", "services", "--size", "40x10")
    found = capfdbinary.readouterr()
    # Without a font on this machine it says how to get one.
    assert found.out.startswith(b"\x89PNG") if code == 0 else b"install fonts-dejavu-core" in found.err


def test_json_has_the_answers(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--format", "json", "--screen", "mod") == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert "gpt-4o" in {one["name"] for one in found["list"]["items"]}


@pytest.mark.parametrize("name", ["nope", "[b]x", "dashboard nope"])
def test_a_view_that_does_not_exist_is_told(name: str, place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--screen", name) != 0
    found = capfdbinary.readouterr()
    assert found.out == b"" and found.err.startswith(b"inferdeck: ") and found.err.count(b"\n") == 1
    assert b"nope" in found.err or b"there is no view '[b]x'; there are: providers, models" in found.err


def test_a_view_printed_once_starts_no_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("INFERDECK_URL", raising=False)
    data = tmp_path / "data"
    assert main(["top", "--once", "--data-dir", str(data)]) == 3
    assert "start one with: inferdeck up" in capfd.readouterr().err
    assert not data.exists()


def test_a_daemon_that_noted_where_it_is_is_found_without_reading_the_file(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.delenv("INFERDECK_URL", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    file, data = tmp_path / "mine.yaml", tmp_path / "data"
    file.write_text("nobody: reads this\n")
    data.mkdir()
    write(data, Marker(1, place.url, "", "", 0.0))
    note(dict(os.environ), file, data)
    assert main(["top", "--once", "--config", str(file), "--screen", "services"]) == 0
    assert "10.0.0.7:8000" in capfdbinary.readouterr().out.decode()
    # The section for the terminal is read, and so is all of the file, mistakes included.
    file.write_text("nobody: reads this\nterminal: {interval: 10s}\n")
    assert main(["top", "--once", "--config", str(file), "--screen", "services"]) == 2
    assert b"mine.yaml:1: nobody: unknown key" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("kill -KILL $$", "SIGKILL ended it; to see more, run: inferdeck up"),
        ("echo one; echo two; kill -TERM $$", "SIGTERM ended it, and had said: two; to see more, run: inferdeck up"),
        ("exit 7", "it ended with 7 and said nothing; to see more, run: inferdeck up"),
        ("echo no room >&2; exit 2", "no room"),
    ],
)
def test_a_daemon_that_ends_while_it_is_starting_is_told(
    does: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INFERDECK_URL", raising=False)
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    options = argparse.Namespace(config="", data_dir=str(tmp_path / "data"), url="")
    with pytest.raises(UnavailableError) as found:
        top._reach(options)
    assert str(found.value) == f"the daemon did not start: {said}"


def test_an_environment_that_does_not_exist_is_told(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--environment", "nowhere", "--screen", "services") == 2
    said = b"inferdeck: there is no environment 'nowhere'; there are: default\n"
    assert capfdbinary.readouterr() == (b"", said)


def test_no_daemon_is_told(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["top", "--url", "http://127.0.0.1:9", "--once"]) != 0
    assert b"no daemon answers at http://127.0.0.1:9; start one with: inferdeck up\n" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--once", "--size", "10x2"], "--size 10x2: from 20x5 to 1000x1000"),
        (["--once", "--size", "wide"], "write columns x rows, such as 120x36"),
        (["--once", "--interval", "1s"], "--interval 1s: from 2 s to 60 s"),
        (["--once", "--range", "soon"], "--range soon"),
        (["--once", "--at", "yesterday"], "--at yesterday: write Unix seconds or a moment"),
        (["--once", "--at", "2999-01-01"], "--at 2999-01-01: that moment is still to come"),
        (["--size", "80x24"], "--size goes with --once"),
        (["--format", "png"], "--format goes with --once"),
        ([], "the terminal view needs a terminal"),
    ],
)
def test_mistakes_are_told_in_one_line(words: list[str], said: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["top", "--url", "http://127.0.0.1:9", *words]) == 2
    assert said in capfdbinary.readouterr().err.decode()


def test_at_any_moment(place: Place, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(place, "--at", "2026-11-20T10:00", "--size", "160x20") == 0
    assert " at 2026-11-20 " in capfdbinary.readouterr().out.decode().splitlines()[0]
    for far in ("1e18", "nan", "inf", "-1e30"):
        assert run(place, "--at", far) == 2, far


def test_variables_hold_without_a_file(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("INFERDECK_TERMINAL__VIEW", "services")
    monkeypatch.setenv("INFERDECK_TERMINAL__INTERVAL", "30s")
    assert run(place) == 0
    head = capfdbinary.readouterr().out.decode().splitlines()[0]
    assert "Services" in head and "every 30 s" in head


@pytest.mark.parametrize(
    ("variables", "words", "drawn"),
    [
        ({"LC_ALL": "C"}, (), "ascii"),
        ({"LC_ALL": "C.UTF-8", "TERM": "xterm"}, (), "braille"),
        ({"LC_ALL": "C"}, ("--glyphs", "braille"), "braille"),
        ({"LC_ALL": "C"}, ("--format", "svg"), "braille"),
        ({"LC_ALL": "C", "INFERDECK_TERMINAL__GLYPHS": "block"}, (), "block"),
    ],
)
def test_signs_are_those_of_the_terminal_or_those_that_were_chosen(
    variables: dict[str, str],
    words: tuple[str, ...],
    drawn: str,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(place, *words) == 0
    out = capfdbinary.readouterr().out.decode()
    found = "ascii" if out.isascii() else "braille" if "╭" in out else "block" if "┌" in out else ""
    assert found == drawn


def test_a_range_is_within_the_history(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("INFERDECK_TERMINAL__HISTORY", "30m")
    assert run(place) == 0
    monkeypatch.setenv("INFERDECK_TERMINAL__RANGE", "45m")
    capfdbinary.readouterr()
    assert run(place) == 2
    assert b"terminal: range is longer than history" in capfdbinary.readouterr().err
