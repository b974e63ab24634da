"""Providers: status, latency, models, load, tokens, cache, score; those that are marked stand side by side below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from inferdeck.faces.terminal.actions import LIST, MARKS
from inferdeck.faces.terminal.drawing.picture import Row, fit
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.view import Ask
from inferdeck.faces.terminal.views import providers
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.faces.terminal.widgets.lines import LinesView
from inferdeck.model.model_catalog import ProviderRow, Providers

MOST = "1000"
MOST_COMPARED = 4


class _Compared:
    def __init__(self) -> None:
        self.chosen: Sequence[ProviderRow] = ()
        self.ascii_only = False

    def height(self, width: int) -> int:
        return len(self._rows(width))

    def row(self, number: int, width: int) -> Row:
        return fit(self._rows(width)[number], width)

    def _rows(self, width: int) -> list[Row]:
        signs = ("#", ".") if self.ascii_only else ("█", "·")
        return providers.compared(self.chosen, width, *signs)


class ProvidersView(ListingView):
    """All providers as their gateways see them, over the last five minutes."""

    SCOPES: ClassVar[Sequence[str]] = (LIST, MARKS)
    TITLE = "Providers"
    ABOUT = (
        "Every provider as each gateway sees it over the last minutes: state, score (docs/score.md), load, errors, "
        "latency, tokens, cache. Mark up to four with space and they stand side by side."
    )
    COLUMNS = providers.COLUMNS
    EMPTY = "no watched gateway tells of a provider"
    DETAILS = "gateway-providers"

    def __init__(self, words: str = "") -> None:
        super().__init__(words)
        self._compared = _Compared()
        self._below = LinesView(self._compared, id="compared")

    def questions(self) -> Mapping[str, float]:
        return {self.LIST: 1.0}

    def ask(self, key: str) -> Ask:
        environment = self.terminal.environment
        return lambda client: client.providers(limit=MOST, environment=environment)

    def entries(self, answer: Providers) -> Sequence[Entry]:
        return [providers.entry_of(one) for one in answer.items]

    def body(self) -> ComposeResult:
        yield from super().body()
        self._compared.ascii_only = self.terminal.look.glyphs.ascii_only
        yield self._below

    def drawn(self) -> None:
        super().drawn()
        by_key = self._by_key()
        marked = [by_key[key] for key in self.marked if key in by_key][-MOST_COMPARED:]
        self._compared.chosen = marked or list(by_key.values())[:MOST_COMPARED]
        self._below.show(self._compared)

    def _by_key(self) -> dict[str, ProviderRow]:
        answer: Providers | None = self.held[self.LIST].value
        return {providers.key_of(one): one for one in answer.items} if answer else {}

    def do(self, action: str) -> bool:
        if action == "details":
            chosen = self._by_key().get(self.table.selected)
            if chosen is not None:
                self.terminal.go(f"{self.DETAILS} gateway={chosen.gateway}\tprovider={chosen.name}")
            return True
        return super().do(action)
