"""Which configuration files the stack has, read again whenever they change; a changed one is an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from inferdeck.config.schema import Settings
from inferdeck.config.secrets import hide, secrets_of
from inferdeck.errors import StoreError
from inferdeck.model.clock import Clock
from inferdeck.model.config_files import FileRevision
from inferdeck.model.happening import Happening
from inferdeck.model.stack import Machine
from inferdeck.model.target import TargetState
from inferdeck.query.config_files import GATEWAY_KIND, ConfigFiles
from inferdeck.routing import contents
from inferdeck.routing.contents import Content, Named
from inferdeck.sources.watch import Told
from inferdeck.store.state.database import StateDatabase

_log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
MOST_FILES = 200
PROVIDER_FILES = ("providers.yaml", "providers.yml")
_CONFIG_FLAGS = ("--config", "-c")


class ConfigWatch:
    """`keep_looking` and `look` belong to the event loop; `held` may be asked from any thread."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        state: StateDatabase,
        states: Callable[[], Sequence[TargetState]],
        machine: Callable[[], Machine],
        told: Told,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._state = state
        self._states = states
        self._machine = machine
        self._told = told
        self._secrets = tuple(set(secrets_of(settings)))
        self._held: dict[str, tuple[Named, Content]] = {}
        self._failing = False

    def questions(self, states: Callable[[], Sequence[TargetState]]) -> ConfigFiles:
        """Return the questions over these files; `states` is asked from other threads."""
        return ConfigFiles(self.held, states, self._state, self._settings.environment)

    def held(self) -> tuple[tuple[Named, Content], ...]:
        """Return the files as they were read last."""
        return tuple(self._held.values())

    async def keep_looking(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
                self._failing = False
            except StoreError as error:
                if not self._failing:
                    _log.warning("revisions of configuration files are not kept until this is mended: %s", error)
                self._failing = True
            except Exception:
                if not self._failing:
                    _log.exception("looking at the configuration files failed")
                self._failing = True
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Read what changed; raises StoreError after everything was read."""
        states, machine = list(self._states()), self._machine()
        held, happened, trouble = await asyncio.to_thread(self._look, states, machine)
        self._held = held
        for named, happening in happened:
            self._told(named.environment or self._settings.environment, [happening])
        if trouble is not None:
            raise trouble

    # In a thread.

    def _look(
        self, states: Sequence[TargetState], machine: Machine
    ) -> tuple[dict[str, tuple[Named, Content]], list[tuple[Named, Happening]], StoreError | None]:
        held: dict[str, tuple[Named, Content]] = {}
        happened: list[tuple[Named, Happening]] = []
        trouble: StoreError | None = None
        for named in self._named(states, machine):
            content = self._content(named, held)
            held[named.path] = (named, content)
            try:
                changed = self._kept(named, content)
            except StoreError as error:
                trouble = error
                continue
            if changed is not None:
                happened.append((named, changed))
        return held, happened, trouble

    def _content(self, named: Named, held: dict[str, tuple[Named, Content]]) -> Content:
        """Return what the file holds, read only if it, or what it is read with, may have changed."""
        beside = self._beside(named, held)
        before = self._held.get(named.path)
        same = before is not None and before[0] == named and before[1].stamp == contents.stamp(named.path)
        if same and before is not None and self._beside(named, self._held) is beside:
            return before[1]
        providers = beside.providers if beside is not None else None
        return contents.read(named, lambda text: hide(text, self._secrets), providers)

    @staticmethod
    def _beside(named: Named, held: dict[str, tuple[Named, Content]]) -> Content | None:
        if named.kind != contents.MAPPINGS:
            return None
        folder = Path(named.path).parent
        of_folder = [held[str(folder / name)][1] for name in PROVIDER_FILES if str(folder / name) in held]
        every = [content for one, content in held.values() if one.kind == contents.PROVIDERS]
        found = of_folder or (every if len(every) == 1 else [])
        return found[0] if found else None

    def _kept(self, named: Named, content: Content) -> Happening | None:
        """Keep a new revision; returns what to tell where there was another one before."""
        if not content.hash:
            return None
        before = self._held.get(named.path)
        if before is not None and before[1].hash == content.hash and not self._failing:
            return None
        now = self._clock.now()
        known = self._state.revisions(named.path)
        revision = FileRevision(content.hash, content.size or 0, content.modified or now, now)
        if not self._state.keep_revision(named.path, revision, content.text) or not known:
            return None
        if named.kind == contents.SYSTEMD and named.origin != "config_files":
            # The systemd source tells of its units itself.
            return None
        last = known[0]
        time = revision.modified if last.seen <= revision.modified <= now else now
        name = Path(named.path).name
        facts = {"path": named.path, "hash": content.hash[:12], "hash_before": last.hash[:12], "file_kind": named.kind}
        words = f"{name} changed from {last.hash[:12]} to {content.hash[:12]}"
        return Happening(time, "config_revision", named.path, words, "", facts)

    def _named(self, states: Sequence[TargetState], machine: Machine) -> list[Named]:
        """Return every file once, providers before what is read with them, configured ones first."""
        found: dict[str, Named] = {}
        for named in (*self._configured(), *_of_units(states), *_of_processes(states, machine)):
            found.setdefault(named.path, named)
        for named in list(found.values()):
            if named.kind == contents.MAPPINGS:
                for name in PROVIDER_FILES:
                    path = Path(named.path).parent / name
                    if str(path) not in found and path.is_file():
                        origin = f"beside {named.path}"
                        found[str(path)] = Named(
                            str(path), contents.PROVIDERS, named.gateway, named.environment, origin
                        )
        return sorted(list(found.values())[:MOST_FILES], key=lambda one: one.kind != contents.PROVIDERS)

    def _configured(self) -> Iterator[Named]:
        for one in self._settings.config_files:
            path = str(one.path)
            yield Named(path, one.kind or contents.kind_of(path), one.gateway or "", one.environment or "")


def _of_units(states: Iterable[TargetState]) -> Iterator[Named]:
    """Yield the files of this machine's units, which systemd tells."""
    for state in states:
        if state.source_kind != "systemd":
            continue
        for fact in state.inventory:
            path = fact.facts.get("path", "") if fact.kind == "unit" else ""
            if path.startswith("/") and contents.kind_of(path) == contents.SYSTEMD and Path(path).is_file():
                yield Named(path, contents.SYSTEMD, "", state.key.environment, f"unit {fact.name} of {state.key.id}")


def _of_processes(states: Iterable[TargetState], machine: Machine) -> Iterator[Named]:
    """Yield what the gateways of this machine were started with: `litellm --config PATH`."""
    listening = {one.port: one for one in machine.sockets if one.pid and not one.container}
    for state in states:
        if state.source_kind != GATEWAY_KIND:
            continue
        try:
            parts = urlsplit(state.url)
            port, host = parts.port or 80, parts.hostname or ""
        except ValueError:
            continue
        if host not in ("localhost", "127.0.0.1", "::1", machine.name, *machine.addresses) or port not in listening:
            continue
        path = _config_of(listening[port].pid)
        if path:
            origin = f"command line of process {listening[port].pid}"
            yield Named(path, contents.LITELLM, state.gateway or state.key.instance, state.key.environment, origin)


def _config_of(pid: int) -> str:
    """Return the file that a process was given with --config, "" where that is not to be seen."""
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        for index, word in enumerate(words):
            flag, _, value = word.partition("=")
            if flag in _CONFIG_FLAGS:
                given = value or (words[index + 1] if index + 1 < len(words) else "")
                path = Path(given) if given.startswith("/") else Path(process.cwd()) / given
                return str(path.resolve()) if given and path.suffix in (".yaml", ".yml") and path.is_file() else ""
    except (psutil.Error, OSError, ValueError):
        return ""
    return ""
