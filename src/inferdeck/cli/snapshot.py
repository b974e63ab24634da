"""`inferdeck snapshot`: the figures of all dashboards at one moment, and what differs between two."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferdeck.cli import daemons
from inferdeck.cli.text import Page, coloured, columns
from inferdeck.client.tiny import Client
from inferdeck.errors import UsageError
from inferdeck.model import numbers
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import DashboardData, Series
from inferdeck.model.units import show

FORM = 1
PATIENCE_SECONDS = 60.0
LARGEST_FILE_BYTES = 64 << 20
MOST_SERIES = 50
"""Of one query: a snapshot is read by people."""


def save(options: argparse.Namespace) -> int:
    """Write the figures of now to a file, one figure a line in a fixed order, so that any diff shows them too."""
    taken = _taken(options)
    name = options.file or f"inferdeck-{datetime.fromtimestamp(taken['time'], UTC):%Y%m%d-%H%M%S}.json"
    body = _written(taken)
    if name == "-":
        print(body)
        return 0
    try:
        Path(name).write_text(f"{body}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name}: cannot be written: {(error.strerror or '').lower()}") from error
    print(f"{name}: {len(taken['figures'])} figures of {len(taken['dashboards'])} dashboards")
    return 0


def diff(options: argparse.Namespace) -> int:
    """Show what differs between two snapshots, or between one and now; 1 where something does."""
    before = _read(options.before)
    after = _read(options.after) if options.after else _taken(options, before)
    changes = [
        one for one in _changes(before, after) if one["share"] is None or abs(one["share"]) >= options.least / 100
    ]
    if options.json:
        print(json.dumps(changes, ensure_ascii=False, indent=2))
        return 1 if changes else 0
    page = Page(columns(), colour=coloured(sys.stdout))
    apart = numbers.seconds(after["time"] - before["time"])
    page.section(f"{len(changes)} of {len({*before['figures'], *after['figures']})} figures differ", f"{apart} apart")
    if changes:
        rows = [(one["figure"], one["before"], one["after"], one["change"]) for one in changes]
        page.table(("FIGURE", "BEFORE", "AFTER", "CHANGE"), rows, right="BEFORE AFTER CHANGE")
    sys.stdout.write(page.text())
    return 1 if changes else 0


def _written(taken: dict[str, Any]) -> str:
    """Return JSON with one figure a line."""
    head = json.dumps({key: value for key, value in taken.items() if key != "figures"}, ensure_ascii=False)
    lines = ",\n".join(
        f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(one, ensure_ascii=False)}"
        for name, one in sorted(taken["figures"].items())
    )
    return f'{head[:-1]}, "figures": {{\n{lines}\n}}}}'


def _taken(options: argparse.Namespace, like: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a snapshot of now; of the dashboards and the range of another one where one is given."""
    client = replace(daemons.client(options), timeout_seconds=PATIENCE_SECONDS)
    span = like["range"] if like else options.range
    names = like["dashboards"] if like else options.dashboard or [one.uid for one in client.dashboards().dashboards]
    figures: dict[str, dict[str, Any]] = {}
    moment = 0.0
    for uid in names:
        data = client.dashboard_data(uid, [("from", f"now-{span}")])
        moment = max(moment, data.at)
        figures.update(_figures(client, uid, data))
    return {"form": FORM, "time": moment, "range": span, "dashboards": sorted(names), "figures": figures}


def _figures(client: Client, uid: str, data: DashboardData) -> Iterator[tuple[str, dict[str, Any]]]:
    dashboard = client.dashboard(uid).dashboard
    for found in data.panels:
        panel = dashboard.panel(found.id)
        for query in found.queries if panel is not None else ():
            for series in query.series[:MOST_SERIES]:
                value = _value(series)
                part = f" {query.ref}" if len(found.queries) > 1 else ""
                name = f"{uid} {found.id}{part} {series.name}".rstrip()
                if value is not None and panel is not None:
                    yield name, {"value": float(f"{value:.6g}"), "unit": _unit(panel, query.ref)}


def _unit(panel: Panel, ref: str) -> str:
    return next((one.unit for one in panel.columns if one.key == ref and one.unit), panel.unit)


def _value(series: Series) -> float | None:
    """Return the mean over the range; of an instant query its value."""
    real = [value for value in series.values if value is not None]
    return sum(real) / len(real) if real else None


def _changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[dict[str, Any]]:
    old, new = before["figures"], after["figures"]
    for name in sorted({*old, *new}):
        first, second = old.get(name, {}).get("value"), new.get(name, {}).get("value")
        if first == second:
            continue
        unit = (new.get(name) or old[name]).get("unit", "")
        share = (second - first) / abs(first) if first and second is not None else None
        yield {
            "figure": name,
            "before": show(unit, first),
            "after": show(unit, second),
            "change": _change(first, second, share),
            "share": share,
        }


def _change(first: float | None, second: float | None, share: float | None) -> str:
    if first is None or second is None:
        return "new" if first is None else "gone"
    return "" if share is None else f"{share * 100:+.1f} %"


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise UsageError(f"{name}: too large for a snapshot")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {(error.strerror or '').lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: is no snapshot of inferdeck") from error
    if not _whole(found):
        raise UsageError(f"{name}: is no snapshot of inferdeck, or one of another version")
    whole: dict[str, Any] = found
    return whole


def _whole(found: object) -> bool:
    if not isinstance(found, dict) or found.get("form") != FORM or not isinstance(found.get("figures"), dict):
        return False
    figures = found["figures"].values()
    plain = all(isinstance(one, dict) and isinstance(one.get("value"), int | float) for one in figures)
    names = isinstance(found.get("dashboards"), list) and isinstance(found.get("range"), str)
    return plain and names and isinstance(found.get("time"), int | float)
