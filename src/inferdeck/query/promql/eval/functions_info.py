"""info(): adds the labels of info metrics, as target_info, to the series of the same instance and job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from inferdeck.errors import EvaluationError
from inferdeck.model.labels import NAME, Labels, get, labels, metric_name
from inferdeck.query import windows
from inferdeck.query.promql.ast import Call, VectorSelector
from inferdeck.query.promql.eval.matching import label_text
from inferdeck.query.promql.eval.native import is_histogram
from inferdeck.query.promql.eval.selectors import instant_vector
from inferdeck.query.promql.eval.table import Table, merged, stacked
from inferdeck.query.promql.patterns import matches
from inferdeck.query.promql.walk import nodes
from inferdeck.query.windows import has_value
from inferdeck.query.windows.grid import Bools, Floats, Ints
from inferdeck.store.interface import Matcher, MatchOp

if TYPE_CHECKING:
    from inferdeck.query.promql.eval.evaluator import Evaluator

_IDENTITY = ("instance", "job")
_DEFAULT = Matcher(NAME, MatchOp.EQUAL, "target_info")
_ANY_INFO = Matcher(NAME, MatchOp.MATCH, ".+_info")


@dataclass(frozen=True, slots=True, eq=False)
class _Infos:
    """Info series: their labels, the time of the sample that each step sees, and the selector's data matchers."""

    series: tuple[Labels, ...]
    seconds: Floats
    data: Mapping[str, Sequence[Matcher]]
    rows: Mapping[tuple[str, ...], Mapping[str, Sequence[int]]]
    """Identity -> info metric -> rows."""


def _info(evaluator: Evaluator, call: Call) -> Table:
    base = evaluator.table(call.args[0])
    selector = call.args[1] if len(call.args) > 1 else None
    matchers = selector.matchers if isinstance(selector, VectorSelector) else ()
    names = _name_matchers(matchers)
    data = [matcher for matcher in matchers if matcher.name != NAME]
    # An info metric is no base to be enriched by itself.
    bare = [all(matches(matcher, metric_name(series)) for matcher in names) for series in base.series]
    seen = next((node for node in nodes(call.args[0]) if isinstance(node, VectorSelector)), VectorSelector("", ()))
    # The info metrics are those of the moment that the base is read at.
    wanted = replace(seen, name="", matchers=(*names, *data), extension="", span=call.span)
    infos = _infos(evaluator, wanted, data, [each for each, alone in zip(base.series, bare, strict=True) if not alone])
    tables = []
    for row, alone in enumerate(bare):
        one = base.rows([row])
        tables += [one] if alone else _enriched(one, infos)
    return merged(stacked(tables, evaluator.steps.size))


def _name_matchers(matchers: Sequence[Matcher]) -> list[Matcher]:
    """Return what the name of an info metric must match: target_info, or where names are only excluded, any *_info."""
    found = [matcher for matcher in matchers if matcher.name == NAME]
    if not found:
        return [_DEFAULT]
    wanting = any(matcher.op in (MatchOp.EQUAL, MatchOp.MATCH) for matcher in found)
    return found if wanting else [_ANY_INFO, *found]


def _infos(
    evaluator: Evaluator, wanted: VectorSelector, matchers: Sequence[Matcher], bases: Sequence[Labels]
) -> _Infos:
    if evaluator.query.histograms:
        _refuse_histograms(instant_vector(evaluator, wanted), bases)
    table = instant_vector(evaluator, wanted, windows.instant_seconds)
    data: dict[str, list[Matcher]] = {}
    for matcher in matchers:
        data.setdefault(matcher.name, []).append(matcher)
    rows: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for row, series in enumerate(table.series):
        rows.setdefault(_identity(series), {}).setdefault(metric_name(series), []).append(row)
    return _Infos(table.series, table.values, data, rows)


def _refuse_histograms(infos: Table, bases: Sequence[Labels]) -> None:
    identities = [(name, {get(series, name) for series in bases} - {""}) for name in _IDENTITY]
    for row in np.flatnonzero(is_histogram(infos.values).any(axis=1)).tolist():
        series = infos.series[row]
        if any(known for _, known in identities) and all(
            not known or get(series, name) in known for name, known in identities
        ):
            raise EvaluationError(f"this should be an info metric, with float samples: {label_text(series)}")


def _identity(series: Labels) -> tuple[str, ...]:
    return tuple(get(series, name) for name in _IDENTITY)


def _enriched(one: Table, infos: _Infos) -> list[Table]:
    """Return one base series with added labels: a table for each set of info series that stand beside it in turn."""
    identity = _identity(one.series[0])
    here = infos.rows.get(identity, {}) if any(identity) else {}
    present = has_value(one.values)
    steps = one.values.shape[1]
    newest = [_newest(infos, rows, present[0]) for rows in here.values()]
    patterns = np.array(newest, dtype=np.int64).reshape(len(newest), steps)
    tables = []
    for pattern in np.unique(patterns, axis=1).T.tolist() if newest else [[]]:
        where: Bools = (patterns == np.array(pattern, dtype=np.int64).reshape(-1, 1)).all(axis=0)[None, :] & present
        if not where.any():
            continue
        found = [infos.series[row] for row in pattern if row >= 0]
        if not found and not _matches_nothing(infos.data):
            continue
        series = labels({**_added(one.series[0], found, infos.data), **dict(one.series[0])})
        table = one.where(where)
        tables.append(Table((series,), table.values, table.dropping))
    return tables


def _newest(infos: _Infos, rows: Sequence[int], present: Bools) -> Ints:
    """Return, per step, the info series with the newest sample, -1 where there is none."""
    there = has_value(infos.seconds[rows])
    seconds = np.where(there, infos.seconds[rows], -np.inf)
    best = seconds.max(axis=0)
    twice = ((seconds == best) & there).sum(axis=0) > 1
    if (twice & present).any():
        step = int(np.flatnonzero(twice & present)[0])
        first, second = [infos.series[rows[i]] for i in np.flatnonzero(seconds[:, step] == best[step])[:2]]
        raise EvaluationError(f"found duplicate series for info metric: existing {first}, new {second}")
    return np.where(there.any(axis=0), np.asarray(rows, dtype=np.int64)[seconds.argmax(axis=0)], -1)


def _added(base: Labels, found: Sequence[Labels], data: Mapping[str, Sequence[Matcher]]) -> dict[str, str]:
    own = {name for name, _ in base}
    added: dict[str, str] = {}
    for series in found:
        for name, value in series:
            if name == NAME or (data and name not in data):
                continue
            if added.get(name, value) != value:
                raise EvaluationError(f"conflicting label: {name}")
            if name not in own:
                added[name] = value
    return added


def _matches_nothing(data: Mapping[str, Sequence[Matcher]]) -> bool:
    """Return whether a series without any info labels satisfies the data matchers."""
    return all(matches(matcher, "") for matchers in data.values() for matcher in matchers)


INFO: dict[str, Callable[[Evaluator, Call], Table]] = {"info": _info}
