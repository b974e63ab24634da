"""`inferdeck demo`: the daemon beside a simulated fleet, in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal

from inferdeck.cli import foreground
from inferdeck.cli.text import safe
from inferdeck.errors import UsageError

MOST_DAYS = 60
MOST_SPEED = 100.0


def demo(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM, or only sweep up; raises UsageError for what cannot be."""
    from inferdeck.demo import folders

    if options.clean:
        found = folders.sweep(os.environ)
        for folder in found:
            print(safe(f"removed {folder}"))
        if not found:
            print("nothing was left behind")
        return 0
    if not 0 <= options.days <= MOST_DAYS:
        raise UsageError(f"--days {options.days:g}: takes 0 to {MOST_DAYS}")
    if not 0 < options.speed <= MOST_SPEED:
        raise UsageError(f"--speed {options.speed:g}: takes more than 0, up to {MOST_SPEED:g}")
    if not 0 <= options.port < 65_536:
        raise UsageError(f"--port {options.port}: takes 0 (any free one) to 65535")
    return _run(options)


def _run(options: argparse.Namespace) -> int:
    foreground.prepare()
    from inferdeck.demo.run import Demo, Wish

    async def run() -> None:
        wish = Wish(options.scenario, options.days, options.speed, options.port)
        found = Demo(wish, lambda line: print(safe(line), flush=True))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, found.stop)
        await found.run()

    asyncio.run(run())
    print("stopped; nothing is left behind")
    return 0
