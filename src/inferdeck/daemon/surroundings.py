"""What the daemon knows at a moment, as the values that status, doctor and /metrics are made from."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import psutil

from inferdeck import __version__
from inferdeck.api import own_metrics
from inferdeck.api.guard import is_loopback
from inferdeck.config.schema import Settings
from inferdeck.config.secrets import secrets_of
from inferdeck.daemon.history import receiver, store_state
from inferdeck.daemon.own_machine import OwnMachine
from inferdeck.daemon.pulse import Pulse
from inferdeck.daemon.watching import Watching
from inferdeck.model.answers import Own, RemoteWrite, StoreState, number
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetState
from inferdeck.pricing.published import PriceBook
from inferdeck.query.evidence import Facts
from inferdeck.query.status import Surroundings
from inferdeck.sources import assembly, catalog, registry
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.remote_write import RemoteWriteSink

T = TypeVar("T")

STORE_AGE_SECONDS = 10.0
NAMES_WINDOW_MS = 300_000
NAMES_AGE_SECONDS = 60.0
"""How old the metric names of each target may be: they change with a program's version."""
ANY_EXPOSITION = "prometheus"
"""Its catalog lists some well-known families; what it does not list is wanted all the same."""
_ASK_SECONDS = 5.0
_MOST_CLAIMS = 20_000


class Surrounding:
    """Gathers; `around` and `facts` may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        database: MetricDatabase,
        watching: Watching,
        pulse: Pulse,
        url: str,
        sinks: Sequence[RemoteWriteSink] = (),
        note: Callable[[], str] = lambda: "",
        prices: PriceBook | None = None,
    ) -> None:
        self._prices = prices
        self._settings = settings
        self._clock = clock
        self._database = database
        self._watching = watching
        self._pulse = pulse
        self._url = url
        self._sinks = sinks
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._home = threading.get_ident()
        self._store: tuple[float, StoreState] | None = None
        self._told_names: tuple[float, frozenset[str], dict[str, tuple[str, ...]]] | None = None
        self.machine = OwnMachine(clock, urlsplit(url).port or 0, watching.states)
        """What is seen of our own machine."""

    def around(self) -> Surroundings:
        """Return the targets, the store and our own cost as they are now."""
        watching = self._watching
        states, found, missing = self._on_loop(lambda: (watching.states(), watching.found(), watching.not_found()))
        own = self.own(states)
        now = self._clock.now()
        return Surroundings(now, states, found, self.store(), own, self.receivers(), missing, self.machine.seen())

    def store(self) -> StoreState:
        """Return the store's state, its counts at most STORE_AGE_SECONDS old; whether it writes is always of now."""
        now = time.monotonic()
        # What has not counted anything yet costs nothing to ask again, and its answer is soon wrong.
        empty = self._store is not None and self._store[1].series.value is None
        if self._store is None or empty or now - self._store[0] > STORE_AGE_SECONDS:
            self._store = (now, store_state(self._database, str(self._settings.data_dir), self._clock.now()))
        found = self._store[1]
        values = {name: getattr(found, name) for name in StoreState.__dataclass_fields__}
        return StoreState(**{**values, "writing": self._database.writing, "trouble": self._database.trouble})

    def receivers(self) -> tuple[RemoteWrite, ...]:
        """Return every remote write as it is now."""
        now = self._clock.now()
        found = [receiver(sink.stats(), now) for sink in self._sinks]
        names = [one.name for one in found]
        return tuple(
            replace(one, name=f"{one.name} ({number})") if names.count(one.name) > 1 else one
            for number, one in enumerate(found, 1)
        )

    def own(self, states: list[TargetState]) -> Own:
        """Return what watching costs."""
        pulse = self._pulse
        age = max(1.0, self._clock.now() - pulse.started)
        requests = sum(state.requests_total for state in states)
        return Own(
            version=__version__,
            pid=os.getpid(),
            started=pulse.started,
            url=self._url,
            cpu=number(pulse.cpu_share(), "ratio", source="process CPU over the last minute"),
            memory=number(pulse.memory_bytes() or None, "bytes", source="resident memory"),
            targets=number(len(states), "count", source="runner"),
            requests=number(requests / age, "requests/s", source="requests sent since the start"),
            loop_lag=number(pulse.loop_lag(), "seconds", source="longest of the last minute"),
            note=self._note(),
        )

    def metrics(self) -> str:
        """Return the daemon's own metrics in the Prometheus text format."""
        states, store, pulse = self._on_loop(self._watching.states), self.store(), self._pulse
        lag, files = pulse.loop_lag(), pulse.open_files()
        build = {"version": __version__, "python": platform.python_version()}
        samples: dict[str, list[own_metrics.Sample]] = {
            **own_metrics.of_targets(states),
            **own_metrics.of_receivers(self.receivers(), self._clock.now()),
            **self.own_prices(),
            "inferdeck_build_info": [(build, 1.0)],
            "inferdeck_store_writing": [({}, float(store.writing))],
            "inferdeck_store_series": own_metrics.one(store.series),
            "inferdeck_store_samples": own_metrics.one(store.samples),
            "inferdeck_store_bytes": own_metrics.one(store.size),
            "inferdeck_store_quarantined_chunks": own_metrics.one(store.quarantined),
            "inferdeck_loop_lag_seconds": [] if lag is None else [({}, lag)],
            "inferdeck_loop_stalls_total": [({}, float(pulse.stalls))],
            "process_cpu_seconds_total": [({}, time.process_time())],
            "process_resident_memory_bytes": [({}, float(pulse.memory_bytes()))],
            "process_open_fds": [] if files is None else [({}, float(files))],
            "process_start_time_seconds": [({}, pulse.started)],
        }
        return own_metrics.render(samples)

    def own_prices(self) -> dict[str, list[own_metrics.Sample]]:
        """Return the samples that say how old the published prices are."""
        return own_metrics.of_prices(self._prices.source(self._clock.now()) if self._prices else None)

    def facts(self) -> Facts:
        """Return what doctor looks at beside the targets and the samples."""
        settings = self._settings
        states = self._on_loop(self._watching.states)
        usage = shutil.disk_usage(settings.data_dir)
        return Facts(
            data_dir=str(settings.data_dir),
            filesystem=filesystem(settings.data_dir),
            disk_free_bytes=usage.free,
            disk_total_bytes=usage.total,
            config_file=str(settings.file or ""),
            config_readable_by_others=readable_by_others(settings.file),
            config_has_secrets=has_secrets(settings),
            config_warnings=(*settings.warnings, *self._watching.warnings),
            listen=f"{settings.listen.host}:{settings.listen.port}",
            loopback=is_loopback(settings.listen.host),
            clock_jumps=self._pulse.jumps(),
            names=self._names(states),
            claimed=claimed,
            versions=known_versions(),
        )

    def _names(self, states: Sequence[TargetState]) -> dict[str, tuple[str, ...]]:
        """Return them from one walk for all targets, since a question for each looks at every series of the store."""
        keys = frozenset(state.key.id for state in states)
        known = self._told_names
        if known is None or known[1] != keys or not 0 <= self._clock.now() - known[0] < NAMES_AGE_SECONDS:
            now = int(self._clock.now() * 1000)
            found = names_of(self._database.series([], now - NAMES_WINDOW_MS, now), states)
            known = self._told_names = (now / 1000, keys, found)
        return known[2]

    def _on_loop(self, ask: Callable[[], T]) -> T:
        """The runner belongs to the loop: a question from another thread is asked there."""
        if threading.get_ident() == self._home:
            return ask()

        async def asked() -> T:
            return ask()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(_ASK_SECONDS)


def names_of(series: Iterable[Labels], states: Iterable[TargetState]) -> dict[str, tuple[str, ...]]:
    """Return the sorted metric names among the series of each target, by its id."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in series:
        labels = dict(one)
        target = (labels.get("job", ""), labels.get("instance", ""), labels.get("environment", ""))
        found[target].add(labels.get("__name__", ""))
    keys = [state.key for state in states]
    return {key.id: tuple(sorted(found.get((key.job, key.instance, key.environment), ()))) for key in keys}


@lru_cache(maxsize=_MOST_CLAIMS)
def claimed(kind: str, name: str) -> bool:
    """Return whether the kind's catalog knows a stored metric name; a kind without a catalog knows all."""
    if kind not in registry.KINDS or kind == ANY_EXPOSITION or not assembly.has_catalog(kind):
        return True
    known = catalog.load(kind)
    return known.sample(name)[0] is not None or known.claim(name).kind is not catalog.ClaimKind.UNCLAIMED


def known_versions() -> dict[str, tuple[str, str]]:
    """Return, per kind whose catalog tells of versions, the oldest and the newest one."""
    found: dict[str, tuple[str, str]] = {}
    for kind in registry.KINDS:
        if assembly.has_catalog(kind):
            metrics = catalog.load(kind).metrics
            told = {text for metric in metrics for text in (metric.since, metric.until) if re.match(r"\d", text)}
            if told:
                ordered = sorted(told, key=_numbers)
                found[kind] = (ordered[0], ordered[-1])
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def filesystem(path: Path) -> str:
    """Return the type of the file system that holds the path, "" where the system does not tell."""
    try:
        parts = psutil.disk_partitions(all=True)
    except (psutil.Error, OSError):
        return ""
    real = path.resolve()
    under = [part for part in parts if real.is_relative_to(part.mountpoint)]
    return max(under, key=lambda part: len(part.mountpoint)).fstype if under else ""


def readable_by_others(file: Path | None) -> bool:
    """Return whether every user of the machine may read the file."""
    try:
        return file is not None and bool(file.stat().st_mode & 0o004)
    except OSError:
        return False


def has_secrets(settings: Settings) -> bool:
    """Return whether the configuration file holds one of its secrets as text."""
    try:
        text = settings.file.read_text(encoding="utf-8") if settings.file is not None else ""
    except (OSError, UnicodeDecodeError):
        return False
    return any(len(secret) >= 4 and secret in text for secret in secrets_of(settings))
