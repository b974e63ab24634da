"""`inferdeck providers`: what each provider does, and what that is worth."""

from __future__ import annotations

import argparse
import math
import sys

from inferdeck.cli import board, daemons
from inferdeck.cli.figures import figure, shown
from inferdeck.cli.stack_words import then
from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.model import numbers
from inferdeck.model.json_form import dumps
from inferdeck.model.model_catalog import ProviderRow, Providers

FILTERS = ("q", "state", "gateway", "environment", "sort")
_GRADES = {"A": "green", "B": "green", "C": "yellow", "D": "yellow", "F": "red"}


def providers(options: argparse.Namespace) -> int:
    """Show the providers that match."""
    chosen = {name: getattr(options, name) or "" for name in FILTERS}
    paging = {name: str(value) for name in ("offset", "limit") if (value := getattr(options, name)) is not None}
    answer = daemons.client(options).providers(at=options.at or "", **chosen, **paging)
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    then(page, answer.past)
    draw(page, answer, asked=any(chosen.values()))
    sys.stdout.write(page.text())
    return 0


def draw(page: Page, answer: Providers, *, asked: bool) -> None:
    """Add the list of providers."""
    if not answer.items:
        page.line("no provider fits that" if asked or answer.total else "no watched gateway tells of a provider")
        return
    several = len({one.environment for one in answer.items}) > 1
    many = len({one.gateway for one in answer.items}) > 1
    page.section("PROVIDERS", f"as their gateways see them, over the last {answer.window_seconds / 60:.0f} min")
    rows = [_row(one, several=several, many=many) for one in answer.items]
    headings = (
        *("STATE", "NAME", "GATEWAY", "SCORE", "GRADE", "RECOMMENDATION", "REQUESTS", "ERRORS", "P95", "SPEED"),
        *("THERE", "MODELS", "COST", "CACHED"),
    )
    right = "SCORE REQUESTS ERRORS P95 SPEED THERE MODELS COST CACHED"
    page.table(headings, rows, right=right, spare="CACHED MODELS THERE SPEED COST")
    page.line("SCORE: docs/score.md; ~ where a part is missing or few requests were seen, – without traffic", "dim")
    if answer.total > len(answer.items):
        first, last = answer.offset + 1, answer.offset + len(answer.items)
        page.line(f"{first} to {last} of {answer.total}; --offset and --limit", "dim")


def _row(one: ProviderRow, *, several: bool, many: bool) -> tuple[Cell | str, ...]:
    gateway = one.gateway if many or several else ""
    return (
        board.STATES.get(one.state, Cell(one.state)),
        one.name,
        f"{one.environment}/{gateway}" if several else gateway,
        *_score(one),
        shown(one.requests),
        figure(one.errors, warn=0.01, critical=0.05),
        figure(one.latency_p95, warn=10.0),
        figure(one.speed),
        figure(one.availability),
        numbers.count(one.models),
        figure(one.cost),
        figure(one.cache_hits),
    )


def _score(one: ProviderRow) -> tuple[Cell, Cell, Cell]:
    if one.score is None:
        return Cell(numbers.MISSING, "dim"), Cell(""), Cell("no traffic", "dim")
    style = _GRADES.get(one.score.grade[:1], "")
    about = "~" if one.score.quality == "estimated" else ""
    # Rounded down, so that what is shown never reaches a grade that the score does not: 59.6 is an F.
    return (
        Cell(f"{about}{math.floor(one.score.value)}", style),
        Cell(one.score.grade, style),
        Cell(one.score.recommendation),
    )
