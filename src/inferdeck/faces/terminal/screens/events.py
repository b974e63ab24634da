"""Events: restarts, deployments, revisions of configuration, and what people noted; each opens the logs around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import events
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.annotations import Event
from inferdeck.model.page import Page

MOST = "1000"


class EventsView(ListingView):
    """The newest first."""

    TITLE = "Events"
    ABOUT = "What happened, the newest first: restarts, deployments, revisions, notes. Enter opens the logs around one."
    COLUMNS = events.COLUMNS
    EMPTY = "nothing has happened that inferdeck saw; inferdeck annotate notes what it cannot see"

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 2.0}

    def ask(self, key: str) -> Ask:
        fields = {"limit": MOST, "environment": self.terminal.environment}
        until = self.terminal.span.until
        if until is not None:
            fields["until"] = f"{until:.3f}"
        return lambda client: client.events(**fields)

    def entries(self, answer: Page[Event]) -> Sequence[Entry]:
        return [events.entry_of(one) for one in answer.items]

    def do(self, action: str) -> bool:
        answer: Page[Event] | None = self.held[self.LIST].value
        if action == "details" and answer is not None:
            chosen = next((one for one in answer.items if events.entry_of(one).key == self.table.selected), None)
            if chosen is not None:
                self.terminal.go(f"logs @{chosen.time:.3f}")
            return True
        return super().do(action)
