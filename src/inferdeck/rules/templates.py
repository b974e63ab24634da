"""The part of Go's templates that alert rules use: labels, the value, and Prometheus' functions on them.

Conditions, loops, variables of one's own and queries are refused, never guessed (functions: prometheus
template/template.go).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from inferdeck.errors import UsageError
from inferdeck.query.promql.literals import unquote

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<pipe>\|)|(?P<number>[+-]?[0-9][0-9.eE+-]*)"""
    r"""|(?P<path>(?:\$?[A-Za-z_][A-Za-z0-9_]*)?(?:\.[A-Za-z_][A-Za-z0-9_]*)*))"""
)
_DIRECTIVE = re.compile(r"%(?:%|(\.[0-9]+)?([sdvfgeq]))")
_BIG, _SMALL = ("k", "M", "G", "T", "P", "E", "Z", "Y"), ("m", "u", "n", "p", "f", "a", "z", "y")
_BIG_1024 = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_LEADING = {
    ".Labels": "$labels",
    ".Value": "$value",
    ".ExternalLabels": "$externalLabels",
    ".ExternalURL": "$externalURL",
}
_LONGEST = 65_536
Operand = str | float


@dataclass(frozen=True, slots=True)
class Data:
    """What a template may show."""

    labels: Mapping[str, str]
    value: float
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


def expand(text: str, data: Data) -> str:
    """Return a text with its actions carried out; raises UsageError for what is not understood here."""
    parts: list[str] = []
    place, trim = 0, False
    for match in _ACTION.finditer(text):
        before = text[place : match.start()]
        before = before.lstrip() if trim else before
        parts.append(before.rstrip() if match[1] else before)
        if not match[2].startswith("/*"):
            parts.append(shown(_pipeline(match[2], data)))
        place, trim = match.end(), match[3] is not None
    rest = text[place:]
    parts.append(rest.lstrip() if trim else rest)
    return "".join(parts)


def check(text: str) -> tuple[set[str], str]:
    """Return the labels that a template shows, and what is not understood in it ("" where all is)."""
    found: set[str] = set()
    for match in _ACTION.finditer(text):
        found.update(re.findall(r"(?:\$labels|\.Labels)\.([A-Za-z_][A-Za-z0-9_]*)", match[2]))
    try:
        expand(text, Data(dict.fromkeys(found, ""), 1.0))
    except UsageError as error:
        return found, str(error)
    return found, ""


def _pipeline(text: str, data: Data) -> Operand:
    commands: list[list[tuple[str, str]]] = [[]]
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.end() == place:
            raise _unknown(text)
        place = match.end()
        kind = match.lastgroup or "path"
        if kind == "pipe":
            commands.append([])
        elif match[kind]:
            commands[-1].append((kind, match[kind]))
    piped: Operand | None = None
    for command in commands:
        piped = _command(command, piped, data, text)
    assert piped is not None  # noqa: S101  there is at least one command
    return piped


def _command(command: Sequence[tuple[str, str]], piped: Operand | None, data: Data, text: str) -> Operand:
    if not command:
        raise _unknown(text)
    kind, word = command[0]
    if kind == "path" and word in _FUNCTIONS:
        arguments = [_operand(one, data, text) for one in command[1:]]
        arguments += [] if piped is None else [piped]
        try:
            return _FUNCTIONS[word](*arguments)
        except TypeError as error:
            raise UsageError(f"wrong number of arguments for {word} in {{{{ {text} }}}}") from error
    if len(command) > 1 or piped is not None:
        raise _unknown(text)
    return _operand(command[0], data, text)


def _operand(token: tuple[str, str], data: Data, text: str) -> Operand:
    kind, word = token
    if kind == "string":
        return unquote(word)
    if kind == "number":
        try:
            return float(word)
        except ValueError:
            raise _unknown(text) from None
    for long, short in _LEADING.items():
        if word == long or word.startswith(f"{long}."):
            word = short + word.removeprefix(long)
    if word == "$value":
        return data.value
    if word == "$externalURL":
        return data.external_url
    name, _, label = word.partition(".")
    if name in ("$labels", "$externalLabels") and label and "." not in label:
        return (data.labels if name == "$labels" else data.external_labels).get(label, "")
    raise _unknown(text)


def _unknown(text: str) -> UsageError:
    return UsageError(
        f"{{{{ {text[:60]} }}}} is not understood here; labels, the value, humanize… and printf are, nothing else"
    )


def shown(value: Operand) -> str:
    """Return a value as Go prints it."""
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    digits = repr(value)
    exponent = Decimal(digits).adjusted()
    if value and not -4 <= exponent < 6:
        return _scientific(digits, exponent)
    return digits.removesuffix(".0") if "e" not in digits else f"{value:.20f}".rstrip("0").rstrip(".")


def _scientific(digits: str, exponent: int) -> str:
    """Return the shortest digits as 1.5e+06."""
    plain = digits.partition("e")[0].lstrip("-").removesuffix(".0").replace(".", "").lstrip("0").rstrip("0")
    sign = "-" if digits.startswith("-") else ""
    fraction = f".{plain[1:]}" if len(plain) > 1 else ""
    return f"{sign}{plain[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _number(value: Operand) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f'"{value}" is no number') from None


def _four(value: float) -> str:
    return shown(value) if math.isnan(value) or math.isinf(value) else f"{value:.4g}"


def _humanize(given: Operand) -> str:
    value = _number(given)
    if value == 0 or math.isnan(value) or math.isinf(value):
        return _four(value)
    prefix = ""
    if abs(value) >= 1:
        for one in _BIG:
            if abs(value) < 1000:
                break
            prefix, value = one, value / 1000
    else:
        value, prefix = _small(value)
    return f"{_four(value)}{prefix}"


def _small(value: float) -> tuple[float, str]:
    prefix = ""
    for one in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = one, value * 1000
    return value, prefix


def _humanize_1024(given: Operand) -> str:
    value = _number(given)
    if abs(value) <= 1 or math.isnan(value) or math.isinf(value):
        return _four(value)
    prefix = ""
    for one in _BIG_1024:
        if abs(value) < 1024:
            break
        prefix, value = one, value / 1024
    return f"{_four(value)}{prefix}"


def _humanize_duration(given: Operand) -> str:
    value = _number(given)
    if math.isnan(value) or math.isinf(value):
        return _four(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        small, prefix = _small(value)
        return f"{_four(small)}{prefix}s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    total = int(value)
    days, hours, minutes, seconds = total // 86400, total // 3600 % 24, total // 60 % 60, total % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{_four(value)}s"


def _humanize_percentage(given: Operand) -> str:
    return f"{_four(_number(given) * 100)}%"


def _humanize_timestamp(given: Operand) -> str:
    value = _number(given)
    if math.isnan(value) or math.isinf(value):
        return _four(value)
    return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} +0000 UTC"


def _printf(form: Operand, *arguments: Operand) -> str:
    waiting = list(arguments)

    def directive(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        if not waiting:
            raise UsageError(f'printf "{form}" wants more arguments')
        value, kind = waiting.pop(0), match[2]
        if kind in "sv" and not match[1]:
            return shown(value)
        if kind in "fge":
            return f"%{match[1] or '.6'}{kind}" % _number(value) if match[1] or kind != "g" else shown(value)
        raise UsageError(f'printf "{form}": {match[0]} is not understood here')

    return _DIRECTIVE.sub(directive, str(form))


_FUNCTIONS: Mapping[str, Callable[..., Operand]] = {
    "humanize": _humanize,
    "humanize1024": _humanize_1024,
    "humanizeDuration": _humanize_duration,
    "humanizePercentage": _humanize_percentage,
    "humanizeTimestamp": _humanize_timestamp,
    "printf": _printf,
    "toUpper": lambda text: shown(text).upper(),
    "toLower": lambda text: shown(text).lower(),
}
