"""Figures of shipped panels on data that would betray a wrong sum."""

from __future__ import annotations

import numpy as np
import pytest

from inferdeck.dashboards import loader
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout
from inferdeck.query.promql.engine import Engine
from inferdeck.store.metrics.memory import MemoryStore

STEP_MS = 15_000
START_MS = 1_790_000_000_000
STEPS = 41


def test_power_of_a_card_in_parts_is_counted_once() -> None:
    """dcgm-exporter repeats a card's power for each MIG instance of it."""
    card = {"UUID": "GPU-1", "gpu": "0", "Hostname": "h", "environment": "e"}
    made: list[Labels] = [
        labels({"environment": "e", "engine": "vllm", "instance": "a:1"}, "llm_engine_generation_tokens_total"),
        *(labels({**card, "GPU_I_ID": part}, "DCGM_FI_DEV_POWER_USAGE") for part in ("1", "2", "3")),
    ]
    stamps = START_MS + np.arange(STEPS, dtype=np.int64) * STEP_MS
    values = np.stack([np.arange(STEPS) * 600.0 * STEP_MS / 1000, *np.full((3, STEPS), 300.0)])
    store = MemoryStore()
    store.append_block("t", Layout(tuple(made)), stamps, values)
    (compare,) = (one.dashboard for one in loader.shipped() if one.dashboard.uid == "compare")
    panel = compare.panel("tokens-per-joule")
    assert panel is not None
    expr = panel.queries[0].expr.replace("$environment", ".*").replace("$__rate_interval", "1m")
    found = Engine(store).range(expr, int(stamps[-1]), int(stamps[-1]), STEP_MS)
    assert found.values.tolist() == [[pytest.approx(2.0)]]
