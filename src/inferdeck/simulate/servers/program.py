"""What a program of the fleet is: a fold of the event log that is asked over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inferdeck.simulate.events import Answered, Event, Left
from inferdeck.simulate.table import Table

if TYPE_CHECKING:
    from aiohttp import web

Handler = Callable[..., None]
"""Takes one event of the type that it is registered for."""
Handlers = Mapping[tuple[type[Event], str], Handler]
"""What to call for which events: (type, subject), where subject "" is every subject."""


class Program(Protocol):
    """One program: `tables` are what it exposes (one per worker), folded from the events that `handlers` names."""

    process: str
    """The name that `Started`, `Ended` and `Reachability` call it by."""
    tables: list[Table]

    def handlers(self) -> Handlers:
        """Return what to call for which events.

        The subject of an event is its `engine`, `gateway`, `gpu`, `process`, `host`, `cache` or `subject`, whichever it
        has first, or else its request's gateway.
        """
        ...

    def refresh(self, now: float) -> None:
        """Bring what depends on the time itself (ages, integrals, temperatures) to this moment; changes no event."""
        ...


@runtime_checkable
class HttpProgram(Program, Protocol):
    """A program that is asked over HTTP."""

    port: int
    """Where the real one listens by default; the fleet takes a free port."""

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        ...


@runtime_checkable
class StreamProgram(Program, Protocol):
    """A program with a protocol of its own over TCP."""

    port: int

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A request of a real client: what the world must know of it to answer."""

    model: str
    prompt_tokens: int
    max_tokens: int
    prompt: int = 0
    """A hash of the prompt: equal ones are word for word alike."""
    stream: bool = False
    user: str = "outside"
    team: str = ""
    route: str = "/v1/chat/completions"
    retries: int | None = None
    fall_back: bool = True
    mocked: bool = False
    image: bool = False


class StillError(Exception):
    """A real client asked a world that stands still: it would wait for ever."""

    def __init__(self, now: float) -> None:
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        super().__init__(f"The simulated world stands still at {moment}: it answers no requests.")


@dataclass(slots=True)
class Pending:
    """A real client's request on its way; both futures come true when the world has come so far.

    As a context: whoever leaves it before the end, since its client went away, gives the request up.
    """

    first: asyncio.Future[float]
    """The moment of the first token; cancelled where there is none."""
    done: asyncio.Future[Answered | Left]
    """How it ended: of a gateway `Answered`, of an engine `Left`."""
    drop: Callable[[], None]
    """Gives it up: it leaves its engine and its gateway."""
    where: Callable[[], tuple[str, str]] = lambda: ("", "")
    """Which public model and which deployment of a gateway try it now."""

    def __enter__(self) -> Pending:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.done.done() or self.done.cancelled():
            self.drop()


class World(Protocol):
    """What a program may ask of the world beside its events."""

    def present(self) -> float:
        """Bring the world to this moment and return it (Unix seconds). Call it at the beginning of every answer."""
        ...

    def ask_gateway(self, gateway: str, question: Question) -> Pending:
        """Send a real client's request through a gateway; raises StillError where time does not go on."""
        ...

    def ask_engine(self, engine: str, question: Question) -> Pending:
        """Send a real client's request straight to an engine; raises StillError where time does not go on."""
        ...

    def wake_engine(self, engine: str) -> None:
        """Let an engine that sleeps load its model again; raises StillError where it never could."""
        ...
