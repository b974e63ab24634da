"""The linter against the targets of a daemon: names and labels come from its history, over its real API."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import numpy as np
import pytest

from inferdeck.cli import main
from inferdeck.model.labels import Labels
from inferdeck.model.scrape import Layout
from tests.served import served

SERIES: tuple[Labels, ...] = tuple(
    tuple(sorted({"__name__": name, "job": "vllm", "instance": "a:1", **more}.items()))
    for name, more in (
        ("up", {}),
        ("vllm:kv_cache_usage_perc", {"model_name": "m", "engine": "0"}),
        ("vllm:num_requests_running", {"model_name": "m", "engine": "0"}),
    )
)


async def test_a_daemon_tells_what_is_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exprs = ["vllm:gpu_cache_usage_perc", 'vllm:num_requests_running{namespace="x"}', "up", "redis_up"]
    rules = [{"alert": f"a{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    now = int(time.time() * 1000)
    times, values = np.array([now - 15_000, now - 1000], dtype=np.int64), np.ones((len(SERIES), 2))
    async with served(tmp_path) as site:
        await site.writer.run(lambda: site.database.append_block("t", Layout(SERIES), times, values))
        command = ["grafana", "lint", str(file), "--url", site.url, "--json"]
        code = await asyncio.to_thread(main, command)
    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [(one["fault"], one["subject"], one["instead"]) for one in found] == [
        ("dead-metric", "vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
        ("dead-label", "namespace", ""),
    ]


async def test_a_daemon_that_has_none_of_the_names_was_asked_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "nobodys_metric"}]}]}))
    async with served(tmp_path) as site:
        await asyncio.to_thread(main, ["grafana", "lint", str(file), "--url", site.url])
    assert "no target was asked" not in capsys.readouterr().out
