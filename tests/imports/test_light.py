"""What must start fast imports the standard library and inferdeck alone, seen in real processes.

A widget has 20 ms; numpy alone takes 190 ms to import. The import contracts in pyproject.toml say the same of the
source, this says it of what really happens at run time, conditional imports and start-up hooks included.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import inferdeck.model

MODULES = [
    *sorted(f"inferdeck.model.{module.name}" for module in pkgutil.iter_modules(inferdeck.model.__path__)),
    "inferdeck",
    "inferdeck.errors",
    "inferdeck.cli",
    "inferdeck.client",
    "inferdeck.client.tiny",
    "inferdeck.faces.terminal.drawing.panel",
    "inferdeck.faces.terminal.drawing.page",
    "inferdeck.faces.terminal.drawing.grid",
]
SCRIPT = str(Path(sys.executable).parent / "inferdeck")
COMMANDS = {
    "python -m inferdeck --help": ["-m", "inferdeck", "--help"],
    "python -m inferdeck --version": ["-m", "inferdeck", "--version"],
    "inferdeck --help": [SCRIPT, "--help"],
    "inferdeck --version": [SCRIPT, "--version"],
    "inferdeck status --help": [SCRIPT, "status", "--help"],
    "inferdeck simulate describe --help": [SCRIPT, "simulate", "describe", "--help"],
    "inferdeck grafana export --help": [SCRIPT, "grafana", "export", "--help"],
    "inferdeck board --help": [SCRIPT, "board", "--help"],
    "inferdeck --nonsense": [SCRIPT, "--nonsense"],
}
# The table's heading, and what the library's copy.py looks for in case it runs on Jython.
NOT_THERE = {"imported package", "org"}
EXIT_CODES = {"inferdeck --nonsense": 2}


def imported(arguments: list[str], code: int = 0) -> set[str]:
    """Return the top-level names that the interpreter itself reports as imported."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == code, run.stderr[-2000:]
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines} - NOT_THERE


@cache
def at_start() -> frozenset[str]:
    """What an empty program imports here, such as the virtual environment's own hook."""
    return frozenset(imported(["-c", "pass"]))


def foreign(names: set[str]) -> list[str]:
    return sorted(names - at_start() - sys.stdlib_module_names - {"inferdeck", "__main__"})


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_the_standard_library_alone(module: str) -> None:
    assert foreign(imported(["-c", f"import {module}"])) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_command_imports_the_standard_library_alone(command: str) -> None:
    assert foreign(imported(COMMANDS[command], EXIT_CODES.get(command, 0))) == []


def test_help_starts_neither_asyncio_nor_anything_that_talks_to_the_network() -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", SCRIPT, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    names = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time:")}
    assert names.isdisjoint({"asyncio", "http.client", "ssl", "sqlite3", "concurrent.futures", "multiprocessing"})


def test_the_terminal_view_loads_neither_what_checks_settings_nor_views_that_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "inferdeck.yaml").write_text("environment: production\n")
    code = (
        "import sys; from inferdeck.cli import arguments, daemons, top; "
        f"options = arguments.parse(['top', '--config', '{tmp_path / 'inferdeck.yaml'}']); "
        "top._chosen(options); daemons.noted(options); from inferdeck.faces.terminal import app, places; "
        "places.make('overview', None); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    names = set(run.stdout.split())
    assert "textual.app" in names and "inferdeck.faces.terminal.screens.board" in names
    unseen = ("faces.terminal.screens.models", "faces.terminal.screens.logs", "model.stack", "model.model_catalog")
    assert names.isdisjoint({"pydantic", "ruamel", *(f"inferdeck.{name}" for name in unseen)})


def test_the_guard_sees_what_it_guards_against() -> None:
    assert foreign(imported(["-c", "import numpy"])) == ["numpy"]
