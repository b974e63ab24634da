"""The series of one process in the Prometheus model: counters, gauges and histograms that only events change.

A table lives as long as its process: a restart makes a new one, which is what resets counters. Series stand in the
order in which they were first seen; `values` and `series` are what the bulk door takes, `text` is what a scrape reads.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

Names = tuple[str, ...]
Labels = tuple[tuple[str, str], ...]


class Table:
    """All families of one process; `python` has its text look as that of Python's prometheus_client.

    That one sorts labels, `le` among them, and shows HELP and TYPE of a family that has no child yet.
    """

    def __init__(self, *, python: bool = False) -> None:
        self.python = python
        self.now = 0.0
        """What a child that comes into being now says as its `_created`, in Unix seconds; its owner keeps it."""
        self.families: list[Family] = []
        self.values = array("d")
        self.series: list[Labels] = []
        """Label sets with `__name__`, sorted by label name; removed series stay in place with a NaN."""
        self.version = 0
        """Changes with every series that appears or goes."""

    def counter(self, name: str, text: str = "", labels: Names = (), *, created: bool = False) -> Family:
        """Declare a counter by its name on the wire; `created` adds a `_created` gauge per child."""
        return self._add(Family(self, name, "counter", text, labels, created=created))

    def gauge(self, name: str, text: str = "", labels: Names = ()) -> Family:
        """Declare a gauge."""
        return self._add(Family(self, name, "gauge", text, labels))

    def histogram(
        self, name: str, bounds: Sequence[float], text: str = "", labels: Names = (), *, created: bool = False
    ) -> Family:
        """Declare a histogram by its base name; +Inf is added to the bounds."""
        return self._add(Family(self, name, "histogram", text, labels, tuple(bounds), created=created))

    def summary(self, name: str, text: str = "", labels: Names = ()) -> Family:
        """Declare a summary without quantiles: `_count` and `_sum`."""
        return self._add(Family(self, name, "summary", text, labels))

    def text(self) -> str:
        """Return the exposition in Prometheus' text format 0.0.4."""
        return "".join(family.text() for family in self.families)

    def _add(self, family: Family) -> Family:
        self.families.append(family)
        return family

    def slot(self, name: str, labels: Labels) -> int:
        """Append a series at 0 and return its place."""
        self.series.append(tuple(sorted((("__name__", name), *labels))))
        self.values.append(0.0)
        self.version += 1
        return len(self.values) - 1


class Family:
    """One metric with its children by label values; a child comes into being when it is first touched."""

    __slots__ = ("_children", "_heads", "_table", "bounds", "created", "kind", "labels", "name", "text_", "wire")

    def __init__(
        self,
        table: Table,
        name: str,
        kind: str,
        text: str,
        labels: Names,
        bounds: tuple[float, ...] = (),
        *,
        created: bool = False,
    ) -> None:
        self._table = table
        self.name = name
        self.kind = kind
        self.text_ = text
        self.labels = labels
        self.bounds = bounds
        self.created = created
        self._children: dict[Names, int] = {}
        self._heads: dict[Names, list[str]] = {}

    def child(self, labels: Names = ()) -> int:
        """Return the place of a child's first value, making it where it is new."""
        place = self._children.get(labels)
        return self._make(labels) if place is None else place

    def inc(self, labels: Names = (), by: float = 1.0) -> None:
        """Add to a counter or gauge."""
        place = self._children.get(labels)
        self._table.values[self._make(labels) if place is None else place] += by

    def set(self, value: float, labels: Names = ()) -> None:
        """Set a gauge, or a counter whose total is known elsewhere."""
        place = self._children.get(labels)
        self._table.values[self._make(labels) if place is None else place] = value

    def get(self, labels: Names = ()) -> float:
        """Return a child's value; the count of a histogram."""
        place = self.child(labels) + (len(self.bounds) if self.kind == "histogram" else 0)
        return self._table.values[place]

    def observe(self, value: float, labels: Names = (), count: int = 1) -> None:
        """Count a value `count` times into a histogram or summary."""
        place, values = self.child(labels), self._table.values
        if self.kind == "histogram":
            size = len(self.bounds)
            # _count stands after +Inf and is raised with the buckets.
            for bucket in range(place + bisect_left(self.bounds, value), place + size + 2):
                values[bucket] += count
            values[place + size + 2] += value * count
        else:
            values[place] += count
            values[place + 1] += value * count

    def remove(self, labels: Names) -> None:
        """Forget a gauge's child; its place in the table stays, as NaN."""
        place = self._children.pop(labels, None)
        if place is not None:
            self._table.values[place] = math.nan
            self._heads.pop(labels, None)
            self._table.version += 1

    def clear(self) -> None:
        """Forget all children of a gauge."""
        for labels in list(self._children):
            self.remove(labels)

    def children(self) -> list[Names]:
        """Return the label values of all children."""
        return list(self._children)

    def _make(self, labels: Names) -> int:
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name}: {len(labels)} label values for {len(self.labels)} labels")
        named = self._ordered(tuple(zip(self.labels, labels, strict=True)))
        parts: list[tuple[str, Labels]]
        if self.kind == "histogram":
            edges = [*map(bound, self.bounds), "+Inf"]
            parts = [(f"{self.name}_bucket", self._ordered((*named, ("le", text)))) for text in edges]
            parts += [(f"{self.name}_count", named), (f"{self.name}_sum", named)]
        elif self.kind == "summary":
            parts = [(f"{self.name}_count", named), (f"{self.name}_sum", named)]
        else:
            parts = [(self.name, named)]
        if self.created:
            parts.append((self._created_name(), named))
        place = self._children[labels] = len(self._table.values)
        for name, pairs in parts:
            self._table.slot(name, pairs)
        self._heads[labels] = [f"{name}{_braces(pairs)} " for name, pairs in parts]
        if self.created:
            self._table.values[place + len(parts) - 1] = self._table.now
        return place

    def _ordered(self, pairs: Labels) -> Labels:
        return tuple(sorted(pairs)) if self._table.python else pairs

    def _created_name(self) -> str:
        return f"{self.name.removesuffix('_total')}_created"

    def text(self) -> str:
        """Return this family's part of the exposition; "" without children, unless Python's client writes it."""
        if not self._children and not self._table.python:
            return ""
        values = self._table.values
        lines, created = [_top(self.name, self.text_, self.kind)], []
        for labels, place in self._children.items():
            rows = [f"{head}{number(values[place + at])}\n" for at, head in enumerate(self._heads[labels])]
            if self.created:
                created.append(rows.pop())
            lines += rows
        if created:
            lines += [_top(self._created_name(), self.text_, "gauge"), *created]
        return "".join(lines)


def _top(name: str, text: str, kind: str) -> str:
    return f"# HELP {name} {_escaped_help(text)}\n# TYPE {name} {kind}\n"


def bound(value: float) -> str:
    """Return a bucket's bound as prometheus_client writes it."""
    return number(float(value))


def number(value: float) -> str:
    """Return a sample's value as prometheus_client writes it."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    text = repr(value)
    point = text.find(".")
    if value > 0 and point > 6:
        mantissa = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{point - 1:02d}"
    return text


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
