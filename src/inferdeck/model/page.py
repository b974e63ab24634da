"""A part of a long list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from inferdeck.model.past import Past

T = TypeVar("T")

USUAL_LIMIT = 100
LARGEST_LIMIT = 1000
LARGEST_OFFSET = 2**53
"""Every JSON reader holds whole numbers up to here exactly."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`items` are those from `offset` on, at most `limit`; `total` counts all that match."""

    items: tuple[T, ...]
    total: int
    offset: int = 0
    limit: int = USUAL_LIMIT
    past: Past | None = None
    """Which moment it is about where that is not now."""


def page(items: Sequence[T], offset: int = 0, limit: int = USUAL_LIMIT, past: Past | None = None) -> Page[T]:
    """Return one page of a list that is whole."""
    return Page(tuple(items[offset : offset + limit]), len(items), offset, limit, past)
