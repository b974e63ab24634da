"""What happened in the stack, as it is kept and shown: events that sources tell, and annotations that people write."""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST_TEXT = 2000
LONGEST_NAME = 100
"""Of a tag, a kind, an environment."""
MOST_TAGS = 20
MOST_ANNOTATIONS = 10_000
USUAL_KIND = "note"
ANNOTATION = "annotation"
"""The source of an annotation, where it stands among events."""
MARKED_KINDS = frozenset({"deployment", "config_revision", "budget", "restart"})
"""Kinds of events that stand in `inferdeck_event_timestamp_seconds`; annotations of every kind do."""


@dataclass(frozen=True, slots=True)
class Event:
    """A happening as it was kept; `time` and `noted` (when it was kept) in Unix seconds."""

    id: int
    time: float
    kind: str
    subject: str
    """What it happened to: a container, a unit, a card, a file."""
    text: str
    source: str
    """The id of the target that told it; "" where inferdeck saw it itself; ANNOTATION, whose `id` it then has."""
    environment: str
    noted: float
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark of a person or a script about a moment, or a span of time where `until` is given; Unix seconds."""

    id: int
    time: float
    until: float | None
    kind: str
    text: str
    tags: tuple[str, ...]
    environment: str
    created: float


@dataclass(frozen=True, slots=True)
class Draft:
    """An annotation that is to be kept."""

    text: str
    time: float
    until: float | None = None
    kind: str = USUAL_KIND
    tags: tuple[str, ...] = ()
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted."""

    id: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events or annotations: of these kinds and so on ("" is any), of a span of time, and the page.

    q: text that must stand in one of the shown fields; case is ignored. since, until: Unix seconds, inclusive.
    """

    kind: str = ""
    subject: str = ""
    source: str = ""
    environment: str = ""
    tag: str = ""
    q: str = ""
    since: float | None = None
    until: float | None = None
    offset: int = 0
    limit: int = 100
