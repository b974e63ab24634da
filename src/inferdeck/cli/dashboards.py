"""`inferdeck dashboards`: which there are, whether they are right, and what one shows."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inferdeck.cli import daemons
from inferdeck.cli.text import PROSE_COLUMNS, Page, coloured, columns, safe
from inferdeck.errors import ConfigError, UsageError
from inferdeck.model.json_form import dumps

if TYPE_CHECKING:
    from inferdeck.dashboards.folder import Folder
    from inferdeck.dashboards.loader import Loaded
    from inferdeck.dashboards.remarks import Finding
    from inferdeck.model.dashboard_answers import DashboardList

PATIENCE_SECONDS = 60.0


def list_all(options: argparse.Namespace) -> int:
    """List the dashboards of the daemon, or those of the files where none runs."""
    found = _listed(options)
    if options.json:
        print(dumps(found, indent=2))
        return 0
    page = Page(columns(), colour=coloured(sys.stdout))
    rows = [
        (
            one.uid,
            one.title,
            str(one.panels),
            one.origin,
            ", ".join(sorted({need.split(": ")[1] for need in one.needs})),
        )
        for one in found.dashboards
    ]
    page.table(("UID", "TITLE", "PANELS", "FROM", "WAITS FOR"), rows, right="PANELS", spare="FROM")
    if found.problems:
        page.section("CANNOT BE READ")
        for problem in found.problems:
            page.wrapped(problem, "", "red")
    sys.stdout.write(page.text())
    return 0


def check(options: argparse.Namespace) -> int:
    """Check files, or all dashboards where none is named; 1 where one is wrong."""
    from inferdeck.dashboards.checker import check_all, needs
    from inferdeck.dashboards.remarks import Severity

    found, broken = _files([Path(one) for one in options.files], options)
    findings = list(check_all(found, frozenset(options.label), _linked(options)))
    waiting = [(one.dashboard.uid, panel.id, need.value) for one in found for panel, need in needs(one.dashboard)]
    wrong = len(broken) + sum(one.severity is Severity.ERROR for one in findings)
    if options.json:
        print(json.dumps(_report(broken, findings, waiting), indent=2, ensure_ascii=False))
        return 1 if wrong else 0
    page = Page(columns(), colour=coloured(sys.stdout))
    for line in broken:
        page.whole(line, "", "red")
    for finding in findings:
        page.whole(str(finding), "", "red" if finding.severity is Severity.ERROR else "yellow")
    if waiting:
        page.section("WAITING", "panels whose question does not exist yet")
        page.table(("DASHBOARD", "PANEL", "NEEDS"), waiting)
    panels = sum(1 for one in found for _ in one.dashboard.panels())
    advice = len(findings) + len(broken) - wrong
    page.section(f"{len(found)} dashboards, {panels} panels: {wrong} errors, {advice} pieces of advice")
    sys.stdout.write(page.text())
    return 1 if wrong else 0


def show(options: argparse.Namespace) -> int:
    """Print what a dashboard shows now, or over a range."""
    from inferdeck.cli import dashboard_shown, pictures

    client = replace(daemons.client(options), timeout_seconds=PATIENCE_SECONDS)
    data = client.dashboard_data(options.uid, parameters(options))
    if options.format == "json":
        print(dumps(data, indent=2))
        return 0
    dashboard = client.dashboard(options.uid).dashboard
    if options.format == "csv":
        dashboard_shown.csv(dashboard, data, sys.stdout)
        return 0
    look = pictures.look()
    drawn = dashboard_shown.text(dashboard, data, columns() or PROSE_COLUMNS, look)
    sys.stdout.write(pictures.painted(drawn, colour=look.colour))
    for notice in data.notices:
        print(safe(notice), file=sys.stderr)
    return 0


def parameters(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what the API is asked for; raises UsageError for a --var without a value."""
    found = [("from", f"now-{options.range}")] if options.range else []
    for given in options.var:
        name, equals, value = given.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {given}: write NAME=VALUE")
        found += [(f"var-{name}", "$__all" if value == "All" else value)]
    if options.panel:
        found.append(("panels", ",".join(options.panel)))
    return found


def _listed(options: argparse.Namespace) -> DashboardList:
    client = daemons.running(options)
    if client is not None:
        return replace(client, timeout_seconds=PATIENCE_SECONDS).dashboards()
    from inferdeck.dashboards.answers import listed

    return listed(_folder(options))


def _folder(options: argparse.Namespace) -> Folder:
    import time

    from inferdeck.cli.settings import load
    from inferdeck.dashboards.folder import Folder, user_folder

    return Folder(user_folder(load(options)), time.monotonic)


def _linked(options: argparse.Namespace) -> Iterable[str]:
    """Return the uids that a dashboard may link to."""
    from inferdeck.dashboards import loader

    try:
        return _folder(options).shelf().dashboards
    except ConfigError:  # files are checked without a right configuration too
        return [one.dashboard.uid for one in loader.shipped()]


def _files(paths: list[Path], options: argparse.Namespace) -> tuple[list[Loaded], list[str]]:
    """Return the dashboards of these files, or all there are, and what cannot be read."""
    from inferdeck.dashboards import loader

    found: list[Loaded] = [] if paths else list(loader.shipped())
    broken: list[str] = []
    if not paths:
        folder = _folder(options).path
        there = folder is not None and folder.is_dir()
        paths = sorted(one for one in folder.glob("*") if one.suffix in loader.SUFFIXES) if folder and there else []
    for path in paths:
        try:
            found.append(loader.read(path, str(path)))
        except ConfigError as error:
            broken += str(error).splitlines()
    return found, broken


def _report(broken: list[str], findings: list[Finding], waiting: list[tuple[str, str, str]]) -> dict[str, object]:
    return {
        "broken": broken,
        "findings": [
            {"severity": one.severity.value, "fault": one.fault.value, "place": one.place, "text": one.text}
            for one in findings
        ],
        "needs": [{"dashboard": uid, "panel": panel, "needs": need} for uid, panel, need in waiting],
    }
