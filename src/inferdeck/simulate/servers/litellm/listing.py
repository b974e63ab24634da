"""Keys, teams, users and budgets, which stand in the database."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from inferdeck.simulate.fleet import Agent, Team
from inferdeck.simulate.servers.litellm.books import uuid_of
from inferdeck.simulate.servers.litellm.http import Asked, Refused, error, reply, template
from inferdeck.simulate.servers.litellm.identity import ADMIN, hashed, team_id, token
from inferdeck.simulate.servers.litellm.nodatabase import need
from inferdeck.simulate.servers.litellm.times import duration, z_text


async def keys(asked: Asked) -> web.Response:
    """GET /key/list: hashes, or all of each key with `return_full_object`."""
    need(asked)
    found = list(asked.program.callers.agents)
    page, size = _number(asked.query.get("page"), 1), min(_number(asked.query.get("size"), 10), 100)
    shown = found[(page - 1) * size : page * size]
    full = asked.query.get("return_full_object", "").lower() == "true"
    listed = [_key(asked, agent) if full else hashed(token(agent)) for agent in shown]
    pages = -(-len(found) // size)
    return reply({"keys": listed, "total_count": len(found), "current_page": page, "total_pages": pages})


async def key_info(asked: Asked) -> web.Response:
    """GET /key/info: of the key that asks, or of `key`."""
    need(asked)
    wanted = asked.query.get("key")
    for key, agent in asked.program.callers.keys.items():
        if agent is asked.agent or (asked.agent is None and wanted in (key, hashed(key))):
            info = _key(asked, agent)
            return reply({"key": wanted or key, "info": info | {"status": "active"}})
    raise Refused(404, error("Key not found in database", "not_found_error", 404, "key"))


def _number(text: str | None, otherwise: int) -> int:
    return max(1, int(text)) if text and text.isdigit() else otherwise


def _born(asked: Asked) -> str:
    return z_text(asked.program.started)


def _key(asked: Asked, agent: Agent) -> dict[str, Any]:
    key, books = token(agent), asked.program.books
    name = hashed(key)
    last = books.active.get(name)
    return template("key") | {
        "token": name,
        "key_name": f"sk-...{key[-4:]}",
        "key_alias": agent.name,
        "team_id": team_id(agent.team) if agent.team else None,
        "spend": books.keys.get(name, 0.0),
        "total_spend": books.keys.get(name, 0.0),
        "models": [],
        "created_at": _born(asked),
        "updated_at": _born(asked),
        "last_active": z_text(last) if last is not None else None,
    }


async def teams(asked: Asked) -> web.Response:
    """GET /team/list."""
    need(asked)
    return reply([_team(asked, team) for team in asked.program.teams.values()])


def _team(asked: Asked, team: Team) -> dict[str, Any]:
    program = asked.program
    agents = [agent for agent in program.callers.agents if agent.team == team.name]
    limited = team.budget_usd is not None
    return template("team") | {
        "team_alias": team.name,
        "team_id": team_id(team.name),
        "tpm_limit": team.tokens_per_minute,
        "rpm_limit": team.requests_per_minute,
        "max_budget": team.budget_usd,
        "budget_duration": duration(team.budget_seconds) if limited else None,
        "budget_reset_at": z_text(program.resets_at(team, asked.now)) if limited else None,
        "spend": program.spent(team, asked.now),
        "created_at": _born(asked),
        "updated_at": _born(asked),
        "keys": [_key(asked, agent) for agent in agents],
    }


async def users(asked: Asked) -> web.Response:
    """GET /user/list: the keys belong to teams, so that the administrator is the only user."""
    need(asked)
    books = asked.program.books
    user = template("user") | {
        "user_id": ADMIN,
        "user_role": "proxy_admin",
        "spend": books.keys.get(asked.program.callers.master().key, 0.0),
        "teams": [team_id(name) for name in asked.program.teams],
        "created_at": _born(asked),
        "updated_at": _born(asked),
        "key_count": 0,
    }
    return reply({"users": [user], "total": 1, "page": 1, "page_size": 25, "total_pages": 1})


async def budgets(asked: Asked) -> web.Response:
    """GET /budget/list: one for each team that has one."""
    need(asked)
    program = asked.program
    return reply(
        [
            template("budget")
            | {
                "budget_id": uuid_of(f"budget {team.name}"),
                "max_budget": team.budget_usd,
                "tpm_limit": team.tokens_per_minute,
                "rpm_limit": team.requests_per_minute,
                "budget_duration": duration(team.budget_seconds),
                "budget_reset_at": z_text(program.resets_at(team, asked.now)),
                "created_at": _born(asked),
                "updated_at": _born(asked),
            }
            for team in program.teams.values()
            if team.budget_usd is not None
        ]
    )
