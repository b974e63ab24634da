"""The file of a board: what the format says is read, and what is wrong is told with its line and the right word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.cli.sticker_board import SHIPPED
from inferdeck.config import board_file
from inferdeck.errors import ConfigError
from inferdeck.model.board import Board, Box, Extent, Sticker
from inferdeck.model.widget import SCRIPTS

BOARD = """
layout:
  - type: horizontal
    stickers:
      - command: health-status.sh
        refresh: 10s
        width: 50%
      - command: providers-overview.sh
        refresh: 15s
        width: 50%
  - type: vertical
    stickers:
      - command: litellm-logs.sh
        refresh: 5s
        height: 100%
"""
HALF, ALL = Extent(percent=50), Extent(percent=100)
WRONG = {
    "": 'b.yaml: file: "layout" is missing',
    "layout: []": "b.yaml:1: layout: holds no boxes; a box is a type and a list of stickers",
    "layouts: []": 'b.yaml:1: file: "layout" is missing\nb.yaml:1: layouts: unknown key, did you mean "layout"?',
    "- 1": "b.yaml:1: expected a mapping (key: value), got a list",
    "layout:\n  rows: []": "b.yaml:1: layout: expected a list, got a mapping",
    "layout:\n- type: horizontl\n  stickers: [{command: a}]": (
        "b.yaml:2: layout[0].type: expected 'horizontal' or 'vertical', got \"horizontl\""
    ),
    "layout:\n- type: vertical\n  stickers: []": (
        "b.yaml:2: layout[0]: a box without stickers; give it one, or take it out"
    ),
    "layout:\n- stickers: [{command: a}]": 'b.yaml:2: layout[0]: "type" is missing',
    "layout:\n- type: vertical\n  stickers:\n  - comand: a": (
        'b.yaml:4: layout[0].stickers[0]: "command" is missing\n'
        'b.yaml:4: layout[0].stickers[0].comand: unknown key, did you mean "command"?'
    ),
    "layout:\n- type: vertical\n  stickers:\n  - command: a\n    refresh: 5x": (
        'b.yaml:5: layout[0].stickers[0].refresh: "5x" is not a duration; write for example 15s, 5m, 1h30m or 30d'
    ),
    "layout:\n- type: vertical\n  stickers:\n  - command: a\n    refresh: 0.1": (
        "b.yaml:5: layout[0].stickers[0].refresh: must be at least 0.5, got 0.1"
    ),
    "layout:\n- type: vertical\n  stickers:\n  - command: ' '": (
        "b.yaml:4: layout[0].stickers[0].command: is empty; write a shell command or the name of a script"
    ),
    "layout:\n- type: vertical\n  stickers:\n  - command: a\n    height: tall": (
        'b.yaml:5: layout[0].stickers[0].height: "tall" is no size; write cells, such as 40, or a part, such as 50%'
    ),
    "layout:\n- type: vertical\n  stickers:\n  - {command: a, width: 120%}": (
        'b.yaml:4: layout[0].stickers[0].width: "120%" is more than 100%'
    ),
    "layout:\n- type: horizontal\n  stickers: [{command: a, width: 70%}, {command: b, width: 60%}]": (
        "b.yaml:2: layout[0]: the widths of its stickers add up to 130 %"
    ),
    "layout:\n- type: vertical\n  stickers: [{command: a, height: 70%}, {command: b, height: 60%}]": (
        "b.yaml:2: layout[0]: the heights of its stickers add up to 130 %"
    ),
    "layout:\n- type: vertical\n  stickers: [ls]": (
        "b.yaml:3: layout[0].stickers[0]: expected a mapping (key: value), got text"
    ),
}


def test_rows_columns_and_percents_are_read() -> None:
    health = Sticker("health-status.sh", refresh_seconds=10.0, width=HALF)
    providers = Sticker("providers-overview.sh", refresh_seconds=15.0, width=HALF)
    logs = Sticker("litellm-logs.sh", refresh_seconds=5.0, height=ALL)
    boxes = (Box((health, providers)), Box((logs,), horizontal=False))
    assert board_file.parse(BOARD.encode(), "mine.yaml") == Board(boxes, "mine")


def test_the_shipped_board_shows_widgets_alone() -> None:
    found = board_file.read(SHIPPED)
    assert {one.command for one in found.stickers()} <= set(SCRIPTS)
    assert [len(box.stickers) for box in found.boxes] == [2, 3, 1]
    assert found.folder == str(SHIPPED.parent)


def test_every_key_is_read() -> None:
    text = (
        "layout: [{type: vertical, height: 12, stickers: [{command: ' a | b ', title: T, refresh: 1m30s, timeout: 2,"
        " width: 40, height: 33.3%, tail: true}]}]"
    )
    (box,) = board_file.parse(text.encode(), "x.yaml").boxes
    one = Sticker("a | b", "T", 90.0, 2.0, Extent(cells=40), Extent(percent=33.3), tail=True)
    assert box == Box((one,), horizontal=False, height=Extent(cells=12))


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        board_file.parse(text.encode(), "b.yaml")
    assert str(raised.value) == WRONG[text]


def test_a_board_of_too_many_stickers_is_refused() -> None:
    text = "layout: [{type: vertical, stickers: [" + "{command: a}," * 201 + "]}]"
    with pytest.raises(ConfigError, match="holds 201 stickers; 200 is the most that a board shows"):
        board_file.parse(text.encode(), "b.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: no such file or directory"):
        board_file.read(tmp_path / "none.yaml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_board_or_a_mistake_with_a_place(body: bytes) -> None:
    told = "b.yaml"
    try:
        board_file.parse(body, "b.yaml")
    except ConfigError as error:
        told = str(error)
    assert all(line.startswith("b.yaml") for line in told.splitlines())
