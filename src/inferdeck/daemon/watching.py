"""Which targets the daemon watches: configured ones, those that discovery found, and this machine itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from inferdeck import errors
from inferdeck.config import lines
from inferdeck.config.schema import Settings, TargetConfig
from inferdeck.config.secrets import LoadContext
from inferdeck.config.targets import Endpoint, TargetFiles
from inferdeck.daemon.served import served
from inferdeck.errors import UsageError
from inferdeck.model.answers import Discovered, NotFound
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.target import Health, TargetState
from inferdeck.sources import assembly, catalog, discovery, dockerd, presence, published, registry
from inferdeck.sources.assembly import Assembly, expand
from inferdeck.sources.discovery import Found
from inferdeck.sources.interface import FollowsModels
from inferdeck.sources.listening import Sockets
from inferdeck.sources.runner import Runner
from inferdeck.sources.watch import Target

_log = logging.getLogger(__name__)

FILES_SECONDS = 5.0
MODELS_SECONDS = 5.0
FORGET_SECONDS = 86_400.0
"""How long a target that discovery found, and finds no more, is shown as down."""
AT_ONCE = 50
"""Targets that begin before the loop has its turn."""
KEY_NEEDED = errors.kind_name(errors.AuthError)


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
        self._discovery = discovery.Discovery(
            clock, Sockets((own_port,)), sockets=published.sockets, local=presence.local()
        )
        self._found: dict[str, tuple[Found, float]] = {}
        """What discovery found, by the target's id, and when it last did (monotonic seconds)."""
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
        states = self.states()
        kinds = {state.source_kind for state in states} | set(self._settings.sources)
        watched = {self._place(state.url): state for state in states if "://" in state.url}
        shown = self._discovery.answers(self._places(), kinds)
        return [_with_key(one, watched.get(self._place(one.address)) if ":" in one.address else None) for one in shown]

    def not_found(self) -> list[NotFound]:
        """Return the kinds of this machine's services that neither the settings name nor discovery has found."""
        if not self._settings.discovery.enabled or not self._discovery.looked:
            return []
        there = {state.source_kind for state in self.states()} | {one.kind for one in self.found()}
        missing = [kind for kind in registry.KINDS.values() if kind.name not in {*there, *self._settings.sources}]
        return [_not_found(kind) for kind in missing if _is_looked_for(kind)]

    async def add_configured(self) -> None:
        """Watch what the settings name, and this machine unless it is named there or discovery is off."""
        await asyncio.to_thread(_prepare, {*self._settings.sources, "host"})
        for entries in self._settings.sources.values():
            self._disabled |= {self._place(entry.url) for entry in entries if not entry.enabled and entry.url}
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
            place = self._place(target.url if "://" in target.url or kind != "docker" else dockerd.place())
            for state in self.states():
                same = state.origin == "discovered" and "://" in state.url and self._place(state.url) == place
                if same or state.key.id == target.key.id:
                    await self._runner.remove(state.key.id)
            self._runner.add(target)
            self._configured[target.key.id] = target.extra

    async def keep_looking(self, announce: Callable[[str], None]) -> None:
        """Follow file_sd files and look for services until cancelled; say once what was found."""
        jobs = [self._follow_files(), self._keep_telling()]
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

    async def _keep_telling(self) -> None:
        """Tell sources that look models up what is served, whenever that changes or such a source comes."""
        told: tuple[list[FollowsModels], frozenset[str]] = ([], frozenset())
        while True:
            followers: list[FollowsModels] = [
                source for source in self._runner.sources() if isinstance(source, FollowsModels)
            ]
            now = (followers, served(self.states()) if followers else frozenset[str]())
            if now != told:
                told = now
                for source in followers:
                    source.follow(now[1])
            await self._clock.sleep(MODELS_SECONDS)

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
            more = False
            try:
                await self._look(announce)
                more = self._discovery.more
                if first and not more:
                    self._announce_rest(announce)
            except Exception:
                # One odd socket or process must not end discovery for good.
                _log.exception("looking for services failed; the next look is in %g s", discovery.ROUND_SECONDS)
            first = first and more
            if not more:
                await self._clock.sleep(discovery.ROUND_SECONDS)

    async def _look(self, announce: Callable[[str], None]) -> None:
        found = await self._discovery.look()
        # Catalogs and modules of new kinds take their time to load: not on the loop.
        await asyncio.to_thread(_prepare, {one.kind for one in found if one.kind in registry.KINDS})
        now = self._clock.monotonic()
        known = self._places()
        for one in found:
            before = self._found_before(one)
            if before and self._found[before][0].kind == one.kind:
                self._found[before] = (one, now)
            elif before:
                # Another program has taken the port.
                await self._forget(before)
            elif self._is_known(one, known):
                continue
            if not before or before not in self._found:
                self._add_new(one, now, announce)
        for target_id, (_, last) in list(self._found.items()):
            state = next((state for state in self.states() if state.key.id == target_id), None)
            if state is None or (now - last > FORGET_SECONDS and state.health is not Health.UP):
                await self._forget(target_id)

    def _add_new(self, one: Found, now: float, announce: Callable[[str], None]) -> None:
        if one.kind not in registry.KINDS:
            return
        target_id = self._add_found(one.kind, one.url, one.name)
        if target_id:
            self._found[target_id] = (one, now)
            announce(f"found {one.kind} at {one.instance}")

    def _found_before(self, one: Found) -> str:
        """Return the id of the target that discovery found at the same place, "" where it found none there."""
        place = self._place(one.url)
        same = (
            target_id
            for target_id, (found, _) in self._found.items()
            if (self._place(found.url) == place if one.url else found.kind == one.kind and not found.url)
        )
        return next((target_id for target_id in same if self._runner.watches(target_id)), "")

    def _is_known(self, one: Found, places: set[str]) -> bool:
        """Whether something watches it already, or the settings say how (or that nobody shall)."""
        if not one.url:
            return one.kind in self._settings.sources
        return self._place(one.url) in places

    def _place(self, url: str) -> str:
        return self._discovery.place(url)

    def _places(self) -> set[str]:
        """Return where all targets are, and where the settings forbid one; what is of this machine has no place."""
        # An entry for the Docker Engine may leave the address to the environment.
        engines = [entry for entry in self._settings.sources.get("docker", ()) if not entry.url]
        found = {self._place(state.url) for state in self.states() if "://" in state.url}
        return found | self._disabled | ({self._place(dockerd.place())} if engines else set())

    async def _forget(self, target_id: str) -> None:
        if target_id not in self._configured:
            await self._runner.remove(target_id)
        self._found.pop(target_id, None)

    def _announce_rest(self, announce: Callable[[str], None]) -> None:
        if missing := ", ".join(one.kind for one in self.not_found()):
            announce(f"not found here: {missing}; inferdeck sources list has the line that watches one elsewhere")
        for one in self.found():
            if one.fix:
                announce(f"{one.address}: {one.note}; {one.fix}")

    def _add_found(self, kind: str, url: str, name: str = "") -> str:
        """Watch what discovery found and return the target's id; "" where its kind wants more than an address."""
        try:
            entry = registry.config_class(kind).model_validate(
                {"url": url} if url else {}, context=LoadContext(os.environ, Path())
            )
        except ValidationError:
            return ""
        endpoint = Endpoint(url, {}, "discovery")
        target = self._assembly.target(kind, entry, endpoint, name=name, origin="discovered")
        self._add(target)
        return target.key.id

    def _add(self, target: Target) -> None:
        if not self._runner.watches(target.key.id):
            self._runner.add(target)


def _with_key(one: Discovered, state: TargetState | None) -> Discovered:
    """Return what is watched with the line that gives it a key where it wants one, without where it has one."""
    if state is None or not one.watched:
        return one
    if state.error_kind == KEY_NEEDED:
        if one.fix:
            return one
        fix = lines.with_key(state.source_kind, state.url)
        return replace(one, note=f"{state.called} needs a key, or refuses the one it was given", fix=fix)
    # What is configured and read has what it needs.
    return replace(one, note="", fix="") if one.fix and state.origin == "configured" else one


def _is_looked_for(kind: registry.Kind) -> bool:
    url = kind.default_url
    return kind.name != "host" and (not url or "127.0.0.1" in url or url.startswith("unix:"))


def _not_found(kind: registry.Kind) -> NotFound:
    url = kind.default_url.replace("127.0.0.1", "HOST")
    return NotFound(kind.name, kind.title, lines.plain(kind.name, url) if url else "")
