"""The process of the fleet: python -m inferdeck.demo.fleet SPEC, where SPEC is JSON.

It says where everything is as one line of JSON, serves until its standard input ends, and then removes the folder of
the demo: also when the daemon was killed, since that ends the input as well.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from inferdeck.demo import life
from inferdeck.model.clock import SystemClock
from inferdeck.simulate import changes, scenario
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.serve import serving


def main() -> None:
    """Serve until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Its life is that of its input; who ends the demo ends that.
        signal.signal(number, signal.SIG_IGN)
    spec = json.loads(sys.argv[1])
    folder = Path(spec["folder"])
    try:
        asyncio.run(_serve(spec, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _serve(spec: dict[str, Any], folder: Path) -> None:
    found = scenario.named(spec["scenario"])
    present = time.time()
    world = life.world(found.fleet, found.seed, life.began(present))
    changes.schedule(world, found.steps, present)
    # The programs follow it from its beginning: `serving` brings it to the present when they are there.
    world.follow(Pace(SystemClock(), speed=spec["speed"], at=present))
    async with serving(world, folder / "fleet") as site:
        sys.stdout.write(json.dumps({"urls": site.urls(), "present": present}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    main()
