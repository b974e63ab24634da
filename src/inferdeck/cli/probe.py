"""`inferdeck probe routing`: proves where a gateway sends requests, by sending some."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from inferdeck.cli import daemons, settings
from inferdeck.cli.text import Page, coloured, columns, safe
from inferdeck.client.tiny import Client
from inferdeck.config import document
from inferdeck.config.schema import Settings
from inferdeck.errors import NotFoundError, UsageError
from inferdeck.model.page import LARGEST_LIMIT
from inferdeck.model.stack import Route
from inferdeck.pricing.published import PublishedPrices
from inferdeck.probing import access, bills, cases, cases_file, intended, report
from inferdeck.probing.access import Access
from inferdeck.probing.cases import Wish
from inferdeck.probing.cases_file import Given
from inferdeck.probing.gateway import Told, learn
from inferdeck.probing.intended import Intended
from inferdeck.probing.running import Run, total
from inferdeck.probing.sender import Sender
from inferdeck.probing.values import Kind, Plan, Report, Result, State

INTERRUPTED = 130
EVERY = 25
"""Requests between two lines of progress where standard error is no terminal."""


def routing(options: argparse.Namespace) -> int:
    """Send the requests of a probe and report; 1 where a case failed."""
    given = _given(options)
    loaded = settings.load(options)
    url, routes = _gateway(options, given, loaded)
    reach = access.to(url, given.key, loaded, os.environ)
    wish = Wish(
        tuple(options.model),
        tuple(Kind(word) for word in options.kind),
        options.models,
        options.pool_requests,
    )
    found = asyncio.run(_probe(options, reach, given, routes, wish))
    _print(options, found)
    if found.interrupted:
        return INTERRUPTED
    return 1 if found.count(State.FAILED) else 0


def _given(options: argparse.Namespace) -> Given:
    """Return what --config FILE says, where FILE is for the probe; inferdeck.yaml is left to the settings."""
    if not options.config:
        return Given()
    path = Path(options.config)
    if not cases_file.is_one(document.read(path)):
        return Given()
    options.config = None
    return cases_file.read(path, dict(os.environ))


def _gateway(options: argparse.Namespace, given: Given, loaded: Settings) -> tuple[str, Sequence[Route]]:
    """Return the gateway's address, and the routes that the daemon knows, where FILE says none."""
    named = options.gateway or ""
    if "://" in named or given.url:
        return (named if "://" in named else given.url), ()
    client = daemons.running(options)
    if client is None:
        known = [url for one in loaded.sources.get(access.KIND, ()) for url in access.urls(one)]
        if len(known) == 1 and not named:
            return known[0], ()
        client = daemons.client(options)
    return _watched(client, named, routes=not given.intended and not given.entries)


def _watched(client: Client, named: str, *, routes: bool) -> tuple[str, Sequence[Route]]:
    services = [one.service for one in client.sources().sources if one.service.kind == access.KIND]
    if not services:
        raise NotFoundError("no gateway is watched; name one with --gateway http://HOST:PORT")
    chosen = [one for one in services if not named or named in (one.name, one.instance, one.id)]
    if len(chosen) != 1:
        there = ", ".join(one.name for one in services[:10])
        raise UsageError(f"say which gateway with --gateway: {there}" if chosen else f"no gateway {named}: {there}")
    one = chosen[0]
    return one.url, _all_routes(client) if routes else ()


def _all_routes(client: Client) -> list[Route]:
    found: list[Route] = []
    while True:
        page = client.routes(offset=str(len(found)), limit=str(LARGEST_LIMIT))
        found += page.items
        if not page.items or len(found) >= page.total:
            return found


async def _probe(
    options: argparse.Namespace, reach: Access, given: Given, routes: Sequence[Route], wish: Wish
) -> Report:
    async with Sender(reach, timeout_seconds=options.timeout) as sender:
        told = await learn(sender)
        known = [*given.intended, *intended.of_routes(routes, told)]
        plan = await _plan(sender.url, told, given, known, wish)
        run = Run(plan, told, sender, _Progress())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, run.stop.set)
        try:
            _announce(plan, leave=options.yes)
            return await run.go()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def _announce(plan: Plan, *, leave: bool) -> None:
    """Say what will be sent and what that may cost; raises UsageError where nobody gave leave."""
    for line in report.announced(plan):
        print(safe(line), file=sys.stderr, flush=True)
    if not plan.simulated and not leave and plan.requests:
        raise UsageError("this gateway is no simulator: add --yes to send these requests")


async def _plan(url: str, told: Told, given: Given, known: Sequence[Intended], wish: Wish) -> Plan:
    made = _cases(told, given, known, wish)
    book = None
    if not told.simulated:
        book = PublishedPrices()
        await asyncio.to_thread(book.load)
    bill = bills.bill(made.cases, told, book, time.time())
    return Plan(url, told.simulated, made.cases, total(made.cases), bill, made.left_out, made.notes)


def _cases(told: Told, given: Given, known: Sequence[Intended], wish: Wish) -> cases.Made:
    """Return the cases of the file, then those made of what is known, where the file has none or names routes."""
    own = cases_file.cases(given, told, wish)
    if own and not known:
        return cases.Made(cases.sized(own, wish))
    return cases.make(told, known, wish, own)


class _Progress:
    """Says on standard error how far it is: one line that is rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._told = 0

    def __call__(self, sent: int, of: int, result: Result | None) -> None:
        failed = result is not None and result.state is State.FAILED
        name = f"  {report.SIGNS[result.state]} {result.id}" if result is not None else ""
        if self._live:
            end = "\n" if sent >= of else ""
            print(f"\r\x1b[K{sent}/{of} requests{safe(name)[:60]}", end=end, file=sys.stderr, flush=True)
        elif failed or sent - self._told >= EVERY:
            self._told = sent
            print(f"{sent}/{of} requests{safe(name)}", file=sys.stderr, flush=True)


def _print(options: argparse.Namespace, found: Report) -> None:
    if options.format == "json":
        print(report.as_json(found))
    elif options.format == "junit":
        print(report.as_junit(found), end="")
    else:
        page = Page(columns(), colour=coloured(sys.stdout))
        for text, style in report.lines(found):
            indent = text[: len(text) - len(text.lstrip())]
            page.wrapped(text.strip(), indent, style) if text else page.line()
        print(page.text(), end="")
