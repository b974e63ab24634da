"""The demo's parts: lives, blocks, folders, progress."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.demo import folders, life
from inferdeck.demo.gathered import Gathered
from inferdeck.demo.run import Progress
from inferdeck.model.labels import labels
from inferdeck.model.scrape import ABSENT_BITS, Layout, Scrape
from inferdeck.receive import blocks
from inferdeck.simulate.events import Ended, Event, Phase, Started
from inferdeck.simulate.world import World

DAY = life.DAY


@given(present=st.floats(1.6e9, 2.0e9), days=st.floats(0.01, 60))
def test_lives_cover_the_days_without_a_gap_newest_first(present: float, days: float) -> None:
    found = list(life.lives(present, days))
    assert found[0].end == present
    assert found[0].start <= present < found[0].start + DAY
    assert all(newer.start == older.end for newer, older in pairwise(found))
    assert found[-1].start <= present - days * DAY < found[-1].end
    assert all(one.start % DAY == life.HOUR * 3600 for one in (found[0], *found[:-1]))
    assert len(found) == 1 or found[-1].start > present - days * DAY - 60


def test_each_life_has_traffic_of_its_own_and_always_the_same() -> None:
    from tests.unit.simulate.fleets import START, small

    seeds = {life.world(small(), 7, life.began(START + number * DAY)).seed for number in range(40)}
    assert len(seeds) == 40
    assert (
        life.world(small(), 7, START).seed == life.world(small(), 7, START).seed != life.world(small(), 8, START).seed
    )


def test_a_life_that_begins_with_the_days_has_the_traffic_of_its_own_day() -> None:
    from tests.unit.simulate.fleets import START, small

    begin = life.began(START)
    assert life.world(small(), 7, begin + 0.9 * DAY).seed == life.world(small(), 7, begin).seed


def test_a_life_that_goes_on_is_deployed_anew_each_night() -> None:
    from tests.unit.simulate.fleets import START, small

    begin, fleet = life.began(START), small(0.001)
    living, alone = life.world(fleet, 7, begin), World(fleet, seed=life.world(fleet, 7, begin).seed, start=begin)
    logs: list[list[Event]] = [[], []]
    for world, log in zip((living, alone), logs, strict=True):
        world.kernel.watch(log.append)
    lead = begin - living.now
    for world in (living, alone):
        # So far a life is played.
        world.run_until(begin + DAY - lead - 15.0)
    assert logs[0] == logs[1]
    living.run_until(begin + 2.5 * DAY)
    for night in (begin + DAY, begin + 2 * DAY):
        ended, started = (
            [one for one in logs[0] if isinstance(one, kind) and night - lead <= one.time <= night]
            for kind in (Ended, Started)
        )
        assert sorted(one.process for one in ended) == sorted(one.process for one in started)
        assert {one.process for one in started} == set(living.processes.all)
        assert {one.reason for one in started} == {"deploy"}
        ready = {one.engine: one.time for one in logs[0] if isinstance(one, Phase) and night - 1 < one.time <= night}
        assert ready == dict.fromkeys((one.name for one in fleet.engines), night)
    assert all(one.up for one in living.processes.all.values())


def scrape(stamp: int, **values: float) -> Scrape:
    names = tuple(values)
    layout = LAYOUTS.setdefault(names, Layout(tuple(labels({}, name) for name in names)))
    return Scrape("t", stamp, layout, np.array(list(values.values())))


LAYOUTS: dict[tuple[str, ...], Layout] = {}


def test_scrapes_become_one_block_with_holes_where_a_series_was_not_there() -> None:
    gathered = Gathered("t")
    for one in (scrape(1000, a=1), scrape(2000, a=2, b=5), scrape(3000, b=6, c=7), scrape(4000, a=3)):
        gathered.add(one)
    assert gathered.samples == 6
    (body,) = gathered.bodies()
    found = blocks.decode(body)
    rows = dict(zip((dict(series)["__name__"] for series in found.layout.series), found.values, strict=True))
    assert found.timestamps_ms.tolist() == [1000, 2000, 3000, 4000]
    holes = {name: (row.view(np.uint64) == ABSENT_BITS).tolist() for name, row in rows.items()}
    assert holes == {
        "a": [False, False, True, False],
        "b": [True, False, False, True],
        "c": [True, True, False, True],
    }
    assert (rows["a"][[0, 1, 3]].tolist(), rows["b"][[1, 2]].tolist(), rows["c"][2]) == ([1, 2, 3], [5, 6], 7)
    assert list(Gathered("t").bodies()) == []


@pytest.mark.parametrize("count", [999, 70_000])
def test_bodies_hold_every_series_at_every_moment_and_no_more_than_the_door_takes(count: int) -> None:
    layout, gathered = Layout(tuple(labels({"n": str(n)}, "m") for n in range(count))), Gathered("t")
    given = np.zeros((300 if count < 1000 else 2, count))
    for at in range(1, len(given)):
        given[at] = given[at - 1]
        given[at, [at % count, -1]] += 1.0
    for at, values in enumerate(given):
        gathered.add(Scrape("t", 1000 * at, layout, values))
    found = [blocks.decode(body) for body in gathered.bodies()]
    assert [one for body in found for one in body.layout.series] == list(layout.series)
    assert np.array_equal(np.concatenate([body.values for body in found]).T, given)


def test_a_folder_belongs_to_its_demo_and_what_a_killed_one_left_is_swept(tmp_path: Path) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    folder, lock = folders.make(environ)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "data").mkdir()
    assert folders.sweep(environ) == []
    assert folder.exists()
    # What a kill does: the lock goes, the folder stays.
    os.close(lock)
    other, held = folders.make(environ)
    (tmp_path / "inferdeck" / "real").mkdir()
    assert folders.sweep(environ) == [folder]
    assert other.exists()
    assert (tmp_path / "inferdeck" / "real").exists()
    os.close(held)


def test_progress_is_told_after_the_first_day_and_then_every_few() -> None:
    progress = Progress(30, 0.0)
    said = [progress.add(float(number), 1.0, 10) for number in range(12)]
    assert said == [number in (0, 5, 10) for number in range(12)]
    assert str(progress).startswith("12 of 30 days, 120 samples, ")


def test_progress_counts_hours_and_a_day_that_is_played_again_once() -> None:
    progress = Progress(30, 0.0)
    for days in (0.25, 0.5):
        progress.add(1.0, days, 10)
    progress.add(2.0, 1.0, 30)
    assert str(progress).startswith("1.5 of 30 days, 50 samples, ")
    progress.add(1.0, 0.0, 0)
    progress.add(1.0, 0.25, 10)
    assert str(progress).startswith("1.25 of 30 days, 40 samples, ")


@pytest.mark.parametrize(("moment", "step"), [(0.0, 60_000), (DAY * 8.9, 60_000), (DAY * 9 + 1, 15_000)])
def test_samples_of_the_last_day_are_finer(moment: float, step: int) -> None:
    assert life.step_ms(moment, DAY * 10) == step
