"""Questions about what happened: events that sources told, and annotations, which people and scripts write."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from inferdeck.errors import UsageError
from inferdeck.model.annotations import (
    ANNOTATION,
    LONGEST_NAME,
    LONGEST_TEXT,
    MARKED_KINDS,
    MOST_TAGS,
    Annotation,
    Asked,
    Draft,
    Event,
)
from inferdeck.model.clock import Clock
from inferdeck.model.masking import mask
from inferdeck.model.page import Page

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,99}")
_LAST_MOMENT = 4_102_444_800.0
"""The year 2100: what lies after it was not meant."""


class HappeningStore(Protocol):
    """What the questions need of the state store; blocks, from any thread. Raises StoreError."""

    def events(self, asked: Asked) -> Page[Event]: ...

    def timeline(self, asked: Asked) -> Page[Event]: ...

    def timeline_values(self, name: Literal["kind", "source", "environment"]) -> list[str]: ...

    def annotate(self, draft: Draft) -> Annotation: ...

    def annotations(self, asked: Asked) -> Page[Annotation]: ...

    def delete_annotation(self, number: int) -> None: ...


class Happenings:
    """The questions, and the one door for annotations; blocks, from any thread.

    hide: takes out what the daemon itself was given as a secret.
    """

    def __init__(
        self, store: HappeningStore, clock: Clock, environment: str, hide: Callable[[str], str] = lambda text: text
    ) -> None:
        self._store = store
        self._clock = clock
        self._environment = environment
        self._hide = hide

    def events(self, asked: Asked) -> Page[Event]:
        """Return events, and annotations as events, newest first.

        Raises UsageError for a kind, source or environment that none has.
        """
        _check(asked)
        names: Sequence[Literal["kind", "source", "environment"]] = ("kind", "source", "environment")
        for name in names:
            wanted = getattr(asked, name)
            if wanted and wanted not in (there := self._store.timeline_values(name)) and there:
                raise UsageError(f'{name}: no event has "{wanted}"; there are {", ".join(there[:50])}')
        found = self._store.timeline(asked)
        return replace(found, items=tuple(self._hidden(one) for one in found.items))

    def annotations(self, asked: Asked) -> Page[Annotation]:
        """Return annotations, newest first."""
        _check(asked)
        found = self._store.annotations(asked)
        return replace(found, items=tuple(self._masked(one) for one in found.items))

    def changes(self, until: float | None = None, most: int = 3) -> tuple[Event, ...]:
        """Return what changed last, newest first: events of MARKED_KINDS, and annotations as events of their kind.

        until: the moment that is looked at, Unix seconds; now where it is None.
        """
        asked = Asked(until=self._clock.now() if until is None else until, limit=most)
        found = [one for kind in sorted(MARKED_KINDS) for one in self._store.events(replace(asked, kind=kind)).items]
        found += [
            Event(note.id, note.time, note.kind, "", note.text, ANNOTATION, note.environment, note.created)
            for note in self.annotations(asked).items
        ]
        return tuple(sorted(found, key=lambda one: -one.time)[:most])

    def annotate(
        self,
        text: str,
        *,
        time: float | None = None,
        until: float | None = None,
        kind: str = "",
        tags: Sequence[str] = (),
        environment: str = "",
    ) -> Annotation:
        """Keep an annotation of now, of `time`, or of the span up to `until`; returned is what is on disk.

        What may be a secret is replaced before anything is written. Raises UsageError, LimitError, StoreError.
        """
        usual = Draft("", 0.0).kind
        draft = Draft(
            _text("text", text.strip(), LONGEST_TEXT),
            _moment("time", self._clock.now() if time is None else time),
            None if until is None else _moment("until", until),
            kind or usual,
            tuple(dict.fromkeys(_text("tags", tag.strip(), LONGEST_NAME) for tag in tags)),
            _text("environment", environment or self._environment, LONGEST_NAME),
        )
        if not _KIND.fullmatch(draft.kind):
            raise UsageError("kind: lower-case letters, digits, _ and -, a letter first; such as deployment")
        if len(draft.tags) > MOST_TAGS:
            raise UsageError(f"tags: {len(draft.tags)} are too many; {MOST_TAGS} at most")
        if draft.until is not None and draft.until < draft.time:
            raise UsageError("until: is before the annotation's time")
        hidden = replace(draft, text=self._safe(draft.text), tags=tuple(self._safe(tag) for tag in draft.tags))
        return self._store.annotate(hidden)

    def delete_annotation(self, number: int) -> None:
        """Delete one; raises NotFoundError."""
        self._store.delete_annotation(number)

    def _safe(self, text: str) -> str:
        return self._hide(mask(text))

    def _hidden(self, one: Event) -> Event:
        if one.source != ANNOTATION:
            return one
        facts = {name: self._safe(value) if name == "tags" else value for name, value in one.facts.items()}
        return replace(one, text=self._safe(one.text), facts=facts)

    def _masked(self, one: Annotation) -> Annotation:
        return replace(one, text=self._safe(one.text), tags=tuple(self._safe(tag) for tag in one.tags))


def _check(asked: Asked) -> None:
    if asked.since is not None and asked.until is not None and asked.since > asked.until:
        raise UsageError("since: is later than until")


def _text(name: str, text: str, most: int) -> str:
    if not text:
        raise UsageError(f"{name}: is empty")
    if len(text) > most:
        raise UsageError(f"{name}: has {len(text)} characters; {most} at most")
    if not text.isprintable() and any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{name}: holds characters that are no text")
    return text


def _moment(name: str, value: float) -> float:
    if not math.isfinite(value) or not 0 <= value <= _LAST_MOMENT:
        raise UsageError(f"{name}: not a moment between 1970 and 2100")
    return value
