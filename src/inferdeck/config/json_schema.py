"""The JSON Schema of inferdeck.yaml, for editors; checked in beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from inferdeck.config.schema import RemoteWriteConfig, Settings, TargetConfig

FILE_NAME = "inferdeck.schema.json"


def json_schema(kinds: Mapping[str, type[TargetConfig]]) -> dict[str, Any]:
    """Return a draft 2020-12 schema in which each source kind has its own keys, as one entry or a list of them."""
    models: list[Any] = [(kinds[kind], "validation") for kind in sorted(kinds)]
    references, shared = models_json_schema(
        [(Settings, "validation"), (RemoteWriteConfig, "validation"), *models], ref_template="#/$defs/{model}"
    )
    definitions = shared["$defs"]
    for definition in definitions.values():
        _as_the_loader(definition)
    root = definitions.pop("Settings")
    root["properties"]["sources"] = {
        "description": root["properties"]["sources"]["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": {kind: _one_or_many(references[(kinds[kind], "validation")]) for kind in sorted(kinds)},
    }
    several = root["properties"]["remote_write"]
    several["anyOf"] = [several["items"], {"type": several.pop("type"), "items": several.pop("items")}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "inferdeck.yaml",
        **{key: value for key, value in root.items() if key != "title"},
        "$defs": {name: definition for name, definition in sorted(definitions.items()) if _used(name, root, shared)},
    }


def text(kinds: Mapping[str, type[TargetConfig]]) -> str:
    """Return the schema as the file's content."""
    return json.dumps(json_schema(kinds), indent=2, ensure_ascii=False) + "\n"


def _as_the_loader(section: dict[str, Any]) -> None:
    """A list of texts may be written as one text; titles that repeat the key say nothing."""
    for schema in section.get("properties", {}).values():
        schema.pop("title", None)
        if schema.get("type") == "array" and schema["items"] == {"type": "string"}:
            schema["type"] = ["array", "string"]


def _one_or_many(reference: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(reference), {"type": "array", "items": dict(reference)}, {"type": "null"}]}


def _used(name: str, root: Mapping[str, Any], shared: Mapping[str, Any]) -> bool:
    """TargetConfig itself stays out when every kind has a class of its own."""
    return f'"#/$defs/{name}"' in json.dumps([root, shared])
