"""Providers: status, latency, models, load, tokens, cache, score; those that are marked stand side by side below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from inferdeck.faces.terminal.actions import LIST, MARKS
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.screens.listing import BELOW, ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import providers
from inferdeck.faces.terminal.views.charts import Wanted
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.model.model_catalog import ProviderRow, Providers

MOST = "1000"
MOST_COMPARED = 4


class ProvidersView(ListingView):
    """All providers as their gateways see them, over the last five minutes."""

    SCOPES: ClassVar[Sequence[str]] = (LIST, MARKS)
    TITLE = "Providers"
    ABOUT = (
        "Every provider as each gateway sees it over the last five minutes: state, score (docs/score.md), load, "
        "errors, latency, tokens, cache. Mark up to four with space and they stand side by side, in the whole window "
        "with m."
    )
    COLUMNS = providers.COLUMNS
    CHARTS = providers.CHARTS
    EMPTY = "no watched gateway tells of a provider"
    DETAILS = "gateway-providers"

    def __init__(self, words: str = "") -> None:
        super().__init__(words)
        self._alone = False
        """Whether the comparison has the whole window."""

    def highest(self) -> int:
        return self.size.height if self._alone else super().highest()

    def _room(self) -> int:
        return self.size.height - 2 if self._alone else super()._room()

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0, BELOW: 6.0}

    def ask(self, key: str) -> Ask:
        if key == BELOW:
            return self.charts_question()
        environment, at = self.terminal.environment, self.terminal.span.moment
        return lambda client: client.providers(limit=MOST, environment=environment, at=at)

    def can_ask(self, key: str) -> bool:
        # The rows say which series are whose.
        return super().can_ask(key) and (key != BELOW or self.held[self.LIST].value is not None)

    def charted(self) -> Sequence[Wanted]:
        return providers.charts_of(list(self._by_key().values()))

    def entries(self, answer: Providers) -> Sequence[Entry]:
        self.table.columns = providers.columns_of(answer.items)
        several = providers.in_several(answer.items)
        return [providers.entry_of(one, several=several) for one in answer.items]

    def below_rows(self, width: int, height: int) -> Sequence[Row]:
        by_key = self._by_key()
        marked = [by_key[key] for key in self.marked if key in by_key][-MOST_COMPARED:]
        chosen = marked or sorted(by_key.values(), key=providers.load_of, reverse=True)[:MOST_COMPARED]
        signs = ("#", ".") if self.terminal.look.glyphs.ascii_only else ("█", "·")
        rows = providers.compared(chosen, width, *signs) if chosen else []
        if len(rows) > height:
            return rows[:height]
        return [*rows, *super().below_rows(width, height - len(rows))]

    def _by_key(self) -> dict[str, ProviderRow]:
        answer: Providers | None = self.held[self.LIST].value
        return {providers.key_of(one): one for one in answer.items} if answer else {}

    def do(self, action: str) -> bool:
        if action == "compare" or (action == "back" and self._alone):
            self._alone = not self._alone
            self.widget.display = self._columns.display = not self._alone
            self.drawn()
            return True
        if action == "details":
            chosen = self._by_key().get(self.table.selected)
            if chosen is not None:
                label = chosen.series.label if chosen.series else chosen.name
                self.terminal.go(f"{self.DETAILS} gateway={chosen.gateway}\tprovider={label}")
            return True
        return super().do(action)
