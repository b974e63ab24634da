"""Every view at a moment of the past: what is asked, what stands on the screen, and what leaves it."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path

import pytest

from inferdeck.client.tiny import Client
from inferdeck.faces.terminal.screens.listing import ListingView
from inferdeck.faces.terminal.screens.page import PageView
from inferdeck.model.past import Past
from tests.unit.faces.terminal.app.daemon import answered, app_of, press, says, shown, top, until

VIEWS = ("services", "containers", "gpus", "routes", "providers", "models", "requests", "model gpt-4o")
"""Those that ask the native questions; dashboards, events and logs have a time of their own."""
NOW = ("config", "settings")


def an_hour_ago() -> float:
    return time.time() - 3600


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_asks_of_the_moment_and_says_what_is_of_now(view: str, daemon: Client) -> None:
    then = an_hour_ago()
    async with top(lambda: daemon, view, until=then) as pilot:
        found = await answered(pilot)
        moments = [past.at for past in found.pasts()]
        assert moments and moments == [pytest.approx(then, abs=1e-3)] * len(moments)
        said = shown(pilot).splitlines()
        assert " at 20" in said[0] and " n Now  " in said[-1]
        assert "nothing is known of then: the history begins" in said[-1]
        await press(pilot, "n")
        await until(pilot, lambda: not list(found.pasts()))
        assert " n Now  " not in shown(pilot)


@pytest.mark.parametrize("view", NOW)
async def test_what_has_no_past_says_so(view: str, daemon: Client) -> None:
    async with top(lambda: daemon, view, until=an_hour_ago()) as pilot:
        await answered(pilot)
        await says(pilot, "this view shows now")


async def test_the_first_line_is_of_the_moment_too(daemon: Client) -> None:
    async with top(lambda: daemon, "services") as pilot:
        await answered(pilot)
        app = app_of(pilot)
        assert app.status.value is not None and app.status.value.past is None
        up = shown(pilot).splitlines()[0]
        await press(pilot, "left_square_bracket")

        def past() -> Past | None:
            return app.status.value.past if app.status.value else None

        await until(pilot, past)
        assert past() == Past(pytest.approx(app.span.until), past().notes)  # type: ignore[arg-type, union-attr]
        assert "3/3 up" in up and "0/3 up" in shown(pilot).splitlines()[0]
        await press(pilot, "n")
        await until(pilot, lambda: past() is None)
        assert "3/3 up" in shown(pilot).splitlines()[0]


async def test_what_leaves_says_its_moment(daemon: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with top(lambda: daemon, "services", until=an_hour_ago()) as pilot:
        view = await answered(pilot)
        app = app_of(pilot)
        assert isinstance(view, ListingView)
        assert view.copied().endswith(f"\tat {app.past()}")
        found = view.exported()
        rows = list(csv.DictReader(io.StringIO(found["csv"])))
        assert rows and {row["At"] for row in rows} == {app.past()}
        assert [row["At"] for row in json.loads(found["json"])] == [app.past()] * len(rows)
        await press(pilot, "x")
        await press(pilot, *"csv", "enter")
        await until(pilot, lambda: list(tmp_path.glob("*.csv")))
        name = app.past().replace(" ", "-").replace(":", "-")
        assert [path.name for path in tmp_path.iterdir()] == [f"inferdeck-services-{name}.csv"]
        await press(pilot, "n")
        await until(pilot, lambda: not list(view.pasts()))
        assert "At" not in view.exported()["csv"].splitlines()[0] and "\tat " not in view.copied()
        app.go("routes")
        page = await answered(pilot)
        await press(pilot, "left_square_bracket")
        await until(pilot, lambda: list(page.pasts()))
        assert isinstance(page, PageView) and page.copied().endswith(f"\nat {app.past()}")
        assert page.exported()["txt"].endswith(f"\nat {app.past()}\n")
