"""Answers to and from JSON, by their field types; the standard library alone."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def plain(value: Any) -> Any:
    """Return the value as dicts, lists, text and numbers, ready for any JSON encoder."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Return the value as JSON text; NaN and infinities are errors, since an answer never holds one."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent)


def build(kind: type[T], data: Any) -> T:
    """Return `data` as a `kind`: unknown keys are skipped (a newer daemon), absent ones take their default.

    Raises ValueError where a field without default is absent or has a wrong form.
    """
    wanted: Any = kind
    built: T = _builder(wanted)(data)
    return built


Builder = Callable[[Any], Any]


@cache
def _builder(kind: Any) -> Builder:
    """Return what builds a type; how is found out once for each type."""
    if is_dataclass(kind) and isinstance(kind, type):
        return _of_dataclass(kind, {})
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(origin):
        variables: tuple[Any, ...] = getattr(origin, "__parameters__", ())
        return _of_dataclass(origin, dict(zip(variables, parts, strict=True)))
    if origin is tuple:
        return _of_list(parts[0]) if len(parts) == 2 and parts[1] is Ellipsis else _of_tuple(parts)
    if origin in (dict, Mapping):
        return _of_mapping(parts[1])
    if origin in (Union, types.UnionType):
        return _of_optional(next(part for part in parts if part is not type(None)))
    if kind is float:
        return _float
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return _of_itself(kind)


def _of_dataclass(kind: Any, parameters: Mapping[Any, Any]) -> Builder:
    """Return what builds a value of a class; `parameters` says what its type variables stand for."""
    found: list[tuple[str, Builder, bool]] = []

    def make(data: Any) -> Any:
        _expect(dict, data)
        # Found at the first value, since a class may hold values of itself.
        items = found or _fields(kind, parameters, found)
        values: dict[str, Any] = {}
        for name, builder, needed in items:
            if name in data:
                values[name] = builder(data[name])
            elif needed:
                raise ValueError(f"{kind.__name__} without {name}")
        return kind(**values)

    return make


def _fields(
    kind: Any, parameters: Mapping[Any, Any], found: list[tuple[str, Builder, bool]]
) -> list[tuple[str, Builder, bool]]:
    hints = get_type_hints(kind)
    found[:] = [
        (
            item.name,
            _builder(_filled(hints[item.name], parameters)),
            item.default is MISSING and item.default_factory is MISSING,
        )
        for item in fields(kind)
    ]
    return found


def _filled(hint: Any, parameters: Mapping[Any, Any]) -> Any:
    """Return a type with the type variables that it holds replaced."""
    if not parameters:
        return hint
    if isinstance(hint, TypeVar):
        return parameters[hint]
    held = getattr(hint, "__parameters__", ())
    return hint[tuple(parameters[one] for one in held)] if held else hint


def _of_list(part: Any) -> Builder:
    builder = _builder(part)

    def make(data: Any) -> Any:
        _expect((list, tuple), data)
        return tuple(map(builder, data))

    return make


def _of_tuple(parts: tuple[Any, ...]) -> Builder:
    builders = [_builder(part) for part in parts]

    def make(data: Any) -> Any:
        _expect((list, tuple), data)
        if len(builders) != len(data):
            raise ValueError(f"{len(data)} items where {len(builders)} belong")
        return tuple(builder(item) for builder, item in zip(builders, data, strict=True))

    return make


def _of_mapping(part: Any) -> Builder:
    builder = _builder(part)

    def make(data: Any) -> Any:
        _expect(dict, data)
        return {str(key): builder(item) for key, item in data.items()}

    return make


def _of_optional(part: Any) -> Builder:
    builder = _builder(part)
    return lambda data: None if data is None else builder(data)


def _of_itself(kind: Any) -> Builder:
    def make(data: Any) -> Any:
        _expect(kind, data)
        return data

    return make


def _float(data: Any) -> float:
    if type(data) is not float:
        _expect((int, float), data)
    return float(data)


def _expect(kind: Any, data: Any) -> None:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise ValueError(f"{type(data).__name__} where {getattr(kind, '__name__', kind)} belongs")
