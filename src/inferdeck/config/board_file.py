"""The file of `inferdeck board`: YAML with boxes of stickers, read into the values of model/board.py."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from inferdeck.config import complaints, document
from inferdeck.config.schema import Section
from inferdeck.config.values import Seconds
from inferdeck.errors import ConfigError
from inferdeck.model.board import (
    MOST_STICKERS,
    REFRESH_SECONDS,
    SHORTEST_REFRESH_SECONDS,
    TIMEOUT_SECONDS,
    Board,
    Box,
    Extent,
    Sticker,
)

MOST_CELLS = 1000


def _extent(value: Any) -> Any:
    if value is None or isinstance(value, Extent):
        return value
    text = str(value).strip()
    percent = text.endswith("%")
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    if isinstance(value, bool) or not number > 0 or not (percent or number.is_integer()):
        raise ValueError(f'"{text[:40]}" is no size; write cells, such as 40, or a part, such as 50%')
    if number > (100 if percent else MOST_CELLS):
        raise ValueError(f'"{text[:40]}" is more than {"100%" if percent else f"{MOST_CELLS} cells"}')
    return Extent(percent=number) if percent else Extent(cells=int(number))


Size = Annotated[Extent | None, BeforeValidator(_extent)]
"""Cells or a percentage."""


class StickerEntry(Section):
    """One command and its place."""

    command: str = Field(description="Any shell command, or the name of a script that inferdeck ships.")
    title: str = Field(default="", description="Stands above the output; the command where absent.")
    refresh: Annotated[Seconds, Field(ge=SHORTEST_REFRESH_SECONDS)] = Field(
        default=REFRESH_SECONDS, description="From one start to the next; a slow command is never started twice."
    )
    timeout: Seconds = Field(default=TIMEOUT_SECONDS, description="A command that takes longer is ended.")
    width: Size = Field(default=None, description="Part of the row, or cells; a fair part of the rest where absent.")
    height: Size = Field(default=None, description="Part of the box, or cells; a fair part of the rest where absent.")
    tail: bool = Field(default=False, description="Show the last lines where not all fit, as for logs.")

    @field_validator("command")
    @classmethod
    def _says_something(cls, command: str) -> str:
        if not command.strip():
            raise ValueError("is empty; write a shell command or the name of a script")
        return command


class BoxEntry(Section):
    """Stickers side by side, or one below the other."""

    type: Literal["horizontal", "vertical"] = Field(description="Side by side, or one below the other.")
    stickers: tuple[StickerEntry, ...] = Field(description="What stands in the box.")
    height: Size = Field(default=None, description="Part of the screen, or cells; a fair part where absent.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.stickers:
            raise ValueError("a box without stickers; give it one, or take it out")
        side = "width" if self.type == "horizontal" else "height"
        extents = [extent for one in self.stickers if (extent := getattr(one, side)) is not None]
        total = sum(extent.percent for extent in extents)
        # 33.4 % three times is somebody's hundred.
        if total > 100.5:
            raise ValueError(f"the {side}s of its stickers add up to {total:g} %")
        return self


class BoardEntry(Section):
    """The whole file."""

    layout: tuple[BoxEntry, ...] = Field(description="The boxes, one below the other.")

    @field_validator("layout")
    @classmethod
    def _bounded(cls, layout: tuple[BoxEntry, ...]) -> tuple[BoxEntry, ...]:
        count = sum(len(box.stickers) for box in layout)
        if not layout:
            raise ValueError("holds no boxes; a box is a type and a list of stickers")
        if count > MOST_STICKERS:
            raise ValueError(f"holds {count} stickers; {MOST_STICKERS} is the most that a board shows")
        return layout


def read(path: Path) -> Board:
    """Read a board's file; raises ConfigError that names file, line, key and the nearest right key."""
    found = document.read(path, str(path))
    return _board(found, path.stem, str(path.absolute().parent))


def parse(body: bytes, name: str) -> Board:
    """Read the bytes of a board's file; raises as `read` does."""
    return _board(document.parse(body, name), Path(name).stem, "")


def _board(found: document.Document, name: str, folder: str) -> Board:
    problems = list(found.problems)
    entry: BoardEntry | None = None
    try:
        entry = BoardEntry.model_validate(found.data)
    except ValidationError as error:
        problems += complaints.explain(error, BoardEntry, (), lambda path: (found.place(path), path))
    if entry is None or problems:
        raise ConfigError("\n".join(problems))
    return Board(tuple(_box(box) for box in entry.layout), name, folder)


def _box(entry: BoxEntry) -> Box:
    return Box(tuple(_sticker(one) for one in entry.stickers), entry.type == "horizontal", entry.height)


def _sticker(entry: StickerEntry) -> Sticker:
    return Sticker(
        command=entry.command.strip(),
        title=entry.title,
        refresh_seconds=entry.refresh,
        timeout_seconds=entry.timeout,
        width=entry.width,
        height=entry.height,
        tail=entry.tail,
    )
