"""The engine as a whole: kinds of answers, order, remarks with positions, limits, slices, threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inferdeck.errors import EvaluationError, LimitError, QueryError, QueryTimeoutError, UsageError
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout
from inferdeck.query.promql.engine import Engine, Limits
from inferdeck.query.promql.eval import slices
from inferdeck.query.promql.eval.functions import SCALARS, TABLES
from inferdeck.query.promql.functions import FUNCTIONS
from inferdeck.query.promql.result import Result, ResultType
from inferdeck.query.windows import has_value
from inferdeck.store.interface import Block, Matcher
from inferdeck.store.metrics.memory import MemoryStore

STEP = 15_000
SAMPLES = 400
END = (SAMPLES - 1) * STEP


@pytest.fixture(scope="module")
def memory() -> MemoryStore:
    chance = np.random.default_rng(3)
    times = np.arange(SAMPLES, dtype=np.int64) * STEP
    series, rows = [], []
    for model in ("llama", "qwen"):
        for instance in ("a", "b", "c"):
            series.append(labels({"model": model, "instance": instance}, "requests_total"))
            rows.append(np.cumsum(chance.poisson(2, SAMPLES)).astype(float))
            series.append(labels({"model": model, "instance": instance}, "queue_depth"))
            rows.append(chance.random(SAMPLES) * 9)
            for le in ("1", "2", "+Inf"):
                series.append(labels({"model": model, "instance": instance, "le": le}, "latency_bucket"))
                rows.append(np.cumsum(chance.poisson(3, SAMPLES)).astype(float))
    found = MemoryStore()
    found.append_block("all", Layout(tuple(series)), times, np.array(rows))
    return found


def equal(one: Result, other: Result) -> bool:
    alike = np.array_equal(one.values.view(np.uint64), other.values.view(np.uint64))
    return one.series == other.series and alike and one.warnings == other.warnings and one.infos == other.infos


def test_each_kind_of_query_has_its_kind_of_answer(memory: MemoryStore) -> None:
    engine = Engine(memory)
    assert engine.instant("1 + 2", 0).type is ResultType.SCALAR
    assert engine.instant("1 + 2", 0).values.tolist() == [[3.0]]
    assert engine.instant('"text"', 0).text == "text"
    assert engine.instant("queue_depth", 0).type is ResultType.VECTOR
    assert engine.range("1", 0, 60_000, 30_000).series == ((),)
    assert engine.range("queue_depth", 0, 60_000, 30_000).steps_ms.tolist() == [0, 30_000, 60_000]


def test_instant_query_for_a_range_vector_gives_its_samples(memory: MemoryStore) -> None:
    found = Engine(memory).instant('queue_depth{model="qwen",instance="a"}[1m]', 60_000)
    assert found.type is ResultType.MATRIX
    assert found.steps_ms.tolist() == [15_000, 30_000, 45_000, 60_000]
    assert has_value(found.values).all()


def test_series_are_sorted_unless_the_query_orders_them(memory: MemoryStore) -> None:
    engine = Engine(memory)
    plain, ordered = engine.instant("queue_depth", END), engine.instant("sort_desc(queue_depth)", END)
    assert list(plain.series) == sorted(plain.series)
    assert not plain.ordered
    assert ordered.ordered
    assert ordered.values[:, 0].tolist() == sorted(plain.values[:, 0].tolist(), reverse=True)
    top = engine.instant("topk(2, queue_depth)", END)
    assert top.values[:, 0].tolist() == ordered.values[:2, 0].tolist()


REMARKS = [
    (
        "rate(queue_depth[5m])",
        (),
        (
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
            '"queue_depth" (1:6)',
        ),
    ),
    (
        "quantile(1.5,\n queue_depth)",
        ("PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:10)",),
        (),
    ),
    (
        "histogram_quantile(0.5,\n  queue_depth)",
        (
            'PromQL warning: bucket label "le" is missing or has a malformed value of "" for metric name '
            '"queue_depth" (2:3)',
        ),
        (),
    ),
    ("rate(requests_total[5m])", (), ()),
]


@pytest.mark.parametrize(("query", "warnings", "infos"), REMARKS)
def test_remarks_are_in_the_words_of_prometheus(
    memory: MemoryStore, query: str, warnings: tuple[str, ...], infos: tuple[str, ...]
) -> None:
    for found in (Engine(memory).instant(query, END), Engine(memory).range(query, 0, END, 60_000)):
        assert (found.warnings, found.infos) == (warnings, infos)


FAILURES = [
    ("queue_depth + on (model) requests_total", "found duplicate series for the match group"),
    ("queue_depth + on (model) sum by (model) (queue_depth)", "many-to-one matching must be explicit"),
    ('{__name__=~"queue_depth|requests_total"} * 2', "vector cannot contain metrics with the same labelset"),
    ('label_replace(queue_depth, "model", "", "model", ".*")', "vector cannot contain metrics"),
    ('label_replace(queue_depth, "x", "y", "model", "(")', "regular expression"),
    ("double_exponential_smoothing(queue_depth[5m], 2, 0.5)", "invalid smoothing factor"),
    ("topk(NaN, queue_depth)", "Parameter value is NaN"),
    ("integral(queue_depth[5m])", "cannot be evaluated yet"),
    ("deriv(queue_depth[5m] smoothed)", "can only be used with: delta, increase, rate - not with deriv"),
]


@pytest.mark.parametrize(("query", "message"), FAILURES)
def test_what_does_not_fit_the_data_fails_in_the_words_of_prometheus(
    memory: MemoryStore, query: str, message: str
) -> None:
    with pytest.raises((EvaluationError, QueryError), match=message.replace("(", r"\(")):
        Engine(memory).range(query, 0, END, 60_000)


SLICED = [
    "queue_depth",
    "rate(requests_total[5m])",
    "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
    "max_over_time(sum(rate(requests_total[2m]))[10m:1m])",
    "queue_depth - queue_depth @ start() + range() + time()",
    'count_values("v", floor(queue_depth))',
    "topk(2, queue_depth)",
    "queue_depth > 5 or requests_total offset 10m",
    "absent(queue_depth > 8.9)",
    "rate(queue_depth[1m])",
    "rate(requests_total[5m] smoothed)",
    "increase(requests_total[5m] anchored) - queue_depth smoothed",
]


@pytest.mark.parametrize("query", SLICED)
def test_slices_of_time_give_what_the_whole_gives(
    memory: MemoryStore, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Engine(memory).range(query, 0, END, 20_000)
    monkeypatch.setattr(slices, "_CELLS", 10)
    assert equal(whole, Engine(memory).range(query, 0, END, 20_000))


@pytest.mark.parametrize(
    ("query", "limits", "message"),
    [
        ("queue_depth", Limits(samples=100), "samples"),
        ("queue_depth", Limits(series=3), "more than 3 series"),
        ("queue_depth", Limits(points=10), "11,000|maximum resolution of 10 points"),
        ("max_over_time(vector(1)[100y:1ms])", Limits(), "values at once"),
    ],
)
def test_limits_end_a_query_with_clear_text(memory: MemoryStore, query: str, limits: Limits, message: str) -> None:
    with pytest.raises(LimitError, match=message):
        Engine(memory, limits=limits).range(query, 0, END, 20_000)


def test_a_query_ends_when_its_time_is_up(memory: MemoryStore) -> None:
    with pytest.raises(QueryTimeoutError, match="shorten its range"):
        Engine(memory).range("sum(rate(requests_total[5m]))", 0, END, 20_000, limits=Limits(seconds=-1.0))


@pytest.mark.parametrize(("start", "end", "step"), [(0, -1, 1), (0, 1, 0), (0, 1, -5)])
def test_a_range_without_steps_is_refused(memory: MemoryStore, start: int, end: int, step: int) -> None:
    with pytest.raises(UsageError):
        Engine(memory).range("1", start, end, step)


def test_a_range_query_for_samples_is_refused(memory: MemoryStore) -> None:
    with pytest.raises(UsageError, match="range vector"):
        Engine(memory).range("queue_depth[5m]", 0, END, 20_000)


class Blocked:
    """A reader of prepared blocks, safe to be read from any thread."""

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        return self._blocks

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        return [series for block in self._blocks for series in block.series]

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return []

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return []


def test_many_threads_ask_one_engine(memory: MemoryStore) -> None:
    engine = Engine(Blocked(memory.select([], 0, END)))
    query = "sum by (model) (rate(requests_total[5m])) / 2"
    wanted = engine.range(query, 0, END, 20_000)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: engine.range(query, 0, END, 20_000), range(16)))
    assert all(equal(wanted, answer) for answer in answers)


def test_every_function_but_one_can_be_evaluated() -> None:
    assert FUNCTIONS.keys() - TABLES.keys() - SCALARS.keys() == {"integral"}


def test_a_kernel_asks_whether_anybody_waits(memory: MemoryStore) -> None:
    """One kernel would work for a minute; those who wait go away at its hundredth question."""
    questions = iter(range(100))
    limits = Limits(canceled=lambda: next(questions, None) is None)
    with pytest.raises(QueryTimeoutError, match="canceled"):
        Engine(memory, limits=limits).range("deriv(queue_depth[1h:5s])", 0, END, 1000)
