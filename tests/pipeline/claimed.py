"""Which figures on a screen somebody answers for: what is left over, nobody has compared with anything.

A screen is cut into its boxes and what stands outside of them, each line into chunks between gaps. A chunk with a digit
in it is a figure, unless it stands on an axis. In a box it must be the name, the last, least or largest value of a
series that was compared with the world, and all chunks of a row those of one series; outside, what the world says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from inferdeck.faces.terminal.drawing import values
from inferdeck.model import cells, numbers, units
from inferdeck.model.dashboard import PanelKind
from tests.pipeline.charts_seen import Chart
from tests.pipeline.screens import read

SIGNS = "●▲■◆▼○▷□◇△▽▶◀★◐◔"
"""What tells the lines of a chart apart."""
DRAWN = re.compile("[\u2800-\u28ff▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▐░▒▓▀·─│╌┄┈└┴┬┼╭╮╰╯├┌┐┘┤]")
TICK = re.compile(r"(\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))? ?(\d{1,2}:\d\d(:\d\d)?)?")
FIGURE = re.compile(r"\d")
CHUNK = re.compile(rf"[^\s{SIGNS}]+(?: [^\s{SIGNS}]+)*")
TITLE = re.compile(r"─ (?:\d )?(.+?)(?: ─|  |$)")
DURATION = re.compile(r"\d+(\.\d+)? (µs|ms|s|min|h|d)( \d\d (s|min|h))?")
LOGGED = re.compile(r"\s*(\d\d:\d\d:\d\d\.\d{3})\s+[a-z]+\s+(\S+)\s+(.*)")
SCALE = re.compile(r"scale ends at .*|and \d+ more(; : \w+)?")
"""Where the axis ends, and how many rows have no room."""
THRESHOLD = re.compile(r"(?:ok|warn|critical) (.+)")


EACH = (PanelKind.MATRIX, PanelKind.HISTOGRAM, PanelKind.HEATMAP)
"""Panels of which a row has something of several series."""


@dataclass(frozen=True, slots=True)
class Box:
    """One panel on a screen: its title as far as there is room, and the lines in it."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What may stand in a row in which all of `words` stand: figures, and durations within spans of seconds."""

    words: frozenset[str]
    texts: frozenset[str]
    spans: tuple[tuple[float, float], ...] = ()
    without: frozenset[str] = frozenset()
    """Words that stand in no such row: those of a column for which there is no room."""

    def claims(self, chunk: str) -> bool:
        """Whether a figure is one of these; an estimate is marked, and is a figure all the same."""
        plain = chunk.replace("~", "")
        if any(same(plain, text) for text in self.texts):
            return True
        plain = plain.removeprefix("p95 ")
        if not self.spans or not DURATION.fullmatch(plain):
            return False
        found = read(plain)
        return any(low - found.half <= found.value <= high + found.half for low, high in self.spans)


@dataclass(slots=True)
class Claims:
    """What the world says about what stands outside of boxes.

    anywhere: names, and figures of the whole screen; lines: texts that are shown as they are; written: what programs
    wrote, by moment and program; shapes: what is no figure of the stack.
    """

    rows: list[Row] = field(default_factory=list)
    anywhere: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    written: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    shapes: tuple[re.Pattern[str], ...] = ()

    def add(
        self,
        words: Iterable[str],
        texts: Iterable[str],
        spans: Iterable[tuple[float, float]] = (),
        without: Iterable[str] = (),
    ) -> None:
        """Say what may stand in a row."""
        self.rows.append(Row(frozenset(words), frozenset(texts), tuple(spans), frozenset(without)))


def cut(lines: Sequence[str]) -> tuple[list[Box], list[str]]:
    """Return the boxes of a screen, and the screen without them."""
    rest = [list(line) for line in lines]
    found = []
    for top, line in enumerate(lines):
        for corner in re.finditer("╭[^╭╮]*╮", line):
            left, right = corner.start(), corner.end()
            below = range(top + 1, len(lines))
            # Where there is little room, a box has no lower edge.
            bottom = next((y for y in below if lines[y][left : left + 1] != "│"), len(lines))
            inside = tuple(lines[y][left + 1 : right - 1] for y in range(top + 1, bottom))
            title = TITLE.match(line[left + 1 : right - 1] + " ─")
            found.append(Box(title[1].strip() if title else "", inside))
            for y in range(top, min(bottom + 1, len(lines))):
                if y == bottom and lines[y][left : left + 1] != "╰":
                    break
                rest[y][left:right] = " " * (min(right, len(rest[y])) - left)
    return found, ["".join(line) for line in rest]


def in_box(box: Box, charts: Sequence[Chart], claims: Claims) -> list[str]:
    """Return the figures of a box that are none of its chart's; charts: those of the screen."""
    mine = [one for one in charts if same(box.title, one.title)]
    if not mine:
        return [chunk for line in box.lines for chunk in _figures(line)]
    if not mine[0].data.queries:
        # Its question is none of series: what it shows is claimed as what stands outside of boxes is, or is its words.
        own = " ".join(str(mine[0].panel).split())
        return [one for one in outside(box.lines, claims) if one.partition("  in  ")[0] not in own]
    return min((list(_left(box, chart)) for chart in mine), key=len)


def same(shown: str, whole: str) -> bool:
    """Whether a text is another one, as far as there was room for it."""
    if shown == whole:
        return True
    head, dots, tail = shown.partition("…")
    return bool(dots) and len(head + tail) > 0 and whole.startswith(head.rstrip()) and whole.endswith(tail.lstrip())


def _left(box: Box, chart: Chart) -> Iterator[str]:
    told = {values.text(chart.panel, one.value) for one in chart.panel.thresholds}
    heads = {column.title for column in chart.panel.columns}
    series = [*_series(chart), *_cells(chart)]
    for line in box.lines:
        chunks = list(_figures(line))
        if not chunks or any(all(_of(chunk, one) for chunk in chunks) for one in series):
            continue
        signs = sum(letter in SIGNS for letter in line)
        for chunk in chunks:
            word = THRESHOLD.fullmatch(chunk)
            if word is not None and word[1] in told:
                continue
            if chunk in heads or SCALE.fullmatch(chunk) or _more(chunk, signs, chart):
                continue
            each = chart.panel.kind in EACH or chunk.startswith(("min ", "max "))
            if any(_of(chunk, one) if each else _pair(chunk, one) for one in series):
                continue
            yield f"{chart.panel.id}: {chunk}"


def _more(chunk: str, signs: int, chart: Chart) -> bool:
    """Whether a chunk says how many there are for which there was no room."""
    every = sum(len(query.series) for query in chart.data.queries)
    hidden = re.fullmatch(r"\+(\d+)", chunk)
    if hidden is not None:
        drawn = sum(any(value is not None for value in one.values) for q in chart.data.queries for one in q.series)
        return int(hidden[1]) in (every - signs, drawn - signs)
    return False


def _figures(line: str) -> Iterator[str]:
    """Yield the chunks of a line that have a digit and stand on no axis."""
    plain = DRAWN.sub(" ", line.rpartition("┤")[2])
    for found in CHUNK.finditer(plain):
        text = found.group().strip()
        if FIGURE.search(text) and not TICK.fullmatch(text):
            yield text


@dataclass(frozen=True, slots=True)
class _Series:
    names: frozenset[str]
    texts: frozenset[str]
    last: frozenset[str]


def _series(chart: Chart) -> Iterator[_Series]:
    """Yield what may be said of each series, or of all series of one row of a table."""
    if chart.panel.kind is PanelKind.TABLE:
        yield from _rows(chart)
        return
    every = values.pairs(chart.data)
    total = sum(values.latest(one) or 0.0 for _, one in every)
    for (_, one), name in zip(every, values.names(chart.data), strict=True):
        known = [value for value in one.values if value is not None]
        if not known:
            continue
        last = {values.text(chart.panel, known[-1])}
        if chart.panel.kind is PanelKind.PIE and total:
            last.add(numbers.percent(known[-1] / total))
        ends = {values.text(chart.panel, min(known)), values.text(chart.panel, max(known))}
        texts = (
            last
            | ends
            | {f"min {values.text(chart.panel, min(known))}"}
            | {f"max {values.text(chart.panel, max(known))}"}
        )
        names = {name, *(cells.clean(value) for value in one.labels.values())} - {""}
        if chart.panel.kind in EACH and "le" in one.labels:
            names.add(f"≤{units.show('seconds', float(one.labels['le']))}")
        yield _Series(frozenset(names), frozenset(texts), frozenset(last))


def _cells(chart: Chart) -> Iterator[_Series]:
    """Yield the most that a cell of a heatmap holds; where there is little room, several buckets share a row."""
    if chart.panel.kind is not PanelKind.HEATMAP:
        return
    found = sorted((float(one.labels["le"]), one.values) for _, one in values.pairs(chart.data))
    columns = [[value or 0.0 for value in column] for column in zip(*(one for _, one in found), strict=True)]
    apart = [[high - low for low, high in pairwise([0.0, *column])] for column in columns]
    filled = [place for place in range(len(found)) if any(column[place] > 0 for column in apart)]
    mine = [column[filled[0] : filled[-1] + 1] for column in apart] if filled else []
    for size in range(1, len(found) + 1):
        sums = [sum(column[at : at + size]) for column in mine for at in range(0, len(column), size)]
        text = frozenset([values.text(chart.panel, max(sums, default=0.0))])
        yield _Series(frozenset(), text, text)


def _rows(chart: Chart) -> Iterator[_Series]:
    columns = {column.key: column for column in chart.panel.columns}
    every = values.pairs(chart.data)
    shared = {name for _, one in every for name in one.labels if all(name in other.labels for _, other in every)}
    rows: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    for query, one in every:
        names, texts = rows.setdefault(tuple(one.labels[name] for name in sorted(shared)), (set(), set()))
        names |= {cells.clean(value) for value in one.labels.values()} - {""}
        value = values.latest(one)
        if value is not None:
            texts.add(values.text(chart.panel, value, column=columns.get(query.ref)))
    for names, texts in rows.values():
        yield _Series(frozenset(names), frozenset(texts), frozenset(texts))


def _of(chunk: str, one: _Series) -> bool:
    return chunk in one.texts or any(same(chunk, name) for name in one.names) or _pair(chunk, one)


def _pair(chunk: str, one: _Series) -> bool:
    """Whether a chunk is a name with its last value behind it."""
    for text in one.last:
        name = chunk[: -len(text) - 1].rstrip() if chunk.endswith(f" {text}") else ""
        if chunk == text or any(same(name, known) or same(chunk, f"{known} {text}") for known in one.names):
            return True
    return False


def outside(lines: Iterable[str], claims: Claims) -> list[str]:
    """Return the figures outside of boxes that nobody claims."""
    return [chunk for line in lines for chunk in _unclaimed(line, claims)]


def _unclaimed(line: str, claims: Claims) -> Iterator[str]:
    if any(_shown_as_it_is(line, text) for text in claims.lines) or _was_written(line, claims.written):
        return
    chunks = [found.group() for found in CHUNK.finditer(DRAWN.sub(" ", line))]
    mine = [
        row
        for row in claims.rows
        if all(any(same(chunk, word) for chunk in chunks) for word in row.words) and not row.without & {*chunks}
    ]
    for chunk in chunks:
        if not FIGURE.search(chunk) or any(shape.fullmatch(chunk) for shape in claims.shapes):
            continue
        if any(same(chunk, text) for text in claims.anywhere) or any(row.claims(chunk) for row in mine):
            continue
        yield f"{chunk}  in  {' '.join(line.split())[:110]}"


def _was_written(line: str, written: Mapping[tuple[str, str], Sequence[str]]) -> bool:
    """Whether every word with a digit of a line of logs stands in what its program wrote at its moment."""
    found = LOGGED.match(line)
    if found is None:
        return False
    wanted = [word.rstrip("…▇▆▅▄▃▂▁█") for word in found[3].split() if FIGURE.search(word)]
    return any(
        all(word in text or word.partition("=")[2] in text for word in wanted)
        for text in written.get((found[1], found[2]), ())
    )


def _shown_as_it_is(line: str, text: str) -> bool:
    shown, text = " ".join(line.rstrip("▇█▆▅▄▃▂▁ ").split()), " ".join(text.split())
    return bool(text) and (shown == text or (shown.endswith("…") and text.startswith(shown[:-1].rstrip())))


def fresh(text: str) -> list[str]:
    """Return the lines of a snapshot file's first state."""
    part = text.partition("=== fresh\n")[2].partition("\n=== ")[0]
    lines: list[str] = []
    for line in part.splitlines():
        empty = re.fullmatch(r"\.\.\. (\d+) empty lines", line)
        lines += [""] * int(empty[1]) if empty else [line]
    return lines
