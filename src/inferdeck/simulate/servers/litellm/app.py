"""The routes of a proxy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from inferdeck.simulate.servers.litellm import activity, completions, health, inventory, listing, spending
from inferdeck.simulate.servers.litellm.http import (
    HEADERS,
    Asked,
    Refused,
    authorize,
    count,
    metrics_refused,
    reply,
    serve,
)

if TYPE_CHECKING:
    from inferdeck.simulate.servers.litellm.http import Handler
    from inferdeck.simulate.servers.litellm.program import Litellm
    from inferdeck.simulate.table import Family

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN: dict[str, Handler] = {
    "/health/liveliness": health.liveliness,
    "/health/liveness": health.liveliness,
    "/health/readiness": health.readiness,
    "/public/litellm_model_cost_map": inventory.cost_map,
    "/public/model_hub": inventory.hub,
}
"""Routes that ask for no key."""
ANYONE: dict[str, Handler] = {
    "/health": health.health,
    "/health/backlog": health.backlog,
    "/v1/models": inventory.models,
    "/models": inventory.models,
    "/model/info": inventory.model_info,
    "/v1/model/info": inventory.model_info,
    "/model_group/info": inventory.model_group_info,
    "/spend/logs": spending.logs,
    "/key/info": listing.key_info,
}
"""Routes that a virtual key may ask too."""
ADMIN: dict[str, Handler] = {
    "/health/services": health.services,
    "/health/latest": health.latest,
    "/health/history": health.history,
    "/v2/model/info": inventory.model_info_paged,
    "/router/settings": inventory.router_settings,
    "/get/config/callbacks": inventory.callbacks,
    "/provider/budgets": inventory.provider_budgets,
    "/cache/ping": inventory.cache_ping,
    "/spend/logs/v2": spending.logs_paged,
    "/spend/logs/ui": spending.logs_paged,
    "/spend/tags": spending.tags,
    "/global/spend": spending.total,
    "/global/spend/logs": spending.by_day,
    "/global/spend/keys": spending.by_key,
    "/global/spend/models": spending.by_model,
    "/global/spend/teams": spending.by_team,
    "/global/spend/provider": spending.by_provider,
    "/global/spend/tags": spending.by_tag,
    "/global/spend/report": spending.report,
    "/global/activity": activity.total,
    "/global/activity/model": activity.by_model,
    "/global/activity/exceptions": activity.exceptions,
    "/global/activity/exceptions/deployment": activity.exceptions,
    "/global/activity/cache_hits": activity.cache_hits,
    "/user/daily/activity": activity.by_user,
    "/team/daily/activity": activity.by_team,
    "/key/list": listing.keys,
    "/team/list": listing.teams,
    "/user/list": listing.users,
    "/budget/list": listing.budgets,
}
NEW = ("/spend/logs/v2", "/health/services")
"""Routes that 1.80 lacks."""
ASK: dict[str, Handler] = {
    "/v1/chat/completions": completions.chat,
    "/chat/completions": completions.chat,
    "/v1/completions": completions.text,
    "/completions": completions.text,
    "/v1/embeddings": completions.embeddings,
    "/embeddings": completions.embeddings,
}


def routes(program: Litellm) -> Sequence[web.AbstractRouteDef]:
    """Return all routes of a proxy."""
    found: list[web.AbstractRouteDef] = [
        web.get("/metrics", _redirect(program)),
        web.get("/metrics/", _metrics(program)),
        web.get("/routes", serve(program, _routes, key=False)),
        web.get("/health/readiness/details", serve(program, _versioned(health.details), admin=False)),
        web.get("/v1/models/{name:.+}", serve(program, inventory.one_model, admin=False)),
    ]
    found += [web.get(path, serve(program, handler, key=False)) for path, handler in OPEN.items()]
    found += [web.get(path, serve(program, handler, admin=False)) for path, handler in ANYONE.items()]
    for path, handler in ADMIN.items():
        found.append(web.get(path, serve(program, _versioned(handler) if path in NEW else handler)))
    found += [web.post(path, serve(program, handler, admin=False)) for path, handler in ASK.items()]
    return found


def _versioned(handler: Handler) -> Handler:
    async def answer(asked: Asked) -> web.StreamResponse:
        if not asked.program.dialect.new:
            raise Refused(404, {"detail": "Not Found"})
        return await handler(asked)

    return answer


async def _routes(asked: Asked) -> web.Response:
    old = () if asked.program.dialect.new else (*NEW, "/health/readiness/details")
    paths = {**OPEN, **ANYONE, **ADMIN, "/health/readiness/details": None, "/metrics": None, "/routes": None}
    shown = [{"path": path, "methods": ["GET"], "name": _name(path)} for path in paths if path not in old]
    shown += [{"path": path, "methods": ["POST"], "name": _name(path)} for path in ASK]
    return reply({"routes": [one | {"endpoint": one["name"]} for one in shown]})


def _name(path: str) -> str:
    return path.strip("/").replace("/", "_")


def _redirect(program: Litellm) -> Page:
    async def answer(request: web.Request) -> web.StreamResponse:
        program.world.present()
        if program.dialect.new and (refusal := _refusal(program, request)) is not None:
            return refusal
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(status=307, headers=HEADERS | {"Location": f"http://{request.host}/metrics/{query}"})

    return answer


def _metrics(program: Litellm) -> Page:
    async def answer(request: web.Request) -> web.StreamResponse:
        program.refresh(program.world.present())
        if program.dialect.new and (refusal := _refusal(program, request)) is not None:
            return refusal
        families = program.meter().table.families
        if names := set(request.query.getall("name[]", [])):
            families = [family for family in families if names & _samples(family)]
        text = "".join(family.text() for family in families)
        return web.Response(body=text.encode(), headers=HEADERS | {"Content-Type": TEXT})

    return answer


def _samples(family: Family) -> set[str]:
    suffixes = ("", "_created", "_bucket", "_count", "_sum")
    return {family.name.removesuffix("_total") + suffix for suffix in suffixes} | {family.name}


def _refusal(program: Litellm, request: web.Request) -> web.Response | None:
    try:
        authorize(program, request)
    except Refused as refused:
        count(program, request, refused)
        return reply(metrics_refused(refused).body, 401)
    return None
