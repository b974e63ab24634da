"""One part of a world by itself: a kernel that begins at 0, what it tells, requests of one's own."""

from __future__ import annotations

from typing import Any, TypeVar

from inferdeck.simulate.events import Event, Request
from inferdeck.simulate.kernel import Kernel

Kind = TypeVar("Kind", bound=Event)


class Watched:
    """A kernel and the log of all that it told."""

    def __init__(self, start: float = 0.0) -> None:
        self.kernel = Kernel(start)
        self.log: list[Event] = []
        self.kernel.watch(self.log.append)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return the events of one type."""
        return [event for event in self.log if isinstance(event, kind)]


def request(number: int, **given: Any) -> Request:
    """Return a request: 100 tokens of prompt and 11 of answer, alone in its session, unless told otherwise."""
    values: dict[str, Any] = {
        "id": number,
        "time": 0.0,
        "gateway": "gate",
        "agent": f"agent-{number}",
        "team": "team",
        "user": "user",
        "session": f"session-{number}",
        "turn": 1,
        "model": "model",
        "use_case": "chat",
        "route": "/v1/chat/completions",
        "stream": False,
        "prompt": number,
        "prompt_tokens": 100,
        "shared_tokens": 0,
        "context_tokens": 0,
        "output_tokens": 11,
        "reasoning_tokens": 0,
        "max_tokens": 1000,
    }
    return Request(**(values | given))
