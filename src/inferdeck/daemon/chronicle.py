"""Events and annotations in the daemon: the state file, what fills it, the series made of it, the routes over it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import APIRouter

from inferdeck.api import happenings as api_happenings
from inferdeck.config.schema import Settings
from inferdeck.config.secrets import hide, secrets_of
from inferdeck.daemon.happened import Happened
from inferdeck.daemon.own_series import OwnSamples, OwnSeries
from inferdeck.errors import StoreError
from inferdeck.model.annotations import Event
from inferdeck.model.clock import Clock
from inferdeck.query.happenings import Happenings
from inferdeck.sources.writer import SinkWriter
from inferdeck.store.state.database import FILE, StateDatabase


def open_state(settings: Settings, clock: Clock) -> StateDatabase:
    """Open the state file; raises StoreError and its kinds. The metric store's lock says that nobody else has it."""
    return StateDatabase.open(settings.data_dir / FILE, clock=clock, keep_seconds=settings.store.retention_age)


class Chronicle:
    """What happened, from those who tell it to those who ask; belongs to the event loop."""

    def __init__(
        self, settings: Settings, clock: Clock, state: StateDatabase, instance: str, marks: Mapping[str, str]
    ) -> None:
        secrets = tuple(set(secrets_of(settings)))
        self.state = state
        self.happened = Happened(state, clock, lambda text: hide(text, secrets))
        self.questions = Happenings(state, clock, settings.environment, lambda text: hide(text, secrets))
        self._clock = clock
        self._place = (instance, settings.environment)
        self._marks = marks

    def routes(self) -> APIRouter:
        """Return the routes about events and annotations."""
        return api_happenings.routes(self.questions, self._clock)

    def changes(self, until: float | None = None) -> tuple[Event, ...]:
        """Return what changed last; nothing while the state file cannot be read, so that the status is always there."""
        try:
            return self.questions.changes(until)
        except StoreError:
            return ()

    def work(self, writer: SinkWriter, also: Callable[[], OwnSamples]) -> tuple[Coroutine[Any, Any, None], ...]:
        """Return what goes on while the daemon runs; also: what is written beside the events."""
        series = OwnSeries(self.state, writer, self._clock, *self._place, also, self._marks)
        return self.happened.keep_noting(), series.keep_writing()

    async def aclose(self) -> None:
        """Write what was told and close the file."""
        await self.happened.flush()
        self.state.close()
