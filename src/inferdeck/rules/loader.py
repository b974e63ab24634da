"""Reads the definition files: values, or every mistake with file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from inferdeck.config import document
from inferdeck.errors import ConfigError
from inferdeck.rules.definition import Alert, Definitions, Group, Step, Value
from inferdeck.rules.form import AlertEntry, GroupFile, SharedFile, ValueEntry, WindowEntry

FOLDER = Path(__file__).parent / "definitions"
SHARED = "shared.yaml"
Form = TypeVar("Form", bound=BaseModel)


@cache
def shipped() -> Definitions:
    """Return the rules that inferdeck brings along; raises ConfigError with file, line and key."""
    return read(FOLDER)


def read(folder: Path) -> Definitions:
    """Read a folder of definitions: shared.yaml and a file per group that it names; raises ConfigError."""
    shared, of_shared = _file(folder / SHARED, SharedFile)
    extra = {path.stem for path in folder.glob("*.yaml")} - {*shared.groups, Path(SHARED).stem}
    if extra:
        raise ConfigError(f"{of_shared.place(('groups',))}: groups: {min(extra)}.yaml is not named here")
    groups = []
    for name in shared.groups:
        entry, found = _file(folder / f"{name}.yaml", GroupFile)
        if entry.group != name:
            raise ConfigError(f"{found.place(('group',))}: group: the file is {name}.yaml, the group {entry.group}")
        groups.append(_group(entry, found, shared.burn_windows))
    names: set[str] = set()
    for alert in (alert for group in groups for alert in group.alerts):
        if alert.name in names:
            raise ConfigError(f"{alert.place}: {alert.name}: this name stands in two rules")
        names.add(alert.name)
    return Definitions(tuple(groups), {name: _value(name, entry) for name, entry in shared.values.items()})


def _file(path: Path, form: type[Form]) -> tuple[Form, document.Document]:
    found = document.read(path, f"rules/definitions/{path.name}" if path.parent == FOLDER else path.name)
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    return validated(form, found), found


def validated(form: type[Form], found: document.Document) -> Form:
    """Return the document as its form; raises ConfigError with one line per mistake."""
    try:
        return form.model_validate(found.data or {})
    except ValidationError as error:
        raise ConfigError("\n".join(_lines(error, found))) from error


def _lines(error: ValidationError, found: document.Document) -> list[str]:
    lines = []
    for problem in error.errors():
        text = problem["msg"].removeprefix("Value error, ")
        text = "unknown key" if problem["type"] == "extra_forbidden" else f"{text[:1].lower()}{text[1:]}"
        path: document.KeyPath = tuple(problem["loc"])
        lines.append(f"{found.place(path)}: {document.shown(path)}: {text}")
    return list(dict.fromkeys(lines))


def _group(entry: GroupFile, found: document.Document, windows: tuple[WindowEntry, ...]) -> Group:
    alerts: list[Alert] = []
    for number, one in enumerate(entry.alerts):
        place = found.place(("alerts", number))
        alerts += _burning(one, windows, place) if one.burn else [_alert(one, place)]
    return Group(entry.group, entry.title, tuple(alerts), entry.of_gateway, entry.slo)


def _alert(one: AlertEntry, place: str) -> Alert:
    return Alert(
        one.alert,
        one.severity,
        one.hold,
        one.keep,
        tuple(_value(name, entry) for name, entry in one.values.items()),
        one.expr.strip(),
        one.gateway_expr.strip(),
        one.summary.strip(),
        one.description.strip(),
        tuple(Step(step.text.strip(), step.command.strip()) for step in one.runbook),
        one.absence,
        place,
    )


@dataclass(frozen=True, slots=True)
class _Burn:
    """The expression of one pair of windows: the share of bad ones burns the budget in both."""

    slo: str

    def expression(self, bad: str) -> str:
        if not bad:
            return ""
        limit = f"${{factor}} * (1 - ${{{self.slo}}})"
        parts = [f"(\n{_indented(bad.replace('${range}', f'${{{name}}}'))}\n  > {limit}\n)" for name in _PAIR]
        return "\nand\n".join(parts)


_PAIR = ("long_window", "short_window")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines())


def _burning(one: AlertEntry, windows: tuple[WindowEntry, ...], place: str) -> Iterator[Alert]:
    """Yield one alert per pair of windows; the long one tells that it matters, the short one that it goes on."""
    assert one.burn is not None  # noqa: S101
    burn = _Burn(one.burn.slo)
    plain = _alert(one, place)
    for window in windows:
        own = (
            Value("factor", window.factor, f"How many times as fast as allowed the budget burns: {window.means}."),
            Value("long_window", window.long, "The window that tells that it matters."),
            Value("short_window", window.short, "The window that tells that it still goes on."),
        )
        yield Alert(
            f"{plain.name}{window.name}",
            window.severity,
            window.hold,
            plain.keep,
            (*own, *plain.values),
            burn.expression(one.burn.bad),
            burn.expression(one.burn.gateway_bad),
            plain.summary,
            plain.description,
            plain.steps,
            plain.absence,
            place,
        )


def _value(name: str, entry: ValueEntry) -> Value:
    return Value(name, entry.value, entry.help)
