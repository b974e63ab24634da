"""What the daemon says of an earlier moment is what it said at that moment, where the history keeps it.

A scenario is frozen twice. At the first moment every question is answered live; at the second one the same is asked
of the first. What may differ is listed here with its reason, and nothing else may.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from inferdeck.model.json_form import plain
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.evidence import Facts
from inferdeck.query.local import LocalQuestions
from inferdeck.query.stack.interface import Wanted
from inferdeck.simulate import scenario
from tests.pipeline.asking import NothingPublished
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.stack import questions, surroundings

T = TypeVar("T")

SCENARIOS = {
    "crash-loop": (1000.0, 1500.0),
    "half-unreachable": (1000.0, 2800.0),
    "engine-upgraded": (1400.0, 2000.0),
}
"""Each with the two seconds at which it is frozen."""
BEFORE = (150.0, 60.0, 45.0, 30.0, 15.0, 0.0)
"""Seconds before a moment at which everything is read."""
SAID = {
    r".*/past/?.*": "it says which moment it is about",
    r"/services/.*/status": "a service's own word has no series: ok, healthy; up is known",
    r".*/version": "the stage's own states tell none; the series of an engine do",
    r"/model/.*/facts/sleeping/.*": "whether an engine sleeps has no series",
    r"/status/advice.*": "advice is of now",
    r"/containers/.*/addresses/\d+": "addresses have no series",
}
LOST = {
    r".*/pid": "the process has ended, and nothing keeps its number",
    r".*/process/(id|name|host|state)": "as above",
    r"/models?/.*/age_seconds": "it was told again since",
}
"""These may be unknown now, but not something else."""
WORDS = {
    r".*/process/evidence/\d+": "of a process that is not known any more",
    r".*/evidence/\d+": "addresses and ports are told as they are now",
}
UNKNOWN = (None, "", "unknown")


def answers(found: Stage, at: float | None = None) -> dict[str, Any]:
    """Return what every question says of now, or of a moment."""
    around, stacked, wanted = surroundings(found), questions(found), Wanted(limit=1000, at=at)
    catalog = LocalCatalog(found.database, lambda: around, NothingPublished(), lambda: stacked.joins().chains())
    models = catalog.models(wanted).items
    return {
        "status": plain(LocalQuestions(found.database, lambda: around, Facts).status(at)),
        "services": _keyed(stacked.services(wanted).items, lambda one: one.service.id),
        "containers": _keyed(stacked.containers(wanted).items, lambda one: f"{one.docker} {one.name}"),
        "gpus": _keyed(stacked.gpus(wanted).items, lambda one: one.uuid),
        "chains": _keyed(stacked.chains(wanted).items, lambda one: f"{one.gateway} {one.deployment} {one.engine.id}"),
        "routes": _keyed(stacked.routes(wanted).items, lambda one: f"{one.gateway} {one.model}"),
        "providers": _keyed(catalog.providers(wanted).items, lambda one: f"{one.gateway} {one.name}"),
        "models": _keyed(models, lambda one: one.name),
        "model": {one.name: plain(catalog.model(one.name, one.environment, at)) for one in models[:4]},
    }


def _keyed(items: Iterable[T], key: Callable[[T], str]) -> dict[str, Any]:
    return {key(one): plain(one) for one in items}


def differences(then: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two answers differ: the path, what was said then, what is said now of then."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            yield from differences(then.get(key), now.get(key), f"{path}/{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from differences(one, other, f"{path}/{place}")
    elif isinstance(then, float) and isinstance(now, float):
        if now != pytest.approx(then, rel=1e-6, abs=2e-3):
            yield path, then, now
    elif then != now:
        yield path, then, now


def excused(path: str, said: Any) -> bool:
    """Return whether what is said now of then may differ there from what was said then."""
    if any(re.fullmatch(one, path) for one in LOST):
        return said in UNKNOWN
    return any(re.fullmatch(one, path) for one in (*SAID, *WORDS))


async def read(found: Stage, end: float) -> None:
    """Collect up to a moment."""
    for seconds in BEFORE:
        await found.go(end - seconds)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_an_earlier_moment_is_told_as_it_was(name: str, tmp_path: Path) -> None:
    first, second = SCENARIOS[name]
    async with stage(scenario.named(name), tmp_path) as found:
        await read(found, first)
        then, at = answers(found), found.clock.now()
        await read(found, second)
        told = list(differences(then, answers(found, at)))
        wrong = [one for one in told if not excused(one[0], one[2])]
        assert not wrong, "\n".join(f"{path}: {before!s:.120} {now!s:.120}" for path, before, now in wrong[:40])
        moved = [path for path, _, _ in differences(then, answers(found))]
        assert len(moved) > 2 * len(told), "the world must have changed in between"
        assert then["status"]["past"] is None and answers(found, at)["status"]["past"]["at"] == at


async def test_before_the_first_collection_nothing_is_known(tmp_path: Path) -> None:
    async with stage(scenario.named("calm-day"), tmp_path) as found:
        begun = found.clock.now()
        await read(found, 300.0)
        wanted = Wanted(limit=1000, at=begun)
        services = questions(found).services(wanted)
        assert {one.service.health for one in services.items} == {"unknown"}
        assert all(one.cpu.value is None and one.pid is None for one in services.items if one.container.name)
        assert services.past is not None
        assert services.past.notes[:1] == ("nothing was read in the five minutes up to then",)
        assert questions(found).containers(wanted).items == ()
        assert {route.load.value for route in questions(found).routes(wanted).items} == {None}
