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
from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetState
from inferdeck.sources import assembly, catalog, discovery, registry
from inferdeck.sources.assembly import Assembly, expand
from inferdeck.sources.listening import listening
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target

_log = logging.getLogger(__name__)

FILES_SECONDS = 5.0
AT_ONCE = 50
"""Targets that begin before the loop has its turn."""


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
        self._configured: dict[str, Labels] = {}
        """The labels of each configured target, by id."""
        self._reading = asyncio.Lock()
        """Target files are read in a thread, by one at a time."""
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
        await self._changed()
        for target in (await self._named()).values():
            self._add(target)
            self._configured[target.key.id] = target.extra
        if self._settings.discovery.enabled and "host" not in self._settings.sources:
            self._add_found("host", "")

    async def refuse_twice(self, kind: str, entry: TargetConfig) -> None:
        """Raise UsageError where an address of the entry is configured already."""
        for target in await self._of_entry(kind, entry):
            if target.key.id in self._configured:
                raise UsageError(f"{target.key.id}: is in the configuration already; change it there")

    async def add_entry(self, kind: str, entry: TargetConfig) -> None:
        """Watch one more entry from now on; it takes the place of what discovery found at the same address."""
        for target in await self._of_entry(kind, entry):
            place = discovery.place(target.url)
            for state in self.states():
                same = state.origin == "discovered" and discovery.place(state.url) == place
                if same or state.key.id == target.key.id:
                    await self._runner.remove(state.key.id)
            self._runner.add(target)
            self._configured[target.key.id] = target.extra

    async def keep_looking(self, announce: Callable[[str], None]) -> None:
        """Follow file_sd files and look for services until cancelled; say once what was found."""
        jobs = [self._follow_files()]
        if self._settings.discovery.enabled:
            jobs.append(self._discover(announce))
        await asyncio.gather(*jobs)

    async def _follow_files(self) -> None:
        while any(entry.file_sd for entries in self._settings.sources.values() for entry in entries):
            await self._clock.sleep(FILES_SECONDS)
            try:
                if await self._changed():
                    await self._reconcile()
            except Exception:
                # One odd file must not end the watch over the others.
                _log.exception("following target files failed; the next look is in %g s", FILES_SECONDS)

    async def _changed(self) -> bool:
        """Say whether a target file came, went or was written since the last time this was asked."""
        listing = [entry for entries in self._settings.sources.values() for entry in entries if entry.file_sd]

        def look() -> bool:
            # Every entry is asked, since asking is what notes the state of its files.
            changed = [self._files.changed(entry) for entry in listing]
            return any(changed)

        async with self._reading:
            return await asyncio.to_thread(look)

    async def _named(self) -> dict[str, Target]:
        """Return what the entries name now, and note what is wrong with their files."""
        async with self._reading:
            targets, warnings = await asyncio.to_thread(self._assembly.configured, self._settings, self._files)
        for text in warnings:
            if text not in self.warnings:
                _log.warning("%s", text)
        self.warnings = warnings
        return targets

    async def _of_entry(self, kind: str, entry: TargetConfig) -> list[Target]:
        async with self._reading:
            expanded = await asyncio.to_thread(expand, kind, entry, self._files)
        return list(self._assembly.of_entry(kind, entry, expanded))

    async def _reconcile(self) -> None:
        """Make the watched targets those that the entries name now; the others of discovery stay."""
        targets = await self._named()
        for target_id, extra in list(self._configured.items()):
            if target_id not in targets or targets[target_id].extra != extra:
                await self._runner.remove(target_id)
                del self._configured[target_id]
        for number, (target_id, target) in enumerate(targets.items()):
            if target_id not in self._configured:
                self._add(target)
                self._configured[target_id] = target.extra
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

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
        if not self._runner.watches(target.key.id):
            self._runner.add(target)
