"""What the Hosts dashboard asks, on samples that come a little late."""

from __future__ import annotations

import numpy as np

from inferdeck.dashboards.loader import shipped
from inferdeck.model.labels import labels
from inferdeck.query.promql.engine import Engine
from inferdeck.store.metrics.memory import MemoryStore

PAIRS = {"cpu": "0", "environment": "", "instance": "gpu1:9100", "mode": "idle"}


def test_an_idle_host_never_has_less_than_no_load() -> None:
    memory = MemoryStore()
    times = np.arange(0, 301_000, 15_000, dtype=np.int64)
    # The counter was read a moment after the scrape began: an idle second takes less than a second.
    memory.append_series(labels(PAIRS, "node_cpu_seconds_total"), times, times / 1000 * 1.006)
    (host,) = (one.dashboard for one in shipped() if one.dashboard.uid == "host")
    panels = {panel.id: panel for row in host.rows for panel in row.panels}
    for panel in (panels["cpu-now"], panels["cpu"]):
        text = panel.queries[0].expr.replace("$environment", ".*").replace("$instance", ".*")
        found = Engine(memory).range(text.replace("$__rate_interval", "1m"), 120_000, 300_000, 60_000)
        assert found.values.tolist() == [[0.0] * 4], panel.id
