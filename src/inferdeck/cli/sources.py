"""`inferdeck sources`: what is watched, one source in detail, trying and adding one."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from inferdeck.cli import board, daemons
from inferdeck.cli.events import local
from inferdeck.cli.figures import figure, shown
from inferdeck.cli.text import Cell, Page, coloured, columns
from inferdeck.errors import UsageError
from inferdeck.model import numbers
from inferdeck.model.answers import Added, SourceAnswer, Trial
from inferdeck.model.json_form import dumps

LONG = 12
"""Characters from which a fraction is shortened."""
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?")
_MOMENTS = frozenset({"time", "created", "started", "updated", "modified", "config_changed", "seen"})
"""Facts that are moments in Unix seconds."""
_FIRST_MOMENT, _LAST_MOMENT = 100_000_000.0, 4_102_444_800.0
"""1973 and 2100: what lies outside is no moment of a stack."""


def list_all(options: argparse.Namespace) -> int:
    """List every watched target."""
    answer = daemons.client(options).sources()
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    page = _page()
    rows = [
        (
            board.STATES.get(one.service.health, Cell(one.service.health)),
            one.service.id,
            one.service.name if one.service.name != one.service.instance else "",
            one.service.origin,
            numbers.seconds(one.interval_seconds),
            numbers.age(one.service.age.value),
            numbers.count(one.native_series),
            numbers.count(one.canonical_series),
            figure(one.cpu),
        )
        for one in answer.sources
    ]
    headings = ("STATE", "SOURCE", "NAME", "ORIGIN", "EVERY", "SEEN", "NATIVE", "CANONICAL", "CPU")
    page.table(headings, rows, right="EVERY SEEN NATIVE CANONICAL CPU", spare="CPU NATIVE EVERY CANONICAL")
    board.discovered(page, [one for one in answer.found if not one.watched or one.note or one.fix])
    if answer.not_found:
        page.section("NOT FOUND ON THIS MACHINE", "the line that watches one elsewhere")
        page.table(("KIND", "WHAT", "LINE"), [(one.kind, one.title, one.fix) for one in answer.not_found], wrap=True)
    sys.stdout.write(page.text())
    return 0


def explain(options: argparse.Namespace) -> int:
    """Show everything that is known of one source."""
    answer = daemons.client(options).source(options.source)
    if options.json:
        print(dumps(answer, indent=2))
        return 0
    page = _page()
    _explain(page, answer)
    sys.stdout.write(page.text())
    return 0


def _explain(page: Page, one: SourceAnswer) -> None:
    service = one.service
    page.section(service.id, service.name if service.name != service.instance else "")
    facts = (
        ("state", service.health),
        ("url", service.url),
        ("origin", service.origin),
        ("version", service.version or numbers.MISSING),
        ("read", f"every {numbers.seconds(one.interval_seconds)}, last {numbers.age(service.age.value)}"),
        ("latency", shown(service.latency)),
        ("series", f"{one.native_series} native, {one.canonical_series} canonical, {one.dropped_series} dropped"),
        ("collections", f"{one.collections}, {one.failures} failed, {one.skipped} skipped"),
        (
            "costs",
            f"{_requests(one.requests)}, {numbers.byte_size(one.response_bytes)} read, {shown(one.cpu)} CPU each",
        ),
        ("last error", service.error or numbers.MISSING),
    )
    page.table(("WHAT", "VALUE"), facts, wrap=True)
    for warning in service.warnings:
        page.wrapped(f"! {warning}", "", "yellow")
    _probes(page, one.probes)
    if one.inventory:
        page.section("INVENTORY")
        rows = [
            (f.kind, f.name, ", ".join(f"{k}={readable(k, v)}" for k, v in sorted(f.facts.items())))
            for f in one.inventory
        ]
        page.table(("KIND", "NAME", "FACTS"), rows, wrap=True)


def readable(key: str, text: str) -> str:
    """Return a fact's value as people read it: moments as dates, long fractions in short; --json has it as told."""
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text)
    if key in _MOMENTS and _FIRST_MOMENT <= value < _LAST_MOMENT:
        return local(value)
    # What is short may be a version: 1.10 is not 1.1.
    return f"{value:.12g}" if "." in text and len(text) > LONG else text


def _probes(page: Page, probes: Any) -> None:
    page.section("PROBES", "what is sent, and what it does to the watched system")
    rows = [
        (
            Cell("on", "green") if probe.enabled else Cell("never" if probe.never else "off", "dim"),
            probe.request,
            Cell(probe.effect, "" if probe.effect == "none" else "yellow"),
            probe.note,
        )
        for probe in probes
    ]
    page.table(("STATE", "REQUEST", "EFFECT", "NOTE"), rows, wrap=True)


def test(options: argparse.Namespace) -> int:
    """Read a source once; through the daemon where one runs and lets us, else by ourselves."""
    running = daemons.running(options)
    if running is not None:
        trial = running.test_source({"kind": options.kind, "entry": entry(options)})
    else:
        from inferdeck.cli.alone import test_source

        trial = test_source(options, options.kind, entry(options))
    if options.json:
        print(dumps(trial, indent=2))
    else:
        page = _page()
        _trial(page, trial)
        sys.stdout.write(page.text())
    return 0 if trial.ok else 3


def add(options: argparse.Namespace) -> int:
    """Test a source, write it to the configuration file, and have the daemon watch it where one runs."""
    running = daemons.running(options)
    if running is not None:
        added = running.add_source({"kind": options.kind, "entry": entry(options)})
    else:
        from inferdeck.cli.alone import add_source

        added = add_source(options, options.kind, entry(options))
    print(dumps(added, indent=2)) if options.json else sys.stdout.write(_added(added))
    return 0


def _added(added: Added) -> str:
    page = _page()
    _trial(page, added.trial)
    page.line()
    page.line(f"added to {added.file}:")
    for line in added.lines.splitlines():
        page.line(f"  {line}", "cyan")
    page.line("watched from now on" if added.watched else "watched from the next `inferdeck up` on")
    return page.text()


def entry(options: argparse.Namespace) -> dict[str, Any]:
    """Return the source's keys as the configuration file would have them; raises UsageError."""
    made: dict[str, Any] = {}
    if options.address:
        made["url"] = options.address
    secret = "password" if options.kind == "redis" else "key"
    if options.key_env and options.key_file:
        raise UsageError("--key-env and --key-file: give one of them")
    if options.key_env:
        made[secret] = {"env": options.key_env}
    if options.key_file:
        made[secret] = {"file": str(Path(options.key_file).absolute())}
    for pair in options.set:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"--set {pair}: write KEY=VALUE, for example --set interval=30s")
        made[name] = _value(value)
    return made


def _value(text: str) -> Any:
    """Numbers and switches as YAML would read them; everything else is text."""
    words: dict[str, Any] = {"true": True, "false": False}
    if text in words:
        return words[text]
    try:
        return int(text)
    except ValueError:
        return text


def _trial(page: Page, trial: Trial) -> None:
    sign = Cell("✓", "green") if trial.ok else Cell("✗", "red")
    version = f" {trial.version}" if trial.version else ""
    page.wrapped(f"{sign.text} {trial.kind}{version} at {trial.url}: {trial.message}", "", sign.style)
    if trial.native_series:
        page.line(
            f"  {trial.native_series} native and {trial.canonical_series} canonical series, "
            f"{_requests(trial.requests)}, {numbers.seconds(trial.seconds)}"
        )
    for warning in trial.warnings:
        page.wrapped(f"! {warning}", "  ", "yellow")
    if trial.probes:
        _probes(page, trial.probes)


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"


def _page() -> Page:
    return Page(columns(), colour=coloured(sys.stdout))
