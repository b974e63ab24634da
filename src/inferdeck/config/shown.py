"""The effective configuration as an answer: every key, its masked value, where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from inferdeck.config.schema import Settings
from inferdeck.model.answers import ConfigAnswer


def answer(settings: Settings) -> ConfigAnswer:
    """Return the settings with secrets masked, one entry per key in the file's order."""
    entries = tuple((key, value, _origin(settings, key)) for key, value in _leaves(settings.masked(), ""))
    return ConfigAnswer(str(settings.file or ""), entries, settings.warnings)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _origin(settings: Settings, key: str) -> str:
    """A single entry written as a mapping has no index in its origin's key."""
    origins = settings.origins
    return origins.get(key) or origins.get(key.replace("[0]", "")) or "default"
