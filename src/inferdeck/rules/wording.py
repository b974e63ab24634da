"""Puts values into the texts and expressions of definitions: `${threshold}`, `${threshold|percent}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from inferdeck.model.labels import escape
from inferdeck.query.promql.literals import float_text
from inferdeck.rules.definition import Scalar

_PLACE = re.compile(r"\$\{([a-z_]+)(?:\|([a-z]+))?\}")


def names(text: str) -> Iterator[str]:
    """Yield the names of the values that a text holds."""
    for match in _PLACE.finditer(text):
        yield match[1]


def in_expression(text: str, values: Mapping[str, Scalar]) -> str:
    """Return an expression with its values; texts stand between quotation marks there. Raises KeyError."""
    return _PLACE.sub(lambda match: escape(_shown(values[match[1]], match[2])), text)


def in_words(text: str, values: Mapping[str, Scalar]) -> str:
    """Return a text with its values; raises KeyError."""
    return _PLACE.sub(lambda match: _shown(values[match[1]], match[2]), text)


def _shown(value: Scalar, form: str | None) -> str:
    if isinstance(value, str):
        return value
    if form == "percent":
        return f"{value * 100:g} %"
    if form == "le":
        # A bound is written as 10, as 10.0, and by nobody in another way.
        text = float_text(value)
        return re.escape(text) if "." in text else rf"{text}(\.0)?"
    return float_text(value)
