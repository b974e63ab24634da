"""What questions are answered from: the daemon as it is now, or as the history says that things were."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TypeVar

from inferdeck.errors import UsageError
from inferdeck.model.answers import Number, Own, StoreState, number
from inferdeck.model.past import Past
from inferdeck.model.stack import Machine
from inferdeck.model.target import Health, TargetState
from inferdeck.query.narrowed import Until
from inferdeck.query.past import facts, targets
from inferdeck.query.status import Surroundings
from inferdeck.store.interface import MetricReader

T = TypeVar("T", StoreState, Own)


@dataclass(frozen=True, slots=True)
class Moment:
    """The surroundings and the history of a moment; past: what to say of it, None of now."""

    around: Surroundings
    reader: MetricReader
    past: Past | None = None


def seen(reader: MetricReader, around: Surroundings, at: float | None, *of_now: str) -> Moment:
    """Return what is known of a moment (Unix seconds; None: now).

    of_now: what the answer to be made shows as it is now, in words. Raises UsageError for a moment to come.
    """
    if at is None:
        return Moment(around, reader)
    if not 0 <= at <= around.now:
        said = "lies before 1970" if at < 0 else f"is in the future; now it is {text(around.now)}"
        raise UsageError(f"at: the moment {said}; write 2026-11-21T02:40:00Z, Unix seconds, or 15m for that long ago")
    at_ms = int(at * 1000)
    until = Until(reader, at_ms)
    then = targets.states(until, around.states, at_ms)
    read = any(one.health is not Health.UNKNOWN for one in then)
    past = Past(at, (*_unread(around, at, read=read), *of_now))
    return Moment(_around(around, at, facts.told(until, then, at_ms)), until, past)


def _unread(around: Surroundings, at: float, *, read: bool) -> tuple[str, ...]:
    """Return what to say where nothing was read then."""
    if read:
        return ()
    age = around.store.oldest.value
    begun = around.now - age if age is not None else None
    if begun is not None and at < begun:
        return (f"nothing is known of then: the history begins {text(begun)}",)
    return ("nothing was read in the five minutes up to then",)


def _around(around: Surroundings, at: float, states: tuple[TargetState, ...]) -> Surroundings:
    """Return the surroundings of then; of discovery, remote writes and our own cost nothing is kept."""
    return replace(
        around,
        now=at,
        states=states,
        discovered=(),
        not_found=(),
        remote_write=(),
        machine=_machine(around.machine, facts.lasting(around.states, states)),
        store=_without_figures(around.store),
        own=_without_figures(around.own),
    )


def _machine(machine: Machine, lasting: Set[str]) -> Machine:
    """Return the machine with those sockets whose container or unit was not started since: others may be new."""
    kept = tuple(one for one in machine.sockets if {one.container, one.unit} & lasting)
    return replace(machine, sockets=kept, looked=False)


def _without_figures(one: T) -> T:
    given = {item.name: getattr(one, item.name) for item in fields(one)}
    missing = {name: number(None, value.unit) for name, value in given.items() if isinstance(value, Number)}
    return type(one)(**{**given, **missing})


def text(seconds: float) -> str:
    """Return Unix seconds as 2026-11-21T02:40:00Z."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
