"""Links, figures and pages of the stack as commands show them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.model import numbers
from inferdeck.model import page as pages
from inferdeck.model.answers import Number
from inferdeck.model.json_form import dumps
from inferdeck.model.past import Past
from inferdeck.model.stack import Link

T = TypeVar("T")

UNKNOWN = "?"


def link(one: Link) -> Cell:
    """Return what a link leads to: its name, ? where that is not known, – where nothing is there."""
    if one.state == "known":
        return Cell(one.name)
    return Cell(UNKNOWN if one.state == "unknown" else numbers.MISSING, "dim")


def links(many: Sequence[Link]) -> Cell:
    """Return the names of several links."""
    known = [one.name for one in many if one.state == "known"]
    return Cell(", ".join(known)) if known else link(many[0]) if many else Cell(numbers.MISSING, "dim")


def cards(many: Sequence[Link]) -> Cell:
    """Return cards, those of one machine together: GPU 0, 1 of gpu-1."""
    found: dict[str, list[str]] = {}
    for one in many:
        if one.state == "known":
            number = one.name.removeprefix("GPU ").removesuffix(f" of {one.host}")
            found.setdefault(one.host, []).append(number)
    if not found:
        return links(many)
    return Cell("; ".join(f"GPU {', '.join(numbers)} of {host or '?'}" for host, numbers in found.items()))


def why(one: Link) -> str:
    """Return the evidence of a link in one line."""
    text = "; ".join(one.evidence)
    return f"{text}: {', '.join(one.candidates)}" if one.candidates else text


def told(number: Number, form: Callable[[float], str]) -> Cell:
    """Return a figure in a form of its own; dim where it is missing, and after a ? where it is old."""
    if number.value is None:
        return Cell("unlimited" if number.quality == "unlimited" else numbers.MISSING, "dim")
    return old(form(number.value)) if stale(number) else Cell(form(number.value))


def stale(number: Number) -> bool:
    """Return whether a figure is of a moment that is long ago."""
    return number.quality == "stale"


def old(text: str, age: Number | None = None) -> Cell:
    """Return what was so when it was last seen, which `age` says where it is given."""
    return Cell(
        f"{UNKNOWN} {text}, {numbers.age(age.value)}"
        if age is not None and age.value is not None
        else f"{UNKNOWN} {text}",
        "dim",
    )


def whole(value: float) -> str:
    """Return a number that counts."""
    return f"{value:.0f}"


def paging(options: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of the page that was asked for, and of the moment where one may be."""
    given = {name: getattr(options, name, None) for name in ("q", "offset", "limit", "at")}
    return {name: str(value or "") for name, value in given.items()}


def then(page: Page, past: Past | None) -> None:
    """Say which moment an answer is about, and what in it is not of that moment."""
    if past is not None:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(past.at))
        page.wrapped(f"at {moment}: {'; '.join(past.notes)}", "", "yellow")


def show(options: argparse.Namespace, found: pages.Page[T], draw: Callable[[Page, Sequence[T]], None]) -> int:
    """Print a page of an answer: as JSON, as what `draw` makes of it, or why it is empty."""
    if options.json:
        print(dumps(found, indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    then(page, found.past)
    if found.items:
        draw(page, found.items)
    shown = found.offset + len(found.items)
    if found.items and shown < found.total:
        page.line(f"{found.offset + 1} to {shown} of {found.total}; --offset {shown} shows the next", "dim")
    elif found.total and not found.items:
        page.line(f"there are {found.total}; --offset {found.offset} is after the last", "dim")
    sys.stdout.write(page.text())
    return 0


def empty(options: argparse.Namespace, found: pages.Page[T], reason: Callable[[], tuple[str, str]]) -> bool:
    """Say why there is nothing and what to do, where that is so; filters that match nothing are the first reason."""
    if found.total or options.json:
        return False
    page = Page(columns(), colour=coloured(sys.stdout))
    filters = [name for name in vars(options) if name in FILTERS and getattr(options, name)]
    if filters:
        named = " ".join(f"--{name} {getattr(options, name)}" for name in filters)
        page.wrapped(f"nothing matches {named}", "")
    elif found.past is not None:
        then(page, found.past)
        page.line("nothing of this is known of then")
    else:
        text, fix = reason()
        page.wrapped(text, "")
        if fix:
            page.whole(fix, "    ", "cyan")
    sys.stdout.write(page.text())
    return True


FILTERS = frozenset(
    {"q", "kind", "health", "environment", "host", "state", "project", "model", "gateway", "origin"}
    | {"subject", "source", "tag", "since", "until", "drift"}
)
