"""What each route answers where there is no database: the bodies agree in nothing, as captured from 1.106.2."""

from __future__ import annotations

from typing import Any

from inferdeck.simulate.servers.litellm.http import NO_DATABASE, Asked, Refused, error

CONNECT = "Connect a database to your proxy - https://docs.litellm.ai/docs/simple_proxy#managing-auth---virtual-keys"
_PRISMA = "Prisma Client is not initialized"
_DETAIL: dict[str, Any] = {"detail": {"error": NO_DATABASE}}
_PLAIN: dict[str, Any] = {"detail": {"error": "No db connected"}}
_ACTIVITY: dict[str, Any] = {"detail": {"error": f"Database not connected. {CONNECT}"}}
_CAPTURED: dict[str, tuple[int, dict[str, Any]]] = {
    "/spend/logs": (
        500,
        error(f"/spend/logs ErrorDatabase not connected. {CONNECT}", "internal_error", 500, "None"),
    ),
    "/spend/logs/v2": (401, error(_PRISMA, "internal_error", 401, "None")),
    "/spend/logs/ui": (401, error(_PRISMA, "internal_error", 401, "None")),
    "/global/spend": (500, error("{'error': 'No db connected'}", "internal_error", 500, "None")),
    "/global/spend/logs": (500, error(_PRISMA, "internal_error", 500, "None")),
    "/global/spend/models": (500, _PLAIN),
    "/global/activity": (400, _ACTIVITY),
    "/user/daily/activity": (500, _DETAIL),
    "/key/list": (500, error("Authentication Error, Database not connected", "internal_server_error", 500, "None")),
    "/team/list": (400, _DETAIL),
    "/budget/list": (400, _DETAIL),
    "/user/list": (500, {"detail": {"error": "No db connected. prisma client=None"}}),
}
_KIN = {"/team/daily/activity": "/user/daily/activity", "/key/info": "/key/list", "/spend/tags": "/global/spend/models"}
"""Routes without a capture answer as the one that stands nearest."""


def need(asked: Asked) -> None:
    """Raise Refused where the proxy has no database."""
    if asked.program.gateway.database:
        return
    path = asked.request.path
    found = _CAPTURED.get(_KIN.get(path, path))
    if found is None:
        found = _CAPTURED["/global/activity" if path.startswith("/global/activity") else "/global/spend/models"]
    raise Refused(*found)
