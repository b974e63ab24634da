"""`inferdeck up`: the daemon in the foreground; where one runs, its status until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys

from inferdeck.cli import daemons, foreground
from inferdeck.cli.status import page, watch
from inferdeck.cli.text import safe
from inferdeck.client.tiny import Client
from inferdeck.errors import StoreLockedError

REDRAW_SECONDS = 2.0


def up(options: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM (exit 0); raises ConfigError and store errors before it serves."""
    running = daemons.running(options)
    if running is not None:
        return attach(running)
    try:
        return _run(options)
    except StoreLockedError:
        gc.enable()
        # Another one may have started in the meantime and be answering by now.
        running = daemons.running(options)
        if running is None:
            raise
        return attach(running)


def attach(client: Client) -> int:
    """Show the status of the daemon that runs already; ending this view leaves it running."""
    own = client.status().own
    print(f"inferdeck {own.version} is running already: pid {own.pid}, {own.url}")
    print("Ctrl-C ends this view, not the daemon")
    if not sys.stdout.isatty():
        sys.stdout.write(page(client).text())
        return 0
    try:
        return watch(client, REDRAW_SECONDS)
    except KeyboardInterrupt:
        return 0


def _run(options: argparse.Namespace) -> int:
    foreground.prepare()
    from inferdeck.cli.settings import load
    from inferdeck.daemon import logs
    from inferdeck.daemon.composition import Daemon
    from inferdeck.model.clock import SystemClock

    settings = load(options)
    logs.configure(settings)
    for warning in settings.warnings:
        print(f"! {safe(warning)}", file=sys.stderr)

    async def serve() -> None:
        daemon = Daemon(settings, SystemClock(), lambda line: print(safe(line), flush=True))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, daemon.stop)
        await daemon.run()

    asyncio.run(serve())
    print("stopped; everything is on disk")
    return 0
