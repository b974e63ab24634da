"""Cards and containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import gpus
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.page import Page
from inferdeck.model.stack import Card, StackContainer

MOST = "1000"


class CardsView(ListingView):
    """All cards of all machines."""

    TITLE = "GPUs"
    ABOUT = "Every card: load, memory, heat, power, what holds its clock back, and which model and container it serves."
    COLUMNS = gpus.CARDS
    EMPTY = "no card is watched; inferdeck sources says which source reads cards"
    DETAILS = "card"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0}

    def ask(self, key: str) -> Ask:
        environment = self.terminal.environment
        return lambda client: client.gpus(limit=MOST, environment=environment)

    def entries(self, answer: Page[Card]) -> Sequence[Entry]:
        return [gpus.card(one) for one in answer.items]


class ContainersView(ListingView):
    """All containers of all machines."""

    TITLE = "Containers"
    ABOUT = "Every container: state, health, restarts, the engine and the model in it, its cards."
    COLUMNS = gpus.CONTAINERS
    DETAILS = "container"
    EMPTY = "no Docker or Podman is watched"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0}

    def ask(self, key: str) -> Ask:
        environment = self.terminal.environment
        return lambda client: client.containers(limit=MOST, environment=environment)

    def entries(self, answer: Page[StackContainer]) -> Sequence[Entry]:
        return [gpus.container(one) for one in answer.items]
