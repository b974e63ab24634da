"""How large and how deep a query may be; what is larger ends with LimitError before it costs anything."""

from __future__ import annotations

from inferdeck.errors import LimitError, QueryError

LONGEST_TEXT = 100_000
"""Characters; the largest dashboards of the field stay under a tenth of it."""
DEEPEST = 100
"""Levels of the syntax tree, so that everything that walks it may recurse."""


def check_text(text: str) -> None:
    """Raise LimitError for a query that is too long to be parsed, QueryError for one that is not Unicode text."""
    if len(text) > LONGEST_TEXT:
        raise LimitError(f"the query has {len(text):,} characters, at most {LONGEST_TEXT:,} are read; split it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = text.encode(errors="replace").decode()
        raise QueryError("invalid UTF-8 rune", text=shown, start=error.start, end=error.start + 1) from error


def check_depth(depth: int, text: str, place: int) -> None:
    """Raise LimitError where an expression nests too deep; `place` is the character where that happens."""
    if depth > DEEPEST:
        line = text.count("\n", 0, place) + 1
        column = place - text.rfind("\n", 0, place)
        raise LimitError(
            f"{line}:{column}: the query nests more than {DEEPEST} levels deep; "
            "a chain of operators is one level per operator: group its parts, or split the query"
        )
