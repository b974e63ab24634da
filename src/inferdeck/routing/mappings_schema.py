"""The form of model-mappings.yaml and providers.yaml as types; the JSON Schema is generated from them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from inferdeck.config.schema import Section
from inferdeck.config.values import OneOrMany, WholeNumber

FILE_NAME = "model-mappings.schema.json"
Names = Annotated[tuple[str, ...], OneOrMany]


class Provider(Section):
    """A place that serves models. Other keys of it, such as those of a generator, are not looked at."""

    model_config = ConfigDict(extra="ignore")

    type: str = Field(default="", description="What it is: ollama, vllm, openai, llama_cpp, …")
    base_url: str = Field(default="", description="Where it answers.")
    status: Literal["active", "inactive", "deprecated"] = Field(
        default="active", description="A provider that is not active gets no requests."
    )


class ExactMatch(Section):
    """One public model name."""

    provider: str = Field(description="The provider that serves it.")
    backend_model: str | None = Field(default=None, description="The model's name there; the public one where absent.")
    fallback: Names = Field(default=(), description="Models or providers to try after it, in order.")
    priority: str | WholeNumber | None = Field(
        default=None, description="primary, secondary, … or a number; shown, not interpreted."
    )
    capabilities: Names = Field(default=(), description="What it is good for; names of `capabilities`.")
    weight: WholeNumber | None = Field(default=None, ge=0, description="Its share of the requests.")
    rpm: WholeNumber | None = Field(default=None, gt=0, description="Requests per minute that it may get.")
    tpm: WholeNumber | None = Field(default=None, gt=0, description="Tokens per minute that it may get.")
    description: str = Field(default="", description="For people.")


class Pattern(Section):
    """All public names that match a regular expression."""

    pattern: str = Field(description="The regular expression.")
    provider: str = Field(description="The provider that serves them.")
    fallback: Names = Field(default=(), description="Models or providers to try after it, in order.")
    description: str = Field(default="", description="For people.")


class Share(Section):
    """One provider among several of the same model."""

    name: str = Field(description="The provider.")
    weight: WholeNumber | None = Field(default=None, ge=0, description="Its share of the requests.")
    backend_model: str | None = Field(default=None, description="The model's name there.")


class Balanced(Section):
    """One public name that several providers serve."""

    strategy: str = Field(default="", description="round_robin, least_loaded, weighted, …")
    providers: tuple[Share | str, ...] = Field(description="Who serves it: names, or {name, weight, backend_model}.")
    description: str = Field(default="", description="For people.")


class Chain(Section):
    """What is tried, in order."""

    chain: Names = Field(description="Models or providers, the first one first.")
    description: str = Field(default="", description="For people.")


class Capability(Section):
    """What a request may ask for instead of a model."""

    preferred_models: Names = Field(description="Models that can do it, the best one first.")
    routing_strategy: str = Field(default="", description="How one of them is chosen.")
    description: str = Field(default="", description="For people.")


class ModelMappings(Section):
    """model-mappings.yaml."""

    version: str | float | int | None = Field(default=None, description="The file's own version.")
    gateway: str = Field(default="", description="The gateway that it belongs to, by its name or host:port.")
    environment: str = Field(default="", description="The environment of that gateway.")
    providers: dict[str, Provider] = Field(
        default_factory=dict, description="Providers, where they are not in a providers.yaml beside this file."
    )
    exact_matches: dict[str, ExactMatch] = Field(default_factory=dict, description="Public model names.")
    pattern_matches: tuple[Pattern, ...] = Field(default=(), description="Names by regular expression.")
    patterns: tuple[Pattern, ...] = Field(default=(), description="The same as pattern_matches.")
    load_balancing: dict[str, Balanced] = Field(default_factory=dict, description="Names that several serve.")
    fallback_chains: dict[str, Chain] = Field(
        default_factory=dict, description="Per public name what is tried after it: {chain: […]}, or the list alone."
    )
    capabilities: dict[str, Capability] = Field(
        default_factory=dict, description="Pools of models that a request may ask for by what they can do."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="Anything; not looked at.")


def text() -> str:
    """Return the JSON Schema as the file's content."""
    schema = ModelMappings.model_json_schema()
    for part in (schema, *schema["$defs"].values()):
        for value in part.get("properties", {}).values():
            value.pop("title", None)
            if value.get("type") == "array" and value["items"] == {"type": "string"}:
                value["type"] = ["array", "string"]
    chains = schema["properties"]["fallback_chains"]["additionalProperties"]
    schema["properties"]["fallback_chains"]["additionalProperties"] = {
        "anyOf": [chains, {"type": "array", "items": {"type": "string"}}]
    }
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "model-mappings.yaml"}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
