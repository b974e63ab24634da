"""Reads dashboard files: values, or every mistake with file, line and key."""

from __future__ import annotations

import difflib
import string
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from inferdeck.config import document
from inferdeck.dashboards import form
from inferdeck.errors import ConfigError
from inferdeck.model.dashboard import (
    Annotation,
    Column,
    Dashboard,
    Empty,
    Link,
    Option,
    Panel,
    Query,
    Row,
    Threshold,
    ValueMapping,
    Variable,
    VariableKind,
)

DEFINITIONS = Path(__file__).parent / "definitions"
SUFFIXES = (".yaml", ".yml", ".json")


class Loaded:
    """A dashboard with the file that it came from, for messages that name the line of a key."""

    __slots__ = ("dashboard", "document", "path")

    def __init__(self, dashboard: Dashboard, found: document.Document, path: Path) -> None:
        self.dashboard = dashboard
        self.document = found
        self.path = path

    def place(self, path: document.KeyPath) -> str:
        """Return "file:line: key" of a key path in the file."""
        return f"{self.document.place(path)}: {document.shown(path)}"


def read(path: Path, name: str | None = None) -> Loaded:
    """Read one dashboard file; raises ConfigError that names every mistake, one a line: file:line: key: what."""
    found = document.read(path, name or path.name)
    return _loaded(found, path)


def parse(body: bytes, name: str) -> Loaded:
    """Read the text of one dashboard file; raises ConfigError as `read`."""
    return _loaded(document.parse(body, name), Path(name))


@cache
def shipped() -> tuple[Loaded, ...]:
    """Return the dashboards that inferdeck brings along, in the order of their file names."""
    found = tuple(read(path) for path in sorted(DEFINITIONS.glob("*.yaml")))
    again = [uid for uid, count in Counter(one.dashboard.uid for one in found).items() if count > 1]
    if again:
        raise ConfigError(f"dashboards/definitions: the uid {again[0]} stands in two files")
    return found


def _loaded(found: document.Document, path: Path) -> Loaded:
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    try:
        entry = form.DashboardFile.model_validate(found.data or {})
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error, found))) from error
    problems = list(_twice(entry, found))
    if problems:
        raise ConfigError("\n".join(problems))
    return Loaded(_dashboard(entry), found, path)


def _twice(entry: form.DashboardFile, found: document.Document) -> Iterable[str]:
    """Yield what has the name of something before it."""
    seen: dict[str, str] = {}
    for number, row in enumerate(entry.rows):
        for at, panel in enumerate(row.panels):
            path: document.KeyPath = ("rows", number, "panels", at, "id")
            if panel.id in seen:
                yield f'{found.place(path)}: {document.shown(path)}: "{panel.id}" is the id of {seen[panel.id]} already'
            seen.setdefault(panel.id, found.place(path))
            refs = [query.ref for query in panel.queries if query.ref]
            if len(refs) != len(set(refs)):
                yield f"{found.place(path[:-1])}: {document.shown(path[:-1])}: two queries have the same ref"
    names = Counter(variable.name for variable in entry.variables)
    for number, variable in enumerate(entry.variables):
        if names[variable.name] > 1:
            path = ("variables", number, "name")
            yield f'{found.place(path)}: {document.shown(path)}: "{variable.name}" is the name of another variable too'


def _dashboard(entry: form.DashboardFile) -> Dashboard:
    return Dashboard(
        entry.uid,
        entry.title,
        entry.description,
        entry.tags,
        tuple(_variable(variable) for variable in entry.variables),
        tuple(Annotation(**dict(annotation)) for annotation in entry.annotations),
        tuple(Row(row.title, tuple(map(_panel, row.panels)), row.collapsed) for row in entry.rows),
        _links(entry.links),
        entry.range,
        entry.refresh,
        entry.file,
    )


def _variable(entry: form.VariableEntry) -> Variable:
    values = dict(entry)
    values["label"] = entry.label or entry.name
    if entry.kind is VariableKind.LABEL_VALUES:
        values["source"] = entry.source or entry.name
    values["options"] = tuple(Option(option.value, option.title) for option in entry.options)
    return Variable(**values)


def _panel(entry: form.PanelEntry) -> Panel:
    values = {**dict(entry), **_shown(entry)}
    taken = {query.ref for query in entry.queries}
    letters = iter([letter for letter in string.ascii_uppercase if letter not in taken])
    values["queries"] = tuple(
        Query(query.expr.strip(), query.legend, query.instant, query.ref or next(letters)) for query in entry.queries
    )
    values["columns"] = tuple(Column(**{**dict(column), **_shown(column)}) for column in entry.columns)
    values["empty"] = Empty(entry.empty.reason, entry.empty.next) if entry.empty else Empty("")
    return Panel(**values)


def _shown(entry: form.Shown) -> dict[str, Any]:
    return {
        "thresholds": tuple(Threshold(one.value, one.level) for one in entry.thresholds),
        "mappings": tuple(ValueMapping(one.value, one.text, one.level) for one in entry.mappings),
        "links": _links(entry.links),
    }


def _links(entries: Iterable[form.LinkEntry]) -> tuple[Link, ...]:
    return tuple(Link(**dict(entry)) for entry in entries)


def _lines(error: ValidationError, found: document.Document) -> list[str]:
    messages = []
    for problem in error.errors(include_url=False):
        if problem["type"] == "too_short" and problem["input"]:
            continue  # its items are wrong, which is said of each
        path = _path(found.data or {}, problem["loc"])
        messages.append(_message(problem, path, found))
    return list(dict.fromkeys(messages))


def _message(problem: Any, path: document.KeyPath, found: document.Document) -> str:
    if problem["type"] == "missing":
        above = document.shown(path[:-1])
        return f'{found.place(path[:-1])}: {above + ": " if above else ""}"{path[-1]}" is missing'
    text = str(problem["msg"]).removeprefix("Value error, ")
    text = f"{text[:1].lower()}{text[1:]}"
    if problem["type"] == "extra_forbidden":
        text = f"unknown key{_near(str(path[-1]))}"
    elif isinstance(problem["input"], str | int | float) and problem["type"] != "value_error":
        text += f", got {str(problem['input'])[:60]!r}"
    return f"{found.place(path)}: {document.shown(path)}: {text}" if path else f"{found.place(path)}: {text}"


def _path(data: Any, loc: tuple[int | str, ...]) -> document.KeyPath:
    """Return the key path without the names that pydantic puts in for the branches of a union."""
    path: list[int | str] = []
    for number, part in enumerate(loc):
        there = isinstance(data, dict) and part in data
        there = there or (isinstance(data, list) and isinstance(part, int) and part < len(data))
        if there:
            data = data[part]
            path.append(part)
        elif number == len(loc) - 1 and isinstance(data, dict) and isinstance(part, str) and part.isidentifier():
            path.append(part)
    return tuple(path)


def _near(key: str) -> str:
    entries: list[type[BaseModel]] = [
        one for one in vars(form).values() if isinstance(one, type) and issubclass(one, form.Entry)
    ]
    near = difflib.get_close_matches(key, {name for one in entries for name in one.model_fields}, n=1)
    return f', did you mean "{near[0]}"?' if near else ""
