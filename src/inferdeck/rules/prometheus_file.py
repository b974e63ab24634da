"""Prometheus' rule files, written and read (format: prometheus.io/docs, configuration, recording rules)."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from inferdeck.config import document
from inferdeck.errors import ConfigError
from inferdeck.query.promql.literals import duration_ms
from inferdeck.rules.loader import validated
from inferdeck.rules.rule import Rule, RuleGroup


class _RuleEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    record: str = ""
    alert: str = ""
    expr: str
    hold: str = Field(default="", alias="for")
    keep: str = Field(default="", alias="keep_firing_for")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.record) == bool(self.alert):
            raise ValueError("give record or alert")
        if self.record and (self.hold or self.keep or self.annotations):
            raise ValueError("a recording rule has no for, keep_firing_for and annotations")
        for text in (self.hold, self.keep):
            if text:
                duration_ms(text)
        return self


class _GroupEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    name: str
    interval: str = ""
    limit: int = 0
    query_offset: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    rules: tuple[_RuleEntry, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    groups: tuple[_GroupEntry, ...] = ()


def read(path: Path, name: str | None = None) -> tuple[RuleGroup, ...]:
    """Return the groups of a rule file; raises ConfigError with file, line and key."""
    return parsed(document.read(path, name or path.name))


def parsed(found: document.Document) -> tuple[RuleGroup, ...]:
    """Return the groups of a document; raises ConfigError with file, line and key."""
    if found.problems:
        raise ConfigError("\n".join(found.problems))
    entry = validated(_File, found)
    return tuple(
        RuleGroup(
            group.name,
            tuple(
                Rule(
                    rule.expr,
                    rule.alert,
                    rule.record,
                    rule.hold,
                    rule.keep,
                    {**group.labels, **rule.labels},
                    rule.annotations,
                    found.place(("groups", number, "rules", place)),
                )
                for place, rule in enumerate(group.rules)
            ),
            group.interval,
        )
        for number, group in enumerate(entry.groups)
    )


def text(groups: Iterable[RuleGroup], comment: str = "") -> str:
    """Return a rule file as YAML; comment: lines that stand above it."""
    found = {"groups": [_group(group) for group in groups]}
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + dumped(found)


def dumped(found: Any) -> str:
    """Return plain data as YAML, texts of several lines as they are read best."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(_readable(found), stream)
    return stream.getvalue()


def _group(group: RuleGroup) -> dict[str, Any]:
    interval = {"interval": group.interval} if group.interval else {}
    return {"name": group.name, **interval, "rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {"alert": rule.alert} if rule.alert else {"record": rule.record}
    found["expr"] = rule.expr
    if rule.hold and rule.alert:
        found["for"] = rule.hold
    if rule.keep and rule.alert:
        found["keep_firing_for"] = rule.keep
    if rule.labels:
        found["labels"] = dict(rule.labels)
    if rule.annotations:
        found["annotations"] = dict(rule.annotations)
    return found


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value
