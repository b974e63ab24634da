"""The application behind real listeners, over the slow obvious store, for tests of the API and of the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

from inferdeck.api import app, catalog, guard, server, stack
from inferdeck.api import config_files as api_config_files
from inferdeck.api import dashboards as api_dashboards
from inferdeck.api import happenings as api_happenings
from inferdeck.api import logs as api_logs
from inferdeck.api import widgets as api_widgets
from inferdeck.config.schema import Settings
from inferdeck.daemon.widgets import DaemonWidgets, Sources
from inferdeck.dashboards.answers import Dashboards
from inferdeck.dashboards.folder import Folder
from inferdeck.errors import LimitError, NotFoundError, UnavailableError
from inferdeck.model.answers import Added, ConfigAnswer, Imported, Job, StoreReport, Trial, number
from inferdeck.model.clock import SystemClock
from inferdeck.query.catalog.interface import CatalogQuestions
from inferdeck.query.evidence import Facts
from inferdeck.query.happenings import HappeningStore
from inferdeck.query.local import LocalQueryService, LocalQuestions
from inferdeck.query.logs import LocalLogQuestions
from inferdeck.query.stack.interface import StackQuestions
from inferdeck.receive import blocks
from tests.unit.api import noted
from tests.unit.query.catalog.small import small_catalog
from tests.unit.query.kept_logs import Kept, rows
from tests.unit.query.stack import around, counter, filled, series, state
from tests.unit.query.stack_facts import asked, engine


@dataclass
class SmallOperations:
    """A second implementation of Operations, which keeps what it was asked in a list."""

    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    is_ready: bool = True

    def ready(self) -> bool:
        return self.is_ready

    def config(self) -> ConfigAnswer:
        return ConfigAnswer("inferdeck.yaml", (("listen.port", "4633", "default"),))

    def own_metrics(self) -> str:
        return "inferdeck_targets 1.0\n"

    async def test_source(self, kind: str, entry: Mapping[str, Any]) -> Trial:
        self.asked.append((kind, entry))
        return Trial(kind, str(entry.get("url", "")), ok=True, message="answers")

    async def add_source(self, kind: str, entry: Mapping[str, Any]) -> Added:
        raise UnavailableError("not added, since it cannot be read: refused")

    async def store_stats(self) -> StoreReport:
        n = number(None, "count")
        return StoreReport(around().store, n, n, n, ())

    async def import_block(self, body: bytes) -> Imported:
        group = blocks.decode(body)
        self.asked.append((group.target, {}))
        return Imported(len(group.layout), group.values.size)

    def start_job(self, kind: str, options: Mapping[str, Any]) -> Job:
        self.asked.append((kind, options))
        if kind == "remap":
            raise LimitError("a check is running (50 %); wait for it to end")
        return Job(f"{kind}-1", kind, "running", 0.0, "starting")

    def job(self, identity: str) -> Job:
        if identity != "check-1":
            raise NotFoundError(f'no job is called "{identity}"')
        return Job(identity, "check", "done", 1.0, "done", ("everything is sound",))


@dataclass(frozen=True)
class Place:
    """Where the application answers."""

    url: str
    socket_path: str
    operations: SmallOperations


def questions() -> LocalQuestions:
    """Return questions over one gateway, one Redis and a host that are up."""
    labels = {"job": "litellm", "instance": "g:4000", "gateway": "g:4000", "status": "success"}
    store = filled({series("llm_requests_total", **labels): counter(2.0)})
    states = (state("litellm", "g:4000", name="gate"), state("redis", "r:6379"), state("host", "r:6379"))
    return LocalQuestions(store, lambda: around(*states), Facts)


def topics(
    stacked: StackQuestions | None = None,
    models: CatalogQuestions | None = None,
    notes: HappeningStore | None = None,
) -> list[APIRouter]:
    """Return the routes of every topic."""
    service = LocalQueryService(filled({series("up", job="redis", instance="r:6379"): counter(0.0)}))
    boards = Dashboards(service, Folder(None, time.monotonic), SystemClock(), lambda: 15_000)
    stacked, models = stacked or asked(engine("10.0.0.7:8000", "m")), models or small_catalog()
    settings = Settings(data_dir=Path("nowhere"))
    lines = LocalLogQuestions(kept_logs)
    told = Sources(questions(), stacked, models, boards, lines, noted.files(), service, settings)
    return [
        api_widgets.routes(api_widgets.WidgetRoutes(DaemonWidgets(SystemClock(), told), SystemClock())),
        stack.routes(stacked, SystemClock()),
        catalog.routes(models, SystemClock()),
        api_happenings.routes(noted.happenings(notes), noted.CLOCK),
        api_config_files.routes(noted.files()),
        api_dashboards.routes(boards),
        api_logs.routes(lines, SystemClock()),
    ]


def kept_logs() -> list[Kept]:
    """Two machines have a container of the same name, one of them another log."""
    start = 1_795_228_000.0
    return [
        Kept("default/docker/gpu-1:2375", {"vllm": rows("one", 3, start, 2.0), "redis": rows("r", 1, start, 1.0)}),
        Kept("default/docker/gpu-2:2375", {"vllm": rows("two", 3, start + 1, 2.0)}),
    ]


@contextlib.contextmanager
def served(
    directory: Path,
    *,
    viewer: str = "",
    operator: str = "",
    hosts: tuple[str, ...] = (),
    stacked: StackQuestions | None = None,
    plain: LocalQuestions | None = None,
    models: CatalogQuestions | None = None,
    notes: HappeningStore | None = None,
) -> Iterator[Place]:
    """Serve on TCP and on a unix socket, in a loop of its own thread, until the block ends."""
    directory.chmod(0o700)
    operations = SmallOperations()
    application = app.build(plain or questions(), operations, topics=topics(stacked, models, notes))
    rules = guard.access("127.0.0.1", hosts, viewer, operator)
    tcp, path = server.bind_tcp("127.0.0.1", 0), directory / "i.sock"
    started, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        listeners = [
            server.Listener(app.guarded(application, rules), tcp, peers_checked=False),
            server.Listener(app.guarded(application, None), server.bind_unix(path), peers_checked=True),
        ]
        for listener in listeners:
            await listener.start()
        started.set()
        await ended.wait()
        for listener in listeners:
            await listener.stop()

    url = f"http://127.0.0.1:{tcp.getsockname()[1]}"
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert started.wait(20)
        yield Place(url, str(path), operations)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(20)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def refused(address: str) -> str:
    """Return what a question that cannot be answered is told; it is a 400."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address, timeout=20)
    assert caught.value.code == 400
    return str(json.load(caught.value)["error"]["message"])
