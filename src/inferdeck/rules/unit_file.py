"""promtool's files of unit tests for rules, read (format: prometheus.io/docs, configuration, unit testing rules)."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inferdeck.config import document
from inferdeck.errors import ConfigError, QueryError, UsageError
from inferdeck.model.labels import Labels
from inferdeck.query.promql.literals import duration_ms
from inferdeck.query.promql.parser import parse_series
from inferdeck.query.promql.script.commands import SeriesPoints
from inferdeck.query.promql.script.points import points, signed
from inferdeck.rules import prometheus_file
from inferdeck.rules.loader import validated
from inferdeck.rules.rule import RuleGroup


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class SeriesEntry(_Entry):
    """One series and its values in promtool's notation."""

    series: str
    values: str


class ExpectedAlert(_Entry):
    """One alert that must fire."""

    exp_labels: dict[str, str] = Field(default_factory=dict)
    exp_annotations: dict[str, str] = Field(default_factory=dict)


class AlertTest(_Entry):
    """Which alerts of a name fire at a moment."""

    eval_time: str
    alertname: str
    exp_alerts: tuple[ExpectedAlert, ...] | None = None

    @field_validator("eval_time")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        duration_ms(value)
        return value


class ExpectedSample(_Entry):
    """One series of a query's answer."""

    labels: str = "{}"
    value: float | str


class QueryTest(_Entry):
    """What a query gives at a moment."""

    expr: str
    eval_time: str
    exp_samples: tuple[ExpectedSample, ...] | None = None

    @field_validator("eval_time")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        duration_ms(value)
        return value


class TestEntry(_Entry):
    """One group of tests over its own data, from time 0 on."""

    __test__ = False

    name: str = ""
    interval: str = ""
    input_series: tuple[SeriesEntry, ...] = ()
    alert_rule_test: tuple[AlertTest, ...] = ()
    promql_expr_test: tuple[QueryTest, ...] = ()
    external_labels: dict[str, str] = Field(default_factory=dict)
    external_url: str = ""


class _UnitFile(_Entry):
    rule_files: tuple[str, ...] = ()
    evaluation_interval: str = "1m"
    group_eval_order: tuple[str, ...] = ()
    fuzzy_compare: bool = False
    tests: tuple[TestEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A file of tests with the rules that it names, in the order in which they are evaluated."""

    groups: tuple[RuleGroup, ...]
    interval_ms: int
    fuzzy: bool
    tests: tuple[TestEntry, ...]
    document: document.Document

    def place(self, test: int, *keys: str | int) -> str:
        """Return "file:line" of a part of a test."""
        return self.document.place(("tests", test, *keys))


def read(path: Path) -> UnitFile:
    """Read one file and the rule files that it names; raises ConfigError with file, line and key."""
    found = document.read(path, str(path))
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    entry = validated(_UnitFile, found)
    groups: list[RuleGroup] = []
    for number, pattern in enumerate(entry.rule_files):
        # As promtool: a pattern may be absolute and may hold "..", neither of which Path.glob takes.
        names = sorted(glob.glob(str(path.parent / pattern)))  # noqa: PTH207
        if not names:
            raise ConfigError(f"{found.place(('rule_files', number))}: rule_files[{number}]: there is no {pattern}")
        for name in names:
            groups += prometheus_file.read(Path(name), name)
    order = {name: place for place, name in enumerate(entry.group_eval_order)}
    groups.sort(key=lambda group: order.get(group.name, len(order)))
    return UnitFile(tuple(groups), _milliseconds(entry.evaluation_interval), entry.fuzzy_compare, entry.tests, found)


def series(entry: SeriesEntry, place: str) -> SeriesPoints:
    """Return one input series; raises ConfigError."""
    try:
        return SeriesPoints(parse_series(entry.series), points(entry.values))
    except QueryError as error:
        raise ConfigError(f"{place}: series: {error.message}") from error
    except ValueError as error:
        raise ConfigError(f"{place}: values: {error}") from error


def sample(entry: ExpectedSample, place: str) -> tuple[Labels, float]:
    """Return one expected sample; raises ConfigError."""
    try:
        labels = parse_series(entry.labels) if entry.labels.strip() not in ("", "{}") else ()
        return labels, entry.value if isinstance(entry.value, float) else signed(entry.value)
    except QueryError as error:
        raise ConfigError(f"{place}: labels: {error.message}") from error
    except (ValueError, UsageError) as error:
        raise ConfigError(f"{place}: value: {error}") from error


def _milliseconds(text: str) -> int:
    try:
        return duration_ms(text)
    except ValueError as error:
        raise ConfigError(f"evaluation_interval: {error}") from error


def data_interval_ms(test: TestEntry, default_ms: int) -> int:
    """Return the time between two values of a test's series."""
    return _milliseconds(test.interval) if test.interval else default_ms
