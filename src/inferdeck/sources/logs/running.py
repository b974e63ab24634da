"""Runs one command without a shell and gives its lines, bounded in time, bytes and lines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from inferdeck.errors import ConnectError
from inferdeck.model.masking import mask
from inferdeck.sources.loglines.spelling import LARGEST_LINE_BYTES, decode

MOST_BYTES = 16 * 2**20
END_SECONDS = 2.0
"""How long a killed command is waited for: something that it started may have left its session and hold its output."""


@dataclass(frozen=True, slots=True)
class Output:
    """Lines without their line breaks; complaint: the last line of the standard error where the command failed."""

    lines: tuple[bytes, ...]
    complaint: str = ""
    stopped: bool = False
    """It had not ended by its deadline, or printed too much; what it printed first is here."""


async def run(command: Sequence[str], seconds: float, *, most_bytes: int = MOST_BYTES) -> Output:
    """Return what a command prints; raises ConnectError where it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a command"
        raise ConnectError(f"{mask(command[0])}: cannot be run: {(reason or '').lower()}") from error
    pieces: list[bytes] = []
    errors = asyncio.ensure_future(_last_bytes(process.stderr))
    stopped = False
    try:
        async with asyncio.timeout(seconds):
            stopped = not await _gather(process.stdout, pieces, most_bytes)
            if not stopped:
                await process.wait()
                await errors
    except TimeoutError:
        stopped = True
    finally:
        _end(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                # asyncio tells the end of a process when its output has been read to its end, and not before.
                await _let_go(process.stdout)
                await process.wait()
        errors.cancel()
        with suppress(asyncio.CancelledError):
            await errors
    body = b"".join(pieces)
    lines = body.split(b"\n")
    if not lines[-1] or stopped:
        lines.pop()
    told = "" if stopped or process.returncode == 0 or errors.cancelled() else errors.result()
    failed = f"ended with {process.returncode}" if process.returncode and not stopped else ""
    return Output(tuple(line[:LARGEST_LINE_BYTES] for line in lines), told or failed, stopped)


async def _gather(stream: asyncio.StreamReader | None, pieces: list[bytes], most: int) -> bool:
    """Add what is printed; say whether that was all."""
    size = 0
    while stream is not None and (data := await stream.read(65_536)):
        pieces.append(data[: most - size])
        size += len(data)
        if size >= most:
            return False
    return True


async def _let_go(stream: asyncio.StreamReader | None) -> None:
    """Read what is still printed, and keep nothing of it."""
    while stream is not None and await stream.read(65_536):
        pass


async def _last_bytes(stream: asyncio.StreamReader | None) -> str:
    kept = b""
    while stream is not None and (data := await stream.read(65_536)):
        kept = (kept + data)[-2000:]
    words = [line for line in kept.splitlines() if line.strip()]
    return mask(decode(words[-1]))[:300] if words else ""


def _end(process: asyncio.subprocess.Process) -> None:
    """End the command and whatever it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
