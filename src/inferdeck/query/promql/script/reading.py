"""Reads a script; every complaint names the line."""

from __future__ import annotations

import re

from inferdeck.errors import QueryError, UsageError
from inferdeck.model.labels import Labels
from inferdeck.query.promql.literals import duration_ms, number, unquote
from inferdeck.query.promql.parser import parse_series
from inferdeck.query.promql.patterns import compiled
from inferdeck.query.promql.script.commands import Case, Clear, Command, Expectation, Load, Remark, SeriesPoints
from inferdeck.query.promql.script.points import check_starts, points, signed

_LOAD = re.compile(r"load(?:_(with_nhcb))?\s+(.+?)")
_INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)")
_RANGE = re.compile(r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)")
_EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?")
_GRID = re.compile(r"expect\s+range\s+vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)")
_STARTS = "@st"
_METRIC = re.compile(r"""[^\s{"@]*(?:\{(?:[^"'`{}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})?""")
_NUMBER = re.compile(r"[+-]?(?:inf|nan|0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)", re.IGNORECASE)


def read(text: str) -> list[Command]:
    """Return the commands of a script; raises UsageError that begins with the line number."""
    lines = [_stripped(line) for line in text.split("\n")]
    found: list[Command] = []
    index = 0
    while index < len(lines):
        if not lines[index]:
            index += 1
            continue
        end = index + 1
        while end < len(lines) and lines[end]:
            end += 1
        index = _command(lines, index, end, found)
    return found


def _stripped(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else line


def _command(lines: list[str], index: int, end: int, found: list[Command]) -> int:
    """Read one command that begins at `index`; returns the index after it. A blank line ends it at the latest."""
    word = lines[index].split(maxsplit=1)[0].lower()
    if word == "clear":
        found.append(Clear(index + 1))
        return index + 1
    if word.startswith("load"):
        found.append(_load(lines, index, end))
        return end
    if word.startswith("eval"):
        return _CaseReader(lines, index, end).read(found)
    raise _complaint(index, f'"{lines[index][:60]}" is no command; load, clear and eval are')


def _complaint(index: int, message: str) -> UsageError:
    return UsageError(f"line {index + 1}: {message}")


def _load(lines: list[str], index: int, end: int) -> Load:
    match = _LOAD.fullmatch(lines[index])
    if match is None:
        raise _complaint(index, "invalid load command; write load STEP or load_with_nhcb STEP")
    step = _time(match[2], index)
    series, started = [], []
    for row in range(index + 1, end):
        metric = _metric(lines[row])
        if lines[row].startswith(_STARTS, len(metric)):
            started.append(_started(metric, lines[row][len(metric) + len(_STARTS) :], row))
        else:
            series.append(series_line(lines[row], row))
    return Load(index + 1, step, tuple(series), nhcb=match[1] is not None, started=tuple(started))


def _started(metric: str, starts: str, index: int) -> Labels:
    try:
        check_starts(starts)
        return parse_series(metric)
    except QueryError as error:
        raise _complaint(index, error.message) from error
    except ValueError as error:
        raise _complaint(index, str(error)) from error


def _metric(line: str) -> str:
    match = _METRIC.match(line)
    return match.group() if match else ""


def _time(text: str, index: int) -> int:
    try:
        return duration_ms(text.strip())
    except ValueError as error:
        raise _complaint(index, str(error)) from error


def series_line(line: str, index: int, place: int = 0) -> SeriesPoints:
    """Read `name{a="b"} 1 2 3`; raises UsageError."""
    metric = _metric(line)
    try:
        labels: Labels = parse_series(metric)
        return SeriesPoints(labels, points(line[len(metric) :]), place)
    except QueryError as error:
        raise _complaint(index, error.message) from error
    except ValueError as error:
        raise _complaint(index, str(error)) from error


class _CaseReader:
    """Reads one eval and the lines of its expectation."""

    def __init__(self, lines: list[str], index: int, end: int) -> None:
        self._lines = lines
        self._index = index
        self._end = end
        self._expectations: list[Expectation] = []
        self._series: dict[Labels, SeriesPoints] = {}
        self._scalar: float | None = None
        self._text: str | None = None
        self._matrix: tuple[int, int, int] | None = None
        self._places = 0

    def read(self, found: list[Command]) -> int:
        """Add the case to `found`; returns the index after it."""
        mode, query, start, end, step = self._head()
        if mode:
            self._expectations.append(Expectation(Remark(mode)))
        row = self._index + 1
        while row < self._end and not self._expected(row):
            row += 1
        found.append(
            Case(
                self._index + 1,
                query,
                start,
                end,
                step,
                tuple(self._series.values()),
                self._scalar,
                self._text,
                self._matrix,
                tuple(self._expectations),
            )
        )
        return min(row + 1, self._end)

    def _head(self) -> tuple[str | None, str, int, int, int]:
        line = self._lines[self._index]
        if match := _INSTANT.fullmatch(line):
            when = _time(match[2] or "", self._index)
            return match[1], match[3], when, when, 0
        if match := _RANGE.fullmatch(line):
            start, end, step = (_time(match[group], self._index) for group in (2, 3, 4))
            if end < start or step <= 0:
                raise _complaint(self._index, "a range goes forward by a positive step")
            return match[1], match[5], start, end, step
        message = "invalid eval; write eval instant at TIME QUERY, or eval range from A to B step S QUERY"
        raise _complaint(self._index, message)

    def _expected(self, row: int) -> bool:
        """Read one line of the expectation; returns whether it was the last one."""
        line = self._lines[row]
        if line.startswith("expected_fail_message"):
            self._expectations = [Expectation(Remark.FAIL, message=line.partition(" ")[2].strip())]
            return True
        if line.startswith("expected_fail_regexp"):
            self._expectations = [Expectation(Remark.FAIL, pattern=self._pattern(line.partition(" ")[2].strip(), row))]
            return True
        if line.startswith("expect range vector"):
            self._grid(line, row)
        elif line.startswith("expect string"):
            self._string(line.removeprefix("expect string").strip(), row)
        elif line.split(" ")[0] == "expect":
            self._expectations.append(self._expect(line, row))
        elif _NUMBER.fullmatch(line):
            self._scalar = signed(line) if line[0] in "+-" else number(line)
            return True
        else:
            self._places += 1
            one = series_line(line, row, self._places)
            self._series[one.series] = one
        return False

    def _grid(self, line: str, row: int) -> None:
        match = _GRID.fullmatch(line)
        if match is None:
            raise _complaint(row, "invalid range vector; write expect range vector from A to B step S")
        self._matrix = (_time(match[1], row), _time(match[2], row), _time(match[3], row))

    def _string(self, quoted: str, row: int) -> None:
        if len(quoted) < 2 or quoted[0] != quoted[-1] or quoted[0] not in "\"'`":
            raise _complaint(row, "expect string needs a quoted string")
        try:
            self._text = unquote(quoted)
        except ValueError as error:
            raise _complaint(row, str(error)) from error

    def _expect(self, line: str, row: int) -> Expectation:
        match = _EXPECT.fullmatch(line)
        if match is None:
            raise _complaint(row, "invalid expect; write expect fail|warn|no_warn|info|no_info|ordered [msg:|regex:]")
        remark, form, text = Remark(match[1]), match[2], (match[3] or "").strip()
        if form == "msg":
            return Expectation(remark, message=text)
        return Expectation(remark, pattern=self._pattern(text, row) if form else None)

    def _pattern(self, text: str, row: int) -> str:
        try:
            compiled(text)
        except ValueError as error:
            raise _complaint(row, str(error)) from error
        return text
