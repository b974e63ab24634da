"""`inferdeck annotate`, `annotations list`, `annotations delete`: remarks of people and scripts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from inferdeck.cli import daemons
from inferdeck.cli.events import local
from inferdeck.cli.stack_words import empty, paging, show
from inferdeck.cli.text import Cell, Page, safe
from inferdeck.model.annotations import Annotation
from inferdeck.model.json_form import dumps

NOTHING = ("There are no annotations.", "inferdeck annotate 'deployed 1.2' --kind deployment")


def annotate(options: argparse.Namespace) -> int:
    """Keep an annotation; it is on disk when the command ends."""
    body: dict[str, Any] = {"text": options.text, "tags": options.tag}
    given = {"kind": options.kind, "time": options.at, "until": options.until, "environment": options.environment}
    found = daemons.client(options).annotate(body | {name: value for name, value in given.items() if value})
    if options.json:
        print(dumps(found, indent=2))
    else:
        print(f"{found.id}: {found.kind} at {local(found.time)}: {safe(found.text)}")
    return 0


def list_all(options: argparse.Namespace) -> int:
    """List annotations."""
    found = daemons.client(options).annotations(
        kind=options.kind or "",
        tag=options.tag or "",
        environment=options.environment or "",
        since=options.since or "",
        until=options.until or "",
        **paging(options),
    )
    if empty(options, found, lambda: NOTHING):
        return 0
    return show(options, found, draw)


def delete(options: argparse.Namespace) -> int:
    """Delete an annotation."""
    found = daemons.client(options).delete_annotation(options.number)
    print(dumps(found, indent=2) if options.json else f"annotation {found.id} is deleted")
    return 0


def draw(page: Page, found: Sequence[Annotation]) -> None:
    """Add the table of annotations."""
    several = len({one.environment for one in found}) > 1
    rows = [
        (
            str(one.id),
            Cell(local(one.time), "dim"),
            Cell(local(one.until) if one.until is not None else "", "dim"),
            one.kind,
            one.environment if several else "",
            ", ".join(one.tags),
            one.text,
        )
        for one in found
    ]
    headings = ("ID", "TIME", "UNTIL", "KIND", "ENVIRONMENT", "TAGS", "WHAT")
    page.table(headings, rows, right="ID", spare="UNTIL TAGS", wrap=True)
