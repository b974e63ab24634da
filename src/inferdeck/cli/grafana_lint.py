"""`inferdeck grafana lint`: anybody's dashboards and rules against what targets expose."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from inferdeck.cli import daemons
from inferdeck.cli.text import Page, coloured, columns
from inferdeck.client.tiny import Client
from inferdeck.dashboards.grafana import lint as linter
from inferdeck.dashboards.grafana import live, questions
from inferdeck.dashboards.grafana.lint import Finding
from inferdeck.dashboards.grafana.live import Live
from inferdeck.dashboards.remarks import Severity
from inferdeck.errors import UsageError
from inferdeck.model.json_form import dumps

WRONG = 1
LARGEST_FILE_BYTES = 64 << 20
NAMES_AT_ONCE = 100
MOST_PLACES = 4
LIVE_SECONDS = 3600.0
"""What has had no sample for so long is gone: yesterday's version may have had it."""
TITLES = {
    "dead-metric": "metrics that no target has",
    "dead-label": "labels that the series do not have",
    "aggregation": "sums and averages that mean nothing",
    "counter": "counters and gauges taken for each other",
    "quantile": "quantiles of what are no buckets",
    "unit": "units that do not fit",
    "syntax": "queries that cannot be read",
    "not-yet": "known metrics that no target exposes now",
    "no-target": "metrics of targets that are not watched",
    "elsewhere": "metrics that only the site can know",
}


def lint(options: argparse.Namespace) -> int:
    """Print what is wrong; exit 1 where something is."""
    asked = {name: questions.read(_body(Path(name)), name) for name in options.files}
    there = _live(options, asked.values())
    recorded = frozenset(name for one in asked.values() for name in one.recorded)
    found = [finding for name, one in asked.items() for finding in linter.lint(name, one, there, recorded)]
    errors = [one for one in found if one.severity is Severity.ERROR]
    if options.json:
        print(dumps([asdict(one) for one in (found if options.all else errors)], indent=2))
    else:
        sys.stdout.write(_page(found, asked.values(), there, everything=options.all))
    return WRONG if errors else 0


def _page(found: list[Finding], asked: Iterable[questions.Asked], there: Live, *, everything: bool) -> str:
    page = Page(columns(), colour=coloured(sys.stdout))
    for fault, title in TITLES.items():
        shown = [one for one in found if one.fault == fault and (everything or one.severity is Severity.ERROR)]
        if shown:
            page.section(title, str(len(shown)))
        for (text, instead), places in _together(shown).items():
            page.wrapped(text, "  ")
            if instead:
                page.whole(f"use {instead}", "    ", "green")
            page.wrapped("; ".join(places[:MOST_PLACES]) + _more(places), "    ", "dim")
    queries = sum(len(one.questions) for one in asked)
    errors = sum(one.severity is Severity.ERROR for one in found)
    if found:
        page.line()
    page.line(f"{queries} queries read, {errors} mistakes", "red" if errors else "green")
    if not there.known:
        page.line("no target was asked: the catalogs alone judged; give --metrics FILE, or start a daemon", "dim")
    if len(found) > errors and not everything:
        page.line(f"{len(found) - errors} more remarks: --all shows them", "dim")
    return page.text()


def _together(found: list[Finding]) -> dict[tuple[str, str], list[str]]:
    """Return the places of each mistake: a renamed metric is often asked for in ten panels."""
    same: dict[tuple[str, str], list[str]] = {}
    for one in found:
        same.setdefault((one.text, one.instead), []).append(one.place)
    return same


def _more(places: list[str]) -> str:
    return f"; and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""


def _live(options: argparse.Namespace, asked: Iterable[questions.Asked]) -> Live:
    """Return what the saved pages say, else what the daemon's targets do."""
    there = Live()
    for file in options.metrics:
        there = there.joined(live.of_page(_body(Path(file))))
    if options.metrics or options.offline:
        return there
    client = daemons.running(options)
    return Live() if client is None else _daemon(client, linter.wanted(asked))


def _daemon(client: Client, names: list[str]) -> Live:
    series = []
    now = time.time()
    span = {"start": repr(now - LIVE_SECONDS), "end": repr(now)}
    for at in range(0, len(names), NAMES_AT_ONCE):
        words = "|".join(names[at : at + NAMES_AT_ONCE])
        answer = client.prometheus("series", {"match[]": f'{{__name__=~"{words}"}}', **span})
        series += [tuple(sorted(labels.items())) for labels in answer["data"]]
    up = client.prometheus("query", {"query": "group by (job) (up)"})["data"]["result"]
    return live.of_series(series, [one["metric"].get("job", "") for one in up])


def _body(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise UsageError(f"{path}: larger than {LARGEST_FILE_BYTES >> 20} MiB")
        found = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    if found[:2] == b"\x1f\x8b":
        raise UsageError(f"{path}: is compressed; unpack it first")
    return found
