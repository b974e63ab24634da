"""docs/board.md says what the board does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inferdeck.cli import arguments
from inferdeck.config import board_file
from inferdeck.errors import ConfigError
from inferdeck.faces.board import ansi, arranging, commands, pace, processes
from inferdeck.faces.board.help import KEYS
from inferdeck.model import board

PAGE = (Path(__file__).parents[2] / "docs" / "board.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a row that begins with a heading, without backticks."""
    lines = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_file_on_the_page_is_a_board() -> None:
    (text,) = blocks("yaml")
    found = board_file.parse(text.encode(), "my-board.yaml")
    assert [one.tail for one in found.stickers()] == [False, False, True]


def test_every_key_is_on_the_page_and_no_other() -> None:
    box, sticker = board_file.BoxEntry.model_fields, board_file.StickerEntry.model_fields
    assert {row[0] for row in rows("key of a box")} == set(box)
    assert {row[0] for row in rows("key of a sticker")} == set(sticker)
    for name, default, _ in rows("key of a sticker"):
        assert (default == "needed") == sticker[name].is_required()
    told = {row[0]: row[1] for row in rows("key of a sticker")}
    assert told["refresh"] == f"{board.REFRESH_SECONDS:g}s"
    assert told["timeout"] == f"{board.TIMEOUT_SECONDS:g}s"
    assert f"{board.SHORTEST_REFRESH_SECONDS:g}s at least" in PAGE
    assert f"{board.MOST_STICKERS} on a board at most" in PAGE


def test_the_mistake_on_the_page_is_told_like_this() -> None:
    text = "layout:\n  - type: vertical\n    stickers:\n      - comand: ls\n"
    with pytest.raises(ConfigError) as raised:
        board_file.parse(text.encode(), "my-board.yaml")
    assert str(raised.value).splitlines()[-1] in PAGE


def test_keys_are_those_of_the_help() -> None:
    assert [tuple(row) for row in rows("key")] == list(KEYS)


def test_bounds_are_those_of_the_code() -> None:
    assert f"{processes.MOST_BYTES // 1024} KiB and {ansi.MOST_LINES} lines" in PAGE
    assert f"vary by {pace.SCATTER:.0%} of the interval".replace("%", " %") in PAGE
    assert f"narrower than {arranging.LEAST_WIDTH} cells" in PAGE
    assert "20 columns and 5 rows suffice" in PAGE


def test_the_command_lines_on_the_page_can_be_read() -> None:
    lines = [line for line in blocks("text")[0].splitlines() if line.startswith("inferdeck board")]
    assert len(lines) == 5
    for line in lines:
        words = re.split(r" {2,}", line)[0].split()[1:]
        assert arguments.parse(words).command.words == ("board",)


@pytest.mark.parametrize(
    ("command", "seconds", "said"),
    [
        ("exit 7", 30.0, "exit 7"),
        ("kill -9 $$", 30.0, "ended by SIGKILL"),
        ("cat /dev/zero", 30.0, "printed more than 128 KiB"),
    ],
)
async def test_what_the_frame_says_is_on_the_page(command: str, seconds: float, said: str) -> None:
    found = await processes.run(command, {"PATH": "/usr/bin:/bin"}, seconds)
    assert found.trouble == said
    assert f"`{said}`" in PAGE


async def test_the_environment_is_as_the_page_says() -> None:
    run = commands.Commands({"PATH": "/usr/bin:/bin"}, lambda: None, scripts="/shipped", folder="/beside")
    names = ("COLUMNS", "LINES", "CLICOLOR_FORCE")
    found = await run.run(board.Sticker("echo $PATH; env"), 33, 7)
    path, *variables = found.output.splitlines()
    assert path.split(":")[:4] == ["/usr/bin", "/bin", "/beside", "/shipped"]
    for name in names:
        assert f"`{name}" in PAGE
        assert any(line.startswith(f"{name}=") for line in variables)
