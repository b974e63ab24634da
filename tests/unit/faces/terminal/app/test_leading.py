"""Where enter leads, and what esc comes back to."""

from __future__ import annotations

import pytest

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.screens.board import BoardView
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.logs import LogsView
from inferdeck.faces.terminal.screens.prompt import Prompt
from tests.unit.faces.terminal.app.daemon import answered, app_of, press, says, top, until, view_of


async def test_a_service_opens_its_page_and_esc_finds_the_same_row(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        view = await answered(pilot)
        assert isinstance(view, ListingView)
        view.filter("l")
        await press(pilot, "s", "j")
        selected, order = view.table.selected, view.table.order
        await press(pilot, "enter")
        await until(pilot, lambda: view_of(pilot).heading().startswith("Service "))
        await answered(pilot)
        await says(pilot, "last start")
        await press(pilot, "escape")
        await answered(pilot)
        back = view_of(pilot)
        assert isinstance(back, ListingView) and back is not view
        assert (back.table.selected, back.table.order, back.table.words) == (selected, order, "l")
        await press(pilot, "alt+right")
        assert view_of(pilot).heading().startswith("Service ")


async def test_what_is_not_there_is_said(daemon: Client) -> None:
    async with top(lambda: daemon, "card nowhere 7") as pilot:
        await answered(pilot)
        await says(pilot, "there is no card 'nowhere 7' now")


async def test_a_panel_leads_on_and_esc_finds_it_selected(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        await answered(pilot)
        await press(pilot, "1", "enter")
        await until(pilot, lambda: view_of(pilot).TITLE == "Services")
        await press(pilot, "escape")
        await answered(pilot)
        view = view_of(pilot)
        assert isinstance(view, BoardView) and view._panels.selected == "services-up"
        await press(pilot, "escape")
        assert view._panels.selected == ""


async def test_of_several_places_one_is_chosen(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        await press(pilot, "3", "left")
        moment = view._panels.cursor
        assert moment is not None
        await press(pilot, "enter")
        assert isinstance(app_of(pilot).screen, Prompt)
        await press(pilot, "l", "o", "g", "s", "enter")
        logs = view_of(pilot)
        assert isinstance(logs, LogsView) and logs._around == pytest.approx(moment, abs=0.001)
        assert "around" in logs.heading()
        await press(pilot, "escape")
        assert logs._around is None
        await press(pilot, "escape")
        assert view_of(pilot).heading() == view.heading()


async def test_events_stand_in_a_list(daemon: Client) -> None:
    async with top(lambda: daemon, "events") as pilot:
        await answered(pilot)
        await says(pilot, "Events")
