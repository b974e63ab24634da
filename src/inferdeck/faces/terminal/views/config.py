"""Configuration files as rows, and one of them with its content, its changes and what runs instead."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing.grid import Column, Field
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.views.moments import local
from inferdeck.faces.terminal.views.outside import fit
from inferdeck.faces.terminal.views.table import Entry, Rank, entry, text
from inferdeck.model import cells, numbers
from inferdeck.model.answers import ConfigAnswer
from inferdeck.model.config_files import ConfigFile, ConfigFilePage, Difference

COLUMNS = (
    Column("File", most=60),
    Column("State"),
    Column("Kind", drop=2),
    Column("Runs", drop=7),
    Column("Gateway", drop=4, most=24),
    Column("Written", drop=5),
    Column("Revisions", right=True, drop=3),
    Column("Size", right=True, drop=1),
    Column("Trouble", drop=6, most=60),
)
_STATES = {"read": "ok", "missing": "critical", "unreadable": "critical", "invalid": "critical"}
_DRIFTS = {"same": "ok", "differs": "warn"}


def entry_of(one: ConfigFile) -> Entry:
    """Return a file as a row."""
    differs = one.drift.state == "differs"
    drift = f"{len(one.drift.differences)} unlike" if differs else one.drift.state
    size: tuple[Field, Rank] = (Field(numbers.byte_size(one.size)), one.size)
    trouble = one.error or (one.problems[0] if one.problems else "")
    return entry(
        one.id,
        (
            text(one.path),
            (Field(one.state, _STATES.get(one.state, "dim")), one.state),
            text(one.kind, "dim"),
            (Field(drift, _DRIFTS.get(one.drift.state, "dim")), one.drift.state),
            text(one.gateway, "dim"),
            (Field(local(one.modified), "dim"), one.modified),
            (Field(str(one.revisions)), one.revisions),
            size,
            text(trouble, "warn"),
        ),
    )


def page_rows(one: ConfigFilePage, width: int) -> list[Row]:
    """Return a file: what is known of it, drift, last change, content with secrets masked."""
    file = one.file
    head = f"  {file.kind}, SHA-256 {file.hash[:12] or numbers.MISSING}, written {local(file.modified)}"
    rows: list[Row] = [((cells.clean(file.path), "strong"), (f"{head}, {file.revisions} revisions seen", "dim"))]
    rows += [((f"! {cells.clean(line)}", "warn"),) for line in ((file.error,) if file.error else ()) + file.problems]
    if file.drift.state != "none":
        rows += [(), (("Against what runs", "title"), (f"  {cells.clean(file.drift.gateway)}", "dim"))]
        if file.drift.state == "same":
            rows.append((("the gateway runs what the file says", "ok"),))
        rows += [_difference(different, file.name) for different in file.drift.differences]
        rows += [((f"? {cells.clean(line)}", "dim"),) for line in file.drift.unknown]
    if one.last_change:
        rows += [(), (("Last change", "title"),)]
        styles = {"+": "ok", "-": "critical"}
        rows += [((cells.clean(line), styles.get(line[:1], "dim")),) for line in one.last_change.split("\n")]
    rows += [(), (("Content", "title"), ("  secrets are masked", "dim"))]
    wide = len(str(one.content.count("\n") + 1))
    for number, line in enumerate(one.content.rstrip("\n").split("\n"), 1):
        style = "dim" if line.lstrip().startswith("#") else ""
        rows.append(((f"{number:>{wide}}  ", "axis"), (cells.clean(line.rstrip("\r")), style)))
    if one.truncated:
        rows.append((("… the rest is not shown", "dim"),))
    return [fit(row, width) for row in rows]


def _difference(one: Difference, name: str) -> Row:
    where = f"  {name}:{one.line}: {one.key}" if one.line else f"  {one.key}"
    said = {
        "added": f"the file has {one.file}, which does not run",
        "removed": f"{one.running} runs, which the file does not have",
        "changed": f"{one.file} in the file, {one.running} runs",
    }.get(one.change, one.change)
    return ((cells.clean(f"~ {one.what}: {said}"), "warn"), (cells.clean(where), "dim"))


def _settings(title: str, entries: Sequence[tuple[str, str, str]], width: int) -> list[Row]:
    """Return settings under a heading: key, value, and where it was set: the file's name and line."""
    if not entries:
        return []
    wide = min(48, max(len(key) for key, _, _ in entries) + 2)
    room = max(8, min(max(len(value) for _, value, _ in entries) + 2, width - wide - 24))
    rows: list[Row] = [(), ((title, "strong"),)]
    for key, value, origin in entries:
        where = "" if origin == "default" else origin.rpartition("/")[2]
        rows.append(
            (
                (cells.fit(cells.clean(key), wide), "dim"),
                (cells.fit(cells.clean(value), room - 1) + " ", "" if where else "dim"),
                (cells.clean(where), "axis"),
            )
        )
    return rows


def settings_rows(answer: ConfigAnswer, width: int) -> list[Row]:
    """Return inferdeck's own effective settings: key, value, where it came from."""
    rows: list[Row] = [((cells.clean(f"inferdeck itself: {answer.file or 'no file'}"), "title"),)]
    rows += [((f"! {cells.clean(line)}", "warn"),) for line in answer.warnings]
    changed = [one for one in answer.entries if one[2] != "default"]
    usual = [one for one in answer.entries if one[2] == "default"]
    rows += _settings("set", changed, width)
    rows += _settings("as they come", usual, width)
    return [fit(row, width) for row in rows]


def view_rows(
    goes_by: Sequence[tuple[str, str]], themes: Sequence[tuple[str, str]], problems: Sequence[str], width: int
) -> list[Row]:
    """Return what this view goes by, and the themes that there are: (name, where it comes from)."""
    rows: list[Row] = [(), (("This view", "title"),)]
    rows += [((cells.fit(name, 22), "dim"), (cells.clean(value), "")) for name, value in goes_by]
    rows += [(), (("Themes", "title"), ("  terminal.theme, --theme, or the palette", "dim"))]
    rows += [((f"! {cells.clean(line)}", "warn"),) for line in problems]
    worn = dict(goes_by).get("theme", "")
    for name, origin in themes:
        rows.append(((cells.fit(name, 22), "strong" if name == worn else ""), (cells.clean(origin), "axis")))
    return [fit(row, width) for row in rows]
