"""`inferdeck events`: what happened in the stack."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from inferdeck.cli import daemons
from inferdeck.cli.stack_words import empty, paging, show
from inferdeck.cli.text import Cell, Page
from inferdeck.model.annotations import Event

NOTHING = (
    "Nothing has happened yet as far as the sources tell; docker, systemd and nvidia do, "
    "and configuration files that inferdeck watches.",
    "inferdeck annotate 'deployed 1.2' --kind deployment",
)
STYLES = {"oom": "red", "xid": "red", "restart": "yellow", "health": "yellow", "stop": "yellow"}


def events(options: argparse.Namespace) -> int:
    """List events."""
    found = daemons.client(options).events(
        kind=options.kind or "",
        subject=options.subject or "",
        source=options.source or "",
        environment=options.environment or "",
        since=options.since or "",
        until=options.until or "",
        **paging(options),
    )
    if empty(options, found, lambda: NOTHING):
        return 0
    return show(options, found, draw)


def draw(page: Page, found: Sequence[Event]) -> None:
    """Add the table of events."""
    several = len({one.environment for one in found}) > 1
    rows = [
        (
            Cell(local(one.time), "dim"),
            Cell(one.kind, STYLES.get(one.kind, "")),
            one.environment if several else "",
            Cell(one.source, "dim"),
            one.text,
        )
        for one in found
    ]
    page.table(("TIME", "KIND", "ENVIRONMENT", "SOURCE", "WHAT"), rows, spare="SOURCE", wrap=True)


def local(moment: float) -> str:
    """Return a moment as this machine's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
