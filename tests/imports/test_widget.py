"""What `inferdeck widget` imports between an empty Python and the daemon's answer: exactly this, and nothing more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.faces.widgets.answering import PATIENT, Asked, daemon, environment, whole

ALLOWED = {
    "__future__",
    "_socket",
    "inferdeck",
    "inferdeck.cli",
    "inferdeck.faces",
    "inferdeck.faces.widgets",
    "inferdeck.faces.widgets.ask",
    "inferdeck.faces.widgets.command",
    "inferdeck.faces.widgets.kept",
    "inferdeck.faces.widgets.place",
    "inferdeck.faces.widgets.room",
    "inferdeck.faces.widgets.wish",
}
WITHOUT = {"inferdeck.faces.widgets.plain"}
PROBING = {"inferdeck.faces.widgets.alone", "inferdeck.faces.widgets.tcp"}
REPORT = """
import sys
before = set(sys.modules)
from inferdeck.cli import main
code = main(sys.argv[1:])
print(code, *sorted(set(sys.modules) - before), file=sys.stderr)
"""


def imported(home: Path, *words: str) -> set[str]:
    """Return what a whole run imported beyond an empty Python with its site."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, "widget", *words, *PATIENT],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, *names = done.stderr.split()
    assert code == "0"
    return set(names)


@pytest.mark.parametrize(
    "words", [["health"], ["cost", "--host=waybar", "--field", "day", "--check", "--max-age", "9"]], ids=["one", "many"]
)
def test_the_way_to_the_socket_imports_these_alone(tmp_path: Path, words: list[str]) -> None:
    path = tmp_path / ".local" / "share" / "inferdeck" / "run" / "inferdeck.sock"
    with daemon(path, Asked().saying(whole())):
        assert imported(tmp_path, *words) == ALLOWED


def test_without_a_daemon_little_more_is_imported(tmp_path: Path) -> None:
    assert imported(tmp_path, "cost") == ALLOWED | WITHOUT
    assert imported(tmp_path, "health") == ALLOWED | WITHOUT | PROBING
