"""The value types of the file: durations, sizes, paths, lists; each accepts what people write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

from inferdeck.config.secrets import EnvText, LoadContext
from inferdeck.model.quantities import parse_duration, parse_size

OFF = ("off", "forever", "unlimited")
DURATION_PATTERN = r"^\s*(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|min|h|d|w|y)?\s*)+$"
SIZE_PATTERN = r"^\s*\d+(\.\d+)?\s*([kKmMgGtTpP]?[iI]?[bB])?\s*$"


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str | int | float) else value


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str | int) else value


def _not_true(value: Any) -> Any:
    """Python counts True as 1; nobody means that in a file."""
    if isinstance(value, bool):
        raise ValueError(f"expected a whole number, got {str(value).lower()}")  # noqa: TRY004
    return value


def _nothing(value: Any) -> Any:
    """YAML 1.2 reads `off` as text, an editor's YAML 1.1 highlights it as false: both mean "no limit"."""
    return None if value is False or (isinstance(value, str) and value.strip().lower() in OFF) else value


def _path(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str | Path) or not str(value):
        return value
    folder = Path()
    if isinstance(info.context, LoadContext) and not isinstance(value, EnvText):
        folder = info.context.folder
    return folder.absolute() / Path(str(value)).expanduser()


def _path_text(value: Any, info: ValidationInfo) -> Any:
    found = _path(value, info)
    return str(found) if isinstance(found, Path) else found


def _one_or_many(value: Any) -> Any:
    if isinstance(value, EnvText):
        return [EnvText(part.strip()) for part in value.split(",") if part.strip()]
    return [value] if isinstance(value, str | Mapping) else value


def _schema(kind: str, pattern: str, *, off: bool = False) -> WithJsonSchema:
    options: list[dict[str, Any]] = [{"type": kind, "minimum": 0}, {"type": "string", "pattern": pattern}]
    if off:
        options.append({"enum": [*OFF, False]})
    return WithJsonSchema({"anyOf": options})


WholeNumber = Annotated[int, BeforeValidator(_not_true)]
"""An int that true and false are not."""
Seconds = Annotated[float, _schema("number", DURATION_PATTERN), BeforeValidator(_duration), Field(gt=0)]
"""A duration above 0, in seconds."""
SecondsOrOff = Annotated[
    float | None, _schema("number", DURATION_PATTERN, off=True), BeforeValidator(_duration), BeforeValidator(_nothing)
]
"""A duration in seconds; None where the user wrote off."""
Bytes = Annotated[int, _schema("integer", SIZE_PATTERN), BeforeValidator(_size), Field(gt=0)]
"""A size above 0, in bytes."""
BytesOrOff = Annotated[
    int | None, _schema("integer", SIZE_PATTERN, off=True), BeforeValidator(_size), BeforeValidator(_nothing)
]
"""A size in bytes; None where the user wrote off."""
FilePath = Annotated[Path, BeforeValidator(_path)]
"""An absolute path; relative ones start at the file that names them, ~ is the home directory."""
FilePathText = Annotated[str, BeforeValidator(_path_text)]
"""FilePath as text."""
OneOrMany = BeforeValidator(_one_or_many)
"""Lets a single value stand where a list is expected."""
