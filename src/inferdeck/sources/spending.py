"""What one collection has asked of the watched system so far, counted where it is sent, so that failures count too."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Spending:
    """Requests sent and bytes received, as they came over the wire."""

    requests: int = 0
    response_bytes: int = 0


CURRENT: ContextVar[Spending | None] = ContextVar("spending", default=None)
"""Of the collection that this task makes; None where nobody counts."""


def spend(requests: int = 0, response_bytes: int = 0) -> None:
    """Add to the collection that is under way in this task."""
    spending = CURRENT.get()
    if spending is not None:
        spending.requests += requests
        spending.response_bytes += response_bytes
