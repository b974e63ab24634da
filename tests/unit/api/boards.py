"""A small store behind the dashboards' routes, with a user's dashboard and a broken one; for API and commands."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from fastapi import APIRouter

from inferdeck.api import dashboards as api_dashboards
from inferdeck.api.app import KeptAnswer
from inferdeck.dashboards.answers import Dashboards
from inferdeck.dashboards.folder import Folder
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import labels
from inferdeck.model.scrape import Layout
from inferdeck.query.interface import QueryService
from tests.served import Served, served

NOW = 1_795_226_500
TIMES = (NOW - 3600 + 15 * np.arange(240, dtype=np.int64)) * 1000
MODELS = ("a.b", "c|d")
SERIES = tuple(
    labels({"gateway": "g:1", "model": model, "status": status}, "llm_requests_total")
    for model in MODELS
    for status in ("error", "success")
)
MARK = labels({"kind": "deployment", "subject": "v2"}, "inferdeck_event_timestamp_seconds")
QUALITY = labels({"family": "llm_requests_total", "reason": "workers_in_turn"}, "inferdeck_quality")
FILE = """
uid: mine
title: Mine
variables:
  - {name: gateway, metric: llm_requests_total}
  - {name: model, metric: llm_requests_total, selector: gateway="$gateway", multi: true, include_all: true}
annotations:
  - {name: Deployments, query: "inferdeck_event_timestamp_seconds", value_is_time: true, text: "{{subject}}"}
rows:
  - panels:
      - id: requests
        title: Requests
        kind: timeseries
        queries:
          - expr: >-
              sum by (gateway, model)
              (rate(llm_requests_total{gateway="$gateway", model=~"$model"}[$__rate_interval]))
            legend: "{{model}}"
        unit: rate
      - id: now
        title: Now at $gateway, $model
        kind: stat
        queries: [{expr: 'sum(increase(llm_requests_total{gateway="$gateway", model=~"$model"}[5m]))', instant: true}]
      - {id: nothing, title: Nothing, kind: stat, queries: ['llm_queue_depth{gateway="$gateway"}']}
      - {id: wrong, title: Wrong, kind: stat, queries: [llm_requests_total * on () llm_requests_total]}
      - {id: later, title: Later, kind: alerts, needs: alerts, empty: {reason: not yet}}
      - {id: changes, title: Changes, kind: logs, question: "events?environment=$model&gateway=$gateway"}
  - collapsed: true
    panels: [{id: closed, title: Closed, kind: text, content: words}]
"""


@contextlib.asynccontextmanager
async def boards(place: Path, clock: ManualClock) -> AsyncIterator[Served]:
    """Serve until the block ends."""
    folder = place / "dashboards"
    folder.mkdir()
    (folder / "mine.yaml").write_text(FILE, encoding="utf-8")
    (folder / "broken.yaml").write_text("uid: broken\ntitle: Broken\nrow: []\n", encoding="utf-8")

    kept: dict[str, KeptAnswer] = {}

    def topic(service: QueryService) -> APIRouter:
        shown = Dashboards(service, Folder(folder, clock.monotonic), clock, lambda: 15_000)
        kept[api_dashboards.BEGINNING] = api_dashboards.kept(shown)
        return api_dashboards.routes(shown)

    async with served(place, clock=clock, topic=topic, kept=kept) as found:
        values = np.outer(np.array([1.0, 9.0, 2.0, 8.0]), np.arange(240.0) * 15)
        await found.writer.run(lambda: found.database.append_block("t", Layout(SERIES), TIMES, values))
        fixed = np.array([[NOW - 1800.0], [1.0]]) * np.ones(240)
        await found.writer.run(lambda: found.database.append_block("u", Layout((MARK, QUALITY)), TIMES, fixed))
        yield found
