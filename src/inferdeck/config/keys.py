"""Every setting there is, as a table: the environment variables, the reference page and hints are made from it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from inferdeck.config import values
from inferdeck.config.schema import Section, Settings, TargetConfig
from inferdeck.config.secrets import Secret

PREFIX = "INFERDECK_"
_NAMES: tuple[tuple[Any, str], ...] = (
    (Secret, "secret"),
    (values.Seconds, "duration"),
    (values.SecondsOrOff, "duration or off"),
    (values.Bytes, "size"),
    (values.BytesOrOff, "size or off"),
    (values.FilePath, "path"),
    (values.FilePathText, "path"),
    (values.WholeNumber, "whole number"),
    (str, "text"),
    (bool, "true or false"),
    (int, "whole number"),
    (float, "number"),
    (SecretStr, "secret"),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key that has a value of its own; `variable` is "" where no environment variable can set it."""

    path: tuple[str, ...]
    type: str
    default: Any
    required: bool
    description: str
    variable: str
    is_list: bool

    @property
    def key(self) -> str:
        """The key as it is written in messages: sources.litellm.url."""
        return ".".join(self.path)


def settings_table(kinds: Mapping[str, type[TargetConfig]]) -> list[Setting]:
    """Return all settings in the order of the schema; those of the sources per kind, after the others."""
    table = list(_walk(Settings, ()))
    for kind in sorted(kinds):
        table += _walk(kinds[kind], ("sources", kind))
    return table


def section_of(model: type[Section], name: str) -> type[Section] | None:
    """Return the section that the field holds (alone, optional or in a list), else None."""
    hint = hints(model).get(name)
    return _section(hint) if hint is not None else None


def is_secret(model: type[Section], name: str) -> bool:
    """Say whether the field holds a secret, or a mapping of them, so that its input must not be shown."""
    return "secret" in type_name(hints(model).get(name, str))


@cache
def hints(model: type[Section]) -> dict[str, Any]:
    """Return the annotation of each field, Annotated included."""
    found = get_type_hints(model, include_extras=True)
    return {name: found[name] for name in model.model_fields}


def type_name(hint: Any) -> str:
    """Return what a user should write for this type."""
    for known, name in _NAMES:
        if hint == known:
            return name
    origin, arguments = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        return type_name(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(type_name(part) for part in arguments if part is not type(None))
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in arguments)
    if origin in (tuple, list):
        return f"list of {type_name(arguments[0])}"
    if origin in (dict, Mapping):
        return f"mapping of {type_name(arguments[0])} to {type_name(arguments[1])}"
    return "mapping"


def _walk(model: type[Section], prefix: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        hint = hints(model)[name]
        section = _section(hint)
        if section is not None:
            yield from _walk(section, (*prefix, name))
        elif (*prefix, name) != ("sources",):
            yield _setting((*prefix, name), hint, field)


def _setting(path: tuple[str, ...], hint: Any, field: FieldInfo) -> Setting:
    kind = type_name(hint)
    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True)
    return Setting(
        path=path,
        type=kind,
        default=None if default is PydanticUndefined else default,
        required=required,
        description=field.description or "",
        variable="" if kind.startswith("mapping") else PREFIX + "__".join(path).upper(),
        is_list=kind.startswith("list of"),
    )


def _section(hint: Any) -> type[Section] | None:
    """Sources are looked at kind by kind, so a mapping of sections is none."""
    if isinstance(hint, type) and issubclass(hint, Section):
        return hint
    if get_origin(hint) in (dict, Mapping, Literal):
        return None
    parts = get_args(hint)[:1] if hasattr(hint, "__metadata__") else get_args(hint)
    return next((found for part in parts if (found := _section(part)) is not None), None)
