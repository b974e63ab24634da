"""The demo as one run: the fleet, the daemon that watches it, and its past, until it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferdeck.demo import folders, life
from inferdeck.errors import ConfigError, UnavailableError
from inferdeck.simulate import scenario
from inferdeck.simulate.scenario_parts import verb

if TYPE_CHECKING:
    from inferdeck.config.schema import Settings
    from inferdeck.daemon.composition import Daemon

WATCHING = "inferdeck.demo.watching"
SILENT_SECONDS = 60.0
"""How long the fleet may take for one step of its start."""
PROGRESS_SECONDS = 5.0
END_SECONDS = 10.0
PLAYERS = 2
TRIES = 3
"""How often the past is begun, where what plays it ends too soon."""
SAID_DAYS = 5.0
"""Days of the past between two lines about it."""
STEADY_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""glibc would raise this bound with each large array that is freed, and keep what the next ones leave (mallopt(3)):
half of what a player holds."""
_LINE_LIMIT = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. port 0: any free one; days: how much of the past."""

    scenario: str
    days: float = 30.0
    speed: float = 1.0
    port: int = 0


@dataclass(slots=True)
class Progress:
    """How much of the past has been played."""

    wanted: float
    began: float
    lives: dict[float, tuple[float, int]] = field(default_factory=dict)
    """Days and samples by the beginning of their life."""
    said: float = 0.0
    done: bool = False
    failed: bool = False

    @property
    def days(self) -> float:
        """Days that are there, of all lives together."""
        return sum(days for days, _ in self.lives.values())

    def add(self, life: float, days: float, samples: int) -> bool:
        """Take over that a life came to so many days with these samples more; True where that is worth a line."""
        before = self.lives.get(life, (0.0, 0))[1] if days else 0
        self.lives[life] = (days, before + samples)
        played = self.days
        if played < self.said + SAID_DAYS and not self.said < 1 <= played:
            return False
        self.said = played
        return True

    def __str__(self) -> str:
        seconds = time.monotonic() - self.began
        samples = sum(samples for _, samples in self.lives.values())
        return f"{min(self.days, self.wanted):.3g} of {self.wanted:g} days, {samples:,} samples, {seconds:.0f} s"


class Demo:
    """One demo; `run` returns after `stop`, or raises UnavailableError when the fleet is lost."""

    def __init__(self, wish: Wish, say: Say) -> None:
        self._wish = wish
        self._say = say
        self._scenario = scenario.named(wish.scenario)
        self._stopping = asyncio.Event()
        self._daemon: Daemon | None = None
        self._progress: Progress | None = None

    def stop(self) -> None:
        """Ask it to end; callable from a signal handler of the loop."""
        self._stopping.set()
        if self._daemon is not None:
            self._daemon.stop()

    async def run(self) -> None:
        """Run all of it; nothing is left behind. Raises UnavailableError where the port is taken."""
        _require_port(self._wish.port)
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
        log = folder / "fleet.log"
        fleet = await _child("inferdeck.demo.fleet", json.dumps(spec), log)
        children.append(fleet)
        # While the fleet begins, all that a daemon needs is imported, and while it comes to the present, one is made.
        watching = await asyncio.to_thread(import_module, WATCHING)
        told = await self._told(fleet, log, "urls")
        if told is None:
            return
        config = folder / folders.CONFIG
        settings = watching.configured(found.fleet, told["urls"], wish.port, config)
        daemon = self._daemon = watching.daemon(
            settings, self._say, self._note, lambda: self._told(fleet, log, "serves")
        )
        serving = asyncio.create_task(daemon.run())
        lost = asyncio.create_task(fleet.wait())
        past = asyncio.create_task(self._play(folder, settings, told["present"], children, daemon))
        if self._stopping.is_set():
            daemon.stop()
        asking = asyncio.create_task(self._tell(config, told["present"], daemon))
        try:
            await asyncio.wait({serving, lost}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            past.cancel()
            asking.cancel()
            daemon.stop()
            await asyncio.gather(past, asking, return_exceptions=True)
            await serving
            ended = lost.done()
            lost.cancel()
        if ended and not self._stopping.is_set():
            raise UnavailableError(f"the simulated fleet ended by itself ({_last_words(log)}); start the demo again")

    async def _tell(self, config: Path, present: float, daemon: Daemon) -> None:
        """Say how to ask it, and what will happen when."""
        await daemon.is_up.wait()
        self._say(f"ask it from another terminal: export INFERDECK_CONFIG={config}; inferdeck status")
        for step in self._scenario.steps:
            clock = time.strftime("%H:%M:%S", time.localtime(present + step.at / self._wish.speed))
            self._say(f"{clock}  {verb(type(step.action))}")
        if self._scenario.steps:
            self._say(f"inferdeck simulate describe {self._wish.scenario} says more of each")

    async def _told(self, fleet: asyncio.subprocess.Process, log: Path, what: str) -> dict[str, Any] | None:
        """Wait until the fleet says this and return it; None when it was ended before."""
        assert fleet.stdout is not None  # noqa: S101 - it was asked for
        stopped = asyncio.create_task(self._stopping.wait())
        said = time.monotonic()
        try:
            while True:
                told = await self._line(fleet.stdout, stopped, log)
                if told is None or what in told:
                    return told
                if time.monotonic() - said > PROGRESS_SECONDS:
                    said = time.monotonic()
                    self._say(f"its day is being played up to now: {told['played']:.0%}")
        finally:
            stopped.cancel()

    @staticmethod
    async def _line(stdout: asyncio.StreamReader, stopped: asyncio.Task[Any], log: Path) -> dict[str, Any] | None:
        """Return what the fleet says next; None when it was ended before."""
        reading = asyncio.create_task(stdout.readline())
        try:
            await asyncio.wait({reading, stopped}, timeout=SILENT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and reading.result():
                told: dict[str, Any] = json.loads(reading.result())
                return told
            if stopped.done():
                return None
            if reading.done():
                raise UnavailableError(f"the simulated fleet did not start: {_last_words(log)}")
            raise UnavailableError(f"the simulated fleet did not go on for {SILENT_SECONDS:g} s; it was ended")
        finally:
            reading.cancel()

    async def _play(
        self,
        folder: Path,
        settings: Settings,
        present: float,
        children: list[asyncio.subprocess.Process],
        daemon: Daemon,
    ) -> None:
        """Let the past be played as soon as the daemon answers, and say how far it is."""
        if self._wish.days <= 0:
            return
        await daemon.is_up.wait()
        missing = list(life.lives(present, self._wish.days))
        spec = {
            "scenario": self._wish.scenario,
            "socket": str(settings.listen.unix_socket),
            "targets": await asyncio.to_thread(import_module(WATCHING).watched, settings),
            "present": present,
            "days": self._wish.days,
        }
        progress = self._progress = Progress(self._wish.days, time.monotonic())
        log = folder / "past.log"
        for tries_left in reversed(range(TRIES)):
            missing = await self._play_these(missing, spec, folder, children, progress)
            if not missing:
                progress.done = True
                self._say(f"all {self._wish.days:g} days of the past are there: {progress}")
                return
            if tries_left:
                days = sum(one.end - one.start for one in missing) / life.DAY
                self._say(f"the past: what plays it ended ({_last_words(log)}); {days:.3g} days are played again")
        progress.failed = True
        self._say(f"the past could not be played whole: {_last_words(log)}")

    async def _play_these(
        self,
        wanted: list[life.Life],
        spec: dict[str, Any],
        folder: Path,
        children: list[asyncio.subprocess.Process],
        progress: Progress,
    ) -> list[life.Life]:
        """Let lives be played and return those that were not played to their end; to play one again is harmless."""
        # Dealt out in turn, the newest first, so that the last day is there soon.
        players = [part for turn in range(PLAYERS) if (part := [(one.start, one.end) for one in wanted[turn::PLAYERS]])]
        file = folder / "past.json"
        file.write_text(json.dumps({**spec, "players": players}))
        player = await _child("inferdeck.demo.past", str(file), folder / "past.log")
        children.append(player)
        assert player.stdout is not None  # noqa: S101 - it was asked for
        ended = set()
        async for line in player.stdout:
            told = json.loads(line)
            if told["ended"]:
                ended.add(told["life"])
            if progress.add(told["life"], told["days"], told["samples"]):
                self._say(f"the past: {progress}")
        children.remove(player)
        await player.wait()
        return [one for one in wanted if one.start not in ended]

    def _note(self) -> str:
        speed = "" if self._wish.speed == 1 else f", {self._wish.speed:g} times as fast, and so are its rates"
        parts = [f"simulated fleet {self._scenario.fleet_name}, {self._scenario.name}{speed}"]
        if self._progress is not None and not self._progress.done:
            state = "could not be played whole" if self._progress.failed else "is being played"
            parts.append(f"its past {state}: {self._progress}")
        return "; ".join(parts)


def _require_port(port: int) -> None:
    """Say at once what would else be found out when all has been imported."""
    if not port:
        return
    from inferdeck.api.server import bind_tcp

    try:
        bind_tcp("127.0.0.1", port).close()
    except ConfigError as error:
        raise UnavailableError(
            f"--port {port}: cannot be had (another program listens there?); without --port any free one is taken"
        ) from error


async def _child(module: str, spec: str, log: Path) -> asyncio.subprocess.Process:
    """Start a process of ours, whose life ends with its standard input: also when this one is killed."""
    with log.open("ab") as complaints:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            spec,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, **STEADY_MEMORY},
            # Ctrl-C in a terminal is for this process; it ends the others.
            start_new_session=True,
            limit=_LINE_LIMIT,
        )


def _last_words(log: Path) -> str:
    """Return the last line that a process left in its log."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"


async def _ended(child: asyncio.subprocess.Process) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), END_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
