"""The process of the fleet: python -m inferdeck.demo.fleet SPEC, where SPEC is JSON.

It says where everything will be, how far it has come to the present ({"played": share}) and then that it serves, as
lines of JSON, and does so until its standard input ends. That also happens when the daemon is killed; then it removes
the folder of the demo, which the daemon does otherwise.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from inferdeck.demo import life
from inferdeck.model.clock import SystemClock
from inferdeck.simulate import changes, scenario, targets
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.serve import Site

STEPS = 20
"""Steps in which the world comes to the present; a large fleet takes a minute."""


def main() -> None:
    """Serve until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Its life is that of its input; who ends the demo ends that.
        signal.signal(number, signal.SIG_IGN)
    spec = json.loads(sys.argv[1])
    folder = Path(spec["folder"])
    daemon = os.getppid()
    try:
        asyncio.run(_serve(spec, folder))
    finally:
        if os.getppid() != daemon:
            # It was killed, so nobody else will.
            shutil.rmtree(folder, ignore_errors=True)


async def _serve(spec: dict[str, Any], folder: Path) -> None:
    found = scenario.named(spec["scenario"])
    present = time.time()
    world = life.world(found.fleet, found.seed, life.began(present))
    changes.schedule(world, found.steps, present)
    pace = Pace(SystemClock(), speed=spec["speed"], at=present)
    # The programs follow the world from its beginning.
    site = Site(world, folder / "fleet", logs=bool(targets.in_no_container(found.fleet)))
    site.reserve()
    _tell({"urls": site.urls(), "present": present})
    # The daemon is made meanwhile.
    begun = world.now
    for step in range(STEPS):
        world.run_until(begun + (present - begun) * (step + 1) / STEPS)
        _tell({"played": (step + 1) / STEPS})
    world.follow(pace)
    try:
        await site.start()
        _tell({"serves": True})
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        going = asyncio.create_task(site.going())
        await asyncio.wait({ended, going}, return_when=asyncio.FIRST_COMPLETED)
        if going.done():
            # What stopped time, such as a full disk, is told by the daemon, which then ends the demo.
            sys.stderr.write(f"{going.exception()}\n")
            sys.stderr.flush()
            os._exit(1)  # the thread that reads standard input would be waited for
    finally:
        await site.stop()


def _tell(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
