"""Real commands, with a real shell: what comes back, within which bounds, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from inferdeck.faces.board import processes
from inferdeck.faces.board.processes import MOST_BYTES, Outcome

LONG = 60.0


async def run(command: str, timeout_seconds: float = LONG) -> Outcome:
    return await processes.run(command, os.environ, timeout_seconds)


def sleep(seconds: int) -> str:
    """Return a command that sleeps, and that no other run of these tests has."""
    return f"sleep {seconds}.{os.getpid()}"


def alive(mark: str) -> list[str]:
    """Return the words of all processes, zombies aside, that hold a mark."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if mark in words and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(words)
    return found


async def test_output_and_exit_code_come_back() -> None:
    assert await run("printf 'é\\n'") == Outcome("é\n")
    assert await run("exit 7") == Outcome("", "exit 7")
    missing = await run("nonexistent-program-of-nobody")
    assert (missing.output, missing.trouble) == ("", "exit 127")
    assert "nonexistent-program-of-nobody: " in missing.said and "not found" in missing.said


async def test_the_last_line_of_standard_error_comes_back_without_escapes() -> None:
    found = await run("echo one >&2; printf '\\033[31mcurl: (7)\\033]0;t\\007 refused\\n\\n' >&2; echo out; exit 7")
    assert found == Outcome("out\n", "exit 7", "curl: (7) refused")


async def test_standard_error_without_end_does_not_fill_the_memory() -> None:
    found = await run("head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2")
    assert found.said == "last"


async def test_a_pipeline_and_bytes_that_are_no_text() -> None:
    assert (await run("printf '\\377ab' | tr a b")).output == "\ufffdbb"


async def test_there_is_no_standard_input_to_wait_for() -> None:
    assert await run("cat; echo done") == Outcome("done\n")


async def test_a_command_that_prints_without_end_is_ended() -> None:
    found = await run("cat /dev/zero")
    assert (len(found.output), found.trouble) == (MOST_BYTES, "printed more than 128 KiB")


async def test_a_command_that_takes_too_long_is_ended_and_what_it_printed_is_kept() -> None:
    found = await run(f"echo before; {sleep(3611)}", 0.5)
    assert found == Outcome("before\n", "not done after 0.5 s")
    assert not alive(sleep(3611))


async def test_a_command_that_heeds_no_signal_is_killed() -> None:
    assert (await run(f"trap '' TERM INT HUP; while :; do {sleep(3612)}; done", 0.3)).trouble == "not done after 0.3 s"
    assert not alive(sleep(3612))


async def test_what_a_command_leaves_in_the_background_is_ended() -> None:
    assert await run(f"{sleep(3613)} & ({sleep(3614)} >/dev/null 2>&1 &) ; echo started") == Outcome("started\n")
    assert not alive(sleep(3613)) + alive(sleep(3614))


async def test_who_holds_the_pipe_elsewhere_delays_nobody() -> None:
    """A process of its own session is not ours to end, but its hold on the pipe does not keep the output back."""
    assert await run("setsid sleep 2.5 & echo started") == Outcome("started\n")


async def test_a_command_that_is_given_up_leaves_nothing() -> None:
    task = asyncio.create_task(run(f"{sleep(3615)} & {sleep(3616)} | cat"))
    # The shell's own words have both too.
    while not (sleep(3615) in alive(sleep(3615)) and sleep(3616) in alive(sleep(3616))):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(sleep(3615)) + alive(sleep(3616))


@pytest.mark.parametrize("turns", range(8))
async def test_a_command_that_is_given_up_while_it_starts_leaves_nothing(turns: int) -> None:
    task = asyncio.create_task(run(f"{sleep(3617)} & {sleep(3618)} | cat"))
    for _ in range(turns):
        await asyncio.sleep(0)
    end = time.monotonic() + 0.5
    while time.monotonic() < end and not all(sleep(number) in alive(sleep(number)) for number in (3617, 3618)):
        pass  # The event loop stands still, as on a busy machine, while the shell goes on.
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(sleep(3617)) + alive(sleep(3618))


async def test_a_signal_is_told_by_name() -> None:
    assert await run(f"kill -{signal.SIGSEGV.value} $$") == Outcome("", "ended by SIGSEGV")


async def test_a_command_that_cannot_be_started_is_told() -> None:
    found = await processes.run("x" * 3_000_000, os.environ, LONG)
    assert (found.output, found.trouble) == ("", "cannot be started: Argument list too long")
    assert (await run("echo \0")).trouble.startswith("cannot be started")


async def test_fifty_at_once_come_back(tmp_path: Path) -> None:
    found = await asyncio.gather(*(run(f"sleep 0.2; echo {number}") for number in range(50)))
    assert [int(one.output) for one in found] == list(range(50))
