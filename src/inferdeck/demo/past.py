"""The process that plays the past: python -m inferdeck.demo.past FILE, where FILE is JSON (run.py writes it).

Each life of the fleet is played from its beginning. Every target's series go through the same stages
as when they are scraped (limit, repair, mapping), and to the daemon in blocks of two hours. It splits into as many
players as there are lists of lives, which share the memory of what all of them have loaded. They say how far they are
as lines of JSON, and end when standard input does.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inferdeck.client.tiny import Address, Client
from inferdeck.demo import life
from inferdeck.demo.gathered import Gathered
from inferdeck.demo.watched import Watched, of_json
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout
from inferdeck.simulate import scenario
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.programs import makers
from inferdeck.simulate.servers.program import Program
from inferdeck.simulate.table import Table
from inferdeck.simulate.world import World
from inferdeck.sources.dcgm.shape import Shape
from inferdeck.sources.pipeline import Pipeline

BLOCK_MS = 2 * 3600 * 1000
SEND_SECONDS = 120.0
GARBAGE = 200_000
"""Objects between two looks for cycles, of which there are few here: the usual looks are a tenth of all work."""
NICENESS = 5
"""What is asked now goes before what was long ago."""
UNNAMED = ("tgi", "llamacpp")
"""Engines whose metrics name no model; their sources put it in, and so does the past."""


class Read:
    """The tables of one program as layouts and values; a layout stays the same object while its series do."""

    def __init__(self, program: Program, extra: Labels) -> None:
        self._program = program
        self._extra = dict(extra)
        self._known: dict[int, tuple[Table, int, Layout, NDArray[np.intp]]] = {}
        self._named: dict[int, list[Labels]] = {}
        self._turn = 0

    def at(self, now: float) -> tuple[Layout, NDArray[np.float64]] | None:
        """Return what a scrape would bring at this moment; None while the program is not there."""
        self._program.refresh(now)
        tables = self._program.tables
        if not tables:
            return None
        self._turn += 1
        table = tables[self._turn % len(tables)]
        if not len(table.values):
            return None
        known = self._known.get(id(table))
        if known is not None and known[0] is not table:
            del self._named[id(table)]
            known = None
        if known is None or known[1] != table.version:
            known = self._known[id(table)] = self._layout(table)
        return known[2], np.frombuffer(table.values, dtype=np.float64)[known[3]]

    def _layout(self, table: Table) -> tuple[Table, int, Layout, NDArray[np.intp]]:
        values = np.frombuffer(table.values, dtype=np.float64)
        # A series that was removed stays in its place as NaN.
        there = np.flatnonzero(~np.isnan(values))
        named = self._named.setdefault(id(table), [])
        # A table only ever grows at its end.
        named += [labels({**dict(one), **self._extra}) for one in table.series[len(named) :]]
        layout = Layout(tuple(named[place] for place in there.tolist()))
        return table, table.version, layout, there


@dataclass(slots=True)
class Track:
    """One target on its way through one life."""

    name: str
    read: Read
    shape: Shape | None
    """What its source makes of its series before the stages; None where it leaves them as they are."""
    stages: Pipeline
    gathered: Gathered


class Past:
    """Plays lives and sends what they leave; targets by the name of their program."""

    def __init__(
        self, targets: Mapping[str, Watched], found: scenario.Scenario, present: float, daemon: Client
    ) -> None:
        self._targets = targets
        self._scenario = found
        self._present = present
        self._daemon = daemon

    def play(self, one: life.Life, oldest: float) -> int:
        """Play one life and send it; returns how many samples it had."""
        world = life.world(self._scenario.fleet, self._scenario.seed, one.start)
        most = BLOCK_MS // life.step_ms(one.end, self._present) + 1
        tracks = list(self._tracks(world, most))
        sent, block = 0, 0
        for stamp in self._stamps(one, oldest, world):
            if stamp // BLOCK_MS != block:
                sent += self._send(tracks)
                block = stamp // BLOCK_MS
            world.run_until(stamp / 1000)
            for track in tracks:
                found = track.read.at(world.now)
                if found is not None:
                    layout, values = found if track.shape is None else track.shape.apply(*found)
                    passed = track.stages.success(layout, values, stamp, duration=0.002, carry=_nothing)
                    track.stages.kept()
                    track.gathered.add(passed.scrape)
        return sent + self._send(tracks)

    def _tracks(self, world: World, most: int) -> Iterator[Track]:
        models = _models(world.fleet)
        for name, make in makers(world.fleet):
            target = self._targets.get(name)
            if target is not None:
                program = make(world)
                world.subscribe(program.handlers())
                extra = labels({**dict(target.extra), **models.get(name, {})})
                shape = Shape(target.extra) if target.catalog == "dcgm" else None
                yield Track(name, Read(program, extra), shape, target.stages(), Gathered(target.key.id, most))

    def _stamps(self, one: life.Life, oldest: float, world: World) -> Iterator[int]:
        """Yield the moments of a life's samples; the next life loads its models while this one ends."""
        lead = one.start - world.now
        end = one.end if one.end >= self._present else one.end - lead - life.FINE_MS / 1000
        stamp = _after(one.start, life.COARSE_MS)
        while stamp / 1000 <= end:
            if stamp / 1000 >= oldest:
                yield stamp
            stamp = _after(stamp / 1000 + 0.001, life.step_ms(stamp / 1000, self._present))

    def _send(self, tracks: list[Track]) -> int:
        sent = 0
        for track in tracks:
            sent += track.gathered.samples
            for body in track.gathered.bodies():
                self._daemon.send_block(body)
        return sent


def _models(fleet: Fleet) -> Mapping[str, Mapping[str, str]]:
    """Return the labels that sources read from elsewhere than the metrics, by engine."""
    return {engine.name: {"model": engine.model.name} for engine in fleet.engines if engine.kind in UNNAMED}


def _nothing(_target: str) -> bytes | None:
    """Every life begins without a memory of the one before."""
    return None


def _after(moment: float, step: int) -> int:
    return -(-int(moment * 1000) // step) * step


def main() -> None:
    """Play the lives that the daemon's process chose, in their order."""
    spec = json.loads(Path(sys.argv[1]).read_text())
    os.nice(NICENESS)
    gc.set_threshold(GARBAGE)
    # All that every player needs, before they part; there is no thread yet.
    found = scenario.named(spec["scenario"])
    targets = {name: of_json(target) for name, target in spec["targets"].items()}
    for name, _ in makers(found.fleet):
        if name in targets:
            targets[name].stages()
    gc.collect()
    gc.freeze()
    mine, *others = spec["players"]
    children = []
    for lives in others:
        child = os.fork()
        if child == 0:
            _play_alone(spec, targets, found, lives)
        children.append(child)
    _play(spec, targets, found, mine)
    sys.exit(max((os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), key=abs, default=0))


def _play_alone(
    spec: dict[str, Any], targets: Mapping[str, Watched], found: scenario.Scenario, lives: list[list[float]]
) -> None:
    """Play in a process that was forked, which ends with it."""
    code = 1
    try:
        _play(spec, targets, found, lives)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def _play(
    spec: dict[str, Any], targets: Mapping[str, Watched], found: scenario.Scenario, lives: list[list[float]]
) -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    daemon = Client(Address(socket_path=spec["socket"]), SEND_SECONDS)
    past = Past(targets, found, spec["present"], daemon)
    for one in (life.Life(*moments) for moments in lives):
        samples = past.play(one, spec["present"] - spec["days"] * life.DAY)
        told = json.dumps({"days": (one.end - one.start) / life.DAY, "samples": samples})
        # In one piece, since other players write to the same pipe.
        os.write(sys.stdout.fileno(), f"{told}\n".encode())
        # A world is full of cycles, and the usual looks for them are far apart here.
        gc.collect()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
