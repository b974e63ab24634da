"""One source entry that came by command or HTTP instead of from the file: checked as the file would be, and tried."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inferdeck.config.complaints import explain
from inferdeck.config.schema import TargetConfig
from inferdeck.config.secrets import LoadContext
from inferdeck.config.targets import TargetFiles
from inferdeck.errors import ConfigError
from inferdeck.model.answers import Trial
from inferdeck.model.clock import Clock
from inferdeck.sources import registry, trial
from inferdeck.sources.assembly import Assembly, expand
from inferdeck.sources.http import HttpClient


def checked(kind: str, entry: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> TargetConfig:
    """Return the entry as its kind's configuration, with the kind's usual url where it has none; raises ConfigError."""
    model = registry.config_class(kind)
    given = dict(entry)
    if model.needs_url and not (given.get("url") or given.get("targets") or given.get("file_sd")):
        given["url"] = registry.kind(kind).default_url
    try:
        return model.model_validate(given, context=LoadContext(environ, folder))
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, model, (kind,), lambda path: ("sources", path)))) from error


async def try_entry(kind: str, config: TargetConfig, http: HttpClient, clock: Clock, environment: str) -> Trial:
    """Return what one reading of the entry's first address brought."""
    assembly = Assembly(http, clock, environment)
    expanded = expand(kind, config, TargetFiles())
    target = next(assembly.of_entry(kind, config, expanded), None)
    if target is None:
        return Trial(kind, config.url or "", ok=False, message="; ".join(expanded.warnings) or "it names no target")
    return await trial.attempt(target, kind, clock)
