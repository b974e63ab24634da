"""The demo as one run: the fleet, the daemon that watches it, and its past, until it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inferdeck.config.load import load
from inferdeck.daemon import logs
from inferdeck.daemon.composition import Daemon
from inferdeck.demo import folders
from inferdeck.errors import UnavailableError
from inferdeck.model.clock import SystemClock
from inferdeck.simulate import scenario, targets
from inferdeck.sources.registry import config_classes

INTERVAL = "5s"
START_SECONDS = 60.0
END_SECONDS = 10.0
HOST = "127.0.0.1"
_LINE_LIMIT = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. port 0: any free one; days: how much of the past."""

    scenario: str
    days: float = 30.0
    speed: float = 1.0
    port: int = 0


class Demo:
    """One demo; `run` returns after `stop`, or raises UnavailableError when the fleet is lost."""

    def __init__(self, wish: Wish, say: Say) -> None:
        self._wish = wish
        self._say = say
        self._scenario = scenario.named(wish.scenario)
        self._stopping = asyncio.Event()
        self._daemon: Daemon | None = None
        self._past = ""

    def stop(self) -> None:
        """Ask it to end; callable from a signal handler of the loop."""
        self._stopping.set()
        if self._daemon is not None:
            self._daemon.stop()

    async def run(self) -> None:
        """Run all of it; nothing is left behind."""
        folders.sweep(os.environ)
        folder, lock = folders.make(os.environ)
        children: list[asyncio.subprocess.Process] = []
        try:
            await self._all(folder, children)
        finally:
            await asyncio.gather(*(_ended(child) for child in children))
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    async def _all(self, folder: Path, children: list[asyncio.subprocess.Process]) -> None:
        found, wish = self._scenario, self._wish
        self._say(f"simulated fleet {found.fleet_name}: {found.title}")
        spec = {"scenario": wish.scenario, "speed": wish.speed, "folder": str(folder)}
        fleet = await _child("inferdeck.demo.fleet", spec)
        children.append(fleet)
        told = await self._first_line(fleet)
        if told is None:
            return
        config = folder / "inferdeck.yaml"
        config.write_text(self._configuration(folder, told["urls"]))
        settings = load(path=config, environ={}, kinds=config_classes())
        logs.configure(settings)
        daemon = self._daemon = Daemon(settings, SystemClock(), self._say, self._note)
        serving = asyncio.create_task(daemon.run())
        lost = asyncio.create_task(fleet.wait())
        past = asyncio.create_task(self._play(config, told["present"], children, daemon))
        if self._stopping.is_set():
            daemon.stop()
        self._say(f"ask it from another terminal: export INFERDECK_CONFIG={config}; inferdeck status")
        try:
            await asyncio.wait({serving, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            past.cancel()
            daemon.stop()
            await asyncio.gather(past, return_exceptions=True)
            await serving
            ended = lost.done()
            lost.cancel()
        if ended and not self._stopping.is_set():
            raise UnavailableError("the simulated fleet ended by itself; start the demo again")

    async def _first_line(self, fleet: asyncio.subprocess.Process) -> dict[str, Any] | None:
        """Return where everything is; None when it was ended before."""
        assert fleet.stdout is not None  # noqa: S101 - it was asked for
        reading = asyncio.create_task(fleet.stdout.readline())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({reading, stopped}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and reading.result():
                told: dict[str, Any] = json.loads(reading.result())
                return told
            if stopped.done():
                return None
            raise UnavailableError(f"the simulated fleet did not start within {START_SECONDS:g} s")
        finally:
            reading.cancel()
            stopped.cancel()

    def _configuration(self, folder: Path, urls: dict[str, str]) -> str:
        """Return the daemon's configuration: this fleet, and nothing that it finds by itself."""
        sources = {
            kind: [{**entry, "interval": INTERVAL} for entry in entries]
            for kind, entries in targets.entries(self._scenario.fleet, urls).items()
        }
        data = {
            "environment": self._scenario.fleet.environment,
            "data_dir": str(folder / "data"),
            "listen": {"host": HOST, "port": self._wish.port, "unix_socket": str(folder / "inferdeck.sock")},
            "log": {"file": str(folder / "inferdeck.log")},
            "discovery": {"enabled": False},
            "sources": sources,
        }
        text = StringIO()
        YAML(typ="safe").dump(data, text)
        return text.getvalue()

    async def _play(
        self, config: Path, present: float, children: list[asyncio.subprocess.Process], daemon: Daemon
    ) -> None:
        """Let the past be played as soon as the daemon answers, and say how far it is."""
        if self._wish.days <= 0:
            return
        await daemon.is_up.wait()
        spec = {"scenario": self._wish.scenario, "config": str(config), "present": present, "days": self._wish.days}
        player = await _child("inferdeck.demo.past", spec)
        children.append(player)
        assert player.stdout is not None  # noqa: S101
        self._past = f"the past is being played: 0 of {self._wish.days:g} days"
        said = 0.0
        async for line in player.stdout:
            told = json.loads(line)
            days = told["days"]
            self._past = f"the past is being played: {days:.1f} of {self._wish.days:g} days"
            if days >= said + 5 or said < 1 <= days or days >= self._wish.days:
                self._say(f"{self._past}, {told['samples']:,} samples, {told['seconds']:.0f} s")
                said = days
        if await player.wait() == 0:
            self._past = ""
        else:
            self._past = "the past could not be played; the log says why"
            self._say(self._past)

    def _note(self) -> str:
        return "; ".join(part for part in (f"simulated fleet {self._scenario.fleet_name}", self._past) if part)


async def _child(module: str, spec: dict[str, Any]) -> asyncio.subprocess.Process:
    """Start a process of ours, whose life ends with its standard input: also when this one is killed."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        json.dumps(spec),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # Ctrl-C in a terminal is for this process; it ends the others.
        start_new_session=True,
        limit=_LINE_LIMIT,
    )


async def _ended(child: asyncio.subprocess.Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), END_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
