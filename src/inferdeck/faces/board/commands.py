"""What a sticker's command means: a widget that the daemon draws for us, or a process."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from inferdeck.client.tiny import Client
from inferdeck.errors import DaemonDownError, InferdeckError
from inferdeck.faces.board import processes
from inferdeck.faces.board.processes import Outcome
from inferdeck.model.board import Sticker
from inferdeck.model.widget import NAMES, SCRIPTS

T = TypeVar("T")
OPTIONS = {
    "--icons": "icons",
    "--field": "field",
    "--environment": "environment",
    "--gateway": "gateway",
    "--stream": "stream",
    "--level": "level",
    "--max-age": "max_age",
}
"""Options of `inferdeck widget` that are parameters of the daemon's route; with any other, the command runs."""
FORGET_SECONDS = 2.0
"""For so long nobody looks again for a daemon that was not there."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A widget that the daemon can draw, so that no process is needed; parameters of its route."""

    widget: str
    parameters: tuple[tuple[str, str], ...] = ()


class Commands:
    """Runs the commands of a board; belongs to the event loop.

    environment: of the processes; find: returns a client of the daemon or None, and may take a while; scripts: the
    folder of the scripts that are found though they are not on PATH; folder: that of the board's file.
    """

    def __init__(
        self, environment: Mapping[str, str], find: Callable[[], Client | None], *, scripts: str, folder: str = ""
    ) -> None:
        self._plain = bool(environment.get("NO_COLOR"))
        self._scripts = scripts
        # Behind the user's own: what stands in a folder must not take the place of ls.
        own = str(Path(sys.executable).parent)
        folders = [environment.get("PATH") or os.defpath, *(one for one in (folder, scripts, own) if one)]
        self._environment = {**environment, "PATH": os.pathsep.join(folders)}
        if not self._plain:
            # They write to a pipe, and would think that nobody sees colours.
            self._environment.setdefault("CLICOLOR_FORCE", "1")
        if self._environment.get("TERM", "dumb") == "dumb":
            self._environment["TERM"] = "xterm-256color"
        self._find = find
        self._client: Client | None = None
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    def ask(self, command: str) -> Ask | None:
        """Return the widget that a command would show, None where only a process can tell."""
        try:
            words = shlex.split(command, comments=False)
        except ValueError:
            return None
        if words[:2] == ["inferdeck", "widget"] and len(words) > 2 and words[2] in NAMES:
            name, words = words[2], words[3:]
        elif words and words[0] in SCRIPTS and self._ours(words[0]):
            name, words = SCRIPTS[words[0]], words[1:]
        else:
            return None
        found: list[tuple[str, str]] = []
        rest = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
        for option, value in zip(rest[::2], [*rest[1::2], None], strict=False):
            if option not in OPTIONS or not value or value.startswith("-"):
                return None
            found.append((OPTIONS[option], value))
        return Ask(name, tuple(found))

    async def run(self, sticker: Sticker, width: int, height: int, *, whole: bool = False) -> Outcome:
        """Run a sticker's command once for so much room, in cells; never raises what a command can cause.

        whole: all rows of a widget, though they do not fit.
        """
        wanted = self.ask(sticker.command)
        if wanted is not None:
            outcome = await self._asked(wanted, sticker, width, None if whole else height)
            if outcome is not None:
                return outcome
        # Not as wtf sets it: a widget would leave out its colours, and the brackets that are markup there.
        room = {"COLUMNS": str(width), "LINES": str(height)}
        return await processes.run(sticker.command, {**self._environment, **room}, sticker.timeout_seconds)

    def _ours(self, name: str) -> bool:
        """Whether the script that the shell would find is the one that we ship, and says what the daemon says."""
        if name == "litellm-logs.sh" and self._environment.get("LITELLM_LOG_SOURCE"):
            return False
        found = shutil.which(name, path=self._environment["PATH"])
        return found is None or Path(found).parent == Path(self._scripts)

    async def _asked(self, ask: Ask, sticker: Sticker, width: int, height: int | None) -> Outcome | None:
        """Return what the daemon drew, None where there is none: the command itself knows what to say then."""
        client = await self._daemon()
        if client is None:
            return None
        parameters = dict(ask.parameters) | {"host": "text" if self._plain else "ansi"}
        parameters |= {"width": str(width), "height": str(height or "")}
        try:
            async with asyncio.timeout(sticker.timeout_seconds):
                drawn = await _in_thread(lambda: client.widget(ask.widget, parameters))
        except TimeoutError:
            return Outcome("", f"not done after {sticker.timeout_seconds:g} s")
        except DaemonDownError:
            self._client = None
            return None
        except InferdeckError as error:
            return Outcome("", "no answer", str(error))
        return Outcome(drawn.text, state=drawn.state)

    async def _daemon(self) -> Client | None:
        async with self._looking:
            if self._client is None and time.monotonic() - self._looked >= FORGET_SECONDS:
                try:
                    self._client = await _in_thread(self._find)
                except InferdeckError:
                    self._client = None
                self._looked = time.monotonic()
            return self._client


async def _in_thread(call: Callable[[], T]) -> T:
    """Return what a call gives that waits for a socket; whoever leaves does not wait for it to end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if not future.done():
            future.set_exception(error) if error is not None else future.set_result(value)  # type: ignore[arg-type]

    def work() -> None:
        try:
            result, error = call(), None
        except Exception as raised:
            result, error = None, raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # The loop is closed: nobody waits any more.

    threading.Thread(target=work, daemon=True).start()
    return await future
