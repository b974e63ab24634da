"""The mapping in us and the exported rules in Debian's Prometheus give the same canonical series for the same input."""

from __future__ import annotations

import gzip
import http.server
import json
import math
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inferdeck.model.labels import NAME, Labels, labels, metric_name
from inferdeck.sources import catalog, recording
from inferdeck.sources.buckets import LADDERS
from inferdeck.sources.catalog import Catalog
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.repair import Repair
from tests.real import programs

ENGINES = ("vllm", "sglang", "tgi")
OWN_LADDER = ("0.6.6.post1-families.txt.gz",)
"""vLLM's engine before V1: some of its buckets end earlier, which no rule says."""
WEIGHTED = ("litellm", "sglang", "tgi")
"""Kinds of which some version has other bounds than the canonical ones."""
SECONDS = 60.0


def old_layout() -> bytes:
    """A body as LiteLLM before 1.88 wrote it: 35 buckets, older names; and one deployment in trouble."""
    bounds = next(mapping.bounds[1] for mapping in catalog.load("litellm").mappings if mapping.bounds)
    lines = []
    for family in ("litellm_request_total_latency_metric", "litellm_llm_api_time_to_first_token_metric"):
        lines.append(f"# TYPE {family} histogram")
        for model, step in (("a", 3), ("b", 7)):
            for number, bound in enumerate((*bounds, math.inf), 1):
                le = "+Inf" if math.isinf(bound) else repr(bound)
                lines.append(f'{family}_bucket{{model="{model}",end_user="None",le="{le}"}} {number * step}')
            lines += [f'{family}_sum{{model="{model}",end_user="None"}} {step}.25']
            lines += [f'{family}_count{{model="{model}",end_user="None"}} {(len(bounds) + 1) * step}']
    lines.append("# TYPE litellm_input_tokens_total counter")
    lines += [
        f'litellm_input_tokens_total{{model="m",team="{team}",user="u{n}"}} {n}' for n, team in ((1, "None"), (2, "x"))
    ]
    lines.append("# TYPE litellm_deployment_state gauge")
    lines += [
        f'litellm_deployment_state{{litellm_model_name="m",model_id="{state}",api_provider="p{state % 2}"}} {state}'
        for state in (0, 1, 2)
    ]
    return ("\n".join(lines) + "\n").encode()


def bodies(kind: str) -> dict[str, bytes]:
    """Every exposition of a kind's samples."""
    folder = Path(catalog.FOLDER) / kind / "samples"
    found = {
        path.name.removesuffix(".txt.gz").replace(".", "_"): gzip.decompress(path.read_bytes())
        for path in sorted(folder.glob("*.txt.gz"))
        if path.name not in OWN_LADDER
    }
    return {**found, "old_layout": old_layout()} if kind == "litellm" else found


@contextmanager
def serving(pages: dict[str, bytes]) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages[self.path.strip("/")]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ours(known: Catalog, body: bytes, instance: str) -> dict[Labels, float]:
    identity = {"job": known.kind, "instance": instance, "environment": "test"}
    read = ExpositionParser(labels(identity)).parse_sync(body, "text/plain")
    repaired = Repair(known, None).apply(read.layout, read.values)
    mapped = Mapper(known, identity).apply(repaired.layout, repaired.values)
    pairs = zip(mapped.layout.series, mapped.values.tolist(), strict=True)
    return {series: value for series, value in pairs if canonical(series)}


def canonical(series: Labels) -> bool:
    """A layout that does not fit is known only where the layout is seen, so no rule says so."""
    name = metric_name(series)
    return name.startswith("llm_") or (name == "inferdeck_quality" and ("reason", "bucket_layout") not in series)


def query(url: str) -> dict[Labels, float]:
    text = urllib.parse.urlencode({"query": '{__name__=~"llm_.*|inferdeck_quality"}'})
    with urllib.request.urlopen(f"{url}/api/v1/query?{text}", timeout=10) as answer:
        found = json.load(answer)["data"]["result"]
    return {labels(one["metric"]): float(one["value"][1]) for one in found}


@pytest.mark.real
def test_promtool_accepts_the_rules_of_every_catalog(tmp_path: Path) -> None:
    kinds = sorted(path.parent.name for path in Path(catalog.FOLDER).glob("*/catalog.yaml"))
    rules = tmp_path / "rules.yml"
    rules.write_text(recording.export(map(catalog.load, kinds)))
    checked = programs.promtool("check", "rules", str(rules))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.real
@pytest.mark.parametrize("kind", ["litellm", *ENGINES])
def test_the_exported_rules_and_our_mapping_agree(kind: str, tmp_path: Path) -> None:
    known, pages = catalog.load(kind), bodies(kind)
    rules = tmp_path / "rules.yml"
    rules.write_text(recording.export([known], interval="1s"))
    with serving(pages) as port:
        jobs = "".join(
            f"""
  - job_name: {name}
    metrics_path: /{name}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
    relabel_configs:
      - {{target_label: job, replacement: {kind}}}
      - {{target_label: instance, replacement: "{name}:4000"}}
      - {{target_label: environment, replacement: test}}"""
            for name in pages
        )
        config = (
            f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}]\nscrape_configs:{jobs}\n"
        )
        wanted = {
            key: value for name, body in pages.items() for key, value in ours(known, body, f"{name}:4000").items()
        }
        with programs.prometheus(tmp_path, config) as prometheus:
            found, end = query(prometheus.url), time.monotonic() + SECONDS
            while found.keys() != wanted.keys() and time.monotonic() < end:
                time.sleep(0.5)
                found = query(prometheus.url)
    assert sorted(wanted.keys() - found.keys()) == []
    assert sorted(found.keys() - wanted.keys()) == []
    assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)
    interpolated = {value for series, value in found.items() if dict(series)[NAME].endswith("_bucket") and value % 1}
    assert bool(interpolated) == (kind in WEIGHTED), "whether a bucket was weighted, so that weights are shown"
    assert {dict(series)[NAME].removesuffix("_bucket") for series in found} >= set(LADDERS) & {
        m.to for m in known.mappings
    }
