"""PromQL that holds variables: read in spite of them, and narrowed selector by selector."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inferdeck.errors import LimitError, QueryError
from inferdeck.query.promql.ast import Expr, VectorSelector
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.walk import nodes

LONGEST = 16_000
"""Characters of a query; the work grows with their square."""
CLUSTER = 'cluster=~"$cluster"'
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|#[^\n]*', re.DOTALL)
_OPTIONAL = re.compile(r"\$\{\w+(?::[^}]*)?\}|\$\w+|\[\[\w+(?::\w+)?\]\]")
_BEFORE_LABEL = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*$", re.IGNORECASE)
_IN_NAME = re.compile(r"\w", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """An expression, and the text of the same length in which it stands; `text` has words for the variables."""

    expr: Expr
    text: str


def read(text: str) -> Reading:
    """Parse PromQL with Grafana's variables in it; raises QueryError where nothing that they may be makes sense."""
    if len(text) > LONGEST:
        raise QueryError(f"longer than {LONGEST} characters", text=text[:100])
    first: QueryError | None = None
    for fill in (_duration, _number, _matcher):
        filled = _filled(text, fill)
        try:
            return Reading(parse(filled), filled)
        except LimitError as error:
            raise QueryError(str(error), text=text[:100]) from error
        except QueryError as error:
            first = first or error
    assert first is not None  # noqa: S101  (one of three tries failed)
    raise first


def narrowed(text: str, matcher: str) -> str:
    """Return PromQL with a matcher added to every selector; everything else stays as it is written."""
    reading = read(text)
    found = sorted((one.span for one in nodes(reading.expr) if isinstance(one, VectorSelector)), key=lambda s: s.start)
    out, at = [], 0
    for span in found:
        braces = _braces(reading.text, span.start, span.end)
        if braces is None:
            name_end = span.start + len(_name(reading.text[span.start : span.end]))
            out += [text[at:name_end], f"{{{matcher}}}"]
            at = name_end
        else:
            inside = text[braces[0] + 1 : braces[1]]
            out += [text[at : braces[0] + 1], matcher, ", " if inside.strip() else ""]
            at = braces[0] + 1
    return "".join([*out, text[at:]])


def _name(text: str) -> str:
    found = re.match(r"[A-Za-z_:][A-Za-z0-9_:]*", text)
    return found[0] if found else ""


def _braces(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the braces of a selector stand, outside of its strings."""
    opened = None
    for index, sign in _outside(text, start, end):
        if sign == "{":
            opened = index
        elif sign == "}" and opened is not None:
            return opened, index
    return None


def _outside(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    strings = [mark.span() for mark in _STRING.finditer(text)]
    for index in range(start, min(end, len(text))):
        if not any(first <= index < last for first, last in strings):
            yield index, text[index]


def _filled(text: str, word: Callable[[str, int], str]) -> str:
    """Return text of the same length, a word for each variable that stands outside of strings."""
    strings = [mark.span() for mark in _STRING.finditer(text)]

    def put(mark: re.Match[str]) -> str:
        if any(first <= mark.start() < last for first, last in strings):
            return mark[0]
        return word(text, mark.start()).ljust(len(mark[0]))[: len(mark[0])]

    return _OPTIONAL.sub(put, text)


def _duration(text: str, at: int) -> str:
    """A variable is a label's name in a list of labels, a part of a name beside letters, else a duration."""
    return _label(text, at) or "5m"


def _number(text: str, at: int) -> str:
    return _label(text, at) or "5"


def _matcher(text: str, at: int) -> str:
    before = text[:at]
    return 'x=""' if before.rfind("{") > before.rfind("}") else _label(text, at) or "x"


def _label(text: str, at: int) -> str:
    mark = _OPTIONAL.match(text, at)
    length = len(mark[0]) if mark else 0
    after = text[at + length : at + length + 1]
    if (at and _IN_NAME.match(text[at - 1])) or _IN_NAME.match(after):
        return "x" * length
    return "x" if _BEFORE_LABEL.search(text[max(0, at - 500) : at]) else ""
