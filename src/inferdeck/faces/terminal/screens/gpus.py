"""Cards and containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferdeck.faces.terminal.screens.listing import BELOW, ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import gpus
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.page import Page
from inferdeck.model.stack import Card, StackContainer, StackService

MOST = "1000"
SERVICES = "services"


class CardsView(ListingView):
    """All cards of all machines."""

    TITLE = "GPUs"
    ABOUT = "Every card: load, memory, heat, power, what holds its clock back, and which model and container it serves."
    COLUMNS = gpus.CARDS
    CHARTS = gpus.CARD_CHARTS
    EMPTY = "no card is watched; inferdeck sources says which source reads cards"
    DETAILS = "card"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0, SERVICES: 3.0, BELOW: 6.0}

    def ask(self, key: str) -> Ask:
        if key == BELOW:
            return self.charts_question()
        environment, at = self.terminal.environment, self.terminal.span.moment
        if key == SERVICES:
            return lambda client: client.services(limit=MOST, environment=environment, at=at)
        return lambda client: client.gpus(limit=MOST, environment=environment, at=at)

    def entries(self, answer: Page[Card]) -> Sequence[Entry]:
        services: Page[StackService] | None = self.held[SERVICES].value
        served = {one.service.id: one.models for one in services.items} if services else {}
        return [gpus.card(one, served) for one in answer.items]

    def answered(self, key: str) -> None:
        super().answered(key)
        if key == SERVICES and self.held[self.LIST].value is not None:
            # The same cards, with what they serve.
            self.table.anew()
            super().answered(self.LIST)


class ContainersView(ListingView):
    """All containers of all machines."""

    TITLE = "Containers"
    ABOUT = "Every container: state, health, restarts, the engine and the model in it, its cards."
    COLUMNS = gpus.CONTAINERS
    DETAILS = "container"
    CHARTS = gpus.CONTAINER_CHARTS
    EMPTY = "no Docker or Podman is watched"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0, BELOW: 6.0}

    def ask(self, key: str) -> Ask:
        if key == BELOW:
            return self.charts_question()
        environment, at = self.terminal.environment, self.terminal.span.moment
        return lambda client: client.containers(limit=MOST, environment=environment, at=at)

    def entries(self, answer: Page[StackContainer]) -> Sequence[Entry]:
        return [gpus.container(one) for one in answer.items]
