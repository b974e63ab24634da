"""What the daemon sees of the machine that it runs on: its name, its addresses, what listens, who started whom."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from inferdeck.model.clock import Clock
from inferdeck.model.stack import Machine, Socket
from inferdeck.model.target import TargetState
from inferdeck.sources import cgroup
from inferdeck.sources.listening import Candidate, Sockets

_log = logging.getLogger(__name__)

LOOK_SECONDS = 30.0
_MOST_ANCESTORS = 32
_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""What Docker and Podman put into a container."""
_SHORT_ID = re.compile(r"[0-9a-f]{12}")


class OwnMachine:
    """Looks now and then; `seen` may be asked from any thread and never waits."""

    def __init__(self, clock: Clock, own_port: int, states: Callable[[], Iterable[TargetState]]) -> None:
        self._clock = clock
        self._states = states
        self._sockets = Sockets((own_port,))
        self._seen = Machine(socket.gethostname())

    def seen(self) -> Machine:
        """Return what the last look saw."""
        return self._seen

    async def keep_looking(self) -> None:
        """Look again and again until cancelled; belongs to the event loop."""
        while True:
            pids = _card_pids(self._states())
            try:
                self._seen = await asyncio.to_thread(self._look, pids)
            except Exception:
                # One odd socket or process must not end this for good.
                _log.exception("looking at this machine failed; the next look is in %g s", LOOK_SECONDS)
            await self._clock.sleep(LOOK_SECONDS)

    def _look(self, pids: Iterable[int]) -> Machine:
        found = self._sockets()
        return Machine(
            name=socket.gethostname(),
            addresses=_addresses(),
            container=_own_container(),
            sockets=tuple(_socket(one) for one in found),
            looked=any(one.pid for one in found),
            ancestors={pid: ancestors for pid in pids if (ancestors := _ancestors(pid))},
        )


def _socket(one: Candidate) -> Socket:
    unit = cgroup.unit(one.pid) if one.pid else ""
    container = cgroup.container(one.pid) if one.pid else ""
    return Socket(one.host, one.port, one.pid, one.process, container, unit)


def _card_pids(states: Iterable[TargetState]) -> list[int]:
    """Return the processes that cards list; only those of this machine have the ancestors looked up for them."""
    facts = (fact for state in states for fact in state.inventory if fact.kind == "gpu_process")
    texts = (fact.facts.get("pid", "") for fact in facts)
    return [int(text) for text in texts if text.isdecimal() and len(text) < 10]


def _ancestors(pid: int) -> tuple[int, ...]:
    try:
        return tuple(parent.pid for parent in psutil.Process(pid).parents()[:_MOST_ANCESTORS] if parent.pid > 1)
    except psutil.Error:
        return ()


def _addresses() -> tuple[str, ...]:
    kinds = (socket.AF_INET, socket.AF_INET6)
    try:
        every = [one for found in psutil.net_if_addrs().values() for one in found if one.family in kinds]
    except OSError:
        return ()
    plain = {one.address.partition("%")[0].lower() for one in every}
    return tuple(sorted(one for one in plain if not one.startswith("127.") and one != "::1"))


def _own_container() -> str:
    """Return the container that we run in; one that sees no more of itself is called by its id as a rule."""
    if found := cgroup.container(os.getpid()):
        return found
    name = socket.gethostname()
    return name if _SHORT_ID.fullmatch(name) and any(mark.exists() for mark in _MARKS) else ""
