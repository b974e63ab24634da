"""The responses that a gateway remembers in its cache."""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.simulate.events import Usage


@dataclass(frozen=True, slots=True)
class Response:
    """One of them."""

    until: float
    """When it is forgotten."""
    usage: Usage
    group: str
    deployment: str


class Responses:
    """Of one gateway, by prompt and model."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Response] = {}

    def find(self, prompt: int, model: str, now: float) -> Response | None:
        """Return what was answered before, if it is not too long ago."""
        found = self._found.get((prompt, model))
        return found if found is not None and found.until > now else None

    def keep(self, prompt: int, model: str, now: float, response: Response) -> None:
        """Remember a response, the newest of its prompt, and forget those that ran out."""
        found = self._found
        found.pop((prompt, model), None)
        found[prompt, model] = response
        while found and found[first := next(iter(found))].until <= now:
            del found[first]

    def forget(self) -> None:
        """Lose all."""
        self._found.clear()
