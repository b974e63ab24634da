"""`inferdeck grafana`: export dashboards, push them, validate them, and lint those of anybody."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from inferdeck.cli.text import Page, coloured, columns, safe
from inferdeck.errors import UsageError
from inferdeck.model.dashboard import Dashboard

WRONG = 1
LARGEST_FILE_BYTES = 32 << 20


def export(options: argparse.Namespace) -> int:
    """Write the dashboards and what provisions them."""
    from inferdeck.dashboards.grafana import bundle

    folder = Path(options.out).expanduser()
    found, broken = _dashboards(options)
    files = bundle.files(found, wrap=options.wrap, cluster=options.cluster)
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    dashboards = sum(name.endswith(".json") for name in files)
    page = Page(columns(), colour=coloured(sys.stdout))
    page.line(f"{dashboards} dashboards written to {folder}", "green")
    if not options.wrap:
        page.line(
            "  provisioning/ holds Grafana's provisioning files, kubernetes/ a ConfigMap for each dashboard", "dim"
        )
    sys.stdout.write(page.text())
    return _told(broken)


def push(options: argparse.Namespace) -> int:
    """Hand the dashboards to a Grafana, one after the other; the first that it refuses ends it."""
    from inferdeck.dashboards.grafana import export as made
    from inferdeck.dashboards.grafana.push import Grafana

    grafana = Grafana(options.address, _token(options.token_file), options.folder)
    found, broken = _dashboards(options)
    for one in found:
        path = grafana.push(made.wrapped(made.classic(one, cluster=options.cluster)))
        # At once: a later one may be refused.
        print(safe(f"{one.title}: {path}"), flush=True)
    return _told(broken)


def validate(options: argparse.Namespace) -> int:
    """Say whether dashboards will import."""
    from inferdeck.dashboards.grafana import export as made
    from inferdeck.dashboards.grafana import references, structure

    broken: tuple[str, ...] = ()
    if options.files:
        found = {str(path): _json(Path(path)) for path in options.files}
    else:
        dashboards, broken = _dashboards(options)
        found = {references.file_name(one): made.classic(one) for one in dashboards}
    problems = [f"{name}: {text}" for name, one in found.items() for text in structure.problems(one)]
    page = Page(columns(), colour=coloured(sys.stdout))
    for problem in problems:
        page.wrapped(problem, "", "red")
    if not problems:
        page.line(f"{len(found)} {'dashboard' if len(found) == 1 else 'dashboards'}: right", "green")
    sys.stdout.write(page.text())
    return max(_told(broken), WRONG if problems else 0)


def _dashboards(options: argparse.Namespace) -> tuple[list[Dashboard], tuple[str, ...]]:
    """Return the dashboards in the files that are named, or all that the daemon has, and which files cannot be read."""
    from inferdeck.cli.settings import load
    from inferdeck.dashboards import loader
    from inferdeck.dashboards.folder import Folder, user_folder

    if options.files:
        return [loader.read(Path(file), file).dashboard for file in options.files], ()
    shelf = Folder(user_folder(load(options)), time.monotonic).shelf()
    return [kept.dashboard for kept in shelf.dashboards.values()], shelf.problems


def _told(broken: tuple[str, ...]) -> int:
    """Name the files that were left out; returns the exit code."""
    for problem in broken:
        print(safe(f"left out: {problem}"), file=sys.stderr)
    return WRONG if broken else 0


def _token(file: str | None) -> str:
    path = file or os.environ.get("GRAFANA_TOKEN_FILE", "")
    if not path:
        token = os.environ.get("GRAFANA_TOKEN", "").strip()
        if not token:
            raise UsageError("Grafana wants the token of a service account: set GRAFANA_TOKEN, or give --token-file")
    else:
        try:
            token = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "not text"
            raise UsageError(f"{path}: the token cannot be read: {reason}") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise UsageError("Grafana's token: one line of printable ASCII is wanted")
    return token


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise UsageError(f"{path}: larger than {LARGEST_FILE_BYTES >> 20} MiB")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: not a dashboard: an object is wanted")
    return found
