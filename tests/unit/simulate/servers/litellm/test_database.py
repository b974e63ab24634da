"""Spend and activity of a proxy with a database: each sum is that of the log."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession

from inferdeck.simulate.events import Answered, Started
from inferdeck.simulate.servers.litellm.identity import hashed, token
from tests.unit.simulate.fleets import MONDAY_TEN
from tests.unit.simulate.servers.litellm.scene import MASTER, Scene, rich, scene, served, total

DAY = "2026-11-23"
NEXT = "2026-11-24"


@pytest.fixture(scope="module")
def ran() -> Scene:
    return scene(database=True)


def good(found: Scene) -> list[Answered]:
    return [answer for answer in found.answers if answer.fault is None]


def spend(answers: list[Answered]) -> float:
    return math.fsum(answer.usage.cost for answer in answers if not answer.cached)


async def ask(session: ClientSession, url: str, path: str, key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else MASTER
    async with session.get(url + path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def test_totals_by_each_name(ran: Scene) -> None:
    async with served(ran) as (session, url):
        by_key = await ask(session, url, "/global/spend/keys")
        by_model = await ask(session, url, "/global/spend/models")
        by_day = await ask(session, url, "/global/spend/logs")
        whole = await ask(session, url, "/global/spend")
        by_provider = await ask(session, url, f"/global/spend/provider?start_date={DAY}&end_date={DAY}")
        by_team = await ask(session, url, "/global/spend/teams")
        tags = await ask(session, url, f"/global/spend/tags?start_date={DAY}&end_date={DAY}")
    true = spend(good(ran))
    for rows, name in ((by_key, "total_spend"), (by_model, "total_spend"), (by_day, "spend"), (by_provider, "spend")):
        assert math.fsum(row[name] for row in rows) == pytest.approx(true)
    assert whole["spend"] == pytest.approx(true)
    assert [row["date"] for row in by_day] == [DAY]
    assert {row["key_alias"] for row in by_key} == {"assistant", "search", "tagger"}
    assert set(by_team["teams"]) == {"product", "research"}
    assert {one["name"] for one in tags["spend_per_tag"]} >= {"User-Agent: assistant", "User-Agent: assistant/1.0"}


def test_the_books_hold_what_the_log_says(ran: Scene) -> None:
    sums = ran.program.books.days.values()
    assert math.fsum(one.spend for one in sums) == pytest.approx(spend(good(ran)), abs=1e-9)
    assert sum(one.succeeded for one in sums) == len(good(ran))
    assert sum(one.input for one in sums) == sum(answer.usage.input for answer in good(ran))
    assert sum(one.output for one in sums) == sum(answer.usage.output for answer in good(ran))


async def test_the_end_day_is_left_out_of_spend_logs(ran: Scene) -> None:
    async with served(ran) as (session, url):
        assert await ask(session, url, f"/spend/logs?start_date={DAY}&end_date={DAY}") == []
        raw = f"/spend/logs?start_date={DAY}&summarize=false&end_date="
        assert await ask(session, url, raw + DAY) == []
        rows = await ask(session, url, raw + NEXT)
        found = await ask(session, url, f"/spend/logs?start_date={DAY}&end_date={NEXT}")
    assert len(rows) == len(ran.program.books.rows)
    assert [one["startTime"] for one in found] == [DAY, NEXT]
    assert found[1] == {"startTime": NEXT, "spend": 0, "users": {}, "models": {}}
    keys = {hashed(token(agent)) for agent in ran.program.callers.agents}
    assert keys <= found[0].keys(), "API keys stand among the other fields"
    assert math.fsum(found[0][key] for key in keys) == pytest.approx(found[0]["spend"])


async def test_paging_and_filters(ran: Scene) -> None:
    base = f"/spend/logs/v2?start_date={DAY}%2000:00:00&end_date={DAY}%2023:59:59"
    async with served(ran) as (session, url):
        first = await ask(session, url, f"{base}&page_size=100")
        pages = [first, *[await ask(session, url, f"{base}&page_size=100&page={page}") for page in (2, 3)]]
        cheap = await ask(session, url, f"{base}&page_size=1000&key_alias=tagger&sort_by=total_tokens&sort_order=asc")
        async with session.get(f"{url}/spend/logs/v2", headers=MASTER) as answer:
            assert answer.status == 400
    assert first["total_pages"] == -(-first["total"] // 100)
    ids = [row["request_id"] for page in pages for row in page["data"]]
    assert len(set(ids)) == 300
    assert {row["metadata"]["user_api_key_alias"] for row in cheap["data"]} == {"tagger"}
    tokens = [row["total_tokens"] for row in cheap["data"]]
    assert tokens == sorted(tokens)


async def test_a_virtual_key_sees_its_own_rows_alone(ran: Scene) -> None:
    agent = ran.program.callers.agents[0]
    async with served(ran) as (session, url):
        rows = await ask(session, url, f"/spend/logs?start_date={DAY}&end_date={NEXT}&summarize=false", token(agent))
        info = await ask(session, url, "/key/info", token(agent))
        async with session.get(f"{url}/key/list", headers={"Authorization": f"Bearer {token(agent)}"}) as answer:
            assert answer.status == 401
        async with session.get(f"{url}/v1/models", headers={"Authorization": "Bearer sk-unknown"}) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"]["type"] == "token_not_found_in_db"
    assert {row["api_key"] for row in rows} == {hashed(token(agent))}
    assert info["info"]["key_alias"] == agent.name


async def test_activity_counts_failures_and_names_days_without_a_year() -> None:
    found = rich(database=True)
    dates = f"?start_date={DAY}&end_date={DAY}"
    async with served(found) as (session, url):
        whole = await ask(session, url, f"/global/activity{dates}")
        by_model = await ask(session, url, f"/global/activity/model{dates}")
        limited = await ask(session, url, f"/global/activity/exceptions{dates}&model_group=qwen")
    assert whole["daily_data"][0]["date"] == "Nov 23"
    assert whole["sum_api_requests"] == len(found.program.books.rows)
    assert sum(one["sum_api_requests"] for one in by_model) == pytest.approx(whole["sum_api_requests"])
    assert limited["sum_num_rate_limit_exceptions"] > 0


async def test_daily_activity_adds_up_in_every_breakdown() -> None:
    found = rich(database=True)
    async with served(found) as (session, url):
        body = await ask(session, url, f"/user/daily/activity?start_date={DAY}&end_date={DAY}")
        teams = await ask(session, url, f"/team/daily/activity?start_date={DAY}&end_date={DAY}")
    (day,) = body["results"]
    assert (day["date"], body["metadata"]["has_more"]) == (DAY, False)
    for name, parts in day["breakdown"].items():
        if name == "mcp_servers":
            continue
        for what in ("spend", "api_requests", "total_tokens"):
            assert math.fsum(part["metrics"][what] for part in parts.values()) == pytest.approx(day["metrics"][what])
    assert day["metrics"]["successful_requests"] == len(good(found))
    assert len(teams["results"][0]["breakdown"]["entities"]) == 2


async def test_keys_teams_users_budgets(ran: Scene) -> None:
    async with served(ran) as (session, url):
        keys = await ask(session, url, "/key/list")
        full = await ask(session, url, "/key/list?return_full_object=true")
        teams = await ask(session, url, "/team/list")
        users = await ask(session, url, "/user/list")
        budgets = await ask(session, url, "/budget/list")
        models = await ask(session, url, "/v2/model/info?size=3")
    assert keys["total_count"] == len(keys["keys"]) == 3
    assert {one["key_alias"] for one in full["keys"]} == {"assistant", "search", "tagger"}
    research = next(one for one in teams if one["team_alias"] == "research")
    assert (research["max_budget"], research["budget_duration"], research["rpm_limit"]) == (50.0, "1d", 120)
    reset = datetime.fromisoformat(research["budget_reset_at"])
    assert reset == datetime(2026, 11, 24, tzinfo=UTC)
    assert [one["user_id"] for one in users["users"]] == ["default_user_id"]
    assert [one["max_budget"] for one in budgets] == [50.0]
    assert (models["total_count"], models["total_pages"], len(models["data"])) == (4, 2, 3)


def test_the_database_outlives_a_restart_and_an_upgrade_changes_the_dialect() -> None:
    found = scene(300.0, database=True, version="1.80.0")
    before = len(found.program.books.rows)
    found.log.clear()
    found.world.processes.restart("litellm", down=5.0, reason="upgrade", version="1.109.1")
    found.world.run_until(MONDAY_TEN + 600.0)
    began = next(event.time for event in found.log if isinstance(event, Started))
    known = [answer for answer in found.answers if answer.request.time >= began]
    assert found.program.dialect.new
    assert total(found.text(), "litellm_proxy_total_requests_metric_total") == len(known) > 0
    assert total(found.text(), "process_start_time_seconds") == began
    assert len(found.program.books.rows) >= before + len(known)
