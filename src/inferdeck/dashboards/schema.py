"""The JSON Schema of dashboard files, for editors; checked in beside this file."""

from __future__ import annotations

import json
from typing import Any

from inferdeck.dashboards.form import DashboardFile

FILE_NAME = "dashboard.schema.json"


def json_schema() -> dict[str, Any]:
    """Return a draft 2020-12 schema."""
    found = DashboardFile.model_json_schema(mode="validation")
    definitions = found.pop("$defs")
    for section in (found, *definitions.values()):
        for one in section.get("properties", {}).values():
            one.pop("title", None)  # it repeats the key
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "an inferdeck dashboard"}
    return {**head, **{key: value for key, value in found.items() if key != "title"}, "$defs": definitions}


def text() -> str:
    """Return the schema as the file's content."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
