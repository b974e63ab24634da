"""model-mappings.yaml: routes, and complaints with line and key."""

from __future__ import annotations

from inferdeck.config.document import parse
from inferdeck.model.stack import RouteFallback
from inferdeck.routing import mappings
from inferdeck.routing.interface import RouteFile

PROVIDERS = """\
providers:
  ollama: {type: ollama, base_url: http://localhost:11434, models: [{name: x}]}
  off: {status: inactive}
"""


def read(text: str, providers: str = PROVIDERS) -> RouteFile:
    beside, _ = mappings.providers(parse(providers.encode(), "providers.yaml"))
    return mappings.read(parse(text.encode(), "m.yaml"), beside)


def edges(found: RouteFile) -> list[tuple[str, str, str, str]]:
    return [
        (one.target.model, one.target.provider, one.target.litellm_model, one.target.order) for one in found.deployments
    ]


def test_each_section_becomes_routes() -> None:
    found = read(
        """\
gateway: main
environment: prod
exact_matches:
  a: {provider: ollama, backend_model: a-7b, rpm: 5, fallback: b}
  b: {provider: off}
patterns: [{pattern: "^x-", provider: ollama, fallback: [a]}]
load_balancing:
  a: {providers: [ollama, {name: off, weight: 3}]}
fallback_chains:
  b: [b, ollama, a]
capabilities:
  code: {preferred_models: [a, b]}
"""
    )
    assert found.problems == ()
    assert (found.gateway, found.environment) == ("main", "prod")
    assert edges(found) == [
        ("a", "ollama", "a-7b", ""),
        ("b", "off", "b", ""),
        ("a", "off", "a-7b", ""),
        ("/^x-/", "ollama", "", ""),
        ("b", "ollama", "b", "2"),
    ]
    assert found.deployments[0].target.api_base == "http://localhost:11434"
    assert found.deployments[0].target.requests_per_minute == "5"
    assert found.deployments[1].target.origin == "inactive"
    assert [one.fallback for one in found.fallbacks] == [
        RouteFallback("a", ("b",)),
        RouteFallback("/^x-/", ("a",)),
        RouteFallback("b", ("a",)),
        RouteFallback("capability code", ("a", "b"), "preference"),
    ]


def test_every_mistake_is_told_with_line_and_key_and_takes_nothing_else_with_it() -> None:
    found = read(
        """\
exact_matches:
  a: {provider: olama}
  b: {backend_model: x}
  c: {provider: ollama, rpm: -1}
  d: {provider: ollama, fallbak: a}
  e: 5
pattern_matches:
  - {pattern: "(", provider: ollama}
  - pattern: 7
fallback_chains:
  a: {chain: [nowhere]}
  b: {chian: [a]}
capabilites: {}
load_balancing: [a]
"""
    )
    assert [one.target.model for one in found.deployments] == ["a", "d"]
    assert list(found.problems) == [
        'm.yaml:2: exact_matches.a.provider: unknown provider, did you mean "ollama"?',
        'm.yaml:3: exact_matches.b: "provider" is missing',
        "m.yaml:4: exact_matches.c.rpm: must be greater than 0, got -1",
        'm.yaml:5: exact_matches.d.fallbak: unknown key, did you mean "fallback"?',
        "m.yaml:6: exact_matches.e: expected a mapping (key: value), got a number",
        "m.yaml:8: pattern_matches[0].pattern: is no regular expression: "
        "missing ), unterminated subpattern at position 0",
        "m.yaml:9: pattern_matches[1].pattern: expected text, got 7: put it in quotes",
        'm.yaml:9: pattern_matches[1]: "provider" is missing',
        'm.yaml:11: fallback_chains.a.chain: "nowhere": unknown model or provider; there are a, d, off, ollama',
        'm.yaml:12: fallback_chains.b: "chain" is missing',
        'm.yaml:12: fallback_chains.b.chian: unknown key, did you mean "chain"?',
        'm.yaml:13: capabilites: unknown key, did you mean "capabilities"?',
        "m.yaml:14: load_balancing: expected a mapping (key: value)",
    ]


def test_without_providers_none_is_unknown() -> None:
    found = mappings.read(parse(b"exact_matches: {a: {provider: anything}}\n", "m.yaml"))
    assert (found.problems, edges(found)) == ((), [("a", "anything", "a", "")])
    assert mappings.read(parse(b"- 1\n", "m.yaml")).problems
    assert mappings.providers(parse(b"x: 1\n", "p.yaml"))[1] == ("p.yaml:1: : has no providers",)
