"""One service, container or card on a page, with its charts over the time that is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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

MOST = "1000"
THING = "thing"


class DetailsView(ChartedView):
    """One thing of a list. words: its key there, or the name that other answers have of it."""

    NOUN = "thing"
    ABOVE = THING

    def __init__(self, words: str) -> None:
        self._words = words
        self._past: Past | None = None
        super().__init__()

    def listed(self, client: Client, at: str) -> Page[Any]:
        """Return the list that the thing stands in at a moment; "" is now."""
        raise NotImplementedError

    def names(self, one: Any) -> Sequence[str]:
        """Return what the thing may be called; the first stands in the title."""
        return ()

    def pairs(self, one: Any) -> Sequence[Pair]:
        """Return what is known of the thing."""
        return ()

    def charted(self, one: Any) -> Sequence[Wanted]:
        """Return what is charted of the thing."""
        return ()

    def wanted(self) -> Sequence[Wanted]:
        return self.charted(self.held[THING].value)

    def users(self, one: Any, width: int) -> Sequence[Row]:
        """Return rows of their own between what is known and the charts."""
        return ()

    def heading(self) -> str:
        one = self.held[THING].value
        return f"{self.TITLE} {cells.clean(self.names(one)[0] if one is not None else self._words)}"

    def ask(self, key: str) -> Ask:
        if key == THING:
            at = self.terminal.span.moment
            return lambda client: self._found(client, at)
        return self.charts_question()

    def _found(self, client: Client, at: str) -> Any:
        listed = self.listed(client, at)
        found = next((one for one in listed.items if self._words in self.names(one)), None)
        if found is None:
            raise NotFoundError(f"there is no {self.NOUN} {self._words!r} {'then' if at else 'now'}")
        self._past = listed.past
        return found

    def pasts(self) -> Iterator[Past]:
        if self._past is not None:
            yield self._past

    def above(self, answer: Any, width: int) -> list[Row]:
        found = [*details.pair_rows(self.pairs(answer), width), ()]
        users = self.users(answer, width)
        return [*found, *users, ()] if users else found


class ServiceView(DetailsView):
    """One service."""

    TITLE, NOUN = "Service", "service"
    ABOUT = "One service: is it up, which process, container or unit it is, what it uses, since when, and over time."

    def listed(self, client: Client, at: str) -> Page[StackService]:
        return client.services(limit=MOST, at=at)

    def names(self, one: StackService) -> Sequence[str]:
        return one.service.name, one.service.id, one.service.instance

    def pairs(self, one: StackService) -> Sequence[Pair]:
        return details.service_pairs(one)

    def charted(self, one: StackService) -> Sequence[Wanted]:
        return details.service_charts(one)


class ContainerView(DetailsView):
    """One container."""

    TITLE, NOUN = "Container", "container"
    ABOUT = "One container: its state, what runs in it, what it uses, who asks it, and over time."

    def listed(self, client: Client, at: str) -> Page[StackContainer]:
        return client.containers(limit=MOST, at=at)

    def names(self, one: StackContainer) -> Sequence[str]:
        return one.name, f"{one.host}/{one.id}"

    def pairs(self, one: StackContainer) -> Sequence[Pair]:
        return details.container_pairs(one)

    def charted(self, one: StackContainer) -> Sequence[Wanted]:
        return details.container_charts(one)


class CardView(DetailsView):
    """One card."""

    TITLE, NOUN = "Card", "card"
    ABOUT = "One card: load, memory, heat, power, errors, the processes and models on it, and over time."

    def listed(self, client: Client, at: str) -> Page[Card]:
        return client.gpus(limit=MOST, at=at)

    def names(self, one: Card) -> Sequence[str]:
        return f"{one.host} {one.index}", one.uuid

    def pairs(self, one: Card) -> Sequence[Pair]:
        return details.card_pairs(one)

    def users(self, one: Card, width: int) -> Sequence[Row]:
        return details.card_users(one, width)

    def charted(self, one: Card) -> Sequence[Wanted]:
        return details.card_charts(one)
