"""Changes to a user's files: nothing but our lines, a copy of what was there, and all of it undone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import UsageError
from inferdeck.faces.hosts import installing
from inferdeck.faces.hosts.wanted import MARK, File, Hook

OURS = f"# {MARK} tmux\nset -g status 2\n"
LINES = st.lists(st.sampled_from(["set -g mouse on", "", "# >>> x", "ü\x0b", "a\r"]), max_size=6).map("\n".join)


def hook(path: Path, *lines: str) -> Hook:
    return Hook(path, lines or ("source-file x",))


def done(changes: list[installing.Change]) -> list[Path | None]:
    return [installing.make(change, 0.0) for change in changes]


@given(LINES, LINES)
def test_lines_of_ours_come_and_go_and_nothing_else_changes(before: str, after: str) -> None:
    block = "# >>> inferdeck >>>\nours\n# <<< inferdeck <<<\n"
    one = hook(Path("/x"), "ours")
    gap = "" if not before or before.endswith("\n") else "\n"
    added = installing._with_block(before, block, one)
    assert added == before + gap + block
    assert installing._with_block(added + after, block, one) == added + after
    assert installing._with_block(added + after, "", one, only_where_there=True) == before + gap + after
    assert installing._with_block(before, "", one, only_where_there=True) == before


def test_a_hook_is_added_once_renewed_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "tmux.conf"
    path.write_text("set -g mouse on\n")
    path.chmod(0o640)
    (kept,) = done(installing.of_hook(hook(path)))
    assert kept is not None
    assert kept.read_text() == "set -g mouse on\n"
    assert installing.of_hook(hook(path)) == []
    done(installing.of_hook(hook(path, "source-file y")))
    assert path.read_text().count("source-file") == 1
    assert path.stat().st_mode & 0o777 == 0o640
    done(installing.without_hook(hook(path)))
    assert path.read_text() == "set -g mouse on\n"
    assert installing.without_hook(hook(path)) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "tmux.conf"
    real.parent.mkdir()
    real.write_text("a\n")
    link = tmp_path / ".tmux.conf"
    link.symlink_to(real)
    done(installing.of_hook(hook(link)))
    assert link.is_symlink()
    assert "source-file" in real.read_text()


def test_lines_that_are_not_whole_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tmux.conf"
    for text in ("# >>> inferdeck >>>\nx\n", "# <<< inferdeck <<<\n# >>> inferdeck >>>\n"):
        path.write_text(text)
        for work in (installing.of_hook, installing.without_hook):
            with pytest.raises(UsageError, match="not whole"):
                work(hook(path))


def test_files_are_written_once_and_renewed(tmp_path: Path) -> None:
    file = File("bin/x.sh", f"#!/bin/sh\n{OURS}", program=True)
    done(installing.of_files(tmp_path, (file,)))
    assert os.access(tmp_path / file.path, os.X_OK)
    assert installing.of_files(tmp_path, (file,)) == []
    (tmp_path / file.path).chmod(0o600)
    done(installing.of_files(tmp_path, (file,)))
    assert os.access(tmp_path / file.path, os.X_OK)
    changes = installing.of_files(tmp_path, (File(file.path, file.text + "more\n", program=True),))
    assert [change.foreign for change in changes] == [False]
    # SwiftBar would run a copy beside it.
    assert done(changes) == [None]
    assert [one.name for one in (tmp_path / "bin").iterdir()] == ["x.sh"]


def test_a_file_of_somebody_elses_is_kept_and_said(tmp_path: Path) -> None:
    (tmp_path / "wth.yaml").write_text("modules: []\n")
    (change,) = installing.of_files(tmp_path, (File("wth.yaml", OURS),))
    assert change.foreign
    assert "-modules: []\n" in change.shown()
    kept = installing.make(change, 0.0)
    again = installing.make(installing.Change(tmp_path / "wth.yaml", OURS, "modules: []\n"), 0.0)
    assert kept is not None
    assert again is None
    assert kept.read_text() == "modules: []\n"
    assert installing.without_files(tmp_path, (File("wth.yaml", OURS),)) == []


def test_a_file_that_changes_under_our_eyes_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("a\n")
    (change,) = installing.of_hook(hook(path))
    path.write_text("b\n")
    with pytest.raises(UsageError, match="meanwhile"):
        installing.make(change, 0.0)
    assert path.read_text() == "b\n"


def test_what_is_no_small_text_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("bytes", "folder", "pipe"):
        with pytest.raises(UsageError, match=name):
            installing.of_hook(hook(tmp_path / name))


def test_only_files_of_ours_are_taken_away(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text(OURS + "edited\n")
    (tmp_path / "other").write_text("other\n")
    names = (File("ours", OURS), File("other", "x\n"), File("gone", "x\n"))
    done(installing.without_files(tmp_path, names))
    assert [one.name for one in tmp_path.iterdir()] == ["other"]
