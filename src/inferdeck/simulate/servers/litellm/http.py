"""How a proxy takes and answers requests: keys, refusals, headers. A refusal counts as a failed request of its own."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from aiohttp import web

from inferdeck.simulate.servers.litellm.errors import Failure
from inferdeck.simulate.servers.litellm.identity import CLIENT, MASTER_KEY, NONE, Caller, hashed

if TYPE_CHECKING:
    from inferdeck.simulate.fleet import Agent
    from inferdeck.simulate.servers.litellm.program import Litellm

Handler = Callable[["Asked"], Awaitable[web.StreamResponse]]
HEADERS = {
    "Vary": "Origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Inferdeck-Simulated": "true",
}
"""The last one is ours: by it a client knows that nobody pays for what it asks."""
NO_DATABASE = (
    "DB not connected. This endpoint needs a database; set DATABASE_URL to a PostgreSQL connection string "
    "(postgresql://...) to enable it. See https://docs.litellm.ai/docs/proxy/virtual_keys"
)
_ADMIN = (
    "Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. "
    "Route={route}. Your role=unknown. Your user_id=None"
)
_METRICS = (
    "Unauthorized access to metrics endpoint: {why} To allow unauthenticated access, set "
    "`litellm_settings.require_auth_for_metrics_endpoint: false` in your proxy_config.yaml."
)


class Refused(Exception):  # noqa: N818 - it is an answer
    """An answer that is an error; `body` None: plain text."""

    def __init__(self, status: int, body: Any, text: str = "") -> None:
        super().__init__(text or str(body))
        self.status = status
        self.body = body
        self.text = text

    @property
    def why(self) -> str:
        """The message in its body."""
        return str(self.body["error"]["message"]) if isinstance(self.body, dict) and "error" in self.body else self.text


class Asked:
    """One request with what the key says of its sender; `agent` None: the master key."""

    def __init__(self, program: Litellm, request: web.Request, now: float) -> None:
        self.program = program
        self.request = request
        self.now = now
        """The world's time; what the proxy prints is `program.clock(now)`."""
        self.agent: Agent | None = None

    @property
    def query(self) -> Any:
        """The query's parameters."""
        return self.request.query


def serve(program: Litellm, handler: Handler, *, key: bool = True, admin: bool = True) -> Callable[..., Any]:
    """Return a handler for aiohttp; `admin`: only the master key may ask."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked = Asked(program, request, program.world.present())
        try:
            if key:
                asked.agent = authorize(program, request, admin=admin)
        except Refused as refused:
            count(program, request, refused)
            return _refusal(refused)
        try:
            return await handler(asked)
        except Refused as refused:
            return _refusal(refused)

    return answer


def authorize(program: Litellm, request: web.Request, *, admin: bool = False) -> Agent | None:
    """Return whose key a request carries, None for the master key; raises Refused."""
    given = request.headers.get("Authorization") or request.headers.get("x-litellm-api-key") or ""
    if not given:
        raise Refused(401, error("Authentication Error, No api key passed in.", "auth_error", 401))
    token = given.removeprefix("Bearer ").strip()
    if token == MASTER_KEY:
        return None
    if not program.gateway.database:
        raise Refused(400, error("No connected db.", "no_db_connection", 400))
    agent = program.callers.keys.get(token)
    if agent is None:
        why = (
            "Authentication Error, Invalid proxy server token passed. Received API Key = sk-..., Key Hash (Token) ="
            f"{hashed(token)}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
        )
        raise Refused(401, error(why, "token_not_found_in_db", 401, "key"))
    if admin:
        raise Refused(401, error(_ADMIN.format(route=request.path), "auth_error", 401))
    return agent


def metrics_refused(refused: Refused) -> Refused:
    """Return the refusal of /metrics/, whose body is a bare JSON string."""
    return Refused(401, _METRICS.format(why=refused.why))


def error(message: str, kind: str, code: int, param: str | None = None) -> dict[str, Any]:
    """Return an error in the form that the proxy's own exceptions have."""
    return {"error": {"message": message, "type": kind, "param": param, "code": str(code)}}


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return an answer in JSON."""
    text = json.dumps(body, separators=(",", ":"))
    return web.Response(text=text, status=status, content_type="application/json", headers=HEADERS | (headers or {}))


@cache
def stored(name: str) -> str:
    """Return one of the bodies beside this module, as text."""
    return (files(__package__) / "bodies" / f"{name}.json").read_text("utf-8")


def template(name: str) -> dict[str, Any]:
    """Return a fresh copy of one of the bodies beside this module."""
    found: dict[str, Any] = json.loads(stored(name))
    return found


def _refusal(refused: Refused) -> web.Response:
    if refused.body is None:
        return web.Response(text=refused.text, status=refused.status, headers=HEADERS)
    return reply(refused.body, refused.status)


def count(program: Litellm, request: web.Request, refused: Refused) -> None:
    """Count a refusal among the proxy's own failed requests, as the real one does."""
    meter = program.meter()
    meter.table.now = program.clock(program.world.present())
    failure = _failure(refused.status)
    meter.refused(_stranger(request.headers.get("User-Agent", NONE)[:200]), None, "", request.path, failure)


@cache
def _failure(status: int) -> Failure:
    return Failure("ProxyException", status, "auth_error", status)


_strangers: dict[str, Caller] = {}


def _stranger(agent: str) -> Caller:
    if len(_strangers) > 1000:
        _strangers.clear()
    return _strangers.setdefault(agent, Caller(NONE, client=CLIENT, agent=agent))
