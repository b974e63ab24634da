"""What a sticker's command means: a widget that the daemon draws, or a process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from inferdeck.client.tiny import Client
from inferdeck.faces.board.commands import Ask, Commands
from inferdeck.faces.board.processes import Outcome
from inferdeck.faces.widgets import room
from inferdeck.model.board import Sticker
from inferdeck.model.widget import NAMES, SCRIPTS, State
from tests.unit.faces.board.daemon import Daemon, daemon

CLEAN = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "LITELLM_LOG_SOURCE")}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Daemon]:
    with daemon(tmp_path) as found:
        yield found


def script(folder: Path, name: str, body: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(folder)


def commands(
    client: Client | None = None, *, scripts: str = "/none", folder: str = "", changes: Mapping[str, str] | None = None
) -> Commands:
    return Commands({**CLEAN, **(changes or {})}, lambda: client, scripts=scripts, folder=folder)


async def shown(run: Commands, command: str, width: int = 40, height: int = 10) -> Outcome:
    return await run.run(Sticker(command), width, height)


def test_the_old_scripts_and_our_command_are_widgets() -> None:
    run = commands()
    for name, widget in SCRIPTS.items():
        assert run.ask(name) == Ask(widget)
    for widget in NAMES:
        assert run.ask(f"inferdeck widget {widget}") == Ask(widget)
    told = (("icons", "emoji"), ("environment", "prod"))
    assert run.ask("inferdeck widget health --icons emoji --environment=prod") == Ask("health", told)
    assert run.ask("health-status.sh --icons emoji --environment prod") == Ask("health", told)


@pytest.mark.parametrize(
    "command",
    [
        "inferdeck widget health | head -3",
        "inferdeck widget health; date",
        "inferdeck widget health --check",
        "inferdeck widget health --url http://elsewhere:4633",
        "inferdeck widget health --host tmux",
        "inferdeck widget nonsense",
        "inferdeck widget",
        "inferdeck status",
        "./health-status.sh",
        "/opt/bin/health-status.sh",
        "health-status.sh > /tmp/x",
        "echo 'unfinished",
        "health-status.sh --icons",
        "$(health-status.sh)",
    ],
)
def test_anything_else_is_for_the_shell(command: str) -> None:
    assert commands().ask(command) is None


def test_a_script_of_the_users_own_is_run_instead_of_ours(tmp_path: Path) -> None:
    shipped = script(tmp_path / "shipped", "health-status.sh", "echo ours")
    own = script(tmp_path / "own", "health-status.sh", "echo own")
    assert commands(scripts=shipped).ask("health-status.sh") == Ask("health")
    assert commands(scripts=shipped, folder=own).ask("health-status.sh") is None
    path = {"PATH": f"{own}:{CLEAN['PATH']}"}
    assert commands(scripts=shipped, changes=path).ask("health-status.sh") is None


def test_logs_from_elsewhere_are_read_by_the_script() -> None:
    assert commands(changes={"LITELLM_LOG_SOURCE": "tail -n 40 /var/log/x"}).ask("litellm-logs.sh") is None


async def test_the_daemon_draws_a_widget_for_the_room_there_is(place: Daemon) -> None:
    run = commands(place.client)
    found = await shown(run, "inferdeck widget health --environment prod", 60, 9)
    assert (found.trouble, found.state) == ("", State.OK)
    assert "LiteLLM UP health 1" in found.output
    ((name, part),) = place.questions.asked
    assert (name, part.environment) == ("health", "prod")
    assert all(len(line) <= 3 for line in (await shown(run, "health-status.sh", 3, 1)).output.splitlines())


async def test_the_state_of_a_widget_and_its_failure_are_told(place: Daemon) -> None:
    run = commands(place.client)
    place.questions.state = State.CRITICAL
    assert (await shown(run, "health-status.sh")).state is State.CRITICAL
    place.questions.broken = True
    assert await shown(run, "health-status.sh") == Outcome("", "no answer", "the history cannot be read: it is on fire")


async def test_a_parameter_that_the_daemon_refuses_is_told(place: Daemon) -> None:
    found = await shown(commands(place.client), "inferdeck widget health --icons pictures")
    assert found.trouble == "no answer"
    assert found.said.startswith("icons: there is no 'pictures'")


async def test_without_a_daemon_the_script_says_what_it_can(tmp_path: Path) -> None:
    shipped = script(tmp_path, "health-status.sh", "echo no daemon: run inferdeck up")
    assert (await shown(commands(scripts=shipped), "health-status.sh")).output == "no daemon: run inferdeck up\n"


async def test_a_daemon_that_has_gone_is_asked_no_more_until_it_is_back(tmp_path: Path) -> None:
    shipped = script(tmp_path / "scripts", "health-status.sh", "echo from the script")
    folder = tmp_path / "run"
    folder.mkdir()
    looked = []

    def find() -> Client | None:
        looked.append(1)
        return found.client

    with daemon(folder) as found:
        run = Commands(CLEAN, find, scripts=shipped)
        assert "LiteLLM UP" in (await shown(run, "health-status.sh")).output
    shutil.rmtree(folder)
    assert [(await shown(run, "health-status.sh")).output for _ in range(3)] == ["from the script\n"] * 3
    assert len(looked) == 1


async def test_a_process_is_told_its_room_and_that_colours_are_seen() -> None:
    words = "$COLUMNS $LINES $CLICOLOR_FORCE $TERM"
    run = commands(changes={"TERM": "dumb"})
    assert (await shown(run, f"echo {words}", 33, 7)).output == "33 7 1 xterm-256color\n"
    plain = commands(changes={"NO_COLOR": "1"})
    assert (await shown(plain, "echo $NO_COLOR-$CLICOLOR_FORCE")).output == "1-\n"


async def test_a_widget_in_a_pipe_keeps_its_colours() -> None:
    """Only a process asks the environment who shows it; the board draws what it reads as a widget by itself."""
    printed = (await shown(commands(), "env", 33, 7)).output
    environ = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    assert room.host(environ, terminal=False) == "ansi"


async def test_names_of_shipped_scripts_and_of_those_beside_the_file_are_found(tmp_path: Path) -> None:
    shipped = script(tmp_path / "shipped", "custom-widget.sh", "echo shipped")
    beside = script(tmp_path / "beside", "mine.sh", "echo mine")
    script(tmp_path / "beside", "ls", "echo not this ls")
    run = commands(scripts=shipped, folder=beside)
    assert (await shown(run, "custom-widget.sh && mine.sh")).output == "shipped\nmine\n"
    assert "not this ls" not in (await shown(run, "ls /")).output
