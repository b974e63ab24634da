"""`inferdeck store`: the history on disk, through the daemon that owns it, or directly where none does."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from inferdeck.cli import daemons
from inferdeck.cli.figures import shown
from inferdeck.cli.text import Page, coloured, columns
from inferdeck.client.tiny import Client
from inferdeck.errors import StoreError
from inferdeck.model import numbers
from inferdeck.model.answers import Job, StoreReport
from inferdeck.model.json_form import dumps

POLL_SECONDS = 0.2


def stats(options: argparse.Namespace) -> int:
    """Print the store day by day."""
    running = daemons.running(options)
    if running is not None:
        report = running.store_stats()
    else:
        from inferdeck.cli.alone import store_report

        report = store_report(options)
    if options.json:
        print(dumps(report, indent=2))
    else:
        sys.stdout.write(_text(report))
    return 0


def check(options: argparse.Namespace) -> int:
    """Verify every chunk; 1 where something is damaged."""
    return _work(options, "check", {})


def compact(options: argparse.Namespace) -> int:
    """Give free pages back."""
    return _work(options, "compact", {"day": options.day})


def remap(options: argparse.Namespace) -> int:
    """Rebuild the canonical series."""
    return _work(options, "remap", {})


def _work(options: argparse.Namespace, kind: str, given: dict[str, Any]) -> int:
    progress = _Progress()
    running = daemons.running(options)
    if running is not None:
        lines = _follow(running, running.start_job(kind, given), progress)
    else:
        from inferdeck.cli.alone import store_work

        lines = store_work(options, kind, given, progress.show)
    progress.clear()
    page = Page(columns(), colour=coloured(sys.stdout))
    for line in lines:
        page.wrapped(line, "")
    sys.stdout.write(page.text())
    return int(kind == "check" and any("damaged" in line for line in lines))


def _follow(client: Client, job: Job, progress: _Progress) -> list[str]:
    while job.state == "running":
        progress.show(job.progress, job.message)
        time.sleep(POLL_SECONDS)
        job = client.job(job.id)
    if job.state == "failed":
        raise StoreError(job.message)
    return list(job.lines)


class _Progress:
    """One line on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()

    def show(self, share: float, message: str) -> None:
        if self._on:
            sys.stderr.write(f"\r\x1b[K{numbers.percent(share)} {message}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _text(report: StoreReport) -> str:
    page = Page(columns(), colour=coloured(sys.stdout))
    state = report.state
    page.line(state.path)
    page.line(f"writing: {'yes' if state.writing else f'NO: {state.trouble}'}", "" if state.writing else "red")
    if state.writing and state.trouble:
        page.line(state.trouble, "yellow")
    page.line(f"{shown(state.series)} series, {shown(state.samples)} samples, {shown(state.size)}")
    page.line(f"{shown(report.bytes_per_sample)} a sample, {shown(report.free)} free, oldest {_age(report)}")
    if state.quarantined.value:
        page.line(f"{shown(state.quarantined)} damaged parts set aside", "yellow")
    rows = [
        (day.day, numbers.byte_size(day.bytes), numbers.count(day.series), numbers.count(day.samples))
        for day in report.days
    ]
    if rows:
        page.table(("DAY", "SIZE", "SERIES", "SAMPLES"), rows, right="SIZE SERIES SAMPLES")
    return page.text()


def _age(report: StoreReport) -> str:
    return numbers.age(report.state.oldest.value)
