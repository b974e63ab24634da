"""`inferdeck hosts`: it shows what it will change, changes nothing unasked, and takes all of it back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.faces.widgets.answering import COMMAND, environment


def hosts(home: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [COMMAND, "hosts", *words],
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def everything(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_hosts_are_listed(tmp_path: Path) -> None:
    listed = hosts(tmp_path)
    assert "tmux" in listed
    assert listed == hosts(tmp_path, "list")


def test_files_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    out = tmp_path / "here"
    shown = hosts(tmp_path, "write", "tmux", "--layout", "incident", "--out", str(out))
    assert sorted(everything(tmp_path)) == ["here/inferdeck-tmux-incident.sh", "here/inferdeck.tmux.conf"]
    assert f"tmux source-file {out}/inferdeck.tmux.conf" in shown
    assert "nothing to write" in hosts(tmp_path, "write", "tmux", "--layout", "incident", "--out", str(out))


def test_commands_ask_the_daemon_that_this_shell_asks(tmp_path: Path) -> None:
    """Bars are started by a desktop that knows nothing of the shell's variables."""
    environ = environment(tmp_path, INFERDECK_CONFIG="inferdeck.yaml", INFERDECK_URL="http://there:4633")
    words = [COMMAND, "hosts", "write", "watch", "--out", "out", "--url", "http://here:4633"]
    subprocess.run(
        words, env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    written = (tmp_path / "out" / "inferdeck-watch.sh").read_text()
    assert f"--config={tmp_path}/inferdeck.yaml --url=http://here:4633" in written


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    for words in (["write", "wtf"], ["install", "tmux"], ["install", "starship"]):
        assert "+++ " in hosts(tmp_path, *words, "--dry-run")
    assert everything(tmp_path) == {}


def test_nothing_is_overwritten_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "wth.yaml").write_text("modules: []\n")
    assert "choose another folder" in hosts(tmp_path, "write", "wth", "--out", str(tmp_path), code=2)
    assert everything(tmp_path) == {"wth.yaml": b"modules: []\n"}


def test_nothing_is_installed_that_nobody_agreed_to(tmp_path: Path) -> None:
    (tmp_path / ".tmux.conf").write_text("set -g mouse on\n")
    shown = hosts(tmp_path, "install", "tmux", code=2)
    assert "+source-file" in shown
    assert "--yes" in shown
    assert everything(tmp_path) == {".tmux.conf": b"set -g mouse on\n"}


@pytest.mark.parametrize("host", ["tmux", "starship", "wth", "waybar", "scripts", "conky", "swiftbar"])
def test_what_is_installed_is_taken_away_again(tmp_path: Path, host: str) -> None:
    config = tmp_path / ".config"
    config.mkdir()
    (config / "starship.toml").write_text("add_newline = false\n")
    (tmp_path / ".tmux.conf").write_text("set -g mouse on\n")
    before = everything(tmp_path)
    hosts(tmp_path, "install", host, "--yes")
    hosts(tmp_path, "install", host, "--layout", "incident", "--yes")
    assert everything(tmp_path) != before
    assert "nothing to change" in hosts(tmp_path, "install", host, "--layout", "incident")
    hosts(tmp_path, "uninstall", host, "--yes")
    after = {name: held for name, held in everything(tmp_path).items() if ".before-inferdeck-" not in name}
    assert after == before
    assert "nothing to change" in hosts(tmp_path, "uninstall", host)


def test_what_is_added_to_starships_file_is_toml(tmp_path: Path) -> None:
    import tomllib

    config = tmp_path / ".config" / "starship.toml"
    config.parent.mkdir()
    config.write_text("add_newline = false\n[git_branch]\nsymbol = 'x'")
    hosts(tmp_path, "install", "starship", "--yes")
    found = tomllib.loads(config.read_text())
    assert found["git_branch"] == {"symbol": "x"}
    assert found["custom"]["inferdeck"]["when"] is True


def test_a_program_that_is_named_is_the_one_that_runs(tmp_path: Path) -> None:
    hosts(tmp_path, "write", "waybar", "--program", "/opt/inferdeck", "--out", str(tmp_path / "o"))
    assert '"exec": "/opt/inferdeck widget ' in (tmp_path / "o" / "inferdeck-waybar.json").read_text()
    assert "--program" in hosts(tmp_path, "write", "waybar", "--program", "/o'pt", "--out", str(tmp_path / "o"), code=2)
