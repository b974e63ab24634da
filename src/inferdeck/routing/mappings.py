"""model-mappings.yaml and providers.yaml: which provider serves which public model, and what is tried after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from inferdeck.config.complaints import explain, unknown
from inferdeck.config.document import Document, KeyPath, shown
from inferdeck.config.schema import Section
from inferdeck.model.stack import RouteFallback, RouteTarget
from inferdeck.routing.interface import ANY_ERROR, Deployment, Fallback, Keyed, RouteFile, place_of
from inferdeck.routing.mappings_schema import (
    Balanced,
    Capability,
    Chain,
    ExactMatch,
    ModelMappings,
    Pattern,
    Provider,
    Share,
)

S = TypeVar("S", bound=Section)
CAPABILITY = "capability "
"""How the public name of a pool begins."""
_SECTIONS = ("providers", "exact_matches", "load_balancing", "fallback_chains", "capabilities")
_PATTERNS = ("pattern_matches", "patterns")


@dataclass(slots=True)
class _Reading:
    """One file; every entry is checked by itself, so that a broken one takes no other with it."""

    document: Document
    problems: list[str] = field(default_factory=list)

    def entries(self, kind: type[S], path: KeyPath, value: Any) -> Iterator[tuple[str, S, KeyPath]]:
        if value is None:
            return
        if not isinstance(value, dict):
            self.complain(path, "expected a mapping (key: value)")
            return
        for name, entry in value.items():
            found = self.checked(kind, (*path, name), {"chain": entry} if _is_bare_chain(kind, entry) else entry)
            if found is not None:
                yield name, found, (*path, name)

    def checked(self, kind: type[S], path: KeyPath, value: Any) -> S | None:
        """Return the entry; one whose only fault are unknown keys is taken without them."""
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            self.problems += explain(error, kind, path, lambda key: (self.document.place(key), key))
            faults = error.errors(include_url=False)
            if isinstance(value, dict) and all(one["type"] == "extra_forbidden" for one in faults):
                strange = {one["loc"][0] for one in faults if len(one["loc"]) == 1}
                rest = {key: item for key, item in value.items() if key not in strange}
                return kind.model_validate(rest) if len(strange) == len(faults) else None
            return None

    def complain(self, path: KeyPath, message: str) -> None:
        self.problems.append(f"{self.document.place(path)}: {shown(path)}: {message}")

    def line(self, path: KeyPath) -> int:
        _, _, number = self.document.place(path).rpartition(":")
        return int(number) if number.isdecimal() else 0


def providers(document: Document) -> tuple[dict[str, Provider], tuple[str, ...]]:
    """Read providers.yaml; returns what is wrong in it as well."""
    reading = _Reading(document)
    data = document.data if isinstance(document.data, dict) else {}
    if "providers" not in data:
        reading.complain((), "has no providers")
    found = {name: one for name, one, _ in reading.entries(Provider, ("providers",), data.get("providers"))}
    return found, (*document.problems, *reading.problems)


def read(document: Document, beside: Mapping[str, Provider] | None = None) -> RouteFile:
    """Return the routes; beside: the providers of the providers.yaml in the same folder."""
    reading = _Reading(document)
    data = document.data if document.data is not None else {}
    if not isinstance(data, dict):
        return RouteFile(problems=(*document.problems, f"{document.place(())}: expected a mapping"))
    plain = {key: value for key, value in data.items() if key not in (*_SECTIONS, *_PATTERNS)}
    head = reading.checked(ModelMappings, (), plain) or ModelMappings()
    routes = _Routes(reading, data, beside or {})
    routes.read()
    return RouteFile(
        tuple(routes.deployments),
        tuple(routes.fallbacks),
        problems=(*document.problems, *_in_order(reading.problems)),
        gateway=head.gateway,
        environment=head.environment,
    )


class _Routes:
    def __init__(self, reading: _Reading, data: Mapping[str, Any], beside: Mapping[str, Provider]) -> None:
        self.reading = reading
        self.data = data
        inline = {name: one for name, one, _ in reading.entries(Provider, ("providers",), data.get("providers"))}
        self.providers = {**beside, **inline}
        self.deployments: list[Deployment] = []
        self.fallbacks: list[Fallback] = []
        self.exact = list(reading.entries(ExactMatch, ("exact_matches",), data.get("exact_matches")))
        self.balanced = list(reading.entries(Balanced, ("load_balancing",), data.get("load_balancing")))
        self.names = {name for name, *_ in (*self.exact, *self.balanced)}

    def read(self) -> None:
        for name, one, path in self.exact:
            limits = {"weight": one.weight, "rpm": one.rpm, "tpm": one.tpm}
            self.deploy(name, one.provider, one.backend_model or name, path, "provider", limits)
            self.after(name, one.fallback, (*path, "fallback"))
        for name, balanced, path in self.balanced:
            self.balance(name, balanced, path)
        for section in _PATTERNS:
            self.patterns(section)
        sections = self.data.get("fallback_chains")
        for name, chain, path in self.reading.entries(Chain, ("fallback_chains",), sections):
            self.after(name, [one for one in chain.chain if one != name], (*path, "chain"))
        sections = self.data.get("capabilities")
        for name, pool, path in self.reading.entries(Capability, ("capabilities",), sections):
            self.after(f"{CAPABILITY}{name}", pool.preferred_models, (*path, "preferred_models"), "preference")

    def balance(self, name: str, balanced: Balanced, path: KeyPath) -> None:
        own = next((one for exact, one, _ in self.exact if exact == name), None)
        for index, item in enumerate(balanced.providers):
            share = item if isinstance(item, Share) else Share(name=item)
            if own is not None and share.name == own.provider and share.backend_model in (None, own.backend_model):
                continue
            there = share.backend_model or (own.backend_model if own else None) or name
            where = (*path, "providers", index)
            self.deploy(name, share.name, there, where, "name", {"weight": share.weight})

    def patterns(self, section: str) -> None:
        entries = self.data.get(section)
        if entries is not None and not isinstance(entries, list):
            self.reading.complain((section,), "expected a list")
            return
        for index, entry in enumerate(entries or ()):
            path = (section, index)
            found = self.reading.checked(Pattern, path, entry)
            if found is None:
                continue
            try:
                re.compile(found.pattern)
            except (re.error, OverflowError, RecursionError) as error:
                self.reading.complain((*path, "pattern"), f"is no regular expression: {error}")
                continue
            name = f"/{found.pattern}/"
            self.deploy(name, found.provider, "", path, "provider", {})
            self.after(name, found.fallback, (*path, "fallback"))

    def deploy(
        self, model: str, provider: str, there: str, path: KeyPath, key: str, limits: Mapping[str, int | None]
    ) -> None:
        known = self.providers.get(provider)
        if self.providers and known is None:
            self.reading.complain((*path, key), unknown(provider, self.providers, "provider"))
        place = place_of(known.base_url) if known is not None else ""
        told = {name: str(value) for name, value in limits.items() if value is not None}
        given = {"model": model, "litellm_model": there, "api_base": place, "provider": provider, **told}
        line = self.reading.line(path)
        keyed = {name: Keyed(value, shown(path), line) for name, value in given.items() if value}
        target = RouteTarget(
            id=f"{provider}/{there or model}",
            model=model,
            provider=provider,
            litellm_model=there,
            api_base=place,
            weight=told.get("weight", ""),
            requests_per_minute=told.get("rpm", ""),
            tokens_per_minute=told.get("tpm", ""),
            origin="file" if known is None or known.status == "active" else known.status,
        )
        self.deployments.append(Deployment(target, shown(path), line, keyed))

    def after(self, model: str, names: Iterable[str], path: KeyPath, on: str = ANY_ERROR) -> None:
        """Note what is tried after a model: other models, or the same one at other providers."""
        models: list[str] = []
        there = {one.target.provider for one in self.deployments if one.target.model == model}
        for place, name in enumerate(names):
            if name in self.names or name not in self.providers:
                if name not in self.names:
                    candidates = (*self.names, *self.providers)
                    self.reading.complain(path, f'"{name}": {unknown(name, candidates, "model or provider")}')
                models.append(name)
            elif name not in there:
                self.deploy(model, name, model, path, "", {})
                last = self.deployments[-1]
                self.deployments[-1] = _later(last, place + 2)
        if models:
            self.fallbacks.append(
                Fallback(RouteFallback(model, tuple(models), on), shown(path), self.reading.line(path))
            )


def _later(one: Deployment, order: int) -> Deployment:
    return replace(one, target=replace(one.target, order=str(order)))


def _is_bare_chain(kind: type[Section], entry: Any) -> bool:
    return kind is Chain and isinstance(entry, list | str)


def _in_order(problems: Iterable[str]) -> list[str]:
    def position(text: str) -> int:
        parts = text.split(":", 2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0

    return sorted(dict.fromkeys(problems), key=position)
