"""The process that plays the past: python -m inferdeck.demo.past FILE, where FILE is JSON (run.py writes it).

Each life of the fleet is played from its beginning. Every target's series go through the same stages
as when they are scraped (limit, repair, mapping), and to the daemon in pieces of some hours. It splits into as many
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
from inferdeck.demo.outbox import Outbox
from inferdeck.demo.watched import Stages, Watched, of_json
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import Layout
from inferdeck.simulate import scenario
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.programs import makers
from inferdeck.simulate.servers.program import Program
from inferdeck.simulate.table import Labels as TableLabels
from inferdeck.simulate.table import Table
from inferdeck.simulate.world import World
from inferdeck.sources.dcgm.shape import Shape
from inferdeck.sources.pipeline import Pipeline

BLOCK_MS = 2 * 3600 * 1000
"""The store's; what is sent ends with one, since a block in two pieces is put together at a price."""
BLOCK_SCRAPES = 240
"""At least so many of each target are sent at once: what is said of its series is said with each."""
SEND_SECONDS = 120.0
GARBAGE = 200_000
"""Objects between two looks for cycles, of which there are few here: the usual looks are a tenth of all work."""
NICENESS = 5
"""What is asked now goes before what was long ago."""
UNNAMED = ("tgi", "llamacpp")
"""Engines whose metrics name no model; their sources put it in, and so does the past."""


Names = dict[TableLabels, Labels]
"""The labels of a target's series as they are stored, by those that its program gives them."""


class Read:
    """The tables of one program as layouts and values; a layout stays the same object while its series do.

    names: what was found in earlier lives, so that the same series is the same object in all of them.
    """

    def __init__(self, program: Program, extra: Labels, names: Names) -> None:
        self._program = program
        self._extra = dict(extra)
        self._names = names
        self._known: dict[int, tuple[Table, int, Layout, NDArray[np.intp] | None]] = {}
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
        values = np.array(table.values)
        return known[2], values if known[3] is None else values[known[3]]

    def _layout(self, table: Table) -> tuple[Table, int, Layout, NDArray[np.intp] | None]:
        named = self._named.setdefault(id(table), [])
        # A table only ever grows at its end.
        named += [self._name(one) for one in table.series[len(named) :]]
        # A series that was removed stays in its place as NaN.
        there = np.flatnonzero(~np.isnan(np.array(table.values)))
        if len(there) == len(named):
            return table, table.version, Layout(tuple(named)), None
        return table, table.version, Layout(tuple([named[place] for place in there.tolist()])), there

    def _name(self, one: TableLabels) -> Labels:
        found = self._names.get(one)
        if found is None:
            found = self._names[one] = labels({**dict(one), **self._extra})
        return found


@dataclass(frozen=True, slots=True)
class Known:
    """What the lives of one target have in common. shape: as in Track."""

    target: Watched
    extra: Labels
    stages: Stages
    names: Names
    shape: bool


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
    """Plays lives; targets by the name of their program."""

    def __init__(self, targets: Mapping[str, Watched], found: scenario.Scenario, present: float) -> None:
        models = _models(found.fleet)
        self._known = {
            name: Known(
                target,
                labels({**dict(target.extra), **models.get(name, {})}),
                Stages(target),
                {},
                target.catalog == "dcgm",
            )
            for name, target in targets.items()
        }
        self._scenario = found
        self._present = present

    def play(self, one: life.Life, oldest: float) -> Iterator[tuple[float, list[Gathered]]]:
        """Play one life; yields the moment that it has come to and what its targets showed since the last one."""
        world = life.world(self._scenario.fleet, self._scenario.seed, one.start)
        tracks = list(self._tracks(world))
        block = scrapes = 0
        for stamp in self._stamps(one, oldest, world):
            if stamp // BLOCK_MS != block:
                block = stamp // BLOCK_MS
                if scrapes >= BLOCK_SCRAPES:
                    yield world.now, _taken(tracks)
                    scrapes = 0
            scrapes += 1
            world.run_until(stamp / 1000)
            for track in tracks:
                found = track.read.at(world.now)
                if found is not None:
                    layout, values = found if track.shape is None else track.shape.apply(*found)
                    passed = track.stages.success(layout, values, stamp, duration=0.002, carry=_nothing)
                    track.stages.kept()
                    track.gathered.add(passed.scrape)
        yield one.end, _taken(tracks)

    def _tracks(self, world: World) -> Iterator[Track]:
        for name, make in makers(world.fleet):
            known = self._known.get(name)
            if known is not None:
                program = make(world)
                world.subscribe(program.handlers())
                read = Read(program, known.extra, known.names)
                shape = Shape(known.target.extra) if known.shape else None
                yield Track(name, read, shape, known.stages.begin(), Gathered(known.target.key.id))

    def _stamps(self, one: life.Life, oldest: float, world: World) -> Iterator[int]:
        """Yield the moments of a life's samples; the next life loads its models while this one ends."""
        lead = one.start - world.now
        end = one.end if one.end >= self._present else one.end - lead - life.FINE_MS / 1000
        stamp = _after(one.start, life.COARSE_MS)
        while stamp / 1000 <= end:
            if stamp / 1000 >= oldest:
                yield stamp
            stamp = _after(stamp / 1000 + 0.001, life.step_ms(stamp / 1000, self._present))


def _taken(tracks: list[Track]) -> list[Gathered]:
    """Return what was gathered, and let each track begin anew."""
    found = [track.gathered for track in tracks]
    for track in tracks:
        track.gathered = Gathered(track.gathered.target)
    return [one for one in found if one.samples]


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
    past = Past({name: targets[name] for name, _ in makers(found.fleet) if name in targets}, found, spec["present"])
    gc.collect()
    gc.freeze()
    mine, *others = spec["players"]
    children = []
    for lives in others:
        child = os.fork()
        if child == 0:
            _play_alone(spec, past, lives)
        children.append(child)
    _play(spec, past, mine)
    sys.exit(max((os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children), key=abs, default=0))


def _play_alone(spec: dict[str, Any], past: Past, lives: list[list[float]]) -> None:
    """Play in a process that was forked, which ends with it."""
    code = 1
    try:
        _play(spec, past, lives)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def _play(spec: dict[str, Any], past: Past, lives: list[list[float]]) -> None:
    threading.Thread(target=_end_with_input, daemon=True).start()
    outbox = Outbox(Client(Address(socket_path=spec["socket"]), SEND_SECONDS))
    for one in (life.Life(*moments) for moments in lives):
        oldest = max(one.start, spec["present"] - spec["days"] * life.DAY)
        for moment, gathered in past.play(one, oldest):
            days = max(0.0, moment - oldest) / life.DAY
            outbox.put(gathered, {"life": one.start, "days": days, "ended": moment >= one.end})
        # A world is full of cycles, and the usual looks for them are far apart here.
        gc.collect()
    outbox.settle()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
