"""`inferdeck services`: what is watched, with the process, the container or the unit behind it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from inferdeck.cli import board, daemons
from inferdeck.cli.stack_words import empty, link, old, paging, show, stale, told, whole
from inferdeck.cli.text import Cell, Page
from inferdeck.model import numbers
from inferdeck.model.stack import StackService

NOTHING = (
    "Nothing is watched: discovery found no service on this machine, and none is configured.",
    "inferdeck sources add litellm http://HOST:4000",
)
GOOD = ("healthy", "running", "active", "connected", "ready")
RIGHT = "PID CPU MEMORY CONNECTIONS UP RESTARTS"


def services(options: argparse.Namespace) -> int:
    """List services."""
    found = daemons.client(options).services(
        kind=options.kind or "",
        health=options.health or "",
        environment=options.environment or "",
        host=options.host or "",
        **paging(options),
    )
    if empty(options, found, lambda: NOTHING):
        return 0
    return show(options, found, draw)


def draw(page: Page, found: Sequence[StackService]) -> None:
    """Add the table of services."""
    several = len({one.service.environment for one in found}) > 1
    rows = [_row(one, several=several) for one in found]
    headings = (
        *("STATE", "NAME", "KIND", "ENVIRONMENT", "HOST", "CONTAINER", "UNIT", "PID", "CPU", "MEMORY"),
        *("CONNECTIONS", "UP", "RESTARTS", "CONFIG", "VERSION"),
    )
    page.table(headings, rows, right=RIGHT, spare="VERSION CONNECTIONS HOST CONFIG CONTAINER PID KIND RESTARTS")


def _state(one: StackService) -> Cell:
    """Return the service's own word under the sign of whether it answers."""
    if one.status in board.STATES:
        return board.STATES[one.status]
    answers = board.STATES.get(one.service.health, Cell(one.service.health))
    good = one.service.health == "up" and one.status in GOOD
    sign = answers.text[:1] if good or one.service.health != "up" else "·"
    return Cell(f"{sign} {one.status}", answers.style if sign != "·" else "")


def _pid(one: StackService) -> Cell:
    if not one.pid:
        return Cell(numbers.MISSING)
    return old(str(one.pid)) if stale(one.age) else Cell(str(one.pid))


def _row(one: StackService, *, several: bool) -> tuple[Cell | str, ...]:
    service = one.service
    return (
        _state(one),
        service.name,
        service.kind,
        service.environment if several else "",
        one.host or numbers.MISSING,
        link(one.container),
        one.unit,
        _pid(one),
        told(one.cpu, numbers.percent),
        told(one.memory, numbers.byte_size),
        told(one.connections, whole),
        told(one.uptime, numbers.seconds),
        told(one.restarts, whole),
        one.config_hash[:12],
        service.version or numbers.MISSING,
    )
