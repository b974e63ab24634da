"""Something that happened in the stack at one moment: a restart, a deployment, a changed configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Happening:
    """One event; `time` in Unix seconds.

    kind: restart, start, stop, oom, health, deployment, config_revision, budget, load_phase, xid, ...; `subject` is
    what it happened to (a container, a unit, a model); `text` one sentence; `source` the id of the target that told it.
    """

    time: float
    kind: str
    subject: str
    text: str
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
