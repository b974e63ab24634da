"""The form of a catalog file (`sources/<kind>/catalog.yaml`), checked by pydantic; catalog.py turns it into values."""

from __future__ import annotations

import difflib
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inferdeck.config import document
from inferdeck.errors import CatalogError, ConfigError
from inferdeck.model.metric import Aggregation, MetricType, SideEffect


class Entry(BaseModel):
    """Base of all mappings of a catalog file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AliasEntry(Entry):
    """An older name of the same family; `until` is the last version that used it."""

    name: str
    until: str = ""


class MetricEntry(Entry):
    """One family under its wire name (counters with `_total`, histograms without `_bucket`); `*` matches any text.

    instead: PromQL that says the same in versions after `until`. bounds: those buckets of a histogram that are stored,
    beside the one of +Inf; all where none is named.
    """

    name: str
    type: MetricType
    unit: str = ""
    help: str = ""
    labels: tuple[str, ...] = ()
    aggregate: Aggregation = Aggregation.NONE
    since: str = ""
    until: str = ""
    instead: str = ""
    aliases: tuple[AliasEntry, ...] = ()
    canonical: str | tuple[str, ...] = ()
    unmapped: str = ""
    store: bool = True
    bounds: tuple[float, ...] = ()
    effect: SideEffect = SideEffect.NONE

    @model_validator(mode="after")
    def _bounds_of_a_histogram(self) -> Self:
        if self.bounds and self.type is not MetricType.HISTOGRAM:
            raise ValueError("only a histogram has bounds")
        if any(low >= high for low, high in pairwise(self.bounds)):
            raise ValueError("bounds must rise")
        return self


class FoldEntry(Entry):
    """A label that can grow without bound; `keep` are anchored regular expressions of values that stay."""

    label: str
    keep: tuple[str, ...] = ()


class ConditionEntry(Entry):
    """What a label must be; an absent label has the value "". Several keys must all hold."""

    equal: str | None = None
    any_of: tuple[str, ...] | None = None
    not_: str | tuple[str, ...] | None = Field(default=None, alias="not")
    match: str | None = None
    not_match: str | None = None


class RelabelEntry(Entry):
    """A canonical label taken from a native one by an anchored regular expression; where it fails, absent."""

    from_: str = Field(alias="from")
    match: str = "(.*)"
    replace: str = "$1"


class MappingEntry(Entry):
    """How native series become one canonical family; see Mapping in catalog.py for the meaning of the keys."""

    to: str
    from_: str | tuple[str, ...] = Field(alias="from")
    where: dict[str, str | ConditionEntry] = Field(default_factory=dict)
    labels: dict[str, str | tuple[str, ...] | RelabelEntry] = Field(default_factory=dict)
    set_: dict[str, str | tuple[str, ...]] = Field(default_factory=dict, alias="set")
    aggregate: Aggregation = Aggregation.SUM
    scale: float = Field(default=1.0, gt=0)
    equals: float | None = None
    not_equals: float | None = None
    value: float | None = None
    histogram: bool = False
    bounds: tuple[tuple[float, ...], ...] = ()
    quality: str = ""
    help: str = ""

    @model_validator(mode="after")
    def _one_rule_for_the_value(self) -> Self:
        given = [key for key in ("equals", "not_equals", "value") if getattr(self, key) is not None]
        if len(given) > 1 or (given and (self.histogram or self.scale != 1.0)):
            raise ValueError("only one of scale, equals, not_equals, value and histogram can decide the value")
        if self.aggregate is Aggregation.NONE or (self.histogram and self.aggregate is not Aggregation.SUM):
            raise ValueError("aggregate must be sum, mean, max or min, and sum for a histogram")
        return self


class CatalogFile(Entry):
    """A whole file. `unmapped` answers for every metric that says neither `canonical` nor `unmapped`."""

    kind: str
    title: str = ""
    docs: str = ""
    identity: str = ""
    unmapped: str = ""
    metrics: tuple[MetricEntry, ...] = ()
    fold: tuple[FoldEntry, ...] = ()
    null_values: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    mappings: tuple[MappingEntry, ...] = ()


def read(path: Path, name: str) -> tuple[CatalogFile, document.Document]:
    """Read one catalog file; raises CatalogError that names every wrong key with its line."""
    try:
        found = document.read(path, name)
    except ConfigError as error:
        raise CatalogError(str(error)) from error
    if found.problems:
        raise CatalogError("\n".join(found.problems))
    try:
        return CatalogFile.model_validate(found.data or {}), found
    except ValidationError as error:
        raise CatalogError("\n".join(_lines(error, found))) from error


def _lines(error: ValidationError, found: document.Document) -> list[str]:
    messages = []
    for problem in error.errors():
        path = _path(found.data, problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            text = f"unknown key{_near(str(path[-1]))}"
        messages.append(f"{found.place(path)}: {document.shown(path)}: {text}")
    return list(dict.fromkeys(messages))


def _path(data: Any, loc: tuple[int | str, ...]) -> document.KeyPath:
    """Return the key path without the names that pydantic puts in for the branches of a union."""
    path: list[int | str] = []
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        there = isinstance(data, dict) and part in data
        there = there or (isinstance(data, list) and isinstance(part, int) and part < len(data))
        if there:
            data = data[part]
            path.append(part)
        elif last and isinstance(data, dict) and isinstance(part, str) and part.isidentifier():
            path.append(part)
    return tuple(path)


def _near(key: str) -> str:
    known = {
        field.alias or name
        for form in (CatalogFile, MetricEntry, MappingEntry, FoldEntry, ConditionEntry, RelabelEntry)
        for name, field in form.model_fields.items()
    }
    near = difflib.get_close_matches(key, known, n=1)
    return f', did you mean "{near[0]}"?' if near else ""
