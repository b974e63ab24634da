"""A server on loopback that says given bodies and notes what it is asked, and a source of any kind that reads it."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from inferdeck.model.clock import Clock, ManualClock
from inferdeck.model.labels import Labels, labels, metric_name
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources import catalog, registry
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected, Source
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.repair import Repair

Answers = Mapping[str, tuple[int, bytes]]
INSTANCE = "here:1"


@dataclass(slots=True)
class Replay:
    """Path to status and body; a path that is none of them is answered 404."""

    answers: dict[str, tuple[int, bytes]]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.path_qs)
        status, body = self.answers.get(request.path, (404, b"{}"))
        kind = "text/plain" if request.path == "/metrics" and status == 200 else "application/json"
        return web.Response(status=status, body=body, content_type=kind)


@asynccontextmanager
async def replaying(answers: Answers) -> AsyncIterator[Replay]:
    replay = Replay(dict(answers))
    runner = web.ServerRunner(web.Server(replay))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    replay.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield replay
    finally:
        await runner.cleanup()


def told(body: Any) -> tuple[int, bytes]:
    """Return a good answer in JSON."""
    return 200, json.dumps(body).encode()


def sample(kind: str, name: str) -> bytes:
    """Return a sample of a kind as it was on the wire."""
    raw = (Path(catalog.FOLDER) / kind / "samples" / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


@asynccontextmanager
async def reading(kind: str, url: str, clock: Clock | None = None, **settings: Any) -> AsyncIterator[Source]:
    http = HttpClient()
    config = registry.config_class(kind).model_validate({"url": url, **settings})
    target = TargetKey(kind, INSTANCE, "tests")
    try:
        yield registry.make(kind, config, http, clock or ManualClock(), target, own(kind))
    finally:
        await http.aclose()


def own(kind: str) -> Labels:
    """Return the labels of the target that is read."""
    return labels({"job": kind, "instance": INSTANCE})


def status(collected: Collected) -> dict[str, str]:
    """Return the status that holds of each model."""
    pairs = zip(collected.layout.series, collected.values.tolist(), strict=True)
    states = [dict(key) for key, value in pairs if metric_name(key) == "llm_model_status" and value == 1]
    return {one["model"]: one["status"] for one in states}


def facts(collected: Collected, kind: str) -> dict[str, dict[str, str]]:
    """Return the facts of a kind by name."""
    found: list[Fact] = [fact for fact in collected.inventory if fact.kind == kind]
    return {fact.name: dict(fact.facts) for fact in found}


def named(collected: Collected, name: str) -> list[dict[str, str]]:
    """Return the labels of every series of a family, without those of the target."""
    mine = {"__name__", "job", "instance"}
    found = [dict(series) for series in collected.layout.series if metric_name(series) == name]
    return [{key: value for key, value in one.items() if key not in mine} for one in found]


def stored(kind: str, collected: Collected) -> dict[Labels, float]:
    """Return everything that is kept of a collection, native and canonical."""
    known = catalog.load(kind)
    repaired = Repair(known, None).apply(collected.layout, collected.values)
    mapped = Mapper(known, dict(own(kind))).apply(repaired.layout, repaired.values)
    return dict(zip(mapped.layout.series, mapped.values.tolist(), strict=True))


def canonical(kind: str, collected: Collected) -> dict[Labels, float]:
    """Return what is kept under canonical names, but for what the source says of the engine and its model."""
    left_out = ("llm_engine_info", "llm_model_status")
    return {
        series: value
        for series, value in stored(kind, collected).items()
        if metric_name(series).startswith("llm_") and metric_name(series) not in left_out
    }


def types(body: bytes) -> dict[str, str]:
    """Return the families of an exposition with their types, without those of when a child was made."""
    read = ExpositionParser(()).parse_sync(body, "text/plain")
    return {name: str(one.type) for name, one in read.families.items() if not name.endswith("_created")}
