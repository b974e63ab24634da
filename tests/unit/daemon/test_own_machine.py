"""What the daemon sees of its own machine: sockets with the process behind each, addresses, who started whom."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys

from inferdeck.daemon.own_machine import OwnMachine
from inferdeck.model.clock import ManualClock
from inferdeck.model.stack import Machine
from inferdeck.model.target import Fact
from tests.unit.query.stack import state

LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); input()"
)


async def looked(own_port: int, pid: int) -> Machine:
    fact = Fact("gpu_process", f"U0/{pid}", {"pid": str(pid)})
    own = OwnMachine(ManualClock(0.0), own_port, lambda: [state("nvidia", "n", inventory=(fact,))])
    assert own.seen() == Machine(socket.gethostname())
    task = asyncio.create_task(own.keep_looking())
    try:
        async with asyncio.timeout(30):
            while not own.seen().sockets:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return own.seen()


async def test_sockets_have_their_process_and_processes_their_parents() -> None:
    command = [sys.executable, "-c", LISTEN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        with socket.create_server(("127.0.0.1", 0)) as ours:
            seen = await looked(ours.getsockname()[1], process.pid)
            mine = ours.getsockname()[1]
        process.stdin.close()
    found = {one.port: one for one in seen.sockets}
    assert seen.looked
    assert found[port].pid == process.pid
    assert mine not in found
    assert os.getpid() in seen.ancestors[process.pid]
    assert not any(one.startswith("127.") or one == "::1" for one in seen.addresses)
