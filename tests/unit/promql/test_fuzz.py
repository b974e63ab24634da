"""Valid queries broken by chance, over a few series: answered, or refused in words by one of our errors."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from inferdeck.errors import InferdeckError
from inferdeck.model.labels import labels
from inferdeck.query.promql.engine import Engine, Limits
from inferdeck.query.promql.format import one_line, pretty
from inferdeck.query.promql.parser import parse
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.promql.queries import ranges, scalars, vectors

PIECES = [
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "@",
        "-",
        "+",
        "*",
        "^",
        "%",
        "==",
        "=~",
        "!",
        '"',
        "'",
        "`",
        "\\",
        "#",
        "\n",
    ),
    *(
        "by",
        "on",
        "bool",
        "offset",
        "start()",
        "end()",
        "group_left",
        "ignoring",
        "fill",
        "anchored",
        "smoothed",
        "and",
    ),
    *("1", "-1", "1e309", "0x", "1_000", "NaN", "Inf", "5m", "1y1ms", "99999999999d", "0s", ".", "é", "\x00", "\ud800"),
    *("sum", "topk", "rate", "info(", "label_replace(", "[5m:]", "[1ms:1ms]", "{__name__=~'.+'}", "up", "le", "time()"),
]
LIMITS = Limits(seconds=5.0, samples=100_000)


@st.composite
def broken(draw: DrawFn) -> str:
    """A valid query of which some pieces were cut, doubled, moved or replaced."""
    text = draw(st.one_of(vectors(2, stable=False), ranges(1, stable=False), scalars(1, stable=False)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.just(text[start:end] * 2), st.just("")))
        text = text[:start] + piece + text[draw(st.sampled_from([start, end])) :]
    return text


def store() -> MemoryStore:
    found = MemoryStore()
    times = np.arange(0, 600_000, 15_000, dtype=np.int64)
    for name in ("up", "llm_requests_total", "job:rate5m", ":a"):
        for le in ("1", "+Inf"):
            values = np.where(times % 75_000 == 0, np.nan, times / 1e4)
            found.append_series(labels({"a": le, "le": le, "job": "j", "instance": "i"}, name), times, values)
    return found


ENGINE = Engine(store(), limits=LIMITS)


def refusal(ask: Callable[[], object]) -> str | None:
    """The words in which it was refused, None where it was answered; any other error is a failure."""
    try:
        ask()
    except InferdeckError as error:
        return str(error)
    return None


@settings(max_examples=100)
@given(query=broken())
def test_a_broken_query_is_answered_or_refused(query: str) -> None:
    refused = refusal(lambda: parse(query))
    if refused is None:
        tree = parse(query)
        assert parse(one_line(tree)) == tree
        assert parse(pretty(tree)) == tree
    for words in (
        refused,
        refusal(lambda: ENGINE.instant(query, 590_000)),
        refusal(lambda: ENGINE.range(query, 0, 590_000, 60_000)),
    ):
        assert words is None or words


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this platform")
def test_the_fuzzer_runs() -> None:
    """Seconds of it here; bench/fuzz_promql.py runs for as long as one likes."""
    command = [sys.executable, "-m", "bench.fuzz_promql", "-runs=600"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 600 runs" in done.stderr
