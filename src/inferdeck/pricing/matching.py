"""Which published price belongs to a deployment: fixed rules, no guess; docs/prices.md has them for readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "baseten": "baseten",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "databricks": "databricks",
    "deepseek": "deepseek",
    "elevenlabs": "elevenlabs",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "github_copilot": "github-copilot",
    "groq": "groq",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "vertex_ai": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
    "zai": "zai",
}
"""LiteLLM's name of a provider, and that of genai-prices."""
OWN_PROVIDERS = frozenset(
    {
        "docker_model_runner",
        "hosted_vllm",
        "llamafile",
        "lm_studio",
        "ollama",
        "ollama_chat",
        "triton",
        "vllm",
        "xinference",
    }
)
"""Providers that are programs which somebody runs for himself."""
_RENTED = re.compile(r"(^|\.)(ollama\.com|ollama\.ai)$")
"""Where such a program is somebody else's after all."""
_BOUNDARY = "-@:._/"


@dataclass(frozen=True, slots=True)
class Clause:
    """How a model of the table is recognised; all in lower case."""

    equals: frozenset[str]
    begins: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]

    def precise(self, name: str) -> bool:
        """Return whether the name is one of those listed."""
        return name in self.equals

    def anchored(self, name: str) -> bool:
        """Return whether the name begins with a listed one, up to a separator, or fits an expression as a whole."""
        for begin in self.begins:
            rest = name.removeprefix(begin)
            if name.startswith(begin) and (not rest or begin[-1:] in _BOUNDARY or rest[0] in _BOUNDARY):
                return True
        return any(pattern.search(name) for pattern in self.patterns)


def reference(provider: str, target: str) -> str:
    """Return the provider's own name of a model: what LiteLLM calls it without the provider before the first slash."""
    first, slash, rest = target.partition("/")
    same = first == provider or PROVIDERS.get(first, first) == PROVIDERS.get(provider)
    return (rest if slash and same else target).lower()


def first_match(name: str, clauses: Sequence[Clause]) -> int | None:
    """Return the place of the model that has this name, a listed one before an anchored one; None where none has."""
    return next(_matching(name, clauses), None)


def _matching(name: str, clauses: Sequence[Clause]) -> Iterator[int]:
    yield from (place for place, clause in enumerate(clauses) if clause.precise(name))
    yield from (place for place, clause in enumerate(clauses) if clause.anchored(name))


def self_hosted(provider: str, endpoint: str) -> bool:
    """Return whether a deployment runs on somebody's own machines, by its provider's name and its address."""
    host = host_of(endpoint)
    if provider in OWN_PROVIDERS:
        return not _RENTED.search(host)
    return bool(host) and private(host)


@lru_cache(4096)
def host_of(url: str) -> str:
    """Return the host of a URL, "" where it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


@lru_cache(4096)
def private(host: str) -> bool:
    """Return whether a host can only be reached from near: a private address, a name without a dot or of a network."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        ends = (".local", ".internal", ".lan", ".svc", ".home.arpa", ".localhost", ".svc.cluster.local")
        return "." not in host or host.endswith(ends)
