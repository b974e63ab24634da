"""`inferdeck config files`: configuration files of the stack, and one of them with its content."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from inferdeck.cli import daemons
from inferdeck.cli.events import local
from inferdeck.cli.stack_words import empty, paging, show
from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.model import numbers
from inferdeck.model.config_files import ConfigFile, ConfigFilePage, Difference
from inferdeck.model.json_form import dumps

NOTHING = (
    "No configuration file of the stack is known: neither a unit nor a gateway of this machine names one.",
    "config_files: [{path: /etc/litellm/config.yaml, kind: litellm}]",
)
STATES = {
    "read": Cell("✓ read", "green"),
    "missing": Cell("✗ missing", "red"),
    "unreadable": Cell("✗ unreadable", "red"),
    "invalid": Cell("✗ invalid", "red"),
}
DRIFTS = {"same": Cell("same", "green"), "unknown": Cell("?", "dim"), "none": Cell(numbers.MISSING, "dim")}
SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def files(options: argparse.Namespace) -> int:
    """List the files, or show one."""
    client = daemons.client(options)
    if options.name:
        one = client.config_file(options.name)
        print(dumps(one, indent=2)) if options.json else sys.stdout.write(_text(one))
        return 0
    found = client.config_files(
        kind=options.kind or "",
        gateway=options.gateway or "",
        state=options.state or "",
        drift=options.drift or "",
        environment=options.environment or "",
        **paging(options),
    )
    if empty(options, found, lambda: NOTHING):
        return 0
    return show(options, found, draw)


def draw(page: Page, found: Sequence[ConfigFile]) -> None:
    """Add the table of files, and what is wrong in them."""
    rows = [
        (
            STATES.get(one.state, Cell(one.state)),
            one.path,
            one.kind,
            one.gateway,
            numbers.byte_size(one.size) if one.size is not None else "",
            Cell(local(one.modified) if one.modified is not None else "", "dim"),
            str(one.revisions),
            _drift(one),
            one.hash[:12],
        )
        for one in found
    ]
    headings = ("STATE", "FILE", "KIND", "GATEWAY", "SIZE", "MODIFIED", "REVISIONS", "DRIFT", "HASH")
    page.table(headings, rows, right="SIZE REVISIONS", spare="HASH SIZE REVISIONS GATEWAY MODIFIED")
    for one in found:
        _trouble(page, one)


def _drift(one: ConfigFile) -> Cell:
    if one.drift.state == "differs":
        return Cell(f"! {len(one.drift.differences)}", "yellow")
    return DRIFTS.get(one.drift.state, Cell(one.drift.state))


def _trouble(page: Page, one: ConfigFile) -> None:
    for text in ((one.error,) if one.error else ()) + one.problems:
        page.wrapped(f"! {text}", "", "yellow")


def _text(one: ConfigFilePage) -> str:
    page = Page(columns(), colour=coloured(sys.stdout))
    file = one.file
    page.line(f"{file.path}  {file.kind}", "bold")
    page.line(f"  named by {file.origin}; SHA-256 {file.hash or numbers.MISSING}", "dim")
    if file.modified is not None:
        page.line(f"  written {local(file.modified)}; {file.revisions} revisions seen", "dim")
    _trouble(page, file)
    if file.drift.state != "none":
        page.section("Against what runs", file.drift.gateway)
        if file.drift.state == "same":
            page.line("✓ the gateway runs what the file says", "green")
        for difference in file.drift.differences:
            _difference(page, difference, file.name)
        for text in file.drift.unknown:
            page.wrapped(f"? {text}", "", "dim")
    if one.last_change:
        page.section("Last change")
        for line in one.last_change.split("\n"):
            page.line(line, {"+": "green", "-": "red"}.get(line[:1], "dim"))
    if one.content:
        page.section("Content", "secrets are masked")
        for line in one.content.rstrip("\n").split("\n"):
            page.whole(line.rstrip("\r"), "")
    if one.truncated:
        page.line("… the rest is not shown", "dim")
    return page.text()


def _difference(page: Page, one: Difference, name: str) -> None:
    sign, style = SIGNS.get(one.change, ("?", ""))
    where = f"{name}:{one.line}: {one.key}" if one.line else one.key
    values = {
        "added": f"the file has {one.file}, which does not run",
        "removed": f"{one.running} runs, which the file does not have",
        "changed": f"{one.file} in the file, {one.running} runs",
    }
    page.wrapped(f"{sign} {one.what}: {values.get(one.change, '')} ({where})", "", style)
