"""`inferdeck status`: once, as JSON, or redrawn in place until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
import time

from inferdeck.cli import board, daemons, screen
from inferdeck.cli.stack_words import then
from inferdeck.cli.text import Page, coloured, columns
from inferdeck.client.tiny import Client
from inferdeck.errors import DaemonDownError, UnavailableError, UsageError
from inferdeck.model.json_form import dumps

INTERVAL_SECONDS = 2.0
SHORTEST_INTERVAL_SECONDS = 0.2


def status(options: argparse.Namespace) -> int:
    """Show the whole stack; raises DaemonDownError where no daemon runs."""
    interval = INTERVAL_SECONDS if options.interval is None else options.interval
    if not interval >= SHORTEST_INTERVAL_SECONDS:
        raise UsageError(f"--interval: at least {SHORTEST_INTERVAL_SECONDS:g} seconds")
    client = daemons.client(options)
    at = options.at or ""
    if options.watch or options.interval is not None:
        if at:
            raise UsageError("--at: the past does not change; leave out --watch and --interval")
        return watch(client, interval, json=options.json)
    if options.json:
        print(dumps(client.status(at), indent=2))
    else:
        print(page(client, at).text(), end="")
    return 0


def page(client: Client, at: str = "") -> Page:
    """Return the daemon's status, of now or of a moment, as a page for standard output."""
    drawn = Page(columns(), colour=coloured(sys.stdout))
    found = client.status(at)
    then(drawn, found.past)
    board.draw(drawn, found)
    return drawn


def watch(client: Client, interval: float, *, json: bool = False) -> int:
    """Show the status until interrupted: in place on a terminal, one after the other elsewhere."""
    if json or not sys.stdout.isatty():
        while True:
            print(dumps(client.status()) if json else page(client).text(), flush=True)
            time.sleep(interval)
    with screen.Screen(sys.stdout) as shown:
        while True:
            shown.draw(_lines(client))
            shown.wait(interval)


def _lines(client: Client) -> list[str]:
    try:
        return page(client).lines()
    except UnavailableError as error:
        if isinstance(error, DaemonDownError):
            raise
        return [f"no answer: {error}", "trying again"]
