"""`inferdeck simulate serve`: a simulated fleet on loopback until Ctrl-C, and the configuration that watches it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from inferdeck.cli.text import safe, width
from inferdeck.demo import folders
from inferdeck.errors import UsageError
from inferdeck.model.clock import Clock, SystemClock
from inferdeck.model.json_form import dumps
from inferdeck.model.quantities import parse_duration
from inferdeck.simulate import changes, scenario
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.scenario import Scenario
from inferdeck.simulate.scenario_parts import moment
from inferdeck.simulate.serve import Site
from inferdeck.simulate.targets import config_files, entries, targets, unwatched
from inferdeck.simulate.world import World

LAST_PORT = 65_535
PREFIX = "inferdeck-serve-"
HEAD = ("PROGRAM", "KIND", "VERSION", "URL", "KEY")


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM (exit 0); raises UsageError, FileError, NotFoundError and UnavailableError."""
    if options.frozen and options.speed is not None:
        raise UsageError("--frozen and --speed: time stands still or goes on, not both")
    found = scenario.named(options.scenario)
    speed = 1.0 if options.speed is None else options.speed
    world = world_of(found, SystemClock(), speed=speed, at=options.at, frozen=options.frozen)
    count = sum(one.kind != "docker" for one in targets(found.fleet))
    if options.port < 0 or (options.port and options.port + count - 1 > LAST_PORT):
        raise UsageError(f"--port {options.port}: there must be {count} ports from it to {LAST_PORT}")
    with _folder(options.folder) as folder:
        site = Site(world, folder, port=options.port, logs=options.folder is not None)
        # Before the event loop takes Ctrl-C: it may take a while.
        world.present()
        asyncio.run(_serve(options, found, site))
    return 0


def world_of(found: Scenario, clock: Clock, *, speed: float, at: str | None, frozen: bool) -> World:
    """Return the world of a scenario, `at` so far into it; raises UsageError.

    It goes on from this moment at `speed`, or, frozen, stands still in the scenario's own time (at its end, where `at`
    is not given).
    """
    if not speed > 0:
        raise UsageError("--speed: expected a number above 0; --frozen lets time stand still")
    passed = _passed(found, at) if at is not None else found.duration if frozen else 0.0
    now = found.start + passed if frozen else clock.now()
    pace = Pace(clock, speed=0.0 if frozen else speed, at=now)
    world = World(found.fleet, seed=found.seed, start=now - passed, pace=pace)
    changes.schedule(world, found.steps)
    return world


def _passed(found: Scenario, text: str) -> float:
    """Return how far into a scenario a duration or a moment is, in seconds."""
    try:
        return parse_duration(text)
    except ValueError:
        pass
    try:
        passed = moment(text) - found.start
    except ValueError:
        raise UsageError(
            f"--at {text}: expected a duration such as 20m, or a time such as 2026-03-04T09:20:00Z"
        ) from None
    if passed < 0:
        begins = _written(found.start)
        raise UsageError(f"--at {text}: before {begins}, when {found.name} begins")
    return passed


@contextlib.contextmanager
def _folder(given: str | None) -> Iterator[Path]:
    if given is not None:
        yield Path(given).absolute()
        return
    where = Path(tempfile.gettempdir())
    # Of one that was killed.
    folders.sweep_in(where, PREFIX)
    folder, lock = folders.make_in(where, PREFIX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


async def _serve(options: argparse.Namespace, found: Scenario, site: Site) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await site.start()
        print(_as_json(found, site, options) if options.json else _as_yaml(found, site, options), end="", flush=True)
        going, ending = asyncio.create_task(site.going()), asyncio.create_task(ended.wait())
        await asyncio.wait({going, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if going.done():
            # Nothing would change any more.
            going.result()
        going.cancel()
    finally:
        await site.stop()


def _as_yaml(found: Scenario, site: Site, options: argparse.Namespace) -> str:
    """Return what there is, as a configuration file: the programs as comments, then `sources`."""
    fleet, urls = found.fleet, site.urls()
    rows = [HEAD, *((one.process, one.kind, one.version, urls[one.process], one.key) for one in targets(fleet))]
    lines = [f"inferdeck simulate serve: {found.name}, {found.title}", _time(site, options), *_columns(rows)]
    if without := unwatched(fleet):
        lines += ["no kind of source watches these yet: " + safe(", ".join(without))]
    lines += ["Ctrl-C ends it; what follows is what inferdeck needs to watch it"]
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.dump(_settings(found, site), stream)
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + stream.getvalue()


def _as_json(found: Scenario, site: Site, options: argparse.Namespace) -> str:
    urls = site.urls()
    body = {
        "scenario": found.name,
        "start": site.world.start,
        "now": site.world.now,
        "speed": 0.0 if options.frozen else options.speed or 1.0,
        "programs": [
            {
                "name": one.process,
                "kind": one.kind,
                "version": one.version,
                "url": urls[one.process],
                "key": one.key,
                "watched": bool(one.source),
            }
            for one in targets(found.fleet)
        ],
        **_settings(found, site),
    }
    return dumps(body, indent=2) + "\n"


def _settings(found: Scenario, site: Site) -> dict[str, Any]:
    logs = site.logs.folder if site.logs else None
    files = config_files(found.fleet, site.configuration.folder) if site.configuration else []
    named = {"config_files": files} if files else {}
    return {"environment": found.fleet.environment, **named, "sources": entries(found.fleet, site.urls(), logs)}


def _time(site: Site, options: argparse.Namespace) -> str:
    if options.frozen:
        return f"time stands still at {_written(site.world.now)}"
    return f"the world began at {_written(site.world.start)}" + (
        "" if options.speed in (None, 1) else f" and goes on {options.speed:g} times as fast as the clock"
    )


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    shown = [[safe(cell) for cell in row] for row in rows]
    widths = [min(40, max(width(row[place]) for row in shown)) for place in range(len(HEAD))]
    for row in shown:
        yield "  ".join(
            cell + " " * max(0, wide - width(cell)) for cell, wide in zip(row, widths, strict=True)
        ).rstrip()
