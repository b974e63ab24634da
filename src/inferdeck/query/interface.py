"""The questions that every face asks; answered here from the store (local.py) and from outside by client/tiny.py."""

from __future__ import annotations

from typing import Protocol

from inferdeck.model.answers import Diagnosis, SourceAnswer, Sources, Status


class Questions(Protocol):
    """Blocking, from any thread. Raises NotFoundError, LimitError, StoreError; from outside also DaemonDownError."""

    def status(self) -> Status:
        """Return the whole stack at this moment."""
        ...

    def sources(self) -> Sources:
        """Return all targets in a fixed order."""
        ...

    def source(self, identity: str) -> SourceAnswer:
        """Return one target by its id, by its name or by host:port where those are unique."""
        ...

    def doctor(self) -> Diagnosis:
        """Return what is wrong and how to mend it, the worst first."""
        ...
