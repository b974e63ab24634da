"""What the players of the past must know of each target, as JSON: they play without what collects from the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from inferdeck.model.labels import Labels
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.pipeline import Pipeline
from inferdeck.sources.repair import Repair
from inferdeck.sources.repair_plan import Planner

if TYPE_CHECKING:
    from inferdeck.sources.watch import Target


@dataclass(frozen=True, slots=True)
class Watched:
    """One target: who it is, the labels of all of its series, and the stages that they go through.

    catalog: the kind whose catalog says what becomes of its series, "" where it has none. constants: the labels of its
    canonical series.
    """

    key: TargetKey
    extra: Labels
    max_series: int
    catalog: str
    constants: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return what `of_json` reads."""
        return asdict(self)


class Stages:
    """The stages of one target: what they know of its series serves each of its lives, what they remember one."""

    def __init__(self, target: Watched) -> None:
        self._target = target
        known = catalog.load(target.catalog) if target.catalog else None
        # Nobody stores the state of a life that has ended.
        self._repair = partial(Repair, known, planner=Planner(known), keeps=False) if known else None
        self._mapper = Mapper(known, target.constants) if known else None

    def begin(self) -> Pipeline:
        """Return the stages for one life, of which they have seen nothing yet."""
        target = self._target
        return Pipeline(
            target.key, target.extra, max_series=target.max_series, repair=self._repair, mapper=self._mapper
        )


def of_target(target: Target) -> Watched:
    """Return what a player must know of a target."""
    mapper = target.mapper
    constants = mapper.constants if isinstance(mapper, Mapper) else {}
    known = target.source.kind if target.repair is not None else ""
    return Watched(target.key, target.extra, target.config.max_series, known, constants)


def of_json(found: Mapping[str, Any]) -> Watched:
    """Return one target."""
    extra = tuple((name, value) for name, value in found["extra"])
    constants = dict(found["constants"])
    return Watched(TargetKey(**found["key"]), extra, found["max_series"], found["catalog"], constants)
