"""Reads the values of a file into the dataclasses of a fleet or an action; says of each mistake what would be right."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from inferdeck.model.quantities import parse_duration, parse_size
from inferdeck.simulate.fleet import Spread
from inferdeck.simulate.keys import Key, keys_of
from inferdeck.simulate.yaml_file import KeyPath, Value, YamlFile, unknown

T = TypeVar("T")
ZERO_SPREADS = {("UseCase", "output_tokens")}
"""Spreads that may be 0 as a whole."""
_WHOLE = re.compile(r"[+-]?[0-9][0-9_]{0,17}")
_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class WrongValueError(ValueError):
    """A value cannot be what its key wants; str() says what it wants."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which file a value is read."""

    file: YamlFile
    path: KeyPath = ()

    def __truediv__(self, part: str | int) -> Place:
        return Place(self.file, (*self.path, part))

    def complain(self, message: str) -> None:
        """Note a mistake here."""
        self.file.complain(self.path, message)


def read_object(
    place: Place, value: Value, owner: type[T], base: T | None = None, *, beside: tuple[str, ...] = ()
) -> T | None:
    """Return a dataclass made from a mapping, or None and complaints where it is wrong.

    What is absent is as in `base`; keys in `beside` are left to the caller.
    """
    if value.entries is None:
        place.complain(f"expected a mapping (key: value), got {value.kind()}")
        return None
    keys = keys_of(owner)
    given: dict[str, Any] = {}
    for name, one in value.entries.items():
        if name in beside:
            continue
        if name not in keys:
            hint = "; within {} a text with a comma needs quotes" if one.is_null else ""
            (place / name).complain(unknown(name, [*keys, *beside], "key") + hint)
            given[name] = WrongValueError()
            continue
        given[keys[name].field] = read_value(place / name, one, keys[name], getattr(base, keys[name].field, None))
    missing = [name for name, key in keys.items() if key.required and base is None and name not in value.entries]
    for name in missing:
        place.complain(f'the key "{name}" is missing')
    if missing or any(isinstance(found, WrongValueError) for found in given.values()):
        return None
    return owner(**given) if base is None else replace(base, **given)  # type: ignore[type-var]


def read_value(place: Place, value: Value, key: Key, before: Any = None) -> Any:
    """Return what a key's value says; a WrongValueError, with complaints, where it is wrong."""
    if value.is_null and key.optional:
        return None
    try:
        return _read(place, value, key, before)
    except WrongValueError as error:
        if str(error):
            place.complain(str(error))
        return error


def _read(place: Place, value: Value, key: Key, before: Any) -> Any:
    if key.kind == "spread":
        return _spread(place, value, key, before)
    if key.of is not None and key.kind == "object":
        return _right(read_object(place, value, key.of, before if before is not None else key.default))
    if key.of is not None:
        return _objects(place, value, key.of)
    if key.kind == "list":
        return _texts(place, value, key)
    if key.kind in ("map", "pairs"):
        found = _map(place, value, key)
        return tuple(found.items()) if key.kind == "pairs" else {**(before or {}), **found} if key.choices else found
    return scalar(value, key)


def scalar(value: Value, key: Key) -> Any:
    """Return a single value; raises WrongValueError."""
    if value.text is None:
        raise WrongValueError(f"expected {wanted(key)}, got {value.kind()}")
    if key.kind == "text":
        if key.choices and value.text not in key.choices:
            raise WrongValueError(unknown(value.text, key.choices, "value"))
        return value.text
    if key.kind == "true or false":
        if value.text not in ("true", "false") or value.quoted:
            raise WrongValueError(f"expected true or false, got {value.kind()}")
        return value.text == "true"
    return number(value, key)


def number(value: Value, key: Key) -> float:
    """Return a number within the key's bounds, a duration in seconds, a size in bytes; raises WrongValueError."""
    if value.text is None:
        raise WrongValueError(f"expected {wanted(key)}, got {value.kind()}")
    found = _amount(value.text.strip(), key)
    if key.kind == "whole number":
        found = int(found)
    if key.lowest is not None and (found < key.lowest or (key.above and found == key.lowest)):
        raise WrongValueError(f"must be {'more than' if key.above else 'at least'} {key.lowest:g}, got {value.text}")
    if key.highest is not None and found > key.highest:
        raise WrongValueError(f"must be at most {key.highest:g}, got {value.text}")
    return found


def _amount(text: str, key: Key) -> float:
    plain = _WHOLE if key.kind == "whole number" else _NUMBER
    if plain.fullmatch(text):
        found = int(text) if key.kind == "whole number" else float(text)
        if math.isfinite(found):
            return found
    try:
        if key.is_duration:
            return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)
        if key.is_size:
            return float(parse_size(text))
    except ValueError as error:
        raise WrongValueError(str(error)) from error
    raise WrongValueError(f"expected {wanted(key)}, got {Value(0, text=text).kind()}")


def wanted(key: Key) -> str:
    """Return what a key wants, in words."""
    if key.is_duration:
        return "a duration such as 90s, 20m or 2h"
    if key.is_size:
        return "a size such as 512MiB or 80GiB"
    return {"text": "text", "whole number": "a whole number", "true or false": "true or false"}.get(
        key.kind, "a number"
    )


def _spread(place: Place, value: Value, key: Key, before: Any) -> Spread:
    base = before if before is not None else key.default
    if value.entries is None:
        median = number(value, key)
        if median == 0 and (key.owner, key.field) in ZERO_SPREADS:
            return Spread(0.0, 0.0, 0.0, 0.0)
        if median <= 0:
            raise WrongValueError(f"must be more than 0, got {value.text}")
        found = replace(base, median=median) if base is not None else Spread(median)
    else:
        found = _spread_of(place, value, key, base)
    if not found.smallest <= found.median <= found.largest:
        raise WrongValueError(
            f"the median {found.median:g} must lie between smallest {found.smallest:g} and largest {found.largest:g}"
        )
    return found


def _spread_of(place: Place, value: Value, key: Key, base: Spread | None) -> Spread:
    """Read a spread's mapping; its times are durations where the key is one."""
    parts: dict[str, float] = {}
    keys = keys_of(Spread)
    right = True
    for name, one in (value.entries or {}).items():
        if name not in keys:
            (place / name).complain(unknown(name, keys, "key"))
            right = False
            continue
        part = replace(keys[name], unit="" if name == "sigma" else key.unit)
        found = read_value(place / name, one, part)
        right = right and not isinstance(found, WrongValueError)
        parts[name] = found
    if base is None and "median" not in (value.entries or {}):
        raise WrongValueError('the key "median" is missing')
    if not right:
        raise WrongValueError
    return replace(base, **parts) if base is not None else Spread(**parts)


def _objects(place: Place, value: Value, owner: type) -> tuple[Any, ...]:
    if value.is_null:
        return ()
    if value.items is None:
        raise WrongValueError(f"expected a list of mappings, got {value.kind()}")
    found = [read_object(place / index, one, owner) for index, one in enumerate(value.items)]
    return tuple(_right(one) for one in found)


def _texts(place: Place, value: Value, key: Key) -> tuple[str, ...]:
    if value.is_null:
        return ()
    if value.items is None and value.text is None:
        raise WrongValueError(f"expected a list of names, got {value.kind()}")
    found = []
    for index, one in enumerate(value.items if value.items is not None else [value]):
        if one.text is None:
            (place / index).complain(f"expected {'a name' if key.choices == () else 'a word'}, got {one.kind()}")
            raise WrongValueError
        found.append(one.text)
    return tuple(found)


def _map(place: Place, value: Value, key: Key) -> Mapping[str, Any]:
    if value.is_null:
        return {}
    if value.entries is None:
        raise WrongValueError(f"expected a mapping (name: value), got {value.kind()}")
    found: dict[str, Any] = {}
    part = replace(key, kind="number" if key.item == "number" else "list", choices=(), optional=False)
    right = True
    for name, one in value.entries.items():
        if key.choices and name not in key.choices:
            (place / name).complain(unknown(name, key.choices, "key"))
            right = False
            continue
        found[name] = read_value(place / name, one, part)
        right = right and not isinstance(found[name], WrongValueError)
    if not right:
        raise WrongValueError
    return found


def _right(found: Any) -> Any:
    """Return it; what could not be read has complained already."""
    if found is None:
        raise WrongValueError
    return found
