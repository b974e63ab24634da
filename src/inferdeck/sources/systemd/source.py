"""The systemd source: state, cost, restarts and configuration of the units of a stack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from inferdeck.errors import CollectError, ConnectError
from inferdeck.model.clock import Clock
from inferdeck.model.happening import Happening
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources.columns import Columns
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.systemd import manager, units
from inferdeck.sources.systemd.config import KNOWN, SystemdConfig
from inferdeck.sources.systemd.manager import SERVICE, UNIT, Manager
from inferdeck.sources.systemd.units import UnitState

MOST_UNITS = 200
CHOICE_SECONDS = 60.0
"""How often command lines are looked at to choose services where no units are configured."""


class SystemdSource:
    """The managers of one machine."""

    kind = "systemd"
    probes: Sequence[Probe] = (
        Probe("units", "ListUnitsByPatterns, Properties.GetAll, Service.GetProcesses on D-Bus", SideEffect.NONE),
        Probe("files", "read unit files, drop-ins, environment and configuration files", SideEffect.NONE, "as a sum"),
        Probe("processes", "read /proc of the units' processes", SideEffect.NONE),
    )

    def __init__(self, config: SystemdConfig, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._id = target.id
        self._clock = clock
        self._patterns = config.units
        self._columns = Columns(extra)
        self._managers = [
            *([Manager("system", manager.system_address(config.system_bus))] if config.system else []),
            *([Manager("user", manager.user_address(config.user_bus))] if config.user else []),
        ]
        self._addresses = {
            "system": manager.system_address(config.system_bus),
            "user": manager.user_address(config.user_bus),
        }
        self._chosen: dict[str, dict[str, bool]] = {}
        self._choice_due: dict[str, float] = {}
        self._before: dict[tuple[str, str], UnitState] | None = None

    async def collect(self, now: float) -> Collected:
        """Read all units once; raises ConnectError where no manager answers."""
        found: list[UnitState] = []
        warnings: list[str] = []
        versions: list[str] = []
        calls = sum(one.calls for one in self._managers)
        for one in self._managers:
            try:
                if not manager.present(self._addresses[one.name]):
                    raise ConnectError(f"{one.name} bus: nothing is at {self._addresses[one.name]}")
                versions.append(await one.version())
                found += await self._read(one)
            except CollectError as error:
                warnings.append(str(error))
        if not versions:
            raise ConnectError("; ".join(warnings) or "neither system nor user units are wanted")
        if len(found) > MOST_UNITS:
            warnings.append(f"{len(found) - MOST_UNITS} units more than {MOST_UNITS} are left out; name units")
            found = found[:MOST_UNITS]
        happenings = self._happenings(found, now)
        layout, values = self._columns.collect(sample for one in found for sample in units.samples(one))
        return Collected(
            layout,
            values,
            inventory=[units.fact(one) for one in found],
            happenings=happenings,
            version=versions[0].partition(" ")[0].partition("-")[0],
            # A machine without a user's manager, or the other way round, is nothing to warn of.
            warnings=[text for text in warnings if "nothing is at" not in text],
            requests=sum(one.calls for one in self._managers) - calls,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        for one in self._managers:
            one.close()

    async def _read(self, one: Manager) -> list[UnitState]:
        listed = await one.units(self._patterns or ("*.service",))
        if not self._patterns:
            listed = await self._of_the_stack(one, listed)
        found = []
        for name, path in listed[: MOST_UNITS + 1]:
            try:
                unit = await one.properties(path, UNIT)
                service = await one.properties(path, SERVICE) if name.endswith(".service") else {}
                pids = await one.processes(path) if service.get("MainPID") else []
            except ConnectError:
                raise
            except CollectError:
                # The unit was unloaded meanwhile, or its processes may not be asked for.
                continue
            found.append(await asyncio.to_thread(units.read, name, one.name, unit, service, pids))
        return found

    async def _of_the_stack(self, one: Manager, listed: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Keep the services whose name or command line has a known word."""
        known = self._chosen.setdefault(one.name, {})
        now = self._clock.monotonic()
        if now >= self._choice_due.get(one.name, 0.0):
            self._choice_due[one.name] = now + CHOICE_SECONDS
            known.clear()
        for name, path in listed:
            if name not in known:
                known[name] = _is_known(name) or _is_known(await self._command(one, path))
        return [(name, path) for name, path in listed if known[name]]

    async def _command(self, one: Manager, path: str) -> str:
        try:
            commands: Any = await one.property(path, SERVICE, "ExecStart")
        except ConnectError:
            raise
        except CollectError:
            return ""
        # The program and its first words: a path further on is no sign of what runs.
        return " ".join(word for command in commands for word in command[1][:4])

    def _happenings(self, found: list[UnitState], now: float) -> list[Happening]:
        before = self._before
        known = before or {}
        self._before = {(one.manager, one.name): _since(known.get((one.manager, one.name)), one) for one in found}
        if before is None:
            return []
        return [
            happening
            for one in found
            if (last := before.get((one.manager, one.name))) is not None
            for happening in _changes(last, one, now, self._id)
        ]


def _since(last: UnitState | None, one: UnitState) -> UnitState:
    """Return a state as that with which the next one is compared.

    systemd counts a restart before the service has begun again: until then, the count is that of its last start.
    """
    if last is None or one.started != last.started or one.restarts is None or last.restarts is None:
        return one
    return replace(one, restarts=min(one.restarts, last.restarts))


def _changes(last: UnitState, one: UnitState, now: float, source: str) -> Iterator[Happening]:
    def happened(kind: str, time: float, text: str, **facts: str) -> Happening:
        return Happening(time, kind, one.name, f"{one.name}: {text}", source, {"manager": one.manager, **facts})

    if one.started is not None and last.started is not None and one.started > last.started:
        by_itself = (one.restarts or 0) > (last.restarts or 0)
        text = "restarted by systemd" if by_itself else "restarted"
        yield happened("restart", one.started, text, pid=str(one.pid or ""), restarts=str(one.restarts or 0))
    elif one.started is not None and last.started is None:
        yield happened("start", one.started, "started", pid=str(one.pid or ""))
    elif one.started is None and last.started is not None:
        text = "failed" if one.state == "failed" else "stopped"
        yield happened("stop", now, f"{text} ({one.result})" if one.result else text, state=one.state)
    if one.revision and last.revision and one.revision.hash != last.revision.hash:
        text = f"configuration changed from {last.revision.hash} to {one.revision.hash}"
        yield happened("config_revision", one.revision.changed or now, text, path=one.path)


def _is_known(text: str) -> bool:
    return any(fnmatchcase(text.lower(), f"*{word}*") for word in KNOWN)


def make(config: SystemdConfig, http: object, clock: Clock, target: TargetKey, extra: Labels) -> SystemdSource:
    """Return the source of one machine; `http` is not used."""
    return SystemdSource(config, clock, target, extra)
