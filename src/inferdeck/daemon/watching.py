"""Which targets the daemon watches: configured ones, those that discovery found, and this machine itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from inferdeck.config.schema import Settings, TargetConfig
from inferdeck.config.targets import Endpoint, TargetFiles
from inferdeck.errors import UsageError
from inferdeck.model.answers import Discovered
from inferdeck.model.clock import Clock
from inferdeck.model.target import TargetState
from inferdeck.sources import assembly, catalog, discovery, registry
from inferdeck.sources.assembly import Assembly, expand
from inferdeck.sources.listening import listening
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target

_log = logging.getLogger(__name__)

FILES_SECONDS = 5.0


def _prepare(kinds: Iterable[str]) -> None:
    for kind in kinds:
        registry.load(kind)
        if assembly.has_catalog(kind):
            catalog.load(kind)


class Watching:
    """Belongs to the event loop."""

    def __init__(
        self, settings: Settings, runner: Runner, assembly: Assembly, clock: Clock, own_port: int, files: TargetFiles
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._assembly = assembly
        self._clock = clock
        self._files = files
        self._discovery = discovery.Discovery(clock, lambda: listening((own_port,)))
        self._configured: set[str] = set()
        self._disabled: set[str] = set()
        self.warnings: list[str] = []
        """What is wrong with target lists."""

    def states(self) -> list[TargetState]:
        """Return every target as it is now."""
        return self._runner.states()

    def found(self) -> list[Discovered]:
        """Return what discovery has to show."""
        if not self._settings.discovery.enabled:
            return []
        return self._discovery.answers({discovery.place(state.url) for state in self.states()} | self._disabled)

    async def add_configured(self) -> None:
        """Watch what the settings name, and this machine unless it is named there or discovery is off."""
        await asyncio.to_thread(_prepare, {*self._settings.sources, "host"})
        for entries in self._settings.sources.values():
            self._disabled |= {discovery.place(entry.url) for entry in entries if not entry.enabled and entry.url}
        targets, self.warnings = self._assembly.configured(self._settings, self._files)
        for target in targets.values():
            self._add(target)
            self._configured.add(target.key.id)
        if self._settings.discovery.enabled and "host" not in self._settings.sources:
            self._add_found("host", "")

    def refuse_twice(self, kind: str, entry: TargetConfig) -> None:
        """Raise UsageError where an address of the entry is configured already."""
        for target in self._assembly.of_entry(kind, entry, expand(kind, entry, self._files)):
            if target.key.id in self._configured:
                raise UsageError(f"{target.key.id}: is in the configuration already; change it there")

    async def add_entry(self, kind: str, entry: TargetConfig) -> None:
        """Watch one more entry from now on; it takes the place of what discovery found at the same address."""
        for target in self._assembly.of_entry(kind, entry, expand(kind, entry, self._files)):
            place = discovery.place(target.url)
            for state in self.states():
                same = state.origin == "discovered" and discovery.place(state.url) == place
                if same or state.key.id == target.key.id:
                    await self._runner.remove(state.key.id)
            self._runner.add(target)
            self._configured.add(target.key.id)

    async def keep_looking(self, announce: Callable[[str], None]) -> None:
        """Follow file_sd files and look for services until cancelled; say once what was found."""
        jobs = [self._follow_files()]
        if self._settings.discovery.enabled:
            jobs.append(self._discover(announce))
        await asyncio.gather(*jobs)

    async def _follow_files(self) -> None:
        listing = [entry for entries in self._settings.sources.values() for entry in entries if entry.file_sd]
        while listing:
            await self._clock.sleep(FILES_SECONDS)
            changed = [self._files.changed(entry) for entry in listing]
            if any(changed):
                await self._reconcile()

    async def _reconcile(self) -> None:
        """Make the watched targets those that the entries name now; the others of discovery stay."""
        targets, self.warnings = self._assembly.configured(self._settings, self._files)
        for target_id in self._configured - targets.keys():
            await self._runner.remove(target_id)
        for target_id in targets.keys() - self._configured:
            self._add(targets[target_id])
        self._configured = set(targets)

    async def _discover(self, announce: Callable[[str], None]) -> None:
        first = True
        while True:
            try:
                await self._look(announce)
                if first:
                    self._announce_rest(announce)
            except Exception:
                # One odd socket or process must not end discovery for good.
                _log.exception("looking for services failed; the next look is in %g s", discovery.ROUND_SECONDS)
            first = False
            await self._clock.sleep(discovery.ROUND_SECONDS)

    async def _look(self, announce: Callable[[str], None]) -> None:
        found = await self._discovery.look()
        # Catalogs and modules of new kinds take their time to load: not on the loop.
        await asyncio.to_thread(_prepare, {one.kind for one in found})
        known = {discovery.place(state.url) for state in self.states()} | self._disabled
        for one in found:
            if discovery.place(one.url) not in known:
                self._add_found(one.kind, one.url)
                announce(f"found {one.kind} at {one.instance}")

    def _announce_rest(self, announce: Callable[[str], None]) -> None:
        jobs = {state.source_kind for state in self.states()}
        for kind in registry.KINDS:
            if kind not in jobs and kind != "host":
                url = registry.kind(kind).default_url.replace("127.0.0.1", "HOST")
                announce(f"no {kind} found; to watch one: sources: {{{kind}: [{{url: {url}}}]}}")
        for one in self.found():
            if one.fix:
                announce(f"{one.address}: {one.note}; {one.fix}")

    def _add_found(self, kind: str, url: str) -> None:
        entry = registry.config_class(kind).model_validate({"url": url} if url else {})
        self._add(self._assembly.target(kind, entry, Endpoint(url, {}, "discovery"), origin="discovered"))

    def _add(self, target: Target) -> None:
        if target.key.id not in {state.key.id for state in self.states()}:
            self._runner.add(target)
