"""What a request asks for: URL query and form body, times, durations and limits (web/api/v1/api.go)."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from inferdeck.api.prometheus.answers import BadDataError

MOST_FIELDS = 1000
_FORM = "application/x-www-form-urlencoded"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNIT_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
EARLIEST_MS = -(10**15)
LATEST_MS = 10**15
"""Our bounds of time (33,000 years each way): Go's own are written as the two dates below."""
_BOUNDS = {"-292273086-05-16T16:47:06Z": EARLIEST_MS, "292277025-08-18T07:12:54.999999999Z": LATEST_MS}
_MOST_SECONDS = 2**63 / 1e9


@dataclass(frozen=True, slots=True)
class Parameters:
    """The fields of a request; those of the body come before those of the URL, as in Go's FormValue."""

    fields: Mapping[str, list[str]]

    @classmethod
    async def read(cls, request: Request) -> Parameters:
        """Read them; raises BadDataError where the body or the URL is not a form, LimitError past the body's limit."""
        pairs: list[tuple[str, str]] = []
        if request.method == "POST" and request.headers.get("content-type", "").partition(";")[0].strip() == _FORM:
            pairs += _pairs(await request.body())
        pairs += _pairs(request.scope["query_string"])
        fields: dict[str, list[str]] = {}
        for name, value in pairs:
            fields.setdefault(name, []).append(value)
        return cls(fields)

    def text(self, name: str) -> str:
        """Return a field, "" where it is absent."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """Return every value of a field that may occur several times."""
        return self.fields.get(name, [])

    def time(self, name: str, default_ms: int | None = None) -> int:
        """Return a time as Unix milliseconds; without a default the field is required."""
        text = self.text(name)
        if not text and default_ms is not None:
            return default_ms
        found = time_ms(text)
        if found is None:
            reason = f"cannot parse {quoted(text)} to a valid timestamp"
            if default_ms is not None:
                reason = f"Invalid time value for '{name}': {reason}"
            raise BadDataError(f'invalid parameter "{name}": {reason}')
        return found

    def duration(self, name: str) -> int | None:
        """Return a duration in milliseconds, None where the field is absent; raises BadDataError."""
        text = self.text(name)
        return duration_ms(name, text) if text else None

    def limit(self, name: str = "limit") -> int:
        """Return how many results are wanted at most, 0 for all."""
        text = self.text(name)
        if not text:
            return 0
        if not re.fullmatch(r"[+-]?\d{1,18}", text):
            raise BadDataError(f'invalid parameter "{name}": cannot parse {quoted(text)} to a valid {name}')
        if int(text) < 0:
            raise BadDataError(f'invalid parameter "{name}": {name} must be non-negative')
        return int(text)


def time_ms(text: str) -> int | None:
    """Return Unix milliseconds of a decimal number of seconds or an RFC 3339 date, None where it is neither."""
    if text in _BOUNDS:
        return _BOUNDS[text]
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        return round(seconds * 1000) if abs(seconds) <= LATEST_MS / 1000 else None
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        return int(moment.timestamp()) * 1000 + int(float(f"0{fraction or '.0'}") * 1000)
    except (ValueError, OverflowError):
        return None


def duration_ms(name: str, text: str) -> int:
    """Return milliseconds of a decimal number of seconds or of a text like 1h30m; raises BadDataError."""
    if _NUMBER.fullmatch(text):
        seconds = float(text)
        if not math.isfinite(seconds) or abs(seconds) >= _MOST_SECONDS:
            reason = f"cannot parse {quoted(text)} to a valid duration. It overflows int64"
            raise BadDataError(f'invalid parameter "{name}": {reason}')
        return round(seconds * 1000)
    found = _DURATION.fullmatch(text) if text else None
    if found is None or len(text) > 100:
        raise BadDataError(f'invalid parameter "{name}": cannot parse {quoted(text)} to a valid duration')
    milliseconds = sum(int(part) * unit for part, unit in zip(found.groups("0"), _UNIT_MS, strict=True))
    if milliseconds >= _MOST_SECONDS * 1000:
        raise BadDataError(f'invalid parameter "{name}": duration out of range')
    return milliseconds


def quoted(text: str) -> str:
    """Return text as Go's %q shows it, cut where it is long."""
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    body = shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{body}"'


def _pairs(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except UnicodeDecodeError as error:
        raise BadDataError("error parsing form values: not percent-encoded") from error
    except ValueError as error:
        raise BadDataError(f"error parsing form values: {error}") from error


def label_name(escaped: str) -> str:
    """Return the label name of a path part: U__ escapes stand for UTF-8 names (prometheus/common, UnescapeName)."""
    if not escaped.startswith("U__"):
        return escaped
    parts = re.split(r"(__|_[0-9A-Fa-f]{1,6}_)", escaped[3:])
    found = []
    for part in parts:
        if part == "__":
            found.append("_")
        elif re.fullmatch(r"_[0-9A-Fa-f]{1,6}_", part):
            code = int(part[1:-1], 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                return escaped
            found.append(chr(code))
        elif "_" in part:
            return escaped  # a single underscore escapes nothing: it was no escaped name
        else:
            found.append(part)
    return "".join(found)
