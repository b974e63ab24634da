"""docs/hosts.md: its commands run, and its tables name all hosts, options, scripts, helpers and rules there are."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from inferdeck.cli import arguments
from inferdeck.daemon import targets_file
from inferdeck.faces.hosts import multiplexer
from inferdeck.faces.hosts.scripts import SHIPPED
from inferdeck.faces.hosts.table import HOSTS
from inferdeck.faces.hosts.wanted import GRIDS, LAYOUTS, LINE_SECONDS, LINES
from inferdeck.faces.widgets import ask, command, kept, room, wish
from inferdeck.render.widgets.contents import CONTENTS
from tests.unit.faces.widgets.answering import COMMAND, environment
from tests.unit.faces.widgets.test_scripts import WIDGETS

PAGE = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith("inferdeck ")]


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert found, heading
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in found[1].splitlines()]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_understood(tmp_path: Path, line: str) -> None:
    words = shlex.split(line)[1:]
    done = subprocess.run(
        [COMMAND, *words],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (3 if "--check" in words else 0), done.stdout + done.stderr


def test_fields_in_examples_are_there() -> None:
    for line in COMMANDS:
        words = shlex.split(line)
        if "--field" in words:
            told = CONTENTS[words[2]].told
            assert words[words.index("--field") + 1] in {one.path for one in told}


def test_every_option_of_the_command_is_explained() -> None:
    there = {"--url", "--data-dir", "--config"}
    (entry,) = [one for one in arguments.COMMANDS if one.words == ("widget",)]
    there |= {flag for option in entry.options for flag in option.flags if flag.startswith("--")}
    assert {name for row in table("option") for name in names(row[0])} == there
    hosts = next(row[1] for row in table("option") if row[0] == "`--host`")
    assert all(re.search(rf"\b{host}\b", hosts) for host in wish.HOSTS)


def test_rules_for_the_host_are_those_of_the_code() -> None:
    rows = table("what is seen")
    seen = {name for row in rows for name in names(row[0]) if name.isupper() or name == "XBARDarkMode"}
    source = Path(room.__file__).read_text(encoding="utf-8")
    used = set(re.findall(r'"([A-Z][A-Za-z_]+)"', source)) - {"LINES", "WTF_WIDGET_HEIGHT", "TERM"}
    assert seen == used
    order = [(row[1].partition(";")[0].partition(",")[0]) for row in rows]
    environs = [{}, {"SWIFTBAR": "1"}, {"WTF_WIDGET_WIDTH": "1"}, {"COLUMNS": "1", "HEIGHT": "1"}, {"TMUX": "1"},
                {"WAYBAR_OUTPUT_NAME": "1"}, {"CLICOLOR_FORCE": "1"}, {}]  # fmt: skip
    assert order == [room.host(environ, terminal=not number) for number, environ in enumerate(environs)]
    # The first that fits: with all of them set, each row's rule holds as soon as those before it are gone.
    everything: dict[str, str] = {key: value for environ in environs for key, value in environ.items()}
    for number, environ in enumerate(environs[1:-1], 1):
        assert room.host(everything, terminal=False) == order[number]
        everything = {key: value for key, value in everything.items() if key not in environ}


def test_hosts_and_layouts_are_those_there_are() -> None:
    assert [names(row[0])[0] for row in table("host")] == list(HOSTS)
    rows = {names(row[0])[0]: row for row in table("layout")}
    assert list(rows) == list(LAYOUTS)
    for layout, (_, grid, line, session) in rows.items():
        assert grid == "; ".join(", ".join(pane.widget for pane in row) for row in GRIDS[layout])
        assert line == f"{', '.join(LINES[layout])}: {LINE_SECONDS[layout]}"
        name, panes = multiplexer.SESSIONS[layout]
        assert names(session) == [name]
        assert all(words[0] in session for words in panes)


def test_scripts_and_helpers_are_those_there_are() -> None:
    rows = {names(row[0])[0]: row[1] for row in table("script")}
    assert {*rows, "common.sh"} == {path.name for path in SHIPPED.glob("*.sh")}
    for name, shown in WIDGETS.items():
        assert names(rows[name])[0] == shown
    helpers = re.findall(r"^(\w+)\(\) \{", (SHIPPED / "common.sh").read_text(), re.MULTILINE)
    assert [names(row[0])[0] for row in table("function")] == helpers


def test_the_example_of_a_widget_runs(tmp_path: Path) -> None:
    (script,) = [block for block in BLOCKS if "common.sh" in block]
    environ = {**environment(tmp_path), "LITELLM_HOST": "http://127.0.0.1:9", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["sh", "-c", script], env=environ, cwd=SHIPPED, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("the gateway does not answer\n", "")


@pytest.mark.parametrize(
    "promise",
    [
        f"whatever hangs: {wish.TIMEOUT_MS} where absent",
        f"or {command.KEPT_SECONDS} seconds where",
        f"`{targets_file.NAME}`",
        f"`{ask.NO_DAEMON}`",
        f"{kept.MOST_FILES} at most",
    ],
)
def test_numbers_and_words_are_those_of_the_code(promise: str) -> None:
    assert promise in " ".join(PAGE.split())
