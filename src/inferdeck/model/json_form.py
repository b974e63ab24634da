"""Answers to and from JSON, by their field types; the standard library alone."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
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
    built: T = _build(kind, data)
    return built


def _build(kind: Any, data: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return _build_dataclass(kind, data)
    origin = get_origin(kind)
    if is_dataclass(origin):
        variables: tuple[Any, ...] = getattr(origin, "__parameters__", ())
        return _build_dataclass(origin, data, dict(zip(variables, get_args(kind), strict=True)))
    if origin is tuple:
        return _build_tuple(get_args(kind), data)
    if origin in (dict, Mapping):
        _expect(dict, data)
        return {str(key): _build(get_args(kind)[1], item) for key, item in data.items()}
    if origin in (Union, types.UnionType):
        return None if data is None else _build(next(a for a in get_args(kind) if a is not type(None)), data)
    if kind is float:
        _expect((int, float), data)
        return float(data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    _expect(kind, data)
    return data


def _build_dataclass(kind: Any, data: Any, parameters: Mapping[Any, Any] | None = None) -> Any:
    """Build a value of a class; `parameters` says what its type variables stand for."""
    _expect(dict, data)
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):
        if item.name in data:
            values[item.name] = _build(_filled(hints[item.name], parameters), data[item.name])
        elif item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} without {item.name}")
    return kind(**values)


def _filled(hint: Any, parameters: Mapping[Any, Any] | None) -> Any:
    """Return a type with the type variables that it holds replaced."""
    if not parameters:
        return hint
    if isinstance(hint, TypeVar):
        return parameters[hint]
    held = getattr(hint, "__parameters__", ())
    return hint[tuple(parameters[one] for one in held)] if held else hint


def _build_tuple(parts: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    _expect((list, tuple), data)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return tuple(_build(parts[0], item) for item in data)
    if len(parts) != len(data):
        raise ValueError(f"{len(data)} items where {len(parts)} belong")
    return tuple(_build(part, item) for part, item in zip(parts, data, strict=True))


def _expect(kind: Any, data: Any) -> None:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise ValueError(f"{type(data).__name__} where {getattr(kind, '__name__', kind)} belongs")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
