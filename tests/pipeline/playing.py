"""A scenario that was played and stands still, behind a real API: what a face shows of it can be held to its ledger."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inferdeck.api import app, catalog, config_files, dashboards, happenings, logs, server, stack, widgets
from inferdeck.api.prometheus import routes as prometheus
from inferdeck.client.tiny import Address, Client
from inferdeck.daemon.served import served
from inferdeck.daemon.site import DaemonSite
from inferdeck.daemon.widgets import DaemonWidgets
from inferdeck.model.answers import Own, number
from inferdeck.model.clock import ManualClock
from inferdeck.model.config_files import FileRevision
from inferdeck.query.happenings import Happenings
from inferdeck.query.status import Surroundings
from inferdeck.receive.remote_write import Receiver
from inferdeck.routing import contents
from inferdeck.routing.contents import LITELLM, Content, Named
from inferdeck.simulate import scenario
from inferdeck.simulate.events import GpuChanged
from inferdeck.simulate.fleet import Gateway
from inferdeck.sources.interface import FollowsModels
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.state.database import StateDatabase
from tests.pipeline.asking import asked
from tests.pipeline.collecting import Stage
from tests.pipeline.collecting import stage as staged
from tests.pipeline.stack import state, surroundings
from tests.pipeline.world_series import WorldSeries
from tests.unit.api.place import SmallOperations

INTERVAL = 15.0
NOTE = "prompts are cached from now on"
"""What somebody annotated two minutes before the end."""
LATER_SECONDS = 6.0
"""How long after the last collection the daemon is asked: dashboards wait for samples that are on their way."""
FOLDER = Path("/tmp/inferdeck-played")
PORT = 24_600
"""The first of the fleet's: addresses stand on screens, and a screen is compared with the one of another day."""


@dataclass(slots=True)
class Played:
    """Nothing moves any more; what stands here may be read from any thread."""

    stage: Stage
    socket_path: str
    cards: dict[str, GpuChanged] = field(default_factory=dict)
    """What each card did last, by its name in the fleet."""
    world: WorldSeries | None = None
    """What the programs had counted at each collection, where that was wanted."""
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(Address(socket_path=self.socket_path), 60.0)

    @property
    def last(self) -> float:
        """The moment of the last collection, at which the world stands still."""
        return self.stage.world.now

    @property
    def now(self) -> float:
        """What the clock of the daemon and of whoever looks at it says."""
        return self.last + LATER_SECONDS


@contextlib.contextmanager
def fixed_place() -> Iterator[Path]:
    """Yield an empty folder whose name is always the same; whoever has it has the ports, too."""
    with (FOLDER.parent / f"{FOLDER.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(mode=0o700)
        try:
            yield FOLDER
        finally:
            shutil.rmtree(FOLDER)


@contextlib.contextmanager
def played(
    name: str, moments: Sequence[float], folder: Path, port: int = 0, *, wanted: frozenset[str] | None = None
) -> Iterator[Played]:
    """Play a scenario, collect at these seconds of it, stop there and serve it from a loop of its own thread.

    wanted: the series that a second witness is to have.
    """
    loop = asyncio.new_event_loop()
    ready: list[Played] = []
    started, ended = threading.Event(), asyncio.Event()
    failed: list[BaseException] = []

    async def run() -> None:
        try:
            async with staged(scenario.named(name), folder, port) as found:
                cards: dict[str, GpuChanged] = {}

                def note(event: GpuChanged, cards: dict[str, GpuChanged] = cards) -> None:
                    cards[event.gpu] = event

                found.world.subscribe({(GpuChanged, gpu.name): note for gpu in found.scenario.fleet.gpus})
                world = WorldSeries(found, wanted) if wanted is not None else None
                if world is not None:
                    found.still.append(world.note)
                    for cache in found.scenario.fleet.caches:
                        # Who reads a Redis is its client, too: it has come before anything is noted.
                        await found.watched[cache.name].target.source.collect(found.world.now)
                for moment in moments:
                    _follow(found)
                    await found.go(moment)
                if world is not None:
                    world.told()
                async with answering(found, folder) as path:
                    ready.append(Played(found, path, cards, world))
                    started.set()
                    await ended.wait()
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="played")
    thread.start()
    try:
        started.wait()
        if failed:
            raise failed[0]
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _follow(found: Stage) -> None:
    """Tell the Hub's source which models are served, as the daemon does."""
    names = served(state(process, one) for process, one in found.watched.items())
    for one in found.watched.values():
        if isinstance(one.target.source, FollowsModels):
            one.target.source.follow(names)


@contextlib.asynccontextmanager
async def answering(found: Stage, folder: Path) -> AsyncIterator[str]:
    """Serve the API beside what was collected so far, on the loop that calls; yields the path of the socket."""
    environment = found.scenario.fleet.environment
    clock = ManualClock(found.world.now + LATER_SECONDS)
    around = replace(_around(found), now=clock.now())
    kept = StateDatabase.open(folder / "state.sqlite", clock=clock)
    kept.note([(one, environment) for one in found.happenings])
    files = tuple(_files(found, folder, kept))
    try:
        with asked(found, lambda: around, kept, lambda: files, clock) as every:
            happened = Happenings(kept, clock, environment)
            happened.annotate(NOTE, time=clock.now() - 120.0, kind="deployment")
            topics = [
                stack.routes(every.stack, clock),
                catalog.routes(every.catalog, clock),
                happenings.routes(happened, clock),
                config_files.routes(every.files),
                logs.routes(every.logs, clock),
                dashboards.routes(every.dashboards),
                widgets.routes(widgets.WidgetRoutes(DaemonWidgets(clock, every), clock)),
            ]
            writer = SinkWriter(found.database)
            site = DaemonSite(
                every.settings, clock, found.database, Runner(clock, writer), Receiver(writer, clock), clock.now()
            )
            own = prometheus.routes(every.service, site)
            application = app.build(every.questions, SmallOperations(), own, topics)
            path = folder / "played.sock"
            listener = server.Listener(app.guarded(application, None), server.bind_unix(path), peers_checked=True)
            await listener.start()
            try:
                yield str(path)
            finally:
                await listener.stop()
                writer.close()
    finally:
        kept.close()


def _files(found: Stage, folder: Path, kept: StateDatabase) -> Iterator[tuple[Named, Content]]:
    """Write the file that each LiteLLM was started with, and yield it as the daemon has read it."""
    for place, gateway in enumerate(found.scenario.fleet.gateways):
        text = json.dumps(_configuration(gateway), indent=1)
        path = folder / f"litellm-{place}.yaml"
        path.write_text(text)
        os.utime(path, (found.scenario.start, found.scenario.start))
        named = Named(str(path), LITELLM, gateway.name, found.scenario.fleet.environment)
        content = contents.read(named, lambda text: text)
        size, modified = len(text.encode()), found.scenario.start
        kept.keep_revision(str(path), FileRevision(content.hash, size, modified, modified), content.text)
        yield named, content


def _configuration(gateway: Gateway) -> dict[str, Any]:
    models = [
        {
            "model_name": one.model,
            "litellm_params": {"model": one.served, "api_key": "os.environ/PROVIDER_KEY"},
            "model_info": {"id": one.id},
        }
        for one in gateway.deployments
    ]
    fallbacks = [{model: list(targets)} for model, targets in gateway.fallbacks.items()]
    return {"model_list": models, "litellm_settings": {"fallbacks": fallbacks}}


def _around(found: Stage) -> Surroundings:
    """Return what a daemon would know, with figures of its own that say what they are."""
    given = surroundings(found)
    own = Own(
        version=given.own.version,
        pid=1,
        started=found.scenario.start,
        url="",
        cpu=number(0.012, "cores"),
        memory=number(90 * 2**20, "bytes"),
        targets=number(float(len(found.watched)), "count"),
        requests=number(None, "count"),
        loop_lag=number(None, "seconds"),
        note="the whole stack is simulated",
    )
    return replace(given, own=own)
