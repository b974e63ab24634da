"""The spend routes, which read the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web

from inferdeck.simulate.servers.litellm.books import Key, Row, Sums
from inferdeck.simulate.servers.litellm.http import Asked, Refused, error, reply, template
from inferdeck.simulate.servers.litellm.identity import hashed, token
from inferdeck.simulate.servers.litellm.nodatabase import need
from inferdeck.simulate.servers.litellm.payload import breakdown, call_type, usage
from inferdeck.simulate.servers.litellm.payload import tags as request_tags
from inferdeck.simulate.servers.litellm.times import DAY, date_text, offset_text, parse, z_text

MONTH = 30
CAP = 10_000
_FILTERS: dict[str, Callable[[Row], str]] = {
    "api_key": lambda row: row.who.key,
    "user_id": lambda row: row.who.user,
    "request_id": lambda row: row.id,
    "session_id": lambda row: row.request.session,
    "team_id": lambda row: row.who.team,
    "model": lambda row: row.place.full,
    "model_id": lambda row: row.place.id,
    "model_group": lambda row: row.place.group,
    "key_alias": lambda row: row.who.alias,
    "end_user": lambda row: row.request.user,
    "status_filter": lambda row: "failure" if row.failure else "success",
    "error_code": lambda row: row.failure.code if row.failure else "",
}
_ORDERS: dict[str, Callable[[Row], Any]] = {
    "spend": lambda row: spend(row),
    "total_tokens": lambda row: row.used.input + row.used.output,
    "startTime": lambda row: row.start,
    "endTime": lambda row: row.end,
    "request_duration_ms": lambda row: row.end - row.start,
    "model": lambda row: row.place.full,
    "ttft_ms": lambda row: row.first - row.start,
}


def spend(row: Row) -> float:
    """Return what a call cost; an answer from the cache costs nothing."""
    return 0.0 if row.hit else row.used.cost


async def logs(asked: Asked) -> web.Response:
    """GET /spend/logs: by day (the default with dates) or row by row; the end day is left out, as upstream does."""
    need(asked)
    query, own = asked.query, hashed(token(asked.agent)) if asked.agent else None
    start, end = parse(query.get("start_date", "")), parse(query.get("end_date", ""))
    if start is not None and end is not None and query.get("summarize", "true").lower() not in ("false", "0"):
        return reply(_summary(asked, int(start // DAY), int(end // DAY), own or query.get("api_key")))
    rows = [row for row in _chosen(asked, ("api_key", "user_id", "request_id")) if own in (None, row.who.key)]
    if start is not None and end is not None:
        # The filter is startTime <= end_date 00:00.
        rows = [row for row in rows if start <= row.start <= end]
    rows.sort(key=lambda row: row.start, reverse=True)
    return reply([_shown(asked, row, z_text) for row in rows[:CAP]])


def _summary(asked: Asked, first: int, last: int, key: str | None) -> list[dict[str, Any]]:
    by_day: dict[int, dict[str, Any]] = {}
    for (day, who, place, _), sums in asked.program.books.days.items():
        if not first <= day < last or key not in (None, who.key):
            continue
        entry = by_day.setdefault(day, {"startTime": date_text(day), "spend": 0.0, "users": {}, "models": {}})
        entry[who.key] = entry.get(who.key, 0.0) + sums.spend
        entry["spend"] += sums.spend
        entry["users"][who.user] = entry["users"].get(who.user, 0.0) + sums.spend
        entry["models"][place.full] = entry["models"].get(place.full, 0.0) + sums.spend
    if not by_day:
        return []
    empty: dict[str, Any] = {"spend": 0, "users": {}, "models": {}}
    days = range(min(by_day), last + 1)
    return [by_day.get(day) or {"startTime": date_text(day)} | empty for day in days]


async def logs_paged(asked: Asked) -> web.Response:
    """GET /spend/logs/v2: rows of a window, page by page."""
    need(asked)
    query = asked.query
    start, end = parse(query.get("start_date", "")), parse(query.get("end_date", ""))
    if start is None or end is None:
        raise Refused(400, error("Start date and end date are required", "bad_request", 400, "None"))
    rows = [row for row in _chosen(asked, tuple(_FILTERS)) if start <= row.start <= end]
    low, high = query.get("min_spend"), query.get("max_spend")
    rows = [row for row in rows if (not low or spend(row) >= float(low)) and (not high or spend(row) <= float(high))]
    by = _ORDERS.get(query.get("sort_by", "startTime"), _ORDERS["startTime"])
    rows.sort(key=by, reverse=query.get("sort_order", "desc") == "desc")
    page, size = _number(query.get("page"), 1, 10**9), _number(query.get("page_size"), 50, 1000)
    shown = [_shown(asked, row, offset_text) for row in rows[(page - 1) * size : page * size]]
    total = min(len(rows), CAP)
    return reply(
        {
            "data": shown,
            "total": total,
            "page": page,
            "page_size": size,
            "total_pages": -(-total // size),
            "total_is_capped": len(rows) > CAP,
        }
    )


def _number(text: str | None, otherwise: int, most: int) -> int:
    return min(max(1, int(text)), most) if text and text.isdigit() else otherwise


def _chosen(asked: Asked, names: tuple[str, ...]) -> list[Row]:
    wanted = [(_FILTERS[name], value) for name in names if (value := asked.query.get(name))]
    return [row for row in asked.program.books.rows if all(read(row) == value for read, value in wanted)]


def _shown(asked: Asked, row: Row, write: Callable[[float], str]) -> dict[str, Any]:
    price = asked.program.prices[row.place.id]
    used, who = row.used, row.who
    found = template("row") | {
        "request_id": row.id,
        "litellm_call_id": row.call,
        "call_type": call_type(row.request.route),
        "api_key": who.key,
        "spend": spend(row),
        "total_tokens": used.input + used.output,
        "prompt_tokens": used.input,
        "completion_tokens": used.output,
        "startTime": write(row.start),
        "endTime": write(row.end),
        "completionStartTime": write(row.first),
        "request_duration_ms": int((row.end - row.start) * 1000),
        "model": row.place.full,
        "model_id": row.place.id,
        "model_group": row.place.group,
        "custom_llm_provider": row.place.provider,
        "api_base": row.place.called,
        "user": who.user,
        "cache_hit": "True" if row.hit else "False" if row.request.stream else "None",
        "request_tags": request_tags(row),
        "team_id": who.team,
        "end_user": row.request.user,
        "session_id": row.request.session,
        "status": "failure" if row.failure else "success",
        "created_at": write(row.end),
        "updated_at": write(row.end),
    }
    found["metadata"] |= {
        "status": "failure" if row.failure else None,
        "user_agent": who.agent,
        "usage_object": {} if row.failure else usage(row),
        "cost_breakdown": None if row.failure else breakdown(row, price),
        "user_api_key": who.key,
        "user_api_key_alias": who.alias or None,
        "user_api_key_team_id": who.team or None,
        "user_api_key_user_id": who.user or None,
        "original_model_group": None if row.failure else row.request.model,
        "requester_ip_address": who.client,
    }
    if row.failure:
        name = row.failure.name.rpartition(".")[2]
        named = {"error_code": row.failure.code, "error_class": name, "llm_provider": row.place.provider}
        found["metadata"]["error_information"] = named | {"error_message": f"litellm.{name}", "traceback": ""}
    return found


def days(asked: Asked, last: int = MONTH) -> Iterator[tuple[Key, Sums]]:
    """Yield the sums of the last days, or of those that the query asks for."""
    start, end = parse(asked.query.get("start_date", "")), parse(asked.query.get("end_date", ""))
    today = int(asked.program.clock(asked.now) // DAY)
    first, final = (today - last, today) if start is None or end is None else (int(start // DAY), int(end // DAY))
    return (item for item in asked.program.books.days.items() if first <= item[0][0] <= final)


def dated(asked: Asked) -> None:
    """Raise Refused where start_date and end_date are not both given."""
    if parse(asked.query.get("start_date", "")) is None or parse(asked.query.get("end_date", "")) is None:
        raise Refused(400, {"detail": {"error": "Please provide start_date and end_date"}})


def grouped(items: Iterator[tuple[Key, Sums]], name: Callable[[Key], str]) -> dict[str, Sums]:
    """Add sums up by a name of their key, the dearest first."""
    found: dict[str, Sums] = {}
    for key, sums in items:
        found.setdefault(name(key), Sums()).add(sums)
    return dict(sorted(found.items(), key=lambda item: -item[1].spend))


async def total(asked: Asked) -> web.Response:
    """GET /global/spend."""
    need(asked)
    return reply({"spend": sum(sums.spend for _, sums in days(asked)), "max_budget": 0.0})


async def by_day(asked: Asked) -> web.Response:
    """GET /global/spend/logs."""
    need(asked)
    key = asked.query.get("api_key")
    items = (item for item in days(asked) if key in (None, item[0][1].key))
    found = sorted(grouped(items, lambda key: date_text(key[0])).items())
    named = {"api_key": key} if key else {}
    return reply([named | {"date": day, "spend": sums.spend} for day, sums in found])


def _limited(asked: Asked, found: dict[str, Sums], otherwise: int) -> list[tuple[str, Sums]]:
    return list(found.items())[: _number(asked.query.get("limit"), otherwise, 1000)]


async def by_key(asked: Asked) -> web.Response:
    """GET /global/spend/keys."""
    need(asked)
    known = {hashed(key): (agent.name, f"sk-...{key[-4:]}") for key, agent in asked.program.callers.keys.items()}
    found = _limited(asked, grouped(days(asked), lambda key: key[1].key), 10)
    rows = [(key, *known.get(key, (None, None)), sums.spend) for key, sums in found]
    names = ("api_key", "key_alias", "key_name", "total_spend")
    return reply([dict(zip(names, row, strict=True)) for row in rows])


async def by_model(asked: Asked) -> web.Response:
    """GET /global/spend/models."""
    need(asked)
    found = _limited(asked, grouped(days(asked), lambda key: key[2].full), 10)
    return reply([{"model": name, "total_spend": sums.spend} for name, sums in found])


async def by_team(asked: Asked) -> web.Response:
    """GET /global/spend/teams: rounded to cents, the first ten."""
    need(asked)
    items = list(days(asked))
    totals = list(grouped(iter(items), lambda key: key[1].team_alias or "Unassigned").items())[:10]
    by_date: dict[str, dict[str, Any]] = {}
    for key, sums in items:
        entry = by_date.setdefault(date_text(key[0]), {"date": date_text(key[0])})
        team = key[1].team_alias or "Unassigned"
        entry[team] = entry.get(team, 0.0) + sums.spend
    daily = [
        {name: round(value, 2) if isinstance(value, float) else value for name, value in by_date[day].items()}
        for day in sorted(by_date)
    ]
    shown = [{"team_id": name, "total_spend": round(sums.spend, 2)} for name, sums in totals]
    return reply({"daily_spend": daily, "teams": [name for name, _ in totals], "total_spend_per_team": shown})


async def by_provider(asked: Asked) -> web.Response:
    """GET /global/spend/provider."""
    need(asked)
    dated(asked)
    found = grouped(days(asked), lambda key: key[2].provider)
    return reply([{"provider": name, "spend": sums.spend} for name, sums in found.items()])


def _tags(asked: Asked) -> dict[str, Sums]:
    found: dict[str, Sums] = {}
    for key, sums in days(asked):
        agent = key[1].agent
        for name in (f"User-Agent: {agent.partition('/')[0]}", f"User-Agent: {agent}"):
            found.setdefault(name, Sums()).add(sums)
    return dict(sorted(found.items(), key=lambda item: -item[1].spend))


async def tags(asked: Asked) -> web.Response:
    """GET /spend/tags."""
    need(asked)
    names = ("individual_request_tag", "log_count", "total_spend")
    rows = [(name, sums.succeeded + sums.failed, sums.spend) for name, sums in _tags(asked).items()]
    return reply([dict(zip(names, row, strict=True)) for row in rows])


async def by_tag(asked: Asked) -> web.Response:
    """GET /global/spend/tags."""
    need(asked)
    dated(asked)
    found = [
        {"name": name, "spend": round(sums.spend, 4), "log_count": sums.succeeded + sums.failed}
        for name, sums in _tags(asked).items()
    ]
    return reply({"spend_per_tag": found})


async def report(asked: Asked) -> web.Response:
    """GET /global/spend/report: for paying customers."""
    need(asked)
    why = (
        "/spend/report endpoint You must be a LiteLLM Enterprise user to use this feature. If you have a license "
        "please set `LITELLM_LICENSE` in your env. Get a 7 day trial key here: https://www.litellm.ai/enterprise#trial."
        "\nPricing: https://www.litellm.ai/#pricing"
    )
    raise Refused(400, {"detail": {"error": why}})
