"""Every screen of the terminal view as files to read: text in three sizes and five states, colours in two themes.

A file has the states of one screen in one size; `stale` only the lines that differ from `fresh`.
Colours follow as runs: how many cells, and a letter for a pair of styles, one of each theme.
`pytest tests/pipeline/test_top.py --write-golden` writes all of them anew, to be looked at in the diff.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from rich.style import Style
from textual.color import Color

from inferdeck.model import cells
from tests.pipeline.screens import Watcher

FOLDER = Path(__file__).parent / "snapshots"
SIZES = ((200, 50), (120, 36), (80, 24))
"""The largest first: what it asks for is enough for the others."""
THEMES = ("textual-dark", "textual-light")
STATES = ("fresh", "stale", "empty", "error", "loading")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&*+-/:;<=>?@^_~"
_FLAGS = ("bold", "dim", "italic", "underline", "reverse", "strike")
_MOST_DIFFERENCES = 60

Cells = tuple[tuple[str, str], ...]
"""One line: texts with their styles."""


@dataclass(slots=True)
class Drawn:
    """One screen in one size and state: its lines in each theme."""

    lines: dict[str, tuple[Cells, ...]] = field(default_factory=dict)

    def texts(self) -> list[str]:
        """Return the lines without the blanks at their ends; they are the same in all themes."""
        first, *others = (["".join(text for text, _ in line).rstrip() for line in one] for one in self.lines.values())
        for other in others:
            apart = [pair for pair in zip(first, other, strict=True) if _nameless(pair[0]) != _nameless(pair[1])]
            assert not apart, f"a theme changes colours alone: {apart}"
        return first


def _nameless(line: str) -> str:
    """Return a line without the names of the themes, which stand among the settings."""
    return "".join(line.replace(THEMES[0], "").replace(THEMES[1], "").split())


def taken(watcher: Watcher) -> tuple[Cells, ...]:
    """Return what stands on the screen now; every line is as wide as the screen, and nothing in it is a command."""
    app = watcher.app
    found: list[Cells] = []
    for strip in app.screen._compositor.render_strips(app.size):
        assert not any(segment.control for segment in strip)
        found.append(tuple((segment.text, _styled(segment.style)) for segment in strip if segment.text))
        text = "".join(segment.text for segment in strip)
        assert text.isprintable(), ascii(text)
        assert cells.width(text) == strip.cell_length == app.size.width, ascii(text)
    assert len(found) == app.size.height
    return tuple(found)


async def sizes_and_themes(watcher: Watcher) -> dict[tuple[int, int], Drawn]:
    """Return the screen that is shown now, in the first size and theme, in all of them; it is left as it was."""
    found = {size: Drawn() for size in SIZES}
    order = SIZES
    for theme in THEMES:
        watcher.app.theme = theme
        for size in order:
            if watcher.app.size != size:
                await watcher.resize(size)
            await watcher.pilot.pause()
            found[size].lines[theme] = taken(watcher)
        order = order[::-1]
    watcher.app.theme = THEMES[0]
    return found


def golden(place: str, size: tuple[int, int]) -> Path:
    """Return the file of a screen in a size."""
    name = place.replace("dashboard ", "dashboard-").partition(" ")[0]
    return FOLDER / f"{name}-{size[0]}x{size[1]}.txt"


def written(states: Mapping[str, Drawn]) -> str:
    """Return the file's text."""
    fresh = states["fresh"].texts()
    letters: dict[tuple[str, ...], str] = {}
    texts: list[str] = []
    colours: list[str] = []
    for name, drawn in states.items():
        lines = drawn.texts()
        runs = [_runs(letters, [drawn.lines[theme][place] for theme in THEMES]) for place in range(len(lines))]
        if name == "stale":
            others = {place for place, line in enumerate(lines) if line != fresh[place]}
            texts += [f"=== {name}: lines that differ", *(f"{place + 1:3} {lines[place]}" for place in sorted(others))]
        else:
            texts += [f"=== {name}", *_shortened(lines)]
        colours += [f"=== colours, {name}", *_repeated(runs)]
    legend = [f"{letter}  " + "  |  ".join(pair) for pair, letter in letters.items()]
    return "\n".join([*texts, *colours, f"=== {' | '.join(THEMES)}", *legend, ""])


def differences(path: Path, found: str) -> str:
    """Return what is no longer as it is in the file, "" for nothing."""
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    if known == found:
        return ""
    lines = [*difflib.unified_diff(known.splitlines(), found.splitlines(), path.name, "now", n=0, lineterm="")]
    rest = len(lines) - _MOST_DIFFERENCES
    return "\n".join(lines[:_MOST_DIFFERENCES]) + (f"\nand {rest} lines more" if rest > 0 else "")


def _shortened(lines: Sequence[str]) -> list[str]:
    """Return the lines, several empty ones as their number."""
    found = []
    for empty, group in groupby(lines, key=lambda line: not line):
        part = list(group)
        found += [f"... {len(part)} empty lines"] if empty and len(part) > 2 else part
    return found


def _repeated(runs: Sequence[str]) -> Iterator[str]:
    for run, group in groupby(runs):
        count = len(list(group))
        yield f"{run} x{count}" if count > 1 else run


def _runs(letters: dict[tuple[str, ...], str], themes: Sequence[Cells]) -> str:
    """Return one line's styles as runs."""
    columns = [[style for text, style in line for _ in text] for line in themes]
    found = []
    for pair, group in groupby(zip(*columns, strict=True)):
        if pair not in letters:
            letters[pair] = _LETTERS[len(letters)] if len(letters) < len(_LETTERS) else chr(0x3B1 + len(letters))
        found.append(f"{len(list(group))}{letters[pair]}")
    return "".join(found)


def _styled(style: Style | None) -> str:
    """Return a style as text: colours, then what else it is."""
    if style is None:
        return "none"
    colours = [
        Color.from_rich_color(one).hex if one is not None and one.triplet is not None else one.name if one else "-"
        for one in (style.color, style.bgcolor)
    ]
    return " ".join(["/".join(colours), *(flag for flag in _FLAGS if getattr(style, flag))])
