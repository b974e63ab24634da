"""`inferdeck board` as a program: without a terminal, once, and with files that are wrong."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from inferdeck.cli.sticker_board import SHIPPED

FILE = """
layout:
  - type: horizontal
    stickers:
      - {command: "echo left; echo oh >&2; exit 4", width: 50%, title: a}
      - {command: here.sh, width: 50%, title: b}
"""


def environment(**changes: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("INFERDECK", "NO_COLOR"))}
    return {**clean, "TERM": "xterm-256color", **changes}


def board(*words: str, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    own = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "inferdeck", "board", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env=environment(**{**own, **changes}),
        cwd=folder,
    )


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "b.yaml").write_text(FILE)
    script = tmp_path / "here.sh"
    script.write_text("#!/bin/sh\necho $COLUMNS x $LINES\n")
    script.chmod(0o755)
    return "b.yaml"


def test_without_a_terminal_it_says_so_and_what_to_do(tmp_path: Path, file: str) -> None:
    found = board(file, folder=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        "inferdeck: a board needs a terminal, and standard output is none; print it once with: inferdeck board --once\n"
    )


def test_a_dumb_terminal_is_told_the_same(tmp_path: Path, file: str) -> None:
    ours, theirs = pty.openpty()
    try:
        found = subprocess.run(
            [sys.executable, "-m", "inferdeck", "board", str(tmp_path / file)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            check=False,
            timeout=60,
            env=environment(TERM="dumb"),
        )
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert found.returncode == 2
    assert "TERM is dumb or not set; print it once with: inferdeck board --once" in said
    assert "\x1b" not in said


def test_once_prints_the_board_as_text(tmp_path: Path, file: str) -> None:
    found = board(file, "--once", "--size", "60x8", folder=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert len(lines) == 8
    assert lines[1] == "│left                        ││28 x 5                      │"
    assert lines[5] == "│oh                          ││                            │"
    assert "exit 4, now" in lines[6] or "exit 4, 1 s ago" in lines[6]
    assert lines[7].startswith("b · 2 stickers · 1 failing")


def test_once_prints_the_board_as_an_image(tmp_path: Path, file: str) -> None:
    found = board(file, "--once", "--size", "60x8", "--format", "svg", folder=tmp_path)
    root = ElementTree.fromstring(found.stdout)
    assert root.tag.endswith("svg")
    assert "left" in "".join(root.itertext())


def test_the_shipped_board_is_shown_where_no_file_is_named(tmp_path: Path) -> None:
    found = board("--once", folder=tmp_path)
    lines = found.stdout.splitlines()
    assert (found.returncode, len(lines)) == (0, 36)
    assert lines[-1].startswith(f"{SHIPPED.stem} · 6 stickers")
    assert "no daemon: run inferdeck up" in found.stdout


def test_mistakes_in_the_file_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("layout:\n  - type: horizontal\n    stickers:\n      - comand: ls\n")
    found = board("b.yaml", "--once", folder=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert 'b.yaml:4: layout[0].stickers[0].comand: unknown key, did you mean "command"?' in found.stderr
    missing = board("none.yaml", "--once", folder=tmp_path)
    assert "none.yaml: cannot be read: no such file or directory" in missing.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--once", "--size", "big"], "--size big: write columns x rows, such as 120x36"),
        (["--once", "--size", "19x5"], "--size 19x5: from 20x5 to 1000x1000"),
        (["--once", "--size", "9999x9999"], "--size 9999x9999: from 20x5 to 1000x1000"),
        (["--size", "80x24"], "--size goes with --once"),
        (["--format", "svg"], "--format goes with --once"),
        (["--once", "--format", "png"], "invalid choice: 'png'"),
    ],
)
def test_wrong_words_are_explained(words: list[str], said: str, tmp_path: Path) -> None:
    found = board(*words, folder=tmp_path)
    assert found.returncode == 2
    assert said in found.stderr
