"""What Langfuse keeps: traces, observations and scores, as its database has them; times are whole milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PROJECT = "cmdemo0project000000000000"
ORGANIZATION = "cmdemo0organization0000000"


@dataclass(slots=True)
class Observation:
    """One row: a span, a generation or an event. `usage` and `costs` (USD) by Langfuse's names of their parts."""

    id: str
    trace_id: str
    type: str
    name: str | None
    start: int
    end: int | None = None
    completion: int | None = None
    """When the first token came."""
    parent: str | None = None
    root: bool = False
    level: str = "DEFAULT"
    status_message: str | None = None
    model: str | None = None
    model_parameters: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    version: str | None = None
    input: str | None = None
    output: str | None = None
    created: int = 0

    @property
    def total_cost(self) -> float | None:
        """Return the cost in USD; None where nothing is known of it."""
        return self.costs.get("total") if self.costs else None

    def latency_ms(self) -> int | None:
        """Return the time from start to end."""
        return None if self.end is None else self.end - self.start

    def first_token_ms(self) -> int | None:
        """Return the time from start to the first token."""
        return None if self.completion is None else self.completion - self.start

    def used(self, part: str) -> int:
        """Return the tokens of all parts whose name holds `part` (Langfuse: positionCaseInsensitive)."""
        return sum(count for name, count in self.usage.items() if part in name.lower())

    def cost_of(self, part: str) -> float:
        """Return the cost in USD of all parts whose name holds `part`."""
        return sum(cost for name, cost in self.costs.items() if part in name.lower())

    def total_tokens(self) -> int:
        """Return the part named total."""
        return self.usage.get("total", 0)


@dataclass(slots=True)
class Trace:
    """What belongs together: one request with all its attempts, or what a real client sent under one trace id."""

    id: str
    timestamp: int
    name: str | None = None
    user: str | None = None
    session: str | None = None
    release: str | None = None
    version: str | None = None
    environment: str = "default"
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    created: int = 0

    def latency_ms(self) -> int:
        """Return the time from the first start to the last end of its observations."""
        ends = [row.end for row in self.observations if row.end is not None]
        starts = [row.start for row in self.observations]
        return max(ends) - min(starts) if ends else 0

    def total_cost(self) -> float:
        """Return the sum of its observations' costs in USD."""
        return sum(row.total_cost or 0.0 for row in self.observations)

    def level(self) -> str:
        """Return the worst level of its observations."""
        levels = {row.level for row in self.observations}
        return next((level for level in ("ERROR", "WARNING", "DEFAULT") if level in levels), "DEBUG")


@dataclass(slots=True)
class Score:
    """A judgement: `value` is the number (0 or 1 of a boolean), `text` the category."""

    id: str
    name: str
    value: float | None
    data_type: str
    source: str
    timestamp: int
    trace_id: str | None = None
    observation_id: str | None = None
    session_id: str | None = None
    text: str | None = None
    comment: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    environment: str = "default"
    config_id: str | None = None
    created: int = 0

    def polymorphic(self) -> float | bool | str | None:
        """Return the value as the v3 route gives it: a number, a truth value or a text."""
        if self.data_type == "BOOLEAN":
            return self.value == 1
        return self.value if self.data_type == "NUMERIC" else self.text


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """One price definition: USD per token, by Langfuse's names of the parts; valid from `since` (ms) on."""

    id: str
    model: str
    since: int | None
    prices: Mapping[str, float]


def iso(milliseconds: int) -> str:
    """Return a time as JavaScript's toISOString does: 2026-11-21T07:10:44.000Z."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def milliseconds(seconds: float) -> int:
    """Return a Unix time in whole milliseconds."""
    return round(seconds * 1000)


def instant(text: str) -> int:
    """Return an ISO 8601 time in milliseconds; raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    try:
        return milliseconds((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except OverflowError as error:
        raise ValueError(f"{text}: {error}") from error
