"""The activity routes, which read sums per UTC day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from inferdeck.simulate.servers.litellm.books import Key, Sums
from inferdeck.simulate.servers.litellm.http import Asked, Refused, reply
from inferdeck.simulate.servers.litellm.identity import Caller
from inferdeck.simulate.servers.litellm.nodatabase import need
from inferdeck.simulate.servers.litellm.spending import dated, days
from inferdeck.simulate.servers.litellm.times import date_text, short_date

Item = tuple[Key, Sums]
_ZEROS = (
    "compression_saved_tokens",
    "compression_savings_spend",
    "prompt_caching_savings_spend",
    "gateway_injected_caching_savings_spend",
    "autorouter_savings_spend",
)
_FLOATS = ("spend", "flat_cost", *(name for name in _ZEROS if name.endswith("spend")))
_BREAKDOWNS: dict[str, Callable[[Key], str]] = {
    "models": lambda key: key[2].full,
    "model_groups": lambda key: key[2].group,
    "providers": lambda key: key[2].provider,
    "endpoints": lambda key: key[3].removeprefix("/v1"),
}


async def total(asked: Asked) -> web.Response:
    """GET /global/activity: dates without a year, in the order of their letters."""
    need(asked)
    dated(asked)
    return reply(_activity(days(asked)))


def _activity(items: Iterable[Item], **named: str) -> dict[str, Any]:
    by_day: dict[str, list[int]] = {}
    for key, sums in items:
        entry = by_day.setdefault(short_date(key[0]), [0, 0])
        entry[0] += sums.succeeded + sums.failed
        entry[1] += sums.input + sums.output
    daily = [
        {**named, "date": day, "api_requests": requests, "total_tokens": tokens}
        for day, (requests, tokens) in sorted(by_day.items())
    ]
    return {
        "daily_data": daily,
        "sum_api_requests": sum(entry[0] for entry in by_day.values()),
        "sum_total_tokens": sum(entry[1] for entry in by_day.values()),
    }


async def by_model(asked: Asked) -> web.Response:
    """GET /global/activity/model."""
    need(asked)
    dated(asked)
    groups: dict[str, list[Item]] = {}
    for item in days(asked):
        groups.setdefault(item[0][2].group, []).append(item)
    found = [{"model": name} | _activity(items, model_group=name) for name, items in groups.items()]
    return reply(sorted(found, key=lambda one: -one["sum_api_requests"]))


async def exceptions(asked: Asked) -> web.Response:
    """GET /global/activity/exceptions and …/deployment: 429 alone, of one model group."""
    need(asked)
    dated(asked)
    group = asked.query.get("model_group")
    if group is None:
        missing = {"type": "missing", "loc": ["query", "model_group"], "msg": "Field required", "input": None}
        raise Refused(422, {"detail": [missing]})
    items = [item for item in days(asked) if item[0][2].group == group and item[1].limited]
    if not asked.request.path.endswith("/deployment"):
        return reply(_exceptions(items))
    bases: dict[str, list[Item]] = {}
    for item in items:
        bases.setdefault(item[0][2].called, []).append(item)
    return reply([{"api_base": base} | _exceptions(found) for base, found in bases.items()])


def _exceptions(items: list[Item]) -> dict[str, Any]:
    by_day: dict[str, int] = {}
    for key, sums in items:
        by_day[short_date(key[0])] = by_day.get(short_date(key[0]), 0) + sums.limited
    daily = [{"date": day, "num_rate_limit_exceptions": count} for day, count in sorted(by_day.items())]
    return {"daily_data": daily, "sum_num_rate_limit_exceptions": sum(by_day.values())}


async def cache_hits(asked: Asked) -> web.Response:
    """GET /global/activity/cache_hits: a list of call types by key; from the rows that are kept."""
    need(asked)
    dated(asked)
    counts: dict[tuple[str, str, str], list[int]] = {}
    for row in asked.program.books.rows:
        key = (row.who.key, "acompletion", row.place.full)
        entry = counts.setdefault(key, [0, 0, 0, 0])
        entry[0] += 1
        entry[1] += row.hit
        entry[2] += row.used.output if row.hit else 0
        entry[3] += 0 if row.hit else row.used.output
    names = ("total_rows", "cache_hit_true_rows", "cached_completion_tokens", "generated_completion_tokens")
    return reply(
        [
            {"api_key": key, "call_type": kind, "model": model} | dict(zip(names, entry, strict=True))
            for (key, kind, model), entry in counts.items()
        ]
    )


async def by_user(asked: Asked) -> web.Response:
    """GET /user/daily/activity."""
    return _daily(asked, lambda who: who.user or "Unassigned")


async def by_team(asked: Asked) -> web.Response:
    """GET /team/daily/activity."""
    return _daily(asked, lambda who: who.team or "Unassigned")


def _daily(asked: Asked, entity: Callable[[Caller], str]) -> web.Response:
    need(asked)
    dated(asked)
    wanted = (asked.query.get("model"), asked.query.get("api_key"))
    by_day: dict[int, list[Item]] = {}
    for item in days(asked):
        if wanted[0] in (None, item[0][2].full) and wanted[1] in (None, item[0][1].key):
            by_day.setdefault(item[0][0], []).append(item)
    order = sorted(by_day, reverse=True)
    page, size = _number(asked.query.get("page"), 1), min(_number(asked.query.get("page_size"), 50), 1000)
    shown = order[(page - 1) * size : page * size]
    results = [
        {"date": date_text(day), "metrics": _metrics(by_day[day]), "breakdown": _breakdown(asked, by_day[day], entity)}
        for day in shown
    ]
    whole = _metrics([item for day in shown for item in by_day[day]])
    pages = max(1, -(-len(order) // size))
    counted = {f"total_{name.removeprefix('total_')}": value for name, value in whole.items()}
    tail = {"page": page, "total_pages": pages, "has_more": page < pages}
    nothing = {"api_key_limit": None, "total_api_keys": None, "entity_total_api_keys": None}
    return reply({"results": results, "metadata": counted | tail | nothing})


def _number(text: str | None, otherwise: int) -> int:
    return max(1, int(text)) if text and text.isdigit() else otherwise


def _metrics(items: Iterable[Item]) -> dict[str, Any]:
    sums = Sums()
    for _, more in items:
        sums.add(more)
    return {
        "spend": sums.spend,
        "flat_cost": 0.0,
        "prompt_tokens": sums.input,
        "completion_tokens": sums.output,
        "cache_read_input_tokens": sums.cached,
        "cache_creation_input_tokens": 0,
        **{name: 0.0 if name in _FLOATS else 0 for name in _ZEROS},
        "total_tokens": sums.input + sums.output,
        "successful_requests": sums.succeeded,
        "failed_requests": sums.failed,
        "api_requests": sums.succeeded + sums.failed,
        "total_response_time_ms": sums.milliseconds,
        "timed_requests": sums.succeeded,
    }


def _breakdown(asked: Asked, items: list[Item], entity: Callable[[Caller], str]) -> dict[str, Any]:
    found: dict[str, Any] = {"mcp_servers": {}}
    for name, read in _BREAKDOWNS.items():
        found[name] = _parts(asked, items, read)
    keys = _sorted_out(items, lambda key: key[1].key)
    found["api_keys"] = {
        name: {"metrics": _metrics(part), "metadata": _key_facts(asked, part[0][0][1])} for name, part in keys.items()
    }
    found["entities"] = _parts(asked, items, lambda key: entity(key[1]))
    return found


def _parts(asked: Asked, items: list[Item], read: Callable[[Key], str]) -> dict[str, Any]:
    return {
        name: {
            "metrics": _metrics(part),
            "metadata": {},
            "api_key_breakdown": {
                key: {"metrics": _metrics(own), "metadata": _key_facts(asked, own[0][0][1])}
                for key, own in _sorted_out(part, lambda key: key[1].key).items()
            },
        }
        for name, part in _sorted_out(items, read).items()
    }


def _sorted_out(items: list[Item], read: Callable[[Key], str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(read(item[0]), []).append(item)
    return found


def _key_facts(asked: Asked, who: Caller) -> dict[str, Any]:
    return {
        "key_alias": who.alias or None,
        "team_id": who.team or None,
        "user_id": None,
        "user_email": None,
        "key_exists": bool(who.team or who.alias),
    }
