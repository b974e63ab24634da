"""What Prometheus' interface tells of the daemon, and the door through which samples are pushed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping, Sequence

from ruamel.yaml import YAML

from inferdeck.api.prometheus.site import HeadFacts
from inferdeck.config.schema import Settings
from inferdeck.model.clock import Clock
from inferdeck.model.metric import MetricDescriptor, MetricType
from inferdeck.model.target import TargetState
from inferdeck.query.interface import FamilyFacts
from inferdeck.receive.remote_write import Receiver, Written
from inferdeck.sources import assembly, catalog, registry
from inferdeck.sources.interface import Collected
from inferdeck.sources.runner import Runner
from inferdeck.store.metrics.database import MetricDatabase


class DaemonSite:
    """Implements api.prometheus.site.Site; `families` may be asked from any thread, the rest belongs to the loop."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        database: MetricDatabase,
        runner: Runner,
        receiver: Receiver,
        started: float,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._database = database
        self._runner = runner
        self._receiver = receiver
        self._started = started

    def now_ms(self) -> int:
        return int(self._clock.now() * 1000)

    def started_ms(self) -> int:
        return int(self._started * 1000)

    def targets(self) -> Sequence[TargetState]:
        return self._runner.states()

    def target_families(self) -> Sequence[tuple[TargetState, Mapping[str, FamilyFacts]]]:
        found = []
        for state in self._runner.states():
            last = self._runner.last(state.key.id)
            found.append((state, {} if last is None else _told(last)))
        return found

    def families(self) -> Mapping[str, Sequence[FamilyFacts]]:
        """Return what targets told and what their catalogs know, by name; the targets' own words come first."""
        found: dict[str, dict[FamilyFacts, None]] = {}
        kinds = []
        for state, told in self.target_families():
            kinds.append(state.key.job)
            for name, facts in told.items():
                found.setdefault(name, {})[facts] = None
        for kind in dict.fromkeys(kinds):
            for name, facts in _catalogued(kind):
                found.setdefault(name, {facts: None})
        return {name: list(found[name]) for name in sorted(found)}

    def config_yaml(self) -> str:
        stream = io.StringIO()
        YAML(typ="safe", pure=True).dump(self._settings.masked(), stream)
        return stream.getvalue()

    def flags(self) -> Mapping[str, str]:
        settings = self._settings
        return {
            "query.lookback-delta": "5m",
            "query.max-concurrency": str(settings.query.parallel),
            "query.max-samples": str(settings.query.max_samples),
            "query.timeout": f"{settings.query.timeout:g}s",
            "storage.tsdb.path": str(settings.data_dir),
            "storage.tsdb.retention.size": f"{settings.store.retention_size or 0}B",
            "storage.tsdb.retention.time": self.retention(),
            "web.enable-remote-write-receiver": "true",
            "web.listen-address": f"{settings.listen.host}:{settings.listen.port}",
        }

    def directory(self) -> str:
        return str(self._settings.data_dir)

    def retention(self) -> str:
        age = self._settings.store.retention_age
        return "0s" if age is None else f"{age / 86400:g}d" if age >= 86400 else f"{age:g}s"

    async def head(self) -> HeadFacts:
        found = await asyncio.to_thread(self._database.stats)
        return HeadFacts(found.series, found.samples, found.oldest_ms or 0, found.newest_ms or 0)

    async def write(self, body: bytes, version: int) -> Written:
        return await self._receiver.write(body, version)


def _told(last: Collected) -> dict[str, FamilyFacts]:
    return {name: _facts(descriptor) for name, descriptor in last.families.items()}


def _catalogued(kind: str) -> list[tuple[str, FamilyFacts]]:
    if kind not in registry.KINDS or not assembly.has_catalog(kind):
        return []
    known = catalog.load(kind)
    found = []
    for metric in known.metrics:
        if "*" not in metric.descriptor.name:
            found.append((metric.descriptor.name, _facts(metric.descriptor)))
        for name in metric.canonical:
            text = f"{metric.descriptor.help} (from {metric.descriptor.name})"
            found.append((name, FamilyFacts(_type(metric.descriptor.type), text, metric.descriptor.unit)))
    return found


def _facts(descriptor: MetricDescriptor) -> FamilyFacts:
    return FamilyFacts(_type(descriptor.type), descriptor.help, descriptor.unit)


def _type(kind: MetricType) -> str:
    return "unknown" if kind is MetricType.UNTYPED else kind.value
