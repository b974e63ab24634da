"""What an answer about an earlier moment says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Past:
    """The moment that an answer is about, Unix seconds."""

    at: float
    notes: tuple[str, ...] = ()
    """What in it is not of that moment but as it is now, since nothing keeps how it was; and what nobody knows."""
