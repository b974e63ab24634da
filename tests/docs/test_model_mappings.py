"""docs/model-mappings.md: its example is right, its sections are those of the schema."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

from inferdeck.config.document import parse
from inferdeck.routing import mappings
from inferdeck.routing.mappings_schema import FILE_NAME, ModelMappings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "model-mappings.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("```yaml\n")[1].split("```")[0]
HEAD = {"version", "gateway", "environment", "metadata"}


def test_the_example_has_no_mistake_and_gives_what_the_page_says() -> None:
    found = mappings.read(parse(EXAMPLE.encode(), "model-mappings.yaml"))
    assert found.problems == ()
    assert found.gateway == "main"
    assert found.models == {"kimi-k2:1t-cloud", "qwen-coder", "llama3.1:8b", "/^Qwen/.*/"}
    chains = {one.fallback.model: one.fallback.to for one in found.fallbacks}
    assert chains == {
        "kimi-k2:1t-cloud": ("qwen-coder",),
        "qwen-coder": ("llama3.1:8b", "kimi-k2:1t-cloud"),
        "capability reasoning": ("kimi-k2:1t-cloud", "llama3.1:8b"),
    }
    llama = [(one.target.provider, one.target.order) for one in found.deployments if one.target.model == "llama3.1:8b"]
    assert llama == [("ollama", ""), ("vllm", ""), ("ollama-cloud", "2")]


def test_the_example_follows_the_schema_and_the_schema_refuses_what_the_reader_refuses() -> None:
    schema = json.loads((ROOT / "src/inferdeck/routing" / FILE_NAME).read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    data = parse(EXAMPLE.encode(), "x").data
    assert list(validator.iter_errors(data)) == []
    assert list(validator.iter_errors({**data, "capabilites": {}}))
    assert list(validator.iter_errors({"exact_matches": {"a": {"backend_model": "x"}}}))


def test_the_page_names_every_section() -> None:
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE))))
    assert named == set(ModelMappings.model_fields) - HEAD
    assert all(f"`{name}`" in PAGE or f"{name}:" in PAGE for name in HEAD - {"environment"})
