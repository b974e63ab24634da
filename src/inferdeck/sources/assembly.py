"""From settings to targets: each address of each entry becomes a source with the stages of its kind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from inferdeck.config.schema import Settings, TargetConfig
from inferdeck.config.targets import Endpoint, Expanded, TargetFiles, expand_targets
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog, registry
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import KeepsAnswers
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.pipeline import target_labels
from inferdeck.sources.repair import Repair
from inferdeck.sources.watch import Target

_PORTS = {"tcp": 2375, "http": 80, "https": 443, "redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379}


class Assembly:
    """Makes targets for one daemon; `environment` is that of entries which name none.

    answers: the folder in which sources keep what they were told; without one they forget it when they end.
    """

    def __init__(self, http: HttpClient, clock: Clock, environment: str, answers: Path | None = None) -> None:
        self._http = http
        self._clock = clock
        self._environment = environment
        self._answers = answers

    def configured(self, settings: Settings, files: TargetFiles) -> tuple[dict[str, Target], list[str]]:
        """Return every target that the settings name, by id, and what is wrong with their file_sd files."""
        found: dict[str, Target] = {}
        warnings: list[str] = []
        for kind, entries in settings.sources.items():
            for entry in entries:
                if not entry.enabled:
                    continue
                expanded = expand(kind, entry, files)
                warnings += expanded.warnings
                for target in self.of_entry(kind, entry, expanded):
                    if found.setdefault(target.key.id, target) is not target:
                        warnings.append(f"{target.key.id}: configured twice; give one of them another environment")
        return found, warnings

    def of_entry(self, kind: str, entry: TargetConfig, expanded: Expanded) -> Iterator[Target]:
        """Yield the targets of one entry."""
        single = len(expanded.endpoints) == 1
        for endpoint in expanded.endpoints:
            yield self.target(kind, entry, endpoint, name=(entry.name or "") if single else "")

    def target(
        self, kind: str, entry: TargetConfig, endpoint: Endpoint, *, name: str = "", origin: str = "configured"
    ) -> Target:
        """Return one target; its source is made but not asked yet."""
        job = getattr(entry, "job", None) or kind
        key = TargetKey(job, instance(kind, endpoint.url), entry.environment or self._environment)
        config = entry.model_copy(update={"url": endpoint.url or None, "targets": (), "file_sd": ()})
        extra = target_labels(key, {**endpoint.labels, **entry.labels, **_observer(kind, entry)})
        source = registry.make(kind, config, self._http, self._clock, key, extra)
        if self._answers is not None and isinstance(source, KeepsAnswers):
            source.keep_in(self._answers / kind)
        known = catalog.load(kind) if has_catalog(kind) else None
        return Target(
            key=key,
            source=source,
            config=config,
            url=endpoint.url or key.instance,
            extra=extra,
            name=name,
            origin=origin,
            repair=partial(Repair, known) if known else None,
            mapper=Mapper(known, _constants(known, entry, extra)) if known else None,
            enabled_probes=frozenset(
                probe.name for probe in source.probes if probe.enabled_by and getattr(config, probe.enabled_by, False)
            ),
        )


def expand(kind: str, entry: TargetConfig, files: TargetFiles) -> Expanded:
    """Return the addresses of one entry; a kind that needs none (the host itself) has one empty address."""
    scheme = urlsplit(registry.kind(kind).default_url).scheme or "http"
    # What is written as host:port is no socket.
    found = expand_targets(entry, scheme="tcp" if scheme == "unix" else scheme, files=files)
    if not found.endpoints and not entry.needs_url and not entry.file_sd:
        return Expanded((Endpoint("", {}, "this machine"),), found.warnings)
    return found


def instance(kind: str, url: str) -> str:
    """Return the `instance` label: host:port, the path of a unix socket, or this machine's name."""
    if not url:
        return socket.gethostname()
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else (parts.hostname or "")
    default = urlsplit(registry.kind(kind).default_url).port if parts.scheme not in _PORTS else _PORTS[parts.scheme]
    return f"{host}:{parts.port or default}"


def _observer(kind: str, entry: TargetConfig) -> dict[str, str]:
    """Return the label that says who counted, which the mapping of other kinds sets on canonical series alone."""
    mapped = has_catalog(kind) and catalog.load(kind).identity
    name = None if mapped else getattr(entry, "gateway", None)
    return {"gateway": name} if name else {}


def _constants(known: catalog.Catalog, entry: TargetConfig, extra: Labels) -> dict[str, str]:
    """Return the labels of canonical series; a configured `gateway` (or `engine`) name stands for the address."""
    named = getattr(entry, known.identity, None) if known.identity else None
    return {**({known.identity: named} if named else {}), **dict(extra)}


def has_catalog(kind: str) -> bool:
    """Return whether a kind has a catalog (any exposition endpoint has none)."""
    return (Path(catalog.FOLDER) / kind / "catalog.yaml").exists()
