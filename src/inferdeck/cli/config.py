"""`inferdeck config`: check the file, show what is in force."""

from __future__ import annotations

import argparse
import sys

from inferdeck.cli import daemons
from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.model.answers import ConfigAnswer
from inferdeck.model.json_form import dumps


def check(options: argparse.Namespace) -> int:
    """Say whether the configuration is right; ConfigError says with file, line and key why it is not."""
    from inferdeck.api.guard import of
    from inferdeck.cli.settings import load

    settings = load(options)
    # The rule by which `up` may refuse what is right in itself.
    of(settings)
    page = Page(columns(), colour=coloured(sys.stdout))
    for warning in settings.warnings:
        page.wrapped(f"! {warning}", "", "yellow")
    count = sum(len(one) for one in settings.sources.values())
    entries = f"{count} source {'entry' if count == 1 else 'entries'}"
    page.line(
        f"{settings.file or 'no file, defaults only'}: right; {entries}",
        "green",
    )
    sys.stdout.write(page.text())
    return 0


def show(options: argparse.Namespace) -> int:
    """Print what is in force: the running daemon's where one runs, else what `up` would use."""
    running = daemons.running(options)
    if running is not None:
        answer = running.config()
    else:
        from inferdeck.cli.settings import load
        from inferdeck.config.shown import answer as shown

        answer = shown(load(options))
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    sys.stdout.write(_text(answer))
    return 0


def _text(answer: ConfigAnswer) -> str:
    page = Page(columns(), colour=coloured(sys.stdout))
    page.line(f"file: {answer.file or 'none'}")
    page.table(("KEY", "VALUE", "FROM"), [(key, value, Cell(origin, "dim")) for key, value, origin in answer.entries])
    for warning in answer.warnings:
        page.wrapped(f"! {warning}", "", "yellow")
    return page.text()
