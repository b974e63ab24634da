"""The names of all models that the stack serves, from what every target has, for sources that look them up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inferdeck.model.target import Fact, TargetState

_RENAMING = frozenset(
    {"bedrock", "cloudflare", "fireworks_ai", "github", "openrouter", "replicate", "vercel_ai_gateway", "vertex_ai"}
)
"""Providers whose own names have the form of a repository and are none."""


def served(states: Iterable[TargetState]) -> frozenset[str]:
    """Return the names and roots of the engines' models, and what gateways pass on, without the provider's prefix."""
    return frozenset(name for state in states for fact in state.inventory for name in _names(fact) if name)


def _names(fact: Fact) -> Iterator[str]:
    if fact.kind == "model":
        yield fact.name
        yield fact.facts.get("root", "")
    elif fact.kind == "deployment":
        yield _unprefixed(fact.facts.get("litellm_model", ""), fact.facts.get("provider", ""))


def _unprefixed(name: str, provider: str) -> str:
    """Return hosted_vllm/Qwen/Qwen3-8B without the provider; huggingface/together/org/name may name two."""
    prefix, _, rest = name.partition("/")
    if provider in _RENAMING or prefix in _RENAMING:
        return ""
    if provider and prefix == provider:
        name = rest
    elif name.count("/") > 1:
        # The provider is called otherwise than its prefix, as for a custom endpoint.
        name = rest
    if provider == "huggingface" and name.count("/") > 1:
        name = name.partition("/")[2]
    return name
