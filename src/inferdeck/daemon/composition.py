"""Builds every layer, starts it, stops it: the only place that knows them all."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlsplit

from inferdeck import __version__
from inferdeck.api import app, guard, server, stack
from inferdeck.api import catalog as api_catalog
from inferdeck.api import config_files as api_config_files
from inferdeck.api import dashboards as api_dashboards
from inferdeck.api import logs as api_logs
from inferdeck.api import widgets as api_widgets
from inferdeck.api.prometheus import routes as prometheus
from inferdeck.client import marker
from inferdeck.config.schema import Settings
from inferdeck.config.targets import TargetFiles
from inferdeck.daemon.answering import Answering
from inferdeck.daemon.catalog import catalog, load_prices
from inferdeck.daemon.chronicle import Chronicle, open_state
from inferdeck.daemon.config_watch import ConfigWatch
from inferdeck.daemon.dashboards import dashboards
from inferdeck.daemon.history import open_store
from inferdeck.daemon.jobs import Jobs
from inferdeck.daemon.operating import DaemonOperations
from inferdeck.daemon.pulse import Pulse
from inferdeck.daemon.site import DaemonSite
from inferdeck.daemon.surroundings import Surrounding
from inferdeck.daemon.targets_file import keep_writing
from inferdeck.daemon.upkeep import ended, keep_pruning, keep_ticking
from inferdeck.daemon.watching import Watching
from inferdeck.daemon.widgets import DaemonWidgets, Sources
from inferdeck.daemon.written_lines import written_lines
from inferdeck.model.clock import Clock
from inferdeck.pricing.published import PublishedPrices
from inferdeck.query.local import LocalQuestions
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.query.writes import WriteLog
from inferdeck.query.written import NotingSink
from inferdeck.receive.remote_write import Receiver
from inferdeck.sources.assembly import Assembly
from inferdeck.sources.http import HttpClient
from inferdeck.sources.runner import Runner
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.metrics.database import MetricDatabase
from inferdeck.store.remote_write import RemoteWriteSink
from inferdeck.store.state.database import StateDatabase

_log = logging.getLogger(__name__)

Announce = Callable[[str], None]


class Daemon:
    """One daemon for one data directory; `run` returns after `stop` was asked for and everything is on disk."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        announce: Announce,
        note: Callable[[], str] = lambda: "",
        marks: Mapping[str, str] | None = None,
        begin: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._announce = announce
        self._note = note
        """What is to be known of this daemon wherever its state is shown."""
        self._marks = marks or {}
        """Labels of the series that it writes of itself."""
        self._begin = begin
        """Waited for before anything is asked or answered, when all else is ready."""
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = False
        self.is_up = asyncio.Event()
        """Set as soon as it answers."""

    def stop(self) -> None:
        """Ask the daemon to end; idempotent, callable from a signal handler of the loop."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped. Raises ConfigError, StoreLockedError and other store errors before it serves."""
        gc.freeze()
        settings = self._settings
        listen = settings.listen
        rules = guard.of(settings)
        database = open_store(settings, self._clock)
        try:
            state = open_state(settings, self._clock)
        except BaseException:
            database.close()
            raise
        try:
            tcp = server.bind_tcp(listen.host, listen.port)
            try:
                unix = server.bind_unix(listen.unix_socket) if listen.unix_socket is not None else None
            except BaseException:
                tcp.close()
                raise
        except BaseException:
            state.close()
            database.close()
            raise
        await self._serve(database, state, rules, tcp, unix)

    async def _serve(
        self,
        database: MetricDatabase,
        state: StateDatabase,
        rules: guard.Access,
        tcp: socket.socket,
        unix: socket.socket | None,
    ) -> None:
        settings, clock = self._settings, self._clock
        sinks = [
            RemoteWriteSink(one, settings.data_dir / "spool" / str(number), clock=clock, sync=settings.store.sync)
            for number, one in enumerate(settings.remote_write)
            if one.enabled
        ]
        log = WriteLog()
        http, writer, pulse = HttpClient(), SinkWriter(database, NotingSink(log), *sinks), Pulse(clock)
        port = int(tcp.getsockname()[1])
        url = _url(settings.listen.host, port)
        chronicle = Chronicle(settings, clock, state, urlsplit(url).netloc, self._marks)
        runner = Runner(clock, writer, chronicle.happened.told)
        site = DaemonSite(settings, clock, database, runner, Receiver(writer, clock), clock.now())
        answering = Answering(settings.query, database, log, site.families)
        assembly = Assembly(http, clock, settings.environment, settings.data_dir / "answers")
        watching = Watching(settings, runner, assembly, clock, port, TargetFiles())
        prices = PublishedPrices()
        surrounding = Surrounding(settings, clock, database, watching, pulse, url, sinks, self._note, prices)
        questions = LocalQuestions(database, surrounding.around, surrounding.facts, chronicle.changes)
        files = ConfigWatch(settings, clock, state, watching.states, surrounding.machine.seen, chronicle.happened.told)
        asked_files = files.questions(lambda: surrounding.around().states)
        joined = LocalStackQuestions(database, surrounding.around, asked_files.routes, asked_files.running)
        models = catalog(settings, database, surrounding.around, lambda: joined.joins().chains(), prices)
        topics = [stack.routes(joined, clock), api_catalog.routes(models, clock), chronicle.routes()]
        topics.append(api_config_files.routes(asked_files))
        lines = written_lines(settings, runner.sources)
        topics.append(api_logs.routes(lines, clock))
        shown = dashboards(settings, clock, answering.service, runner.states)
        topics.append(api_dashboards.routes(shown))
        told = Sources(questions, joined, models, shown, lines, asked_files, answering.service, settings, self._note)
        widgets = api_widgets.WidgetRoutes(DaemonWidgets(clock, told), clock)
        topics.append(api_widgets.routes(widgets))
        operations = DaemonOperations(
            settings=settings,
            clock=clock,
            http=http,
            database=database,
            writer=writer,
            watching=watching,
            surrounding=surrounding,
            jobs=Jobs(),
            is_ready=lambda: self._ready,
            loop=asyncio.get_running_loop(),
            forget=answering.forget,
        )
        routes = prometheus.routes(answering.service, site)
        application = await asyncio.to_thread(app.ready_made, questions, operations, routes, topics, clock)
        direct = [*prometheus.direct(routes), *api_widgets.direct(widgets)]
        kept = {api_dashboards.BEGINNING: api_dashboards.kept(shown)}
        listeners = [server.Listener(app.guarded(application, rules, direct, kept), tcp, peers_checked=False)]
        if unix is not None:
            listeners.append(server.Listener(app.guarded(application, None, direct, kept), unix, peers_checked=True))
        try:
            await watching.add_configured()
            for sink in sinks:
                sink.start()
            # What is imported and loaded by now stays: looking through it for garbage would hold the loop for 50 ms.
            gc.collect()
            gc.freeze()
            # Off where the process was prepared for its start.
            gc.enable()
            if self._begin is not None:
                await self._begin()
                if self._stopping.is_set():
                    return
            for listener in listeners:
                await listener.start()
            self._spawn(pulse.beat(), keep_ticking(writer, database, clock), watching.keep_looking(self._announce))
            self._spawn(load_prices(prices), *chronicle.work(writer, surrounding.own_prices))
            self._spawn(files.keep_looking(), keep_pruning(state, clock))
            self._spawn(surrounding.machine.keep_looking(), shown.load())
            self._spawn(keep_writing(watching.states, settings.file, settings.data_dir, clock))
            runner.start()
            self._mark(url)
            self._ready = True
            self.is_up.set()
            self._announce(f"inferdeck {__version__}: {url}, data in {settings.data_dir}; Ctrl-C stops")
            await self._stopping.wait()
        finally:
            self._ready = False
            marker.remove(settings.data_dir, os.getpid())
            await self._end(runner, listeners, chronicle, writer, database, sinks, http)
            await answering.aclose()

    def _mark(self, url: str) -> None:
        path = str(self._settings.listen.unix_socket or "")
        found = marker.Marker(os.getpid(), url, path, __version__, self._clock.now())
        marker.write(self._settings.data_dir, found)

    def _spawn(self, *work: Coroutine[Any, Any, None]) -> None:
        for one in work:
            task = asyncio.create_task(one)
            task.add_done_callback(_report)
            self._tasks.append(task)

    async def _end(
        self,
        runner: Runner,
        listeners: list[server.Listener],
        chronicle: Chronicle,
        writer: SinkWriter,
        database: MetricDatabase,
        sinks: list[RemoteWriteSink],
        http: HttpClient,
    ) -> None:
        """Stop reading first, then answering, then writing, so that nothing accepted is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        path = self._settings.listen.unix_socket
        await ended(
            runner.stop,
            lambda: asyncio.gather(*(listener.stop() for listener in listeners), return_exceptions=True),
            *([lambda: asyncio.to_thread(path.unlink, missing_ok=True)] if path is not None else []),
            *(sink.aclose for sink in sinks),
            chronicle.aclose,
            lambda: writer.run(database.close),
            lambda: asyncio.to_thread(writer.close),
            http.aclose,
        )


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared with, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("a background task ended unexpectedly", exc_info=task.exception())
