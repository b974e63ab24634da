"""The questions answered in the daemon itself: from the store's reader and the daemon's surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferdeck.errors import NotFoundError
from inferdeck.model.answers import Diagnosis, SourceAnswer, Sources, Status
from inferdeck.model.target import TargetState
from inferdeck.query import doctor, status
from inferdeck.query.evidence import Facts
from inferdeck.store.interface import MetricReader


@dataclass(frozen=True, slots=True)
class LocalQuestions:
    """Implements Questions; `around` and `facts` are asked for anew at each question and are safe from any thread."""

    reader: MetricReader
    around: Callable[[], status.Surroundings]
    facts: Callable[[], Facts]

    def status(self) -> Status:
        around = self.around()
        return status.status(self.reader, around, doctor.advice(around))

    def sources(self) -> Sources:
        around = self.around()
        return Sources(tuple(status.source(state, around.now) for state in status.in_order(around.states)))

    def source(self, identity: str) -> SourceAnswer:
        around = self.around()
        return status.source(_find(list(around.states), identity), around.now)

    def doctor(self) -> Diagnosis:
        return doctor.diagnose(self.reader, self.around(), self.facts())


def _find(states: list[TargetState], identity: str) -> TargetState:
    for wanted in (
        [state for state in states if state.key.id == identity],
        [state for state in states if identity in (state.name, state.key.instance, state.url)],
    ):
        if len(wanted) == 1:
            return wanted[0]
        if wanted:
            ids = ", ".join(sorted(state.key.id for state in wanted))
            raise NotFoundError(f'"{identity}" names several sources; say which one: {ids}')
    raise NotFoundError(f'no source is called "{identity}"; `inferdeck sources list` names them all')
