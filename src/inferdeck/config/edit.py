"""Adds a source to the configuration file and keeps everything else in it, comments too."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from inferdeck.errors import ConfigError

NEW_FILE = "# inferdeck's configuration; every key: docs/configuration.md\n"


def with_source(text: str, name: str, kind: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Return the file's text with one more source, and the lines that were added, as they stand alone.

    Raises ConfigError where the text is not a mapping of settings.
    """
    yaml = _yaml()
    try:
        data = yaml.load(text) if text.strip() else None
    except YAMLError as error:
        raise ConfigError(f"{name}: not YAML, so nothing was added; run: inferdeck config check") from error
    if data is None:
        added = _dump(yaml, {"sources": {kind: [dict(entry)]}})
        return (text or NEW_FILE).rstrip("\n") + "\n" + added, added
    if not isinstance(data, CommentedMap):
        raise ConfigError(f"{name}: not a mapping of settings, so nothing was added; run: inferdeck config check")
    sources = data.get("sources")
    if sources is None:
        sources = data["sources"] = CommentedMap()
    if not isinstance(sources, CommentedMap):
        raise ConfigError(f"{name}: sources: not a mapping of kinds; run: inferdeck config check")
    existing = sources.get(kind)
    if existing is None:
        sources[kind] = CommentedSeq([dict(entry)])
    elif isinstance(existing, CommentedSeq):
        existing.append(dict(entry))
    elif isinstance(existing, CommentedMap) and existing and not existing.fa.flow_style():
        return with_source(_as_list(text, existing), name, kind, entry)
    else:
        sources[kind] = CommentedSeq([existing, dict(entry)])
    return _dump(yaml, data), _dump(yaml, {"sources": {kind: [dict(entry)]}})


def add_source(file: Path, kind: str, entry: Mapping[str, Any]) -> str:
    """Add a source to the file, made with mode 0600 where it is new; return the lines added.

    The file is replaced as a whole, so that a reader never sees half of it. Raises ConfigError.
    """
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    changed, added = with_source(text, str(file), kind, entry)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=mode)
        draft.write_text(changed, encoding="utf-8")
        draft.chmod(mode)
        draft.replace(file.resolve())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{file}: cannot be written: {error.strerror}; add these lines yourself:\n{added}") from error
    return added


def _as_list(text: str, existing: CommentedMap) -> str:
    """Return the text with a block mapping as the first item of a list: its lines move right, comments and all."""
    first, column = existing.lc.line, existing.lc.col
    lines = text.splitlines(keepends=True)
    lines[first] = f"{' ' * column}- {lines[first][column:]}"
    for number in range(first + 1, len(lines)):
        body = lines[number].lstrip(" ")
        if body.strip() and len(lines[number]) - len(body) < column:
            break
        lines[number] = f"  {lines[number]}" if body.strip() else lines[number]
    return "".join(lines)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dump(yaml: YAML, data: Any) -> str:
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
