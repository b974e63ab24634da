"""`inferdeck gpus`: the cards, what holds them back, and who uses them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from inferdeck.cli import daemons
from inferdeck.cli.figures import figure
from inferdeck.cli.stack_words import empty, old, paging, show, stale, told
from inferdeck.cli.text import Cell, Page
from inferdeck.model import numbers
from inferdeck.model.stack import Card, CardProcess

NOTHING = (
    "No GPU is known: there is none on this machine that its driver shows, and no dcgm-exporter is watched.",
    "inferdeck sources add dcgm http://HOST:9400",
)
HOT_CELSIUS = 80.0
RIGHT = "UTIL MEMORY OF TEMP POWER CLOCK ENERGY"


def gpus(options: argparse.Namespace) -> int:
    """List cards."""
    found = daemons.client(options).gpus(
        host=options.host or "",
        environment=options.environment or "",
        model=options.model or "",
        **paging(options),
    )
    if empty(options, found, lambda: NOTHING):
        return 0
    return show(options, found, draw)


def draw(page: Page, found: Sequence[Card]) -> None:
    """Add the table of cards, then what is wrong with them and the processes on them."""
    rows = [
        (
            one.host or numbers.MISSING,
            one.index or numbers.MISSING,
            one.model,
            figure(one.utilisation),
            told(one.memory_used, numbers.byte_size),
            told(one.memory_total, numbers.byte_size),
            _temperature(one),
            told(one.power, lambda value: f"{value:.0f} W"),
            told(one.sm_clock, lambda value: f"{value / 1e6:.0f} MHz"),
            _throttled(one),
            Cell(", ".join(user.name for user in one.used_by) or numbers.MISSING),
        )
        for one in found
    ]
    headings = ("HOST", "GPU", "MODEL", "UTIL", "MEMORY", "OF", "TEMP", "POWER", "CLOCK", "HELD BACK", "USED BY")
    page.table(headings, rows, right=RIGHT, spare="MODEL CLOCK OF POWER HOST")
    for one in found:
        for text in _troubles(one):
            page.wrapped(f"! {one.host} GPU {one.index or one.uuid}: {text}", "", "red")
    processes = [(one, process) for one in found for process in one.processes]
    if processes:
        page.section("PROCESSES")
        _processes(page, processes)


def _temperature(one: Card) -> Cell:
    cell = told(one.temperature, lambda value: f"{value:.0f} °C")
    hot = one.temperature.value is not None and one.temperature.value >= HOT_CELSIUS
    return Cell(cell.text, "yellow") if hot and not cell.style else cell


def _throttled(one: Card) -> Cell:
    if not one.throttle_known:
        return Cell(numbers.MISSING, "dim")
    text = ", ".join(one.throttled) or "no"
    return old(text) if stale(one.age) else Cell(text, "yellow" if one.throttled else "dim")


def _troubles(one: Card) -> list[str]:
    found = []
    if stale(one.age):
        found.append(f"last read {numbers.age(one.age.value)}: what is shown of it may be so no more")
    if one.xid is not None:
        found.append(f"last XID error {one.xid}: {one.xid_text}")
    if one.ecc.value:
        found.append(f"{one.ecc.value:.0f} ECC errors that could not be corrected")
    if one.remapped_rows.value:
        found.append(f"{one.remapped_rows.value:.0f} memory rows remapped after errors")
    return found


def _processes(page: Page, found: Sequence[tuple[Card, CardProcess]]) -> None:
    rows = [
        (
            card.host,
            card.index,
            str(process.pid) if process.pid else numbers.MISSING,
            process.name,
            told(process.memory, numbers.byte_size),
            process.container.name or numbers.MISSING,
            process.service.name or numbers.MISSING,
            ", ".join(process.models),
        )
        for card, process in found
    ]
    headings = ("HOST", "GPU", "PID", "PROCESS", "MEMORY", "CONTAINER", "SERVICE", "MODEL")
    page.table(headings, rows, right="PID MEMORY", spare="HOST PROCESS")
