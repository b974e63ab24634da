"""What files say of a gateway's routes: which models there are, what is tried after them, who can do what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from inferdeck.config.document import Document
from inferdeck.config.document import read as read_document
from inferdeck.errors import ConfigError
from inferdeck.model.stack import Route, RouteTarget
from inferdeck.probing.gateway import TOO_LONG, Deployed, Told
from inferdeck.routing import litellm_file, mappings
from inferdeck.routing.interface import ANY_ERROR, RouteFile

T = TypeVar("T")
PROVIDERS = "providers.yaml"
RUNNING = "gateway"
"""The origin of routes that the running gateway tells."""
LITELLM_KEYS = frozenset({"model_list", "litellm_settings", "router_settings"})
MAPPING_KEYS = frozenset(
    {"exact_matches", "pattern_matches", "patterns", "load_balancing", "fallback_chains", "capabilities"}
)


@dataclass(frozen=True, slots=True)
class Intended:
    """One file's routes."""

    origin: str
    models: Mapping[str, tuple[RouteTarget, ...]] = field(default_factory=dict)
    """Public model -> its deployments as the file has them."""
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Capability -> public models, the best one first."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Model, "fallback MODEL" or "capability NAME" -> its line."""
    problems: tuple[str, ...] = ()
    gateway: str = ""

    def place(self, name: str) -> str:
        """Return "file:line" of a model, "fallback MODEL" or "capability NAME"."""
        line = self.lines.get(name, 0)
        return f"{Path(self.origin).name}:{line}" if line else Path(self.origin).name


def of_document(document: Document, origin: str) -> Intended:
    """Understand LiteLLM's config.yaml or a model-mappings.yaml; raises ConfigError for what is neither."""
    keys = set(document.data) if isinstance(document.data, dict) else set()
    if keys & LITELLM_KEYS:
        return of_file(litellm_file.read(document), origin)
    if keys & MAPPING_KEYS:
        beside = Path(origin).parent / PROVIDERS
        providers = mappings.providers(read_document(beside))[0] if beside.is_file() else {}
        return of_file(mappings.read(document, providers), origin)
    raise ConfigError(
        f"{document.place(())}: neither LiteLLM's configuration (model_list), nor model-mappings (exact_matches, "
        "load_balancing, fallback_chains, capabilities), nor cases (cases); see docs/probe-routing.md"
    )


def of_file(found: RouteFile, origin: str) -> Intended:
    """Return what a file of routes that was read says."""
    models: dict[str, tuple[RouteTarget, ...]] = {}
    fallbacks: dict[str, tuple[str, ...]] = {}
    too_long: dict[str, tuple[str, ...]] = {}
    capabilities: dict[str, tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    for one in found.deployments:
        models[one.target.model] = (*models.get(one.target.model, ()), one.target)
        lines.setdefault(one.target.model, one.line)
    for entry in found.fallbacks:
        model, to = entry.fallback.model, entry.fallback.to
        if model.startswith(mappings.CAPABILITY):
            capabilities[model.removeprefix(mappings.CAPABILITY)] = to
            lines[model] = entry.line
        elif entry.fallback.on == ANY_ERROR and model not in fallbacks:
            fallbacks[model] = to
            lines[f"fallback {model}"] = entry.line
        elif entry.fallback.on == TOO_LONG and model not in too_long:
            too_long[model] = to
            lines[f"{TOO_LONG} {model}"] = entry.line
    return Intended(
        origin, _plain(models), _plain(fallbacks), _plain(too_long), capabilities, lines, found.problems, found.gateway
    )


def of_routes(routes: Iterable[Route], told: Told) -> list[Intended]:
    """Return what the files of this gateway say that a daemon knows, by all of its routes.

    Which of several gateways it is, is told by the ids of its deployments.
    """
    by_origin: dict[str, list[Route]] = {}
    names: set[str] = set()
    mine, ids = set(), {one.id for one in told.deployments}
    for route in routes:
        names.add(route.gateway)
        if route.origin != RUNNING:
            by_origin.setdefault(route.origin, []).append(route)
        elif any(edge.id in ids for edge in route.deployments):
            mine.add(route.gateway)
    belonging = names if len(names) == 1 else mine
    kept = {origin: [one for one in found if one.gateway in belonging] for origin, found in by_origin.items()}
    return [_of_origin(origin, found) for origin, found in kept.items() if found]


def _of_origin(origin: str, routes: Sequence[Route]) -> Intended:
    models: dict[str, tuple[RouteTarget, ...]] = {}
    fallbacks: dict[str, tuple[str, ...]] = {}
    too_long: dict[str, tuple[str, ...]] = {}
    capabilities: dict[str, tuple[str, ...]] = {}
    for route in routes:
        edges = sorted(route.fallbacks, key=lambda one: one.position)
        if route.model.startswith(mappings.CAPABILITY):
            capabilities[route.model.removeprefix(mappings.CAPABILITY)] = tuple(one.to for one in edges)
            continue
        if to := tuple(one.to for one in edges if one.on == ANY_ERROR):
            fallbacks[route.model] = to
        if to := tuple(one.to for one in edges if one.on == TOO_LONG):
            too_long[route.model] = to
        if route.deployments:
            models[route.model] = tuple(
                RouteTarget(one.id, route.model, one.provider, one.litellm_model, one.api_base, one.order, one.weight)
                for one in route.deployments
            )
    return Intended(
        origin, _plain(models), _plain(fallbacks), _plain(too_long), capabilities, gateway=routes[0].gateway
    )


def _plain(found: Mapping[str, T]) -> dict[str, T]:
    """Return it without patterns: what stands for many names cannot be asked."""
    return {name: one for name, one in found.items() if not name.startswith("/") and "*" not in name}


def matched(target: RouteTarget, group: Sequence[Deployed]) -> Deployed | None:
    """Return the running deployment that a file's is: by id, else the only one of that name (and address) there."""
    for one in group:
        if target.id and one.id == target.id:
            return one
    same = [one for one in group if _same_name(target.litellm_model, one.target)]
    if target.api_base:
        there = [one for one in same if one.api_base and _host(one.api_base) == _host(target.api_base)]
        same = there or [one for one in same if not one.api_base]
    return same[0] if len(same) == 1 else None


def _same_name(name: str, target: str) -> bool:
    return bool(name) and (name == target or target.endswith(f"/{name}"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return url
