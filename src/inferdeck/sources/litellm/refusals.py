"""Which routes of a proxy refused us, and until when they are left alone: each refusal spoils the proxy's counters."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferdeck.errors import AuthError
from inferdeck.model.clock import Clock

PAUSE_SECONDS = 3600.0


@dataclass(slots=True)
class Refusals:
    """Routes by path; a route is asked again after an hour, or at once after the proxy went away or changed."""

    clock: Clock
    _until: dict[str, tuple[float, AuthError | str]] = field(default_factory=dict)
    _seen: object = None

    def note(self, path: str, why: AuthError | str) -> None:
        """Leave the route alone from now on."""
        self._until[path] = (self.clock.monotonic() + PAUSE_SECONDS, why)

    def of(self, path: str) -> AuthError | str | None:
        """Return why the route is left alone; None where it may be asked."""
        until, why = self._until.get(path, (0.0, None))
        return why if self.clock.monotonic() < until else None

    def forget(self) -> None:
        """Ask everything again: another configuration may run there."""
        self._until.clear()
        self._seen = None

    def compare(self, seen: object) -> None:
        """Take in what the proxy says of itself; where that differs from the last time, ask everything again."""
        if self._seen is not None and seen != self._seen:
            self.forget()
        self._seen = seen
