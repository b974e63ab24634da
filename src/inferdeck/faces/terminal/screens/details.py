"""One service, container or card: all that is known of it, what uses it, and charts of it over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inferdeck.client.tiny import Client
from inferdeck.errors import NotFoundError
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.screens.charted import ChartedView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import details
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.details import Pair
from inferdeck.model import cells
from inferdeck.model.page import Page
from inferdeck.model.past import Past
from inferdeck.model.stack import Card, StackContainer, StackService

T = TypeVar("T")
MOST = "1000"
THING = "thing"


def _no_users(one: object, width: int) -> list[Row]:
    return []


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """Things of one list. names: what one may be called, the first stands in the title; users: rows of their own."""

    title: str
    about: str
    listed: Callable[..., Page[T]]
    names: Callable[[T], Sequence[str]]
    pairs: Callable[[T], Sequence[Pair]]
    charts: Callable[[T], Sequence[Wanted]]
    users: Callable[[T, int], list[Row]] = _no_users


SERVICE: Kind[StackService] = Kind(
    "Service",
    "One service: is it up, which process, container or unit it is, what it uses, since when, and over time.",
    Client.services,
    lambda one: (one.service.name, one.service.id, one.service.instance),
    details.service_pairs,
    details.service_charts,
)
CONTAINER: Kind[StackContainer] = Kind(
    "Container",
    "One container: its state, what runs in it, what it uses, who asks it, and over time.",
    Client.containers,
    lambda one: (one.name, f"{one.host}/{one.id}"),
    details.container_pairs,
    details.container_charts,
)
CARD: Kind[Card] = Kind(
    "Card",
    "One card: load, memory, heat, power, errors, the processes and models on it, and over time.",
    Client.gpus,
    lambda one: (f"{one.host} {one.index}", one.uuid),
    details.card_pairs,
    details.card_charts,
    details.card_users,
)


class DetailsView(ChartedView, Generic[T]):
    """One thing of a list. words: its key there, or the name that other answers have of it."""

    ABOVE = THING

    def __init__(self, kind: Kind[T], words: str) -> None:
        self._kind = kind
        self._words = words
        self._past: Past | None = None
        super().__init__()

    def about(self) -> str:
        return self._kind.about

    def heading(self) -> str:
        one: T | None = self.held[THING].value
        return f"{self._kind.title} {cells.clean(self._kind.names(one)[0] if one is not None else self._words)}"

    def ask(self, key: str) -> Ask:
        if key == THING:
            at = self.terminal.span.moment
            return lambda client: self._found(client, at)
        return self.charts_question()

    def _found(self, client: Client, at: str) -> T:
        kind = self._kind
        listed = kind.listed(client, limit=MOST, at=at)
        found = next((one for one in listed.items if self._words in kind.names(one)), None)
        if found is None:
            noun = kind.title.lower()
            raise NotFoundError(f"there is no {noun} {self._words!r} {'then' if at else 'now'}")
        self._past = listed.past
        return found

    def pasts(self) -> Iterator[Past]:
        if self._past is not None:
            yield self._past

    def wanted(self) -> Sequence[Wanted]:
        one: Any = self.held[THING].value
        return self._kind.charts(one)

    def above(self, answer: T, width: int) -> list[Row]:
        found = [*details.pair_rows(self._kind.pairs(answer), width), ()]
        users = self._kind.users(answer, width)
        return [*found, *users, ()] if users else found
