"""The command as a user runs it: helpful errors, exit codes, quiet pipes, help on the standard library alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inferdeck.cli.arguments import COMMANDS
from inferdeck.cli.commands.simulate import SHELLS

HEAVY = {"numpy", "pydantic", "fastapi", "aiohttp", "ruamel.yaml", "uvicorn", "psutil", "orjson", "zstandard", "shtab"}


def run(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("INFERDECK", "XDG"))}
    return subprocess.run(
        [sys.executable, "-m", "inferdeck", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path), **environment},
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("statsu",), 2, 'did you mean "status"?'),
        (("status", "--jsn"), 2, 'did you mean "--json"?'),
        (("store", "chek"), 2, 'did you mean "check"?'),
        (("status", "--interval", "x"), 2, "invalid float value"),
        (("status", "--interval", "nan"), 2, "--interval"),
        ((), 2, "COMMAND"),
        (("status",), 3, "inferdeck up"),
        (("doctor",), 3, "inferdeck up"),
        (("status", "--url", "http://127.0.0.1:1"), 3, "no daemon answers at http://127.0.0.1:1"),
        (("status", "--url", "nowhere"), 2, "http://HOST:PORT"),
        (("status", "--url", "http://["), 2, "not a URL"),
        (("config", "check", "--config", "no.yaml"), 2, "no.yaml: no such file"),
        (("store", "stats"), 2, "no history yet"),
        (("sources", "test", "nonsense"), 2, "there are litellm"),
        (("sources", "test", "redis", "redis://127.0.0.1:1", "--set", "colour"), 2, "KEY=VALUE"),
        (
            ("sources", "test", "redis", "redis://127.0.0.1:1", "--set", "colour=red"),
            2,
            "sources: redis.colour: unknown key",
        ),
        (("sources", "add", "redis", "redis://127.0.0.1:1", "--set", "pasword=x"), 2, 'did you mean "password"?'),
        (("sources", "add", "redis", "--set", "interval=soon"), 2, "sources: redis.interval: "),
    ],
)
def test_mistakes_are_answered_with_what_to_do(tmp_path: Path, words: tuple[str, ...], code: int, says: str) -> None:
    found = run(tmp_path, *words)
    assert (found.returncode, found.stdout) == (code, "")
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_a_wrong_configuration_is_said_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "inferdeck.yaml").write_text("listen:\n  prot: 1\n")
    for words in (("config", "check"), ("up",), ("status",)):
        found = run(tmp_path, *words)
        assert found.returncode == 2
        assert "inferdeck.yaml:2: listen.prot" in found.stderr
        assert "Traceback" not in found.stderr


def test_up_refuses_to_listen_off_loopback_without_a_token(tmp_path: Path) -> None:
    found = run(tmp_path, "up", INFERDECK_LISTEN__HOST="0.0.0.0", INFERDECK_LISTEN__PORT="0")
    assert found.returncode == 2
    assert "no token is set" in found.stderr
    assert not (tmp_path / ".local" / "share" / "inferdeck" / "metrics").exists()


def test_the_check_refuses_what_up_refuses(tmp_path: Path) -> None:
    found = run(tmp_path, "config", "check", INFERDECK_LISTEN__HOST="0.0.0.0")
    assert (found.returncode, found.stdout) == (2, "")
    assert "no token is set" in found.stderr


def test_up_says_which_directory_or_port_it_cannot_have(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = run(tmp_path, "up", "--data-dir", "file/data")
    assert found.returncode == 2
    assert "data_dir: cannot use" in found.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run(tmp_path, "up", "--data-dir", "data", INFERDECK_LISTEN__PORT=str(taken.getsockname()[1]))
    assert found.returncode == 2
    assert "another program listens there" in found.stderr


def test_a_source_that_is_not_there_is_tried_without_a_daemon(tmp_path: Path) -> None:
    found = run(tmp_path, "sources", "test", "prometheus", "http://127.0.0.1:1")
    assert found.returncode == 3
    assert "connection refused" in found.stdout
    answer = json.loads(run(tmp_path, "sources", "test", "prometheus", "http://127.0.0.1:1", "--json").stdout)
    assert answer["ok"] is False


def test_the_host_is_tried_and_added_without_a_daemon(tmp_path: Path) -> None:
    file = tmp_path / "inferdeck.yaml"
    file.write_text("# mine\nenvironment: prod # ours\n")
    found = run(tmp_path, "sources", "add", "host", "--set", "interval=30")
    assert found.returncode == 0, found.stderr
    assert file.read_text() == "# mine\nenvironment: prod # ours\nsources:\n  host:\n    - interval: 30\n"
    assert run(tmp_path, "config", "check").returncode == 0
    assert "sources.host" in run(tmp_path, "config", "show").stdout


def test_secrets_are_masked_in_config_show(tmp_path: Path) -> None:
    (tmp_path / "inferdeck.yaml").write_text("sources: {litellm: {url: http://127.0.0.1:1, key: sk-planted-secret}}\n")
    for words in (("config", "show"), ("config", "show", "--json")):
        assert "planted" not in run(tmp_path, *words).stdout


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("status", "--help"), ("store", "--help")])
def test_help_imports_the_standard_library_alone(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "inferdeck", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=tmp_path,
    )
    assert found.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert not {name for name in imported if name in HEAVY}
    assert {name for name in imported if name.startswith("inferdeck.")} <= {
        "inferdeck.cli",
        "inferdeck.cli.arguments",
        "inferdeck.cli.commands",
        *(
            f"inferdeck.cli.commands.{name}"
            for name in ("asking", "definitions", "form", "running", "simulate", "stack")
        ),
        "inferdeck.faces",
        "inferdeck.faces.widgets",
        "inferdeck.faces.widgets.wish",
        "inferdeck.errors",
        "inferdeck.__main__",
    }


def test_every_command_has_help_and_its_function(tmp_path: Path) -> None:
    from inferdeck.cli import arguments

    for command in COMMANDS:
        assert callable(arguments.command(command))
        assert command.help


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_names_every_command(tmp_path: Path, shell: str) -> None:
    found = run(tmp_path, "completion", shell)
    assert found.returncode == 0, found.stderr
    for command in COMMANDS:
        assert command.words[-1] in found.stdout


def test_the_bash_completion_is_bash(tmp_path: Path) -> None:
    script = run(tmp_path, "completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_rules_export_prints_rules(tmp_path: Path) -> None:
    found = run(tmp_path, "rules", "export")
    assert found.returncode == 0, found.stderr
    assert "record: llm_" in found.stdout
    written = run(tmp_path, "rules", "export", "--out", str(tmp_path / "rules"))
    assert (written.returncode, written.stdout.strip()) == (0, str(tmp_path / "rules" / "recording.yaml"))
    assert (tmp_path / "rules" / "recording.yaml").read_text(encoding="utf-8") == found.stdout


def test_a_broken_pipe_is_quiet(tmp_path: Path) -> None:
    command = f"{sys.executable} -m inferdeck rules export | head -1"
    found = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert found.stderr == ""


def test_an_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    for words in ("rules export", "config show"):
        command = f"{sys.executable} -m inferdeck {words} > /dev/full"
        found = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (found.returncode, found.stderr.count("\n")) == (1, 1), found.stderr
        assert "cannot be written: no space left on device" in found.stderr
