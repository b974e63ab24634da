"""What pydantic says, in words for the person who wrote the file: place, key, what is wrong, what to write."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from inferdeck.config.document import KeyPath, shown
from inferdeck.config.keys import Setting, is_secret, section_of
from inferdeck.config.schema import Section
from inferdeck.config.secrets import mask_url

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "float_parsing": "a number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of less than 20 digits",
    "int_type": "a whole number",
    "mapping_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": ("must be greater than", "gt"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than": ("must be less than", "lt"),
    "less_than_equal": ("must be at most", "le"),
}
Place = Callable[[KeyPath], tuple[str, KeyPath]]
"""Gives for a key path the text "file:line" (or a variable's name) and the path as the user wrote it."""


def explain(
    error: ValidationError, model: type[Section], prefix: KeyPath, place: Place, table: Iterable[Setting] = ()
) -> list[str]:
    """Return one line per mistake; with the table, a key in the wrong section is told the right one."""
    return [_line(item, model, prefix, place, table) for item in error.errors(include_url=False)]


def unknown(name: object, known: Iterable[str], what: str = "key") -> str:
    """Return "unknown key" with the nearest valid one, or with all where they are few."""
    valid = sorted(known)
    close = difflib.get_close_matches(str(name), valid, 1, 0.6)
    if close:
        return f'unknown {what}, did you mean "{close[0]}"?'
    if 0 < len(valid) <= 12:
        return f"unknown {what}; there are {', '.join(valid)}"
    return f"unknown {what}; docs/configuration.md lists them all"


def _elsewhere(name: object, table: Iterable[Setting]) -> str | None:
    """Return the full key where exactly one setting outside the sources has this last part."""
    found = [setting.key for setting in table if setting.path[-1] == name and setting.path[0] != "sources"]
    return found[0] if len(found) == 1 else None


def _line(item: Any, model: type[Section], prefix: KeyPath, place: Place, table: Iterable[Setting]) -> str:
    location: KeyPath = tuple(item["loc"])
    parent = _parent(model, location)
    where, path = place((*prefix, *location))
    if item["type"] == "missing":
        return f'{where}: {shown(path[:-1]) or "file"}: "{path[-1]}" is missing'
    if item["type"] == "extra_forbidden":
        full = _elsewhere(location[-1], table)
        text = f'unknown key, did you mean "{full}"?' if full else unknown(location[-1], parent.model_fields)
    else:
        text = _text(item, secret=_secret(model, location))
    return f"{where}: {shown(path)}: {text}" if path else f"{where}: {text}"


def _text(item: Any, *, secret: bool) -> str:
    kind, context = str(item["type"]), item.get("ctx", {})
    got = "" if secret else f", got {_given(item['input'])}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_type":
        quotes = ": put it in quotes" if isinstance(item["input"], int | float) else ""
        return f"expected text{got}{quotes}"
    if kind in _EXPECTED and "mapping" in _EXPECTED[kind]:
        # Whoever writes text here may have meant a secret: auth: my-token.
        return f"expected {_EXPECTED[kind]}, got {_kind(item['input'])}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}{got}"
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{words} {context[name]:g}{got}"
    if kind == "literal_error":
        return f"expected {context['expected']}{got}"
    return f"{item['msg'][:1].lower()}{item['msg'][1:]}{got}"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    return "text" if isinstance(value, str) else "a number" if not isinstance(value, bool) else "true or false"


def _given(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, dict | list | tuple):
        return _kind(value)
    value = mask_url(value) if isinstance(value, str) else value
    text = str(value) if len(str(value)) <= 60 else f"{str(value)[:57]}..."
    return f'"{text}"' if isinstance(value, str) else text


def _parent(model: type[Section], location: KeyPath) -> type[Section]:
    """Return the section that holds the last key of the location."""
    for part in location[:-1]:
        if isinstance(part, str):
            model = section_of(model, part) or model
    return model


def _secret(model: type[Section], location: KeyPath) -> bool:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            if is_secret(model, part):
                return True
            model = section_of(model, part) or model
    return False
