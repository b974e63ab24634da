"""LiteLLM's config.yaml: what is read, and what is complained of with line and key."""

from __future__ import annotations

from inferdeck.config.document import parse
from inferdeck.model.stack import RouteFallback, RouteTarget
from inferdeck.routing import litellm_file
from inferdeck.routing.interface import RouteFile

FILE = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/gpt-4o, api_base: "https://u:p@az.example/x?y=z", rpm: 100, weight: 2.5}
    model_info: {id: one}
  - model_name: gpt-4o
    litellm_params:
      model: gpt-4o
      api_base: os.environ/API_BASE
      order: 2
  - model_name: "*"
    litellm_params: {model: "openai/*", custom_llm_provider: other}
router_settings:
  routing_strategy: least-busy
  timeout: 30.0
  fallbacks: [{gpt-4o: [small, {model: tiny, max_tokens: 5}]}]
  context_window_fallbacks: [{gpt-4o: [long]}]
litellm_settings:
  num_retries: 3
  request_timeout: 600
  default_fallbacks: [rescue]
"""


def read(text: str) -> RouteFile:
    return litellm_file.read(parse(text.encode(), "c.yaml"))


def test_deployments_fallbacks_and_settings_are_read_with_their_lines() -> None:
    found = read(FILE)
    assert found.problems == ()
    first, second, third = found.deployments
    assert first.target == RouteTarget(
        "one",
        "gpt-4o",
        "azure",
        "azure/gpt-4o",
        "https://az.example/x",
        weight="2.5",
        requests_per_minute="100",
        origin="file",
    )
    assert (first.keyed["rpm"].key, first.keyed["rpm"].line) == ("model_list[0].litellm_params.rpm", 3)
    assert (second.target.provider, second.target.api_base, second.references) == ("", "", frozenset({"api_base"}))
    assert (second.keyed["order"].value, second.keyed["order"].line) == ("2", 9)
    assert third.target.provider == "other"
    assert [one.fallback for one in found.fallbacks] == [
        RouteFallback("gpt-4o", ("small", "tiny")),
        RouteFallback("gpt-4o", ("long",), "context window"),
        RouteFallback("*", ("rescue",)),
    ]
    assert {name: (one.value, one.line) for name, one in found.settings.items()} == {
        "strategy": ("least-busy", 13),
        "num_retries": ("3", 18),
        "timeout": ("30", 14),
    }


def test_mistakes_are_told_and_the_rest_is_read() -> None:
    found = read(
        "model_list:\n  - model_name: a\n  - {litellm_params: {model: x}}\n  - 5\n"
        "  - {model_name: b, litellm_params: {model: x/y}}\n"
        "router_settings: {fallbacks: [{b: [nowhere]}, 7, {b: c}]}\n"
    )
    assert [one.target.model for one in found.deployments] == ["b"]
    assert found.problems == (
        'c.yaml:2: model_list[0]: "litellm_params.model" is missing',
        'c.yaml:3: model_list[1]: "model_name" is missing',
        "c.yaml:4: model_list[2]: expected a mapping with model_name and litellm_params",
        "c.yaml:6: router_settings.fallbacks[1]: expected {model: [others]}",
        "c.yaml:6: router_settings.fallbacks[2].b: expected a list of models",
        'c.yaml:6: router_settings.fallbacks[0].b: model_list has no "nowhere"',
    )
    assert read("- 1\n").problems and read("model_list: 5\n").problems
    assert read("").problems == ()
    assert read("include: [more.yaml]\n").missing == ("more.yaml",)
