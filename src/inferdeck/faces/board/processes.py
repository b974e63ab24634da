"""One run of a shell command: its output within bounds of size and time, and nothing of it left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

from inferdeck.faces.board import ansi
from inferdeck.model.widget import State

MOST_BYTES = 128 * 1024
MOST_COMPLAINT_BYTES = 16 * 1024
DRAIN_SECONDS = 0.25
"""How long the pipes of a command that has ended are read, where something it started holds them open."""
GRACE_SECONDS = 0.5
"""Between the signal that asks to end and the one that ends."""
_STDOUT, _STDERR = 1, 2
_groups: set[int] = set()
"""Those of all commands that run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run gave.

    trouble: "" or in a few words what went wrong; said: the last line of standard error; state: of a widget that the
    daemon drew.
    """

    output: str
    trouble: str = ""
    said: str = ""
    state: State | None = None


class _Collector(asyncio.SubprocessProtocol):
    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self.full = False
        self.output = bytearray()
        self.complaint = bytearray()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR:
            self.complaint += data
            del self.complaint[:-MOST_COMPLAINT_BYTES]
            return
        self.output += data[: MOST_BYTES - len(self.output) + 1]
        if len(self.output) > MOST_BYTES:
            self.full = True
            self.ended.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.ended.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def run(command: str, environment: Mapping[str, str], timeout_seconds: float) -> Outcome:
    """Run a command with /bin/sh, without standard input, in a process group that does not outlive this call."""
    try:
        transport, collector = await _started(command, environment)
    except (OSError, ValueError) as error:
        return Outcome("", f"cannot be started: {getattr(error, 'strerror', None) or error}")
    late = False
    group = transport.get_pid()
    _groups.add(group)
    try:
        try:
            async with asyncio.timeout(timeout_seconds):
                await collector.ended.wait()
            async with asyncio.timeout(DRAIN_SECONDS):
                await collector.closed.wait() if not collector.full else None
        except TimeoutError:
            late = not collector.ended.is_set()
    finally:
        try:
            await _end(group, running=not collector.closed.is_set())
            async with asyncio.timeout(GRACE_SECONDS):
                await collector.exited.wait()
        except TimeoutError:
            late = True  # It hangs in the kernel; nothing can end it.
        finally:
            _groups.discard(group)
            transport.close()
    return _outcome(collector, transport.get_returncode(), timeout_seconds if late else 0.0)


async def _started(command: str, environment: Mapping[str, str]) -> tuple[asyncio.SubprocessTransport, _Collector]:
    """Start a shell, whole: asyncio's own way out of a start ends the shell alone and waits for what it has begun."""
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(
        loop.subprocess_exec(
            _Collector, "/bin/sh", "-c", command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            env=dict(environment),
        )
    )  # fmt: skip
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError, ValueError):
            transport, collector = await starting
            _signal(transport.get_pid(), signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await collector.exited.wait()
            transport.close()
        raise


def kill_all() -> None:
    """End every command at once; from any thread, before the program itself ends without its event loop."""
    for group in tuple(_groups):
        _signal(group, signal.SIGKILL)


async def _end(group: int, *, running: bool) -> None:
    """End what is left of a process group: what the command started in the background, or all of it."""
    try:
        if _signal(group, signal.SIGTERM) and running:
            for _ in range(int(GRACE_SECONDS / 0.02)):
                await asyncio.sleep(0.02)
                if not _signal(group, 0):
                    break
    finally:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Send a signal to a process group; False where nothing of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def _outcome(collector: _Collector, code: int | None, late_seconds: float) -> Outcome:
    output = bytes(collector.output[:MOST_BYTES]).decode("utf-8", "replace")
    lines = collector.complaint.decode("utf-8", "replace").splitlines()
    said = next((text for line in reversed(lines) if (text := ansi.plain(line))), "")
    if late_seconds:
        return Outcome(output, f"not done after {late_seconds:g} s", said)
    if collector.full:
        return Outcome(output, f"printed more than {MOST_BYTES // 1024} KiB", said)
    if code is None or code < 0:
        return Outcome(output, f"ended by {_name(code)}", said)
    return Outcome(output, f"exit {code}" if code else "", said)


def _name(code: int | None) -> str:
    try:
        return signal.Signals(-(code or 0)).name
    except ValueError:
        return f"signal {-(code or 0)}"
