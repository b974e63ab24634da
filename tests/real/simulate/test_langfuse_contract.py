"""The answers of the simulated Langfuse fit its own OpenAPI document, where that lies beside us.

$INFERDECK_OPENAPI names the folder with langfuse-4.yaml; otherwise it is shared/openapi beside the repository.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from inferdeck.simulate.fleet import Langfuse
from inferdeck.simulate.servers.langfuse import build
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.test_langfuse import HOURS, Reader
from tests.unit.simulate.servers.told_requests import FLEET, StillWorld, play, story

DOCUMENT = (
    Path(os.environ.get("INFERDECK_OPENAPI") or Path(__file__).parents[4] / "shared" / "openapi") / "langfuse-4.yaml"
)
pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(),
    reason=f"Langfuse's OpenAPI document is not at {DOCUMENT}; INFERDECK_OPENAPI names the folder",
)

ALL = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"
COUNT = [{"measure": "count", "aggregation": "count"}]
V4: list[tuple[str, dict[str, str]]] = [
    ("/health", {}),
    ("/projects", {}),
    ("/models", {}),
    ("/v2/observations", {}),
    ("/v2/observations", {"fields": ALL}),
    ("/v2/metrics", {"query": json.dumps({**HOURS, "view": "observations", "metrics": COUNT})}),
    ("/v3/scores", {}),
    ("/v3/scores", {"fields": "details,subject,annotation"}),
]
V3: list[tuple[str, dict[str, str]]] = [
    ("/health", {}),
    ("/traces", {}),
    ("/traces", {"fields": "core"}),
    ("/observations", {}),
    ("/sessions", {}),
    ("/metrics", {"query": json.dumps({**HOURS, "view": "traces", "metrics": COUNT})}),
    ("/v2/scores", {}),
]


@pytest.fixture(scope="module")
def document() -> Any:
    return json_schema(YAML(typ="safe").load(DOCUMENT))


def json_schema(node: Any) -> Any:
    """Return OpenAPI 3.0's schemas as JSON Schema: `nullable` becomes a second type."""
    if isinstance(node, list):
        return [json_schema(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {key: json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") is True else made


def problems(document: Any, path: str, body: Any) -> list[str]:
    schema = document["paths"][f"/api/public{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(body)]


def read(version: str, asked: list[tuple[str, dict[str, str]]]) -> list[tuple[str, Any]]:
    program = build(Langfuse("langfuse-1", version), FLEET, StillWorld())
    play(program, story()[4:])
    with serving(program) as url:
        reader = Reader(url)
        found = [(path, reader.get(path, **query)) for path, query in asked]
        if version.startswith("3"):
            for trace in reader.get("/traces")["data"]:
                found.append(("/traces/{traceId}", reader.get(f"/traces/{trace['id']}")))
                found += [
                    ("/observations/{observationId}", reader.get(f"/observations/{name}"))
                    for name in trace["observations"]
                ]
            found.append(("/sessions/{sessionId}", reader.get("/sessions/session-1")))
        return found


@pytest.mark.parametrize(("version", "asked"), [("4.16.0", V4), ("3.150.0", V3)])
def test_every_answer_fits_the_document(document: Any, version: str, asked: list[tuple[str, dict[str, str]]]) -> None:
    answers = read(version, asked)
    assert all(body.get("data", True) for _, body in answers), "an empty list would prove nothing"
    wrong = {path: found for path, body in answers if (found := problems(document, path, body))}
    assert not wrong


def test_the_check_finds_what_is_wrong(document: Any) -> None:
    assert problems(document, "/v2/observations", {"data": [{"id": 1}], "meta": {}})
    assert problems(document, "/sessions", {"data": [], "meta": {"page": 1}})
