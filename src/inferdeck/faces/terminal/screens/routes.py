"""Routes: public models, their deployments and fallbacks, what is active, loaded, cooling down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import routes
from inferdeck.model.page import Page
from inferdeck.model.stack import Route

MOST = "1000"


class RoutesView(PageView):
    """The graph as a tree."""

    OPENS = True
    TITLE = "Routes"
    ABOUT = (
        "Each public model with its deployments, where they end (engine, container, process, card), and what is tried "
        "after it. Enter shows only what does not work as it should."
    )

    def __init__(self, words: str = "") -> None:
        super().__init__()
        self._words = words
        self._inactive = False

    def questions(self) -> Mapping[str, float]:
        return {"routes": 1.0}

    def ask(self, key: str) -> Ask:
        environment, at = self.terminal.environment, self.terminal.span.moment
        return lambda client: client.routes(limit=MOST, environment=environment, at=at)

    def heading(self) -> str:
        held = self.held["routes"]
        count = f" {held.value.total}" if held.value is not None else ""
        only = ", those in trouble" if self._inactive else ""
        return f"Routes{count}{only}{f' /{self._words}' if self._words else ''}"

    def rows(self, answers: Mapping[str, Any], width: int) -> list[Row]:
        found: Page[Route] = answers["routes"]
        rows = routes.rows(found.items, width, self.terminal.look, self._words, inactive=self._inactive)
        if rows:
            return rows
        if self._words or self._inactive:
            return [(("no route is like that; esc shows all", "dim"),)]
        return [(("no watched gateway tells its routes, and no file that has them is known", "dim"),)]

    @property
    def filtered(self) -> str | None:
        return self._words

    def filter(self, text: str) -> None:
        self._words = text
        self.drawn()
        self.draw_lines()

    def kept(self) -> dict[str, Any]:
        return {**super().kept(), "words": self._words, "inactive": self._inactive}

    def recall(self, kept: Mapping[str, Any]) -> None:
        super().recall(kept)
        self._words, self._inactive = kept["words"], kept["inactive"]

    def do(self, action: str) -> bool:
        if action == "details":
            self._inactive = not self._inactive
            self.drawn()
            self.draw_lines()
            return True
        return False
