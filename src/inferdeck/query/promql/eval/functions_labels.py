"""Functions of labels: label_replace, label_join, sort_by_label."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, get, labels
from inferdeck.query.promql.ast import Call
from inferdeck.query.promql.eval.table import Table, merged
from inferdeck.query.promql.patterns import compiled
from inferdeck.query.windows import has_value

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

Function = Callable[["Evaluator", Call], Table]

# What Go's regexp.Expand reads: $$, ${name} and $name, the longest run of letters, digits and underscores.
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)
_DIGITS = re.compile(r"(\d+)")


def _label_replace(evaluator: Evaluator, call: Call) -> Table:
    target, replacement, source, pattern = (evaluator.string(arg) for arg in call.args[1:])
    try:
        expression = compiled(pattern)
    except ValueError as error:
        message = f"invalid regular expression in label_replace(): {pattern}"
        raise EvaluationError(message) from error
    if not _is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_replace(): {target}")

    def renamed(series: Labels) -> Labels:
        found = expression.fullmatch(get(series, source))
        if found is None:
            return series
        return labels({**dict(series), target: _expanded(replacement, found)})

    return _relabelled(evaluator.table(call.args[0]), renamed, target)


def _expanded(template: str, found: Any) -> str:
    def value(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            return found.group(int(name) if name.isdigit() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(value, template)


def _label_join(evaluator: Evaluator, call: Call) -> Table:
    target, separator, *sources = (evaluator.string(arg) for arg in call.args[1:])
    if not _is_label_name(target):
        raise EvaluationError(f"invalid destination label name in label_join(): {target}")
    for source in sources:
        if not _is_label_name(source):
            raise EvaluationError(f"invalid source label name in label_join(): {source}")

    def joined(series: Labels) -> Labels:
        return labels({**dict(series), target: separator.join(get(series, source) for source in sources)})

    return _relabelled(evaluator.table(call.args[0]), joined, target)


def _relabelled(table: Table, change: Callable[[Labels], Labels], target: str) -> Table:
    """Return the table with changed labels; a name that was written on purpose stays to the end."""
    series = tuple(change(each) for each in table.series)
    dropping = np.zeros(len(series), dtype=np.bool_) if target == NAME else table.dropping
    return merged(Table(series, table.values, dropping))


def _is_label_name(name: str) -> bool:
    return bool(name) and not any("\ud800" <= letter <= "\udfff" for letter in name)


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key that puts 2 before 10 (facette/natsort)."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(text) if part)


def _sort_by_label(*, descending: bool) -> Function:
    def evaluate(evaluator: Evaluator, call: Call) -> Table:
        names = [evaluator.string(arg) for arg in call.args[1:]]
        table = evaluator.table(call.args[0])
        if evaluator.steps.size != 1:
            return table
        alive = np.flatnonzero(has_value(table.values)[:, 0]).tolist()

        def key(row: int) -> tuple[object, ...]:
            series = table.series[row]
            return (*(natural(get(series, name)) for name in names), series)

        return table.rows(sorted(alive, key=key, reverse=descending))

    return evaluate


LABELS: dict[str, Function] = {
    "label_replace": _label_replace,
    "label_join": _label_join,
    "sort_by_label": _sort_by_label(descending=False),
    "sort_by_label_desc": _sort_by_label(descending=True),
}
