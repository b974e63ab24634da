"""What may be asked about the stack itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from inferdeck.errors import UsageError
from inferdeck.model.page import USUAL_LIMIT, Page, page
from inferdeck.model.past import Past
from inferdeck.model.stack import Card, Chain, Route, StackContainer, StackService

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list: exact filters by name ("" is none), a text that the item must hold, and the page.

    at: the moment that is asked about, Unix seconds; None is now.
    """

    filters: Mapping[str, str] = field(default_factory=dict)
    q: str = ""
    offset: int = 0
    limit: int = USUAL_LIMIT
    at: float | None = None


EVERYTHING = Wanted()


class StackQuestions(Protocol):
    """Blocking, from any thread. Raises UsageError (no such filter or value, the future), LimitError, StoreError."""

    def services(self, wanted: Wanted = EVERYTHING) -> Page[StackService]:
        """Return watched services; filters: kind, health, environment, host."""
        ...

    def containers(self, wanted: Wanted = EVERYTHING) -> Page[StackContainer]:
        """Return containers; filters: state, health, environment, host, project."""
        ...

    def gpus(self, wanted: Wanted = EVERYTHING) -> Page[Card]:
        """Return cards; filters: host, environment, model."""
        ...

    def chains(self, wanted: Wanted = EVERYTHING) -> Page[Chain]:
        """Return the chain of each deployment and of each engine without one; filters: model, gateway, environment."""
        ...

    def routes(self, wanted: Wanted = EVERYTHING) -> Page[Route]:
        """Return public models and where their requests go; filters: model, gateway, environment, state, origin."""
        ...


def chosen(
    items: Iterable[T],
    wanted: Wanted,
    values: Mapping[str, Callable[[T], Iterable[str]]],
    texts: Callable[[T], Iterable[str]],
    possible: Mapping[str, Sequence[str]] | None = None,
    past: Past | None = None,
) -> Page[T]:
    """Return the page of those items that match.

    values: filter name -> the values that an item has; texts: what `q` looks at; possible: values that a filter may
    have though no item has them now. Raises UsageError for a filter without such a name or value; that the values of
    several filters are nowhere together is an empty page.
    """
    every = there = list(items)
    for name, asked in wanted.filters.items():
        if not asked:
            continue
        of = values.get(name)
        if of is None:
            raise UsageError(f"{name}: unknown filter; there are {', '.join(sorted(values))}")
        vocabulary = (possible or {}).get(name, ())
        if asked not in vocabulary and not any(asked in of(item) for item in there):
            known = sorted({value for item in there for value in of(item) if value} | set(vocabulary))
            if known:
                raise UsageError(f'{name}: there is no "{asked}"; there are {_some(known)}')
        every = [item for item in every if asked in of(item)]
    if wanted.q:
        looked_for = wanted.q.casefold()
        every = [item for item in every if any(looked_for in text.casefold() for text in texts(item) if text)]
    return page(every, wanted.offset, wanted.limit, past)


_MOST_NAMED = 50


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
