"""Whole queries against the real Prometheus 2.42 over the same samples: same series, same points, 1e-9 relative."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings

from inferdeck.errors import InferdeckError
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout
from inferdeck.query.promql.engine import Engine
from inferdeck.query.windows import Semantics, has_value
from inferdeck.store.metrics.memory import MemoryStore
from tests.differential.promql_data import INTERVAL_MS, SAMPLES, blocks
from tests.differential.promql_grammar import queries as queries_by_chance
from tests.differential.promql_queries import ABSENT_IN_2_42, queries
from tests.differential.test_windows_prometheus import send
from tests.real.programs import prometheus

pytestmark = pytest.mark.real

STEP_S = 37
# Where `or` joins two names and a function takes both away, 3 merges what is never there at the same time.
UNMERGED = "vector cannot contain metrics with the same labelset"
# 3 says it also of the pairs that a comparison then leaves out.
MULTIPLE = "multiple matches for labels"
Points = dict[tuple[Labels, int], float]


@dataclass(frozen=True)
class Pair:
    url: str
    engine: Engine
    start_s: int

    @property
    def grid(self) -> tuple[int, int]:
        length = SAMPLES * INTERVAL_MS // 1000
        return self.start_s - 120, self.start_s - 120 + (length + 600) // STEP_S * STEP_S

    def theirs(self, query: str) -> Points | str:
        start, end = self.grid
        form = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": STEP_S}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query_range", form, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            return str(json.load(error)["error"])
        return {
            (labels(series["metric"]), round(at * 1000)): float(value)
            for series in answer["data"]["result"]
            for at, value in series["values"]
        }

    def ours(self, query: str) -> Points | str:
        start, end = self.grid
        try:
            found = self.engine.range(query, start * 1000, end * 1000, STEP_S * 1000)
        except InferdeckError as error:
            return str(error)
        return {
            (series, int(at)): float(value)
            for series, row in zip(found.series, found.values, strict=True)
            for at, value in zip(found.steps_ms[has_value(row)], row[has_value(row)], strict=True)
        }


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    start = (int(time.time()) - 2 * 3600) // 60 * 60
    data = blocks(start * 1000)
    store = MemoryStore()
    with prometheus(tmp_path_factory.mktemp("prometheus"), receive_remote_write=True) as running:
        for first in range(0, SAMPLES, 120):
            for block in data:
                some = slice(first, first + 120)
                send(running.url, block.series, block.timestamps_ms[some], block.values[:, some])
        for block in data:
            store.append_block(block.series[0][0][1], Layout(block.series), block.timestamps_ms, block.values)
        yield Pair(running.url, Engine(store, semantics=Semantics.PROMETHEUS_2), start)


def same(found: float, wanted: float) -> bool:
    if math.isnan(found) or math.isnan(wanted):
        return math.isnan(found) and math.isnan(wanted)
    return found == wanted or math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)


def difference(ours: Points | str, theirs: Points | str) -> str:
    """Return what differs first, "" where nothing does; two errors are alike."""
    if isinstance(ours, str) or isinstance(theirs, str):
        return (
            "" if isinstance(ours, str) and isinstance(theirs, str) else f"ours {ours!r:.300}, theirs {theirs!r:.300}"
        )
    for key in sorted(ours.keys() ^ theirs.keys()):
        return f"only {'ours' if key in ours else 'theirs'} has {key}"
    for key, value in ours.items():
        if not same(value, theirs[key]):
            return f"{key}: ours {value!r}, theirs {theirs[key]!r}"
    return ""


def test_templates_answer_as_prometheus_does(pair: Pair) -> None:
    asked = queries(pair.start_s)
    answered = sum(bool(found) and not isinstance(found, str) for found in map(pair.ours, asked))
    print(f"{answered} of {len(asked)} queries have an answer that is not empty")
    assert answered >= 500
    wrong = [f"{query}\n    {found}" for query in asked if (found := difference(pair.ours(query), pair.theirs(query)))]
    print(f"Prometheus 2.42 lacks: {', '.join(ABSENT_IN_2_42)}")
    assert not wrong, "\n".join(wrong)


def test_queries_by_chance_answer_as_prometheus_does(pair: Pair) -> None:
    kinds = dict.fromkeys(("series", "nothing", "an error", "an error of 2.42 alone", "an error of 3 alone"), 0)

    @settings(max_examples=500)
    @given(query=queries_by_chance(pair.start_s))
    def compare(query: str) -> None:
        ours, theirs = pair.ours(query), pair.theirs(query)
        if " or " in query and theirs == UNMERGED and not isinstance(ours, str):
            kinds["an error of 2.42 alone"] += 1
            return
        if isinstance(ours, str) and ours.startswith(MULTIPLE) and not isinstance(theirs, str):
            kinds["an error of 3 alone"] += 1
            return
        kinds["an error" if isinstance(ours, str) else "series" if ours else "nothing"] += 1
        found = difference(ours, theirs)
        assert not found, f"{query}\n    {found}"

    compare()
    print(", ".join(f"{count} queries with {kind}" for kind, count in kinds.items()))
    assert kinds["series"] >= 100


@pytest.mark.parametrize("span", ["2m", "11m"])
def test_smoothing_answers_as_holt_winters_does(pair: Pair, span: str) -> None:
    ours = pair.ours(f"double_exponential_smoothing(power_watts[{span}], 0.4, 0.2)")
    assert difference(ours, pair.theirs(f"holt_winters(power_watts[{span}], 0.4, 0.2)")) == ""
