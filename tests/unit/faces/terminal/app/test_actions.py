"""Every action of the table and every place, pressed and gone to in the running program, against a real API."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input

from inferdeck.client.tiny import Client
from inferdeck.errors import UsageError
from inferdeck.faces.terminal import places
from inferdeck.faces.terminal.actions import ACTIONS, BOARD, LIST, LOG, MOVES, TEXT, find, mapped, of_scope, spoken
from inferdeck.faces.terminal.drawing.grid import Field
from inferdeck.faces.terminal.screens.board import BoardView
from inferdeck.faces.terminal.screens.help import HelpScreen
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.logs import LogsView
from inferdeck.faces.terminal.screens.models import ModelsView
from inferdeck.faces.terminal.screens.prompt import Prompt
from inferdeck.faces.terminal.view import NEVER, View
from inferdeck.faces.terminal.views.table import Entry
from inferdeck.faces.terminal.writing import written
from tests.unit.faces.terminal.app.daemon import answered, app_of, press, says, shown, top, until, view_of

VIEW_OF = {"": "services", BOARD: "overview", LIST: "models", LOG: "logs", TEXT: "settings"}
"""A place where the actions of a scope work."""


def handles(view: View, identity: str) -> bool:
    """Return whether the view or the program does something at this action."""
    return view.do(identity) or hasattr(app_of_view(view), f"_do_{identity}")


def app_of_view(view: View) -> object:
    return view.terminal


# Keys and the table.


@pytest.mark.parametrize("scope", sorted(VIEW_OF))
async def test_every_action_has_somebody_who_does_it(scope: str, daemon: Client) -> None:
    """Details and compare are for some tables alone; tests below press them there."""
    async with top(lambda: daemon, VIEW_OF[scope]) as pilot:
        view = await answered(pilot)
        elsewhere = ("quit", "details", "compare")
        mine = [one.id for one in ACTIONS if one.scope == scope and one.id not in elsewhere]
        missing = []
        for identity in mine:
            missing += [] if handles(view, identity) else [identity]
            await pilot.pause()
            if isinstance(app_of(pilot).screen, Prompt):
                await press(pilot, "escape")
        assert missing == []


async def test_what_a_key_means_depends_on_the_view(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        await answered(pilot)
        await press(pilot, "m")
        view = view_of(pilot)
        assert isinstance(view, BoardView) and view._alone
        app_of(pilot).go("models")
        await answered(pilot)
        await press(pilot, "m")
        await says(pilot, "mark two to four models with space first")


def test_keys_of_a_users_own() -> None:
    found = {one.id: one for one in mapped({"refresh": "f5, ctrl+r", "help": "?"})}
    assert found["refresh"].keys == ("f5", "ctrl+r") and found["quit"] == find("quit")
    assert found["help"].keys == ("question_mark",)
    with pytest.raises(UsageError, match="there is no action reload; there are: quit, refresh"):
        mapped({"reload": "f5"})
    with pytest.raises(UsageError, match="q means both quit and refresh"):
        mapped({"refresh": "q"})
    with pytest.raises(UsageError, match="s means both"):
        mapped({"refresh": "s"})
    with pytest.raises(UsageError, match="j moves in lists"):
        mapped({"refresh": "j"})


def test_no_key_has_two_meanings_in_one_view() -> None:
    assert mapped({}) == ACTIONS
    assert len({one.id for one in ACTIONS}) == len(ACTIONS)
    moves = {key for pair in MOVES for key in pair}
    assert not [key for one in ACTIONS for key in one.keys if key in moves]


async def test_a_key_of_a_users_own_works_and_the_old_one_does_not(daemon: Client) -> None:
    async with top(lambda: daemon, "services", keys={"pause": "f8"}) as pilot:
        await answered(pilot)
        await press(pilot, "p")
        assert not app_of(pilot).paused
        await press(pilot, "f8")
        assert app_of(pilot).paused


def test_readonly_takes_dangerous_actions_away() -> None:
    from dataclasses import replace

    actions = (*ACTIONS, replace(find("refresh"), id="restart", dangerous=True))
    assert "restart" in {one.id for one in of_scope(actions, (), readonly=False)}
    assert "restart" not in {one.id for one in of_scope(actions, (), readonly=True)}


async def test_readonly_is_said(daemon: Client) -> None:
    async with top(lambda: daemon, "services", readonly=True) as pilot:
        await answered(pilot)
        assert "read-only" in shown(pilot).splitlines()[0]


# Places.


async def test_every_place_can_be_gone_to_and_back(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        names = [name for name, _ in places.every(app.dashboards.value)]
        assert {"providers", "models", "logs", "overview", "gpus"} <= set(names)
        for name in names:
            app.go(name)
            await until(pilot, lambda name=name: app._place == name and view_of(pilot).is_mounted)  # type: ignore[misc]
            view = await answered(pilot)
            assert view.about(), name
            assert isinstance(view.copied(), str)
            for form, text in view.exported().items():
                assert form in ("csv", "json", "svg", "txt") and text, (name, form)
            assert len(shown(pilot).splitlines()) == 36
        await press(pilot, "escape")
        await until(pilot, lambda: app._place == names[-2])
        await press(pilot, "alt+right")
        await until(pilot, lambda: app._place == names[-1])


async def test_models_to_compare_may_be_typed(daemon: Client) -> None:
    async with top(lambda: daemon, "compare") as pilot:
        await says(pilot, "no model is chosen: mark two to four in models with space")
        assert "Nothing was measured" not in shown(pilot)
        app_of(pilot).go("compare gpt-4o nix")
        await says(pilot, "there is no model nix")
        told = await says(pilot, "Latency p95")
        assert "gpt-4o" in told.splitlines()[2] and "context" in told


async def test_a_dashboard_whose_name_a_view_has_is_offered(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        assert "dashboard compare" in [name for name, _ in places.every(app_of(pilot).dashboards.value)]
        app_of(pilot).go("dashboard compare")
        await says(pilot, "Side by side")


async def test_a_place_may_be_shortened(daemon: Client) -> None:
    known = daemon.dashboards()
    for given, kind in (("mod", "ModelsView"), ("serv", "ServicesView"), ("over", "BoardView"), ("log x", "LogsView")):
        assert type(places.make(given, known)).__name__ == kind
    for given in ("", "nope", " ", "dash", "dashboard"):
        assert places.make(given, known) is None
    async with top(lambda: daemon, "mod") as pilot:
        await says(pilot, "gpt-4o")


async def test_an_unknown_place_changes_nothing(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        view = view_of(pilot)
        await press(pilot, "colon", *"[b]x", "enter")
        await says(pilot, "there is no view '[b]x'")
        assert view_of(pilot) is view


async def test_go_to_completes_names(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        await press(pilot, "colon", *"rout")
        await says(pilot, "routes")
        await press(pilot, "enter")
        await says(pilot, "inferdeck Routes")


async def test_the_palette_lists_everything(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        found = {command.title for command in app.get_system_commands(app.screen)}
        for action in app.actions_here():
            assert action.id == "palette" or any(title.startswith(action.title) for title in found), action.id
        for name, _ in places.every(app.dashboards.value):
            assert f"Go to {name}" in found
        await press(pilot, "ctrl+p", *"Go to serv", "enter")
        await says(pilot, "inferdeck Services")


async def test_help_names_every_key_that_works_here(daemon: Client) -> None:
    async with top(lambda: daemon, "models", size=(120, 70)) as pilot:
        await answered(pilot)
        await press(pilot, "question_mark")
        told = await says(pilot, "in tables")
        for action in app_of(pilot).actions_here():
            assert action.help[:40] in told and spoken(action.keys[0]) in told, action.id
        assert "where panels are shown" not in told
        await press(pilot, "q")
        await until(pilot, lambda: not isinstance(app_of(pilot).screen, HelpScreen))
        assert app_of(pilot).is_running


async def test_q_leaves_with_0(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        await press(pilot, "q")
    assert app_of(pilot).return_value == 0


# Time.


async def test_pause_holds_everything_and_says_so(daemon: Client) -> None:
    async with top(lambda: daemon, "services", interval_seconds=2.0) as pilot:
        await answered(pilot)
        app, view = app_of(pilot), view_of(pilot)
        await press(pilot, "p")
        assert " paused " in shown(pilot).splitlines()[0]
        before = view.held["list"].changes, app.status.changes
        view.held["list"] = view.held["list"].at_once()
        await press(pilot, "question_mark", "escape")
        app.tick()
        await pilot.pause(0.1)
        assert (view.held["list"].changes, app.status.changes) == before
        await press(pilot, "r")
        await until(pilot, lambda: view.held["list"].changes > before[0])
        await press(pilot, "p")
        assert " paused " not in shown(pilot)


async def test_slower_and_faster_stay_within_bounds(daemon: Client) -> None:
    async with top(lambda: daemon, "services", interval_seconds=5.0) as pilot:
        await answered(pilot)
        app = app_of(pilot)
        await press(pilot, "minus")
        assert app.interval == 10.0 and "every 10 s" in shown(pilot)
        await press(pilot, *["minus"] * 9)
        assert app.interval == 60.0
        await press(pilot, *["plus"] * 12)
        assert app.interval == 2.0


async def test_the_past_and_back(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        app = app_of(pilot)
        before = view.held["data"].changes
        await press(pilot, "left_square_bracket")
        until_then = app.span.until or 0.0
        await until(pilot, lambda: view.held["data"].changes > before)
        assert " at 20" in shown(pilot).splitlines()[0]
        assert isinstance(view, BoardView) and view._whole is not None
        assert view._whole.end == pytest.approx(until_then, abs=view._whole.step)
        app.go("services")
        await answered(pilot)
        assert "nothing is known of then" in shown(pilot)
        app.go("settings")
        await answered(pilot)
        assert "this view shows now" in shown(pilot)
        await press(pilot, "n")
        assert " at 20" not in shown(pilot)
        await press(pilot, "left_square_bracket", "right_square_bracket", "right_square_bracket")
        assert app.span.until is None


async def test_ranges(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        await press(pilot, "less_than_sign")
        assert app.span.range_seconds == 3 * 3600
        await press(pilot, *["greater_than_sign"] * 20)
        assert app.span.range_seconds == app.span.ranges()[0]
        await press(pilot, "t", *"1 h", "enter")
        await until(pilot, lambda: app.span.range_seconds == 3600)


async def test_an_environment_that_does_not_exist_is_told_with_those_that_do(daemon: Client) -> None:
    async with top(lambda: daemon, "services", environment="nowhere") as pilot:
        await says(pilot, "there is no environment 'nowhere'; there are: default")
        await answered(pilot)
        assert "no environment 'nowhere'" in shown(pilot).splitlines()[0]
        await press(pilot, "e")
        await until(pilot, lambda: "3/3 up" in shown(pilot).splitlines()[0])


async def test_the_first_line_and_panels_say_how_far_their_rates_look_back(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        await until(pilot, lambda: view.held["data"].value is not None)
        assert view._whole is not None and view._whole.rate == 60.0
        await says(pilot, "5m 2.00 /s")
        await press(pilot, "question_mark")
        await says(pilot, "How far a panel's rates look back stands at its edge")


async def test_environments_in_turn(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        await press(pilot, "e")
        assert app.environment == "default"
        await press(pilot, "e")
        assert app.environment == ""


async def test_themes_in_turn(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        first = app.theme
        for _ in app.available_themes:
            await press(pilot, "ctrl+t")
            assert "inferdeck Overview" in shown(pilot)
        assert app.theme == first


# Tables.


async def test_an_answer_that_comes_before_its_view_stands_is_drawn(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        view = ModelsView()
        view.held[view.LIST] = view.held[view.LIST].came(daemon.models(limit="10"), app_of(pilot).monotonic(), NEVER)
        view._early.add(view.LIST)
        app_of(pilot).push_screen(view)
        await until(pilot, lambda: view.table.total)


async def test_tables_sort_filter_mark_and_open(daemon: Client) -> None:
    async with top(lambda: daemon, "models") as pilot:
        view = await answered(pilot)
        assert isinstance(view, ListingView)
        await press(pilot, "down")
        chosen = view.table.selected
        await press(pilot, "s", "S", "s")
        assert view.table.order.column == 1 and view.table.order.reverse and view.table.selected == chosen
        await press(pilot, "slash", *"gpt")
        await until(pilot, lambda: len(view.table.entries) == 1)
        await press(pilot, "enter")
        assert "Models 1 of 2 /gpt" in shown(pilot)
        await press(pilot, "escape")
        await until(pilot, lambda: len(view.table.entries) == 2)
        await press(pilot, "space", "up", "space", "down", "space", "space")
        assert len(view.marked) == 2
        await press(pilot, "m")
        await says(pilot, "inferdeck Compare")
        await says(pilot, "context")
        await press(pilot, "escape")
        await says(pilot, "inferdeck Models")
        await answered(pilot)
        await press(pilot, "slash", *"gpt", "enter", "enter")
        await says(pilot, "inferdeck Model gpt-4o")


async def test_rows_come_before_charts(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        view = await answered(pilot)
        assert isinstance(view, ListingView)
        await until(pilot, lambda: view.held["below"].value is not None)

        async def shown_rows(count: int) -> tuple[int, int]:
            view.table.take([Entry(f"k{one}", (Field(f"row {one}."),), ("",)) for one in range(count)])
            view.drawn()
            await pilot.pause()
            await until(pilot, lambda: shown(pilot).count("row ") >= min(count, 10))
            return shown(pilot).count("row "), view.below.size.height if view.below.display else 0

        assert await shown_rows(3) == (3, 22)
        assert await shown_rows(21) == (21, 11)
        assert await shown_rows(23) == (23, 9)
        assert await shown_rows(30) == (30, 0)
        rows, charts = await shown_rows(500)
        assert 18 <= rows <= 20 and charts >= 13
        view.marked = ["k1"]
        rows, charts = await shown_rows(30)
        assert 18 <= rows <= 20 and charts >= 13


async def test_escape_in_the_filter_brings_back_what_was_there(daemon: Client) -> None:
    async with top(lambda: daemon, "models gpt") as pilot:
        view = await answered(pilot)
        await press(pilot, "slash", *"zzz")
        await says(pilot, "nothing has 'gptzzz'")
        await press(pilot, "escape")
        await until(pilot, lambda: not isinstance(app_of(pilot).screen, Prompt))
        assert view.filtered == "gpt"


async def test_a_provider_opens_its_dashboard(daemon: Client) -> None:
    async with top(lambda: daemon, "providers") as pilot:
        await answered(pilot)
        await press(pilot, "down", "enter")
        await until(pilot, lambda: isinstance(view_of(pilot), BoardView))
        view = view_of(pilot)
        assert isinstance(view, BoardView) and view.uid == "gateway-providers"
        assert view.chosen["provider"] == ("openai",)


# Panels.


async def test_panels_are_chosen_by_number_tab_and_mouse(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        await press(pilot, "3")
        third = view._panels.selected
        assert [one.number for one in view._panels.slots if one.panel and one.panel.id == third] == [3]
        await press(pilot, "tab")
        assert view._panels.selected not in ("", third)
        await press(pilot, "shift+tab")
        assert view._panels.selected == third
        await press(pilot, "left", "left", "right")
        assert view._panels.cursor is not None
        await press(pilot, "m")
        assert [one.panel.id for one in view._panels.slots if one.panel] == [third]
        await press(pilot, "escape", "escape")
        assert view._panels.selected == "" and not view._alone
        await pilot.click("#board", offset=(5, 3))
        assert view._panels.selected


async def test_variables_are_chosen_from_a_list(daemon: Client) -> None:
    async with top(lambda: daemon, "usage") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        await until(pilot, lambda: view.held["variables"].value is not None)
        await press(pilot, "v")
        await until(pilot, lambda: isinstance(app_of(pilot).screen, Prompt))
        await press(pilot, *"per 1d", "enter")
        await until(pilot, lambda: view.chosen.get("per") == ("1d",))
        await until(pilot, lambda: view._whole is not None and view._whole.variables["per"] == ("1d",))


async def test_a_panel_keeps_its_number_alone_and_digits_go_on_meaning_the_same(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        names = {slot.number: slot.panel.id for slot in view._panels.slots if slot.panel}
        await press(pilot, "3", "m")
        assert [(one.number, one.panel.id) for one in view._panels.slots if one.panel] == [(3, names[3])]
        await says(pilot, "╭─ 3 ")
        await press(pilot, "2")
        assert [(one.number, one.panel.id) for one in view._panels.slots if one.panel] == [(2, names[2])]
        await press(pilot, "tab", "tab")
        assert view._alone == view._panels.selected == names[4]
        await press(pilot, "m")
        assert view._panels.selected == names[4] and len(view._panels.slots) > 4


async def test_panels_are_kept_by_their_titles(daemon: Client) -> None:
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        numbers = {slot.panel.id: slot.number for slot in view._panels.slots if slot.panel}
        await press(pilot, "1", "slash", *"cost")
        await until(pilot, lambda: len([one for one in view._panels.slots if one.panel]) < len(numbers))
        kept = [slot for slot in view._panels.slots if slot.panel]
        assert kept and all("cost" in f"{one.panel.title} {one.panel.id}".lower() for one in kept if one.panel)
        assert all(one.number == numbers[one.panel.id] for one in kept if one.panel)
        assert view._panels.selected == ""
        await press(pilot, *"zzz", "enter")
        told = await says(pilot, "no panel's title has 'costzzz'; esc shows all")
        assert "Overview /costzzz" in told.splitlines()[0]
        app_of(pilot).go("services")
        await answered(pilot)
        await press(pilot, "escape")
        await says(pilot, "no panel's title has 'costzzz'")
        await press(pilot, "escape")
        found = view_of(pilot)
        assert isinstance(found, BoardView)
        await until(pilot, lambda: len([one for one in found._panels.slots if one.panel]) == len(numbers))


# Logs.


async def test_logs_filter_level_follow_and_around(daemon: Client) -> None:
    async with top(lambda: daemon, "logs") as pilot:
        view = await answered(pilot)
        assert isinstance(view, LogsView)
        await says(pilot, "two1")
        await press(pilot, "slash", *"one1", "enter")
        await says(pilot, "1 lines")
        assert "Logs /one1" in shown(pilot)
        await press(pilot, "escape")
        await says(pilot, "7 lines")
        await press(pilot, "L", "L", "L", "L")
        await says(pilot, "error or worse")
        await press(pilot, "L", "L")
        await says(pilot, "7 lines")
        await press(pilot, "f")
        await says(pilot, "not following")
        await press(pilot, "f", "a")
        await until(pilot, lambda: isinstance(app_of(pilot).screen, Prompt))
        await press(pilot, "enter")
        await says(pilot, "around ")
        await press(pilot, "a")
        await until(pilot, lambda: isinstance(app_of(pilot).screen, Prompt))
        app_of(pilot).screen.query_one(Input).value = "yesterday [b]"
        await press(pilot, "enter")
        await says(pilot, "not a moment")
        await press(pilot, "escape")
        await says(pilot, "7 lines")


# What leaves.


async def test_export_writes_a_file_and_never_over_another(
    daemon: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inferdeck-models.csv").write_text("mine")
    async with top(lambda: daemon, "models") as pilot:
        await answered(pilot)
        for form, name in (("csv", "models-2"), ("json", "models"), ("svg", "models")):
            written = tmp_path / f"inferdeck-{name}.{form}"
            await press(pilot, "x")
            await until(pilot, lambda: isinstance(app_of(pilot).screen, Prompt))
            await press(pilot, *form, "enter")
            await until(pilot, lambda written=written: written.exists())  # type: ignore[misc]
            await until(pilot, lambda: not isinstance(app_of(pilot).screen, Prompt))
    assert (tmp_path / "inferdeck-models.csv").read_text() == "mine"
    lines = (tmp_path / "inferdeck-models-2.csv").read_text().splitlines()
    assert lines[0].startswith("Model,State,Type") and len(lines) == 3
    assert {row["Model"] for row in json.loads((tmp_path / "inferdeck-models.json").read_text())} >= {"gpt-4o"}
    assert (tmp_path / "inferdeck-models.svg").read_text().startswith("<svg")


async def test_an_exported_panel_says_which_one_it_is(
    daemon: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with top(lambda: daemon, "overview") as pilot:
        view = await answered(pilot)
        assert isinstance(view, BoardView)
        await press(pilot, "1")
        for form in ("csv", "json", "svg"):
            written = tmp_path / f"inferdeck-overview-services-up.{form}"
            await press(pilot, "x", *form, "enter")
            await until(pilot, lambda written=written: written.exists())  # type: ignore[misc]
    assert json.loads((tmp_path / "inferdeck-overview-services-up.json").read_text())["title"] == "Services up"
    lines = (tmp_path / "inferdeck-overview-services-up.csv").read_text().splitlines()
    assert lines[0] == "dashboard,panel,title,query,series,time,value"
    assert ">Services&#160;up<" in (tmp_path / "inferdeck-overview-services-up.svg").read_text()


def test_a_name_from_outside_names_no_other_file(tmp_path: Path) -> None:
    about = ("dashboard gateway provider=../../etc\t\x1b[31m", "\u202egnp.exe", "2026-01-02 03:04:05")
    assert written("csv", "x", about, tmp_path).endswith(
        "/inferdeck-dashboard-gateway-provider-etc-31m-gnp-exe-2026-01-02-03-04-05.csv"
    )
    assert written("csv", "x", ("a" * 500, "\u05d0" * 9), tmp_path).endswith(f"/inferdeck-{'a' * 40}.csv")
    assert len(list(tmp_path.iterdir())) == 2


async def test_names_from_outside_turn_nothing_round_in_lists_and_notes(daemon: Client) -> None:
    hostile = "\u202egpt\x1b[31m\u2066"
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        known = app.dashboards.value
        assert known is not None
        listed = replace(known.dashboards[0], uid="mine", title=hostile, description=hostile)
        app.dashboards = app.dashboards.came(replace(known, dashboards=(listed,)), app.monotonic(), NEVER)
        commands = [text for one in app.get_system_commands(app.screen) for text in (one.title, one.help)]
        assert "gpt␛[31m" in commands
        assert not [one for one in commands if not one.isprintable()]
        app.prompt(Prompt("open", "where", [hostile], chosen_from=True))
        app.notify(hostile)
        await until(pilot, lambda: shown(pilot).count("gpt␛[31m") == 2)
        await press(pilot, "enter")
        await press(pilot, "ctrl+p")
        app.post_message(Paste(f"{hostile}\nmore"))
        line = app.screen.query_one(Input)
        await until(pilot, lambda: line.value == "gpt␛[31m")
        # Textual looks for the list when it begins to search, also where the palette is gone by then.
        await until(pilot, lambda: not any(worker.is_running for worker in app.workers))


async def test_export_says_why_nothing_was_written(
    daemon: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    async with top(lambda: daemon, "models") as pilot:
        await answered(pilot)
        await press(pilot, "x", *"csv", "enter")
        await says(pilot, "cannot be written")


async def test_copy_takes_what_is_selected(daemon: Client) -> None:
    async with top(lambda: daemon, "models gpt") as pilot:
        await answered(pilot)
        await press(pilot, "y")
        assert app_of(pilot).clipboard.startswith("gpt-4o\tavailable")
        app_of(pilot).go("overview")
        await answered(pilot)
        await press(pilot, "y")
        await says(pilot, "nothing is selected")
        await press(pilot, "1", "y")
        assert re.match("╭─ 1 ", app_of(pilot).clipboard)


async def test_an_action_that_means_nothing_here_says_so(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app_of(pilot).do("compare")
        await says(pilot, "Compare: nothing to do here")


async def test_texts_move_with_the_keys_of_lists(daemon: Client) -> None:
    async with top(lambda: daemon, "overview", size=(60, 12)) as pilot:
        view = await answered(pilot)
        await until(pilot, lambda: view.query_one("#board").max_scroll_y > 0)
        board = view.query_one("#board")
        for down, up in (("j", "k"), ("down", "up"), ("ctrl+d", "ctrl+u"), ("pagedown", "pageup"), ("G", "g")):
            await press(pilot, down)
            await until(pilot, lambda: board.scroll_offset.y > 0)
            await press(pilot, up)
            await until(pilot, lambda: board.scroll_offset.y == 0)
