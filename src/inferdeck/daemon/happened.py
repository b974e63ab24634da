"""Takes what sources tell happened into the state store, off the event loop, and never loses it to a full disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from inferdeck.errors import StoreError
from inferdeck.model.clock import Clock
from inferdeck.model.happening import Happening
from inferdeck.model.masking import mask
from inferdeck.store.state.database import StateDatabase

_log = logging.getLogger(__name__)

MOST_WAITING = 10_000
RETRY_SECONDS = 5.0
_BATCH = 500
_LAST_MOMENT = 1e11
"""What lies after it, and what is no number, is no time."""
_LONGEST_TEXT = 4000
_LONGEST_NAME = 500


class Happened:
    """`told` and `flush` belong to the event loop; `keep_noting` is the task that writes."""

    def __init__(self, store: StateDatabase, clock: Clock, hide: Callable[[str], str] = lambda text: text) -> None:
        self._store = store
        self._clock = clock
        self._hide = hide
        self._waiting: deque[tuple[Happening, str]] = deque(maxlen=MOST_WAITING)
        self._there = asyncio.Event()
        self._failing = False
        self.lost = 0
        """Happenings given up because the store could not be written for too long."""

    def told(self, environment: str, happenings: Iterable[Happening]) -> None:
        """Take what happened; returns at once."""
        for one in happenings:
            if len(self._waiting) == MOST_WAITING:
                self.lost += 1
            self._waiting.append((one, environment))
        if self._waiting:
            self._there.set()

    async def keep_noting(self) -> None:
        """Write what was told, until cancelled; what cannot be written waits."""
        while True:
            await self._there.wait()
            self._there.clear()
            while self._waiting and not await self.flush():
                await self._clock.sleep(RETRY_SECONDS)

    async def flush(self) -> bool:
        """Write everything that waits; returns False where the store cannot be written now."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            try:
                await asyncio.to_thread(self._note, batch)
            except (StoreError, asyncio.CancelledError) as error:
                self._give_back(batch)
                if isinstance(error, asyncio.CancelledError):
                    raise
                self._complain(error)
                return False
            except Exception:
                # A bug must not end the noting of everything that comes after it.
                _log.exception("what happened could not be noted: %d events are left out", len(batch))
                self.lost += len(batch)
            self._failing = False
        return True

    def _note(self, batch: list[tuple[Happening, str]]) -> None:
        told = [(self._safe(one), environment) for one, environment in batch if 0 <= one.time <= _LAST_MOMENT]
        if told:
            self._store.note(told)

    def _give_back(self, batch: list[tuple[Happening, str]]) -> None:
        room = MOST_WAITING - len(self._waiting)
        # The oldest go where there is no room; what was written before a cancellation is the same when written again.
        self.lost += max(0, len(batch) - room)
        self._waiting.extendleft(reversed(batch[max(0, len(batch) - room) :]))

    def _complain(self, error: StoreError) -> None:
        if not self._failing:
            _log.warning("what happens is not kept until this is mended: %s", error)
        self._failing = True

    def _safe(self, one: Happening) -> Happening:
        return replace(
            one,
            kind=self._text(one.kind, _LONGEST_NAME),
            subject=self._text(one.subject, _LONGEST_NAME),
            text=self._text(one.text, _LONGEST_TEXT),
            source=self._text(one.source, _LONGEST_NAME),
            facts=self._facts(one.facts),
        )

    def _facts(self, facts: Mapping[str, str]) -> dict[str, str]:
        shown = {}
        for name, value in list(facts.items())[:100]:
            # A value is looked at together with its name, which may say that it is a secret.
            whole = mask(f"{name}={value}")
            masked = whole.removeprefix(f"{name}=") if whole.startswith(f"{name}=") else mask(str(value))
            shown[self._text(name, _LONGEST_NAME)] = self._text(masked, _LONGEST_TEXT)
        return shown

    def _text(self, text: str, most: int) -> str:
        cut = text if len(text) <= most else f"{text[: most - 1]}…"
        return self._hide(mask(cut.encode("utf-8", "replace").decode("utf-8")))
