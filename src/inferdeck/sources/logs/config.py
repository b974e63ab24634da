"""What the user writes under `sources.logs`."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from inferdeck.config.schema import TargetConfig
from inferdeck.config.secrets import LoadContext
from inferdeck.config.values import FilePathText, OneOrMany

VARIABLE = "LITELLM_LOG_SOURCE"
"""An environment variable that holds a command, as in `journalctl --user -u litellm.service -n 40`."""

ALL = "all"
"""Stands for a journal as a whole."""
_MATCH = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*=.+")


def _words(value: Any) -> Any:
    """Split a command as a shell would, without running one."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise ValueError(f"the command cannot be split into words: {str(error).lower()}") from error


class LogsConfig(TargetConfig):
    """Log files, units of the journal, and the output of a command."""

    needs_url: ClassVar[bool] = False

    files: Annotated[tuple[FilePathText, ...], OneOrMany] = Field(
        default=(), description="Paths of log files, globs allowed; what rotation makes of them is found by itself."
    )
    journal: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Units of the system's journal, globs allowed, or FIELD=value; `all` for all of it."
    )
    user_journal: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="The same of the own user's journal."
    )
    journal_directory: FilePathText | None = Field(
        default=None, description="Where the journal's files lie, for a daemon in a container."
    )
    command: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        default=(),
        description=f"A command that prints lines, run without a shell; {VARIABLE} where absent.",
    )
    timezone: str | None = Field(
        default=None, description="Of times that name none, such as Europe/Berlin; this machine's where absent."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, data: Any, info: ValidationInfo) -> Any:
        """An entry that names nothing means what the environment variable says."""
        if isinstance(info.context, LoadContext) and isinstance(data, dict):
            told = info.context.environ.get(VARIABLE, "")
            if told and not any(data.get(key) for key in ("files", "journal", "user_journal", "command")):
                return {**data, "command": told}
        return data

    @field_validator("journal", "user_journal")
    @classmethod
    def _units(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        for unit in units:
            odd = not unit or unit.startswith("-") or any(character.isspace() for character in unit)
            if odd or ("=" in unit and not _MATCH.fullmatch(unit)):
                raise ValueError(f'"{unit}" is neither a unit nor a match such as SYSLOG_IDENTIFIER=litellm')
        return units

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f'"{name}" is not a time zone; write one such as Europe/Berlin or UTC') from error
        return name
