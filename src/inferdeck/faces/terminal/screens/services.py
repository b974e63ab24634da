"""Services: is each up, which process is it, what does it use, since when does it run, with which configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferdeck.faces.terminal.screens.listing import BELOW, ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import services
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.page import Page
from inferdeck.model.stack import StackService

MOST = "1000"


class ServicesView(ListingView):
    """All that is watched."""

    TITLE = "Services"
    ABOUT = "Every service that is watched, with the process, container or unit behind it."
    COLUMNS = services.COLUMNS
    DETAILS = "service"
    CHARTS = services.CHARTS
    EMPTY = "nothing is watched yet; inferdeck sources shows what was found"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0, BELOW: 6.0}

    def ask(self, key: str) -> Ask:
        if key == BELOW:
            return self.charts_question()
        environment, at = self.terminal.environment, self.terminal.span.moment
        return lambda client: client.services(limit=MOST, environment=environment, at=at)

    def entries(self, answer: Page[StackService]) -> Sequence[Entry]:
        return [services.entry_of(one) for one in answer.items]
