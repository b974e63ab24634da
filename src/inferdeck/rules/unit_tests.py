"""Runs promtool's unit tests for rules over our own engine (semantics: prometheus cmd/promtool/unittest.go)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inferdeck.errors import InferdeckError, QueryError
from inferdeck.model.labels import Labels, labels, text
from inferdeck.model.scrape import STALE_BITS
from inferdeck.query.promql.ast import Expr
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.literals import duration_ms, float_text
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.script.asking import outcome
from inferdeck.query.promql.script.comparing import almost_equal
from inferdeck.query.promql.script.outcome import Outcome
from inferdeck.query.promql.script.run import arrays
from inferdeck.query.windows import Semantics
from inferdeck.rules import evaluation, unit_file
from inferdeck.rules.evaluation import ALERT_NAME
from inferdeck.rules.rule import Rule
from inferdeck.rules.templates import Data
from inferdeck.rules.unit_file import AlertTest, QueryTest, TestEntry, UnitFile
from inferdeck.store.metrics.memory import MemoryStore

_CLOSE = 1e-12
Seen = tuple[Labels, tuple[tuple[str, str], ...]]
"""An alert as tests compare it: its labels and its annotations."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as the file expects: where, and what."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """How the tests of a file went; checks: how many expectations were looked at."""

    failures: tuple[Failure, ...]
    checks: int


def run(path: Path, semantics: Semantics = Semantics.PROMETHEUS_3) -> Report:
    """Run all tests of a file; raises ConfigError where it, or a rule file that it names, cannot be read."""
    file = unit_file.read(path)
    failures: list[Failure] = []
    checks = 0
    for number, test in enumerate(file.tests):
        failures += _Test(file, number, test, semantics).failures()
        checks += len(test.alert_rule_test) + len(test.promql_expr_test)
    return Report(tuple(failures), checks)


class _Test:
    """One test: its store, and its rules' states."""

    def __init__(self, file: UnitFile, number: int, test: TestEntry, semantics: Semantics) -> None:
        self._file = file
        self._number = number
        self._test = test
        self._store = MemoryStore()
        self._engine = Engine(self._store, semantics=semantics, subquery_step_ms=file.interval_ms, histograms=True)
        self._states = evaluation.states(file.groups)
        self._parsed: dict[str, Expr] = {}

    def failures(self) -> Iterator[Failure]:
        """Yield what is not as expected; after an error of evaluation nothing more."""
        self._load()
        waiting = sorted(
            ((duration_ms(one.eval_time), place) for place, one in enumerate(self._test.alert_rule_test)),
        )
        ends = [moment for moment, _ in waiting] + [duration_ms(one.eval_time) for one in self._test.promql_expr_test]
        step = self._file.interval_ms
        for now in range(0, max(ends, default=-1) + 1, step):
            broken = list(self._evaluate(now))
            yield from broken
            if broken:
                return
            while waiting and waiting[0][0] < now + step:
                place = waiting.pop(0)[1]
                yield from self._alerts(place, self._test.alert_rule_test[place])
        for place, query in enumerate(self._test.promql_expr_test):
            yield from self._query(place, query)

    def _load(self) -> None:
        step = unit_file.data_interval_ms(self._test, self._file.interval_ms)
        for place, entry in enumerate(self._test.input_series):
            found = unit_file.series(entry, self._file.place(self._number, "input_series", place))
            self._store.append_series(found.series, *arrays(found.points, step))

    def _evaluate(self, now: int) -> Iterator[Failure]:
        data = Data({}, 0.0, self._test.external_labels, self._test.external_url)
        for state in self._states:
            try:
                written = state.evaluate(self._answer(state.rule, now), now, data)
            except InferdeckError as error:
                text = error.headline if isinstance(error, QueryError) else str(error)
                yield Failure(state.rule.place, f"{state.rule.name} at {now / 1000:g} s: {text}")
                continue
            self._write(now, written)

    def _write(self, now: int, written: evaluation.Evaluated) -> None:
        stamp = np.array([now], dtype=np.int64)
        for series, value in written.samples.items():
            self._store.append_series(series, stamp, np.array([value]))
        for series in written.ended:
            self._store.append_series(series, stamp, np.array([STALE_BITS], dtype=np.uint64).view(np.float64))

    def _answer(self, rule: Rule, now: int) -> Outcome:
        expr = self._parsed.get(rule.expr)
        if expr is None:
            expr = self._parsed[rule.expr] = parse(rule.expr)
        return outcome(self._engine.instant(expr, now))

    def _alerts(self, place: int, expected: AlertTest) -> Iterator[Failure]:
        wanted = Counter(
            _seen({**one.exp_labels, ALERT_NAME: expected.alertname}, one.exp_annotations)
            for one in expected.exp_alerts or ()
        )
        got = Counter(
            _seen(dict(alert.labels), alert.annotations)
            for state in self._states
            if state.rule.alert == expected.alertname
            for alert in state.firing()
        )
        if wanted != got:
            where = self._file.place(self._number, "alert_rule_test", place)
            lines = [f"{self._title()}{expected.alertname} at {expected.eval_time}"]
            lines += [f"  expected but not firing: {_shown(one)}" for one in (wanted - got).elements()]
            lines += [f"  firing but not expected: {_shown(one)}" for one in (got - wanted).elements()]
            yield Failure(where, "\n".join(lines))

    def _query(self, place: int, query: QueryTest) -> Iterator[Failure]:
        where = self._file.place(self._number, "promql_expr_test", place)
        wanted = dict(
            unit_file.sample(one, self._file.place(self._number, "promql_expr_test", place, "exp_samples", index))
            for index, one in enumerate(query.exp_samples or ())
        )
        title = f"{self._title()}{query.expr} at {query.eval_time}"
        try:
            found = outcome(self._engine.instant(query.expr, duration_ms(query.eval_time)))
        except InferdeckError as error:
            yield Failure(where, f"{title}\n  {error.headline if isinstance(error, QueryError) else error}")
            return
        got: dict[Labels, float] = {series: row[0][1] for series, row in found.rows}
        if found.kind == "scalar":
            got = {(): found.scalar}
        if not self._same(wanted, got):
            yield Failure(where, f"{title}\n  expected: {_samples(wanted)}\n  got: {_samples(got)}")

    def _same(self, wanted: Mapping[Labels, float], got: Mapping[Labels, float]) -> bool:
        equal = almost_equal if self._file.fuzzy else _close
        return wanted.keys() == got.keys() and all(equal(value, got[series]) for series, value in wanted.items())

    def _title(self) -> str:
        return f"{self._test.name}: " if self._test.name else ""


def _close(one: float, other: float) -> bool:
    """promtool wants the same bits; two engines that add in another order differ in the last ones."""
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=_CLOSE)


def _seen(of_alert: Mapping[str, str], annotations: Mapping[str, str]) -> Seen:
    return labels(dict(of_alert)), tuple(sorted(annotations.items()))


def _shown(seen: Seen) -> str:
    notes = ", ".join(f"{name}={value!r}" for name, value in seen[1])
    return f"{text(seen[0])}{f' with {notes}' if notes else ''}"


def _samples(found: Mapping[Labels, float]) -> str:
    return ", ".join(f"{text(series)} {float_text(value)}" for series, value in sorted(found.items())) or "nothing"
