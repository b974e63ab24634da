"""Fuzz the parser, the formatter and the evaluator by libFuzzer: `python -m bench.fuzz_promql -max_total_time=600`.

Options and corpus folders are libFuzzer's own. It ends with the query and a traceback where one is neither answered nor
refused by one of our errors.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["inferdeck.query.promql"], enable_loader_override=False):
    from inferdeck.query.promql.engine import Engine, Limits
    from inferdeck.query.promql.format import pretty
    from inferdeck.query.promql.parser import parse

import numpy as np

from inferdeck.errors import InferdeckError
from inferdeck.model.labels import labels
from inferdeck.store.metrics.memory import MemoryStore

SEEDS = (
    "sum by (a) (rate(up[5m] offset 1m)) / on (a) group_left (b) up @ end()",
    'label_replace(up{a=~"x|y",b!="z"}, "c", "$1", "a", "(.*)") or vector(time())',
    "max_over_time((up > bool 1)[5m:1m] @ 300) unless ignoring (a) -up ^ 2 % 3",
    "histogram_quantile(0.9, sum without (b) (up)) - fill_left(0) count_values('v', up)",
    "topk(2, {'up', a=\"x\"}) atan2 0x1F and up[1h2m:step()] # text",
)


def store() -> MemoryStore:
    """Return two series with gaps."""
    found = MemoryStore()
    times = np.arange(0, 600_000, 15_000, dtype=np.int64)
    for a in ("x", "y"):
        found.append_series(
            labels({"a": a, "le": "1"}, "up"), times, np.where(times % 75_000 == 0, np.nan, times / 1e4)
        )
    return found


ENGINE = Engine(store(), limits=Limits(seconds=2.0, samples=100_000))


def one(data: bytes) -> None:
    """Read, write and ask one query."""
    query = data.decode("utf-8", "surrogateescape")
    try:
        tree = parse(query)
    except InferdeckError:
        return
    assert parse(pretty(tree)) == tree, query
    with contextlib.suppress(InferdeckError):
        ENGINE.instant(query, 590_000)
    with contextlib.suppress(InferdeckError):
        ENGINE.range(query, 0, 590_000, 60_000)


def main() -> None:
    """Fuzz from the seeds and from the corpus folders that are named."""
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(SEEDS):
            (Path(seeds) / str(number)).write_text(seed)
        atheris.Setup([*sys.argv, seeds, "-max_len=400"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
