"""The last 3.x Langfuse SDK, in an environment of its own, against the simulated v3 server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inferdeck.simulate.fleet import Langfuse
from inferdeck.simulate.servers.langfuse import build
from tests.unit.simulate.servers.serving import serving
from tests.unit.simulate.servers.told_requests import FLEET, StillWorld, play, story

pytestmark = pytest.mark.heavy

SCRIPT = """
import datetime as dt, json, sys
from langfuse import Langfuse
client = Langfuse(public_key="pk-lf-demo", secret_key="sk-lf-demo", host=sys.argv[1])
api, told = client.api, {}
told["auth"] = client.auth_check()
traces = api.trace.list(limit=3, page=1)
told["traces"] = [traces.meta.total_items, len(traces.data)]
full = [api.trace.get(trace.id) for trace in api.trace.list(limit=100, order_by="timestamp.asc").data]
told["levels"] = [[row.level.value for row in trace.observations] for trace in full]
told["costs"] = [trace.total_cost for trace in full]
told["latencies"] = [trace.latency for trace in full]
told["tokens"] = sum(row.usage_details.get("total", 0) for trace in full for row in trace.observations)
told["generations"] = api.observations.get_many(type="GENERATION", limit=2).meta.total_items
told["first"] = api.observations.get(full[0].observations[1].id).time_to_first_token
told["sessions"] = sorted(session.id for session in api.sessions.list().data)
told["session"] = len(api.sessions.get("session-1").traces)
told["scores"] = {score.name: score.value for score in api.score_v_2.get().data}
told["models"] = [model.model_name for model in api.models.list().data]
query = {"view": "observations", "metrics": [{"measure": "totalCost", "aggregation": "sum"}],
         "fromTimestamp": "2026-11-21T12:00:00Z", "toTimestamp": "2026-11-21T13:00:00Z"}
told["metrics"] = api.metrics.metrics(query=json.dumps(query)).data
with client.start_as_current_span(name="job") as span:
    trace = span.trace_id
    used = {"input": 4, "output": 2}
    with client.start_as_current_generation(name="answer", model="azure-gpt-4o", usage_details=used):
        pass
    client.update_current_trace(user_id="me", tags=["mine"])
    span.score_trace(name="helpful", value=0.5)
client.flush()
sent = api.trace.get(trace)
told["sent"] = [sent.name, sent.user_id, sent.tags, sorted(row.type for row in sent.observations), sent.scores[0].value]
client.shutdown()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with the SDK; skips by name where it cannot be installed."""
    place = tmp_path_factory.mktemp("langfuse3") / "environment"
    python = place / "bin" / "python"
    wanted = "langfuse>=3,<4"
    uv = shutil.which("uv")
    if uv:
        steps = [[uv, "venv", "--quiet", "--python", sys.executable, str(place)],
                 [uv, "pip", "install", "--quiet", "--python", str(python), wanted]]  # fmt: skip
    else:
        steps = [[sys.executable, "-m", "venv", str(place)], [str(python), "-m", "pip", "install", "--quiet", wanted]]
    for step in steps:
        made = subprocess.run(step, capture_output=True, text=True, timeout=240, check=False)
        if made.returncode:
            pytest.skip(f"{wanted} could not be installed from PyPI: {made.stderr[-300:]}")
    return python


def test_the_old_sdk_reads_and_sends(interpreter: Path, tmp_path: Path) -> None:
    program = build(Langfuse("langfuse-1", "3.150.0"), FLEET, StillWorld())
    play(program, story()[4:])
    with serving(program) as url:
        ran = subprocess.run([str(interpreter), "-c", SCRIPT, url], capture_output=True, text=True, timeout=120,
                             cwd=tmp_path, check=False)  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told.pop("sent") == ["job", "me", ["mine"], ["GENERATION", "SPAN"], 0.5]
    assert told == {
        "auth": True,
        "traces": [6, 3],
        "levels": [["DEFAULT", "DEFAULT"], ["DEFAULT", "ERROR", "DEFAULT"], ["ERROR", "ERROR", "ERROR"],
                   ["DEFAULT", "DEFAULT"], ["ERROR"], ["DEFAULT", "DEFAULT"]],
        "costs": [0.005, 0.0066, 0.0, 0.0, 0.0, 0.0],
        "latencies": [2.02, 4.0, 9.5, 0.02, 0.0, 5.0],
        "tokens": 4 * 1300,
        "generations": 7,
        "first": 0.5,
        "sessions": ["session-0", "session-1", "session-2", "session-3"],
        "session": 2,
        "scores": {"feedback": 1.0, "quality": 0.75},
        "models": ["gpt-4o-2024-11-20", "azure-gpt-4o"],
        "metrics": [{"sum_totalCost": 0.0116}],
    }  # fmt: skip
