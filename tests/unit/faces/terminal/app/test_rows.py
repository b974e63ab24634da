"""What the views draw of answers, without a terminal: exact widths whatever the names, and nothing said wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing.glyphs import SETS, Look
from inferdeck.faces.terminal.drawing.grid import Column
from inferdeck.faces.terminal.drawing.picture import Row
from inferdeck.faces.terminal.held import Held, Phase
from inferdeck.faces.terminal.views import (
    config,
    details,
    events,
    gpus,
    head,
    logs,
    models,
    native,
    providers,
    requests,
    routes,
    services,
)
from inferdeck.faces.terminal.views.native import Native
from inferdeck.faces.terminal.views.table import Entry, Table
from inferdeck.model.annotations import Event
from inferdeck.model.answers import ConfigAnswer, Gateway, Status
from inferdeck.model.config_files import ConfigFile, ConfigFilePage
from inferdeck.model.log_lines import LogLine
from inferdeck.model.model_catalog import ModelPage, ModelRow, Models, ProviderRow
from inferdeck.model.page import page
from inferdeck.model.stack import Card, Route, StackContainer, StackService
from tests.unit.cli.test_board import answer
from tests.unit.faces.terminal.app.anything import any_of, check

PATIENT = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
WIDTHS = (1, 7, 39, 120)
TABLES: dict[str, tuple[type, Sequence[Column], Callable[[Any], Entry]]] = {
    "providers": (ProviderRow, providers.COLUMNS, providers.entry_of),
    "models": (ModelRow, models.COLUMNS, models.entry_of),
    "cards": (Card, gpus.CARDS, gpus.card),
    "containers": (StackContainer, gpus.CONTAINERS, gpus.container),
    "services": (StackService, services.COLUMNS, services.entry_of),
    "config": (ConfigFile, config.COLUMNS, config.entry_of),
    "events": (Event, events.COLUMNS, events.entry_of),
    "requests": (Gateway, requests.COLUMNS, requests.entry_of),
}


def in_panel(question: str, found: Any, width: int) -> Sequence[Row]:
    rows = native.rows(Native(question, found), width, 4, Look(), 0.0)
    assert len(rows) <= 4
    return rows


PAGES: dict[str, tuple[Any, Callable[[Any, int], Sequence[Row]]]] = {
    "model": (ModelPage, models.page_rows),
    "models beside each other": (tuple[ModelRow, ...], models.compared),
    "providers beside each other": (tuple[ProviderRow, ...], providers.compared),
    "service": (StackService, lambda found, width: details.pair_rows(details.service_pairs(found), width)),
    "container": (StackContainer, lambda found, width: details.pair_rows(details.container_pairs(found), width)),
    "card": (Card, lambda found, width: details.pair_rows(details.card_pairs(found), width)),
    "what uses a card": (Card, details.card_users),
    "requests": (tuple[Gateway, ...], lambda found, width: requests.rows(found, width, Look())),
    "file": (ConfigFilePage, config.page_rows),
    "settings": (ConfigAnswer, config.settings_rows),
    "routes": (tuple[Route, ...], lambda found, width: routes.rows(found, width, Look())),
    "events in a panel": (tuple[Event, ...], lambda found, width: in_panel("events", page(found), width)),
    "models in a panel": (Models, lambda found, width: in_panel("models", found, width)),
}


@pytest.mark.parametrize("name", TABLES)
@PATIENT
@given(data=st.data())
def test_tables_keep_their_width(name: str, data: st.DataObject) -> None:
    kind, columns, entry_of = TABLES[name]
    entries = [entry_of(one) for one in data.draw(any_of(tuple[kind, ...]))]  # type: ignore[valid-type]
    assert all(len(one.fields) == len(one.ranks) == len(columns) for one in entries)
    table = Table(columns, look=Look(data.draw(st.sampled_from(list(SETS.values())))))
    table.left = data.draw(st.sampled_from([0, 0, 8, 500]))
    table.take(entries)
    for width in WIDTHS:
        check(table.heading(width), width)
        for place in range(table.height(width)):
            check(table.row(place, width), width)


@pytest.mark.parametrize("name", PAGES)
@PATIENT
@given(data=st.data())
def test_pages_keep_their_width(name: str, data: st.DataObject) -> None:
    kind, drawn = PAGES[name]
    found = data.draw(any_of(kind))
    for width in WIDTHS:
        for row in drawn(found, width):
            check(row, width)


@PATIENT
@given(any_of(tuple[LogLine, ...]), st.integers(-1, 3))
def test_lines_of_logs_keep_their_width_and_the_opened_one_is_whole(lines: tuple[LogLine, ...], selected: int) -> None:
    rows = logs.LogRows(lines)
    rows.selected = selected if 0 <= selected < len(lines) else None
    for width in WIDTHS:
        places = [rows.place(number, width) for number in range(rows.height(width))]
        assert sorted(set(places)) == list(range(len(lines))) and places == sorted(places)
        for number in range(rows.height(width)):
            check(rows.row(number, width), width)


@pytest.mark.parametrize(
    "name", ["gate", "\x1b[2J\x1b]0;owned\x07", "[b]x[/b]", "\ud55c\u754c" * 40, "a\nb", "\u202eevil"]
)
@pytest.mark.parametrize("phase", list(Phase))
def test_the_head_keeps_its_width(name: str, phase: Phase) -> None:
    known: Held[Status] = Held(answer(name), 1.0)
    nothing: Held[Status] = Held()
    failed: Held[Status] = Held(error=name)
    for flag in (True, False):
        standing = head.Standing(name, 5.0, phase, 3.0 if flag else None, "", flag, "", flag)
        for held in (known, nothing, failed):
            for width in range(1, 200, 7):
                check(head.head(held, standing, width), width)


def test_the_keys_keep_their_width() -> None:
    for width in WIDTHS:
        check(head.keys([("q", "Quit"), ("?", "Help")], width), width)
