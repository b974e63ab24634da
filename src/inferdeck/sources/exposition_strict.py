"""One line of an exposition, read strictly: what the hot path in exposition.py does not know yet comes here once.

Formats: Prometheus text 0.0.4 and 1.0.0 (quoted UTF-8 names) and OpenMetrics 1.0 (exemplars, timestamps in seconds).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from inferdeck.model.labels import NAME, Labels, shared
from inferdeck.model.metric import MetricDescriptor, MetricType

MAX_LINE_BYTES = 64 * 1024
MAX_LABELS = 128

_NUMBER = re.compile(rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?)|(?i:nan))\Z")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_PAIR = re.compile(rf"[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_]*)|{_QUOTED})[ \t]*=[ \t]*{_QUOTED}[ \t]*(,?)")
_QUOTED_NAME = re.compile(rf"[ \t]*{_QUOTED}[ \t]*(,?)(?![ \t]*=)")
_CLOSE = re.compile(r"[ \t]*\}[ \t]*")
_BLANKS = re.compile(r"[ \t]*")
_ESCAPE = re.compile(r'\\([\\"n])')
_TOKEN = re.compile(r"[^ \t]+")

_TYPES = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "histogram": MetricType.HISTOGRAM,
    "gaugehistogram": MetricType.HISTOGRAM,
    "summary": MetricType.SUMMARY,
    "info": MetricType.INFO,
    "stateset": MetricType.STATESET,
    "untyped": MetricType.UNTYPED,
    "unknown": MetricType.UNTYPED,
}
_SUFFIXES = {
    MetricType.COUNTER: ("", "_total", "_created"),
    MetricType.HISTOGRAM: ("", "_bucket", "_count", "_sum", "_created", "_gcount", "_gsum"),
    MetricType.SUMMARY: ("", "_count", "_sum", "_created"),
    MetricType.INFO: ("", "_info"),
}


class LineError(ValueError):
    """A line that cannot be read; str() says why, without the line number."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample line. labels: `__name__` and what the line says, without the target's own labels.

    prefix_bytes: where the value starts; the bytes before it decide the series. value_text: the value as written.
    timestamp_text: as written, "" where there is none.
    """

    labels: dict[str, str]
    prefix_bytes: int
    value_text: bytes
    timestamp_text: str


def number(text: bytes) -> float:
    """Return the value of a sample, as Go's ParseFloat before 1.13 reads it; LineError past the range of a float64.

    Hexadecimal numbers and underscores, which Python or later Go versions would take, are refused as Prometheus does.
    """
    if not text:
        raise LineError("no value")
    if not _NUMBER.match(text):
        raise LineError(f"{shown(text)} is not a number")
    value = float(text)
    if math.isinf(value) and b"n" not in text.lower():
        raise LineError(f"{shown(text)} is outside the range of a 64-bit float")
    return value


def shown(text: bytes | str, limit: int = 60) -> str:
    """Return text from outside for a message: quoted, cut to `limit`, control and non-ASCII characters escaped."""
    plain = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return ascii(plain if len(plain) <= limit else plain[:limit] + "…").replace("\\u2026", "…")


def parse_sample(line: bytes) -> Sample:
    """Read one sample line without its line feed; raises LineError."""
    if len(line) > MAX_LINE_BYTES:
        raise LineError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LineError(f"not UTF-8 at byte {error.start}") from error
    found: dict[str, str] = {}
    position = _BLANKS.match(text).end()  # type: ignore[union-attr]  # it matches the empty text
    name = _METRIC.match(text, position)
    if name is not None:
        found[NAME] = name.group()
        position = name.end()
    after_blanks = _BLANKS.match(text, position).end()  # type: ignore[union-attr]
    if text.startswith("{", after_blanks):
        position = _labels(text, after_blanks + 1, found)
    elif after_blanks == position:
        raise LineError(f"not a sample: {shown(text)}")
    else:
        position = after_blanks
    if NAME not in found:
        raise LineError(f"no metric name: {shown(text)}")
    return _tail(text, position, found)


def _labels(text: str, position: int, found: dict[str, str]) -> int:
    """Read the label set whose brace ends before `position`; return where the value starts."""
    quoted = _QUOTED_NAME.match(text, position) if NAME not in found else None
    more = True
    if quoted is not None:
        found[NAME] = _unescape(quoted.group(1))
        position, more = quoted.end(), bool(quoted.group(2))
    while more and (pair := _PAIR.match(text, position)) is not None:
        plain, quoted_name, value, comma = pair.groups()
        name = plain or _unescape(quoted_name)
        if name in found or name == NAME:
            raise LineError(f"label {shown(name)} is given twice")
        if len(found) > MAX_LABELS:
            raise LineError(f"more than {MAX_LABELS} labels")
        found[name] = _unescape(value)
        position, more = pair.end(), bool(comma)
    closed = _CLOSE.match(text, position)
    if closed is None:
        raise LineError(f"bad label syntax at {shown(text[position:])}")
    return closed.end()


def _unescape(value: str) -> str:
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: "\n" if match.group(1) == "n" else match.group(1), value)


def _tail(text: str, position: int, found: dict[str, str]) -> Sample:
    value = _TOKEN.match(text, position)
    if value is None:
        raise LineError("no value")
    rest = text[value.end() :].strip(" \t\r")
    timestamp = ""
    if rest and not rest.startswith("#"):
        timestamp, _, rest = rest.partition(" ")
        rest = rest.lstrip(" \t")
    if rest and not rest.startswith("# {"):
        raise LineError(f"unexpected text after the value: {shown(rest)}")
    prefix = position if text.isascii() else len(text[:position].encode())
    return Sample(found, prefix, value.group().rstrip("\r").encode(), timestamp)


def timestamp_ms(text: str, openmetrics: bool) -> int:
    """Return a sample's own time as Unix milliseconds; the text format gives milliseconds, OpenMetrics seconds."""
    try:
        return round(float(text) * 1000) if openmetrics else int(text)
    except (ValueError, OverflowError) as error:
        raise LineError(f"{shown(text)} is not a timestamp") from error


def merged(found: dict[str, str], extra: Labels, honor_labels: bool) -> Labels:
    """Return the identity of a series: its own labels and the target's; on a clash its own becomes `exported_<name>`.

    With honor_labels the series' own label wins, as in Prometheus.
    """
    own = {name: value for name, value in found.items() if value}
    for name, value in extra:
        if name in own:
            if honor_labels:
                continue
            renamed = "exported_" + name
            while renamed in own:
                renamed = "exported_" + renamed
            own[renamed] = own[name]
        own[name] = value
    return shared(sorted(own.items()))


class Families:
    """What the `# TYPE`, `# HELP` and `# UNIT` lines of one exposition say, by family."""

    def __init__(self, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._types: dict[str, MetricType] = {}
        self._help: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._names: dict[str, None] = {}

    def comment(self, line: bytes) -> None:
        """Take one line that starts with `#`; what is not metadata is skipped."""
        parts = line.decode("utf-8", "replace").split(None, 3)
        if len(parts) < 3 or parts[1] not in ("TYPE", "HELP", "UNIT"):
            return
        name, rest = parts[2].strip('"'), parts[3].strip() if len(parts) > 3 else ""
        if parts[1] == "TYPE":
            self._types[name] = _TYPES.get(rest.lower(), MetricType.UNTYPED)
        elif parts[1] == "HELP":
            self._help[name] = _unescape(rest)
        else:
            self._units[name] = rest

    def sample(self, name: str) -> None:
        """Take the metric name of one sample."""
        self._names[name] = None

    def descriptors(self) -> dict[str, MetricDescriptor]:
        """Return one descriptor per family that has metadata or samples; a counter's name ends as on the wire."""
        found: dict[str, MetricDescriptor] = {}
        covered: set[str] = set()
        for name in {**self._types, **self._help}:
            kind = self._types.get(name, MetricType.UNTYPED)
            covered.update(name + suffix for suffix in _SUFFIXES.get(kind, ("",)))
            wire = name + "_total" if kind is MetricType.COUNTER and name + "_total" in self._names else name
            found[wire] = MetricDescriptor(wire, kind, self._help.get(name, ""), self._units.get(name, ""))
        for name in self._names:
            if name not in covered:
                found[name] = MetricDescriptor(name, MetricType.UNTYPED)
        return found
