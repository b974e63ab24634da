"""The routes about dashboards: their list, one definition, the options of its variables, and its data."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.app import KeptAnswer
from inferdeck.api.native import FAILURES
from inferdeck.api.prometheus.answers import wants_gzip
from inferdeck.api.prometheus.leaving import ClientGoneError, unless_gone
from inferdeck.dashboards.answers import Dashboards, Question, Ready
from inferdeck.dashboards.span import MOST_POINTS
from inferdeck.errors import InferdeckError, UsageError
from inferdeck.model.dashboard_answers import DashboardData, DashboardList, Definition, Variables
from inferdeck.model.json_form import dumps
from inferdeck.model.quantities import parse_duration

PARAMETERS = ("from", "to", "step", "points", "panels", "since")
BEGINNING = "/api/dashboards/"
_PREFIX = "var-"
_MOST_FIELDS = 500
_MOST_PANELS = 200
_CLIENT_GONE = 499
Time = Annotated[str, Query(max_length=100, description="now, now-6h, Unix seconds, or a date (RFC 3339).")]
From = Annotated[
    str, Query(alias="from", max_length=100, description="As `to`; the dashboard's own range where absent.")
]
Ids = Annotated[str, Query(max_length=20_000, description="Panels, commas between; those of open rows where absent.")]
Since = Annotated[str, Query(max_length=50, description="`end` of the answer that the client has: newer steps only.")]
_VARIABLES: Mapping[str, Any] = {
    "name": "var-NAME",
    "in": "query",
    "required": False,
    "description": "Value of the variable NAME; several times for several values, $__all for all of them.",
    "schema": {"type": "string"},
}


def routes(dashboards: Dashboards) -> APIRouter:
    """Return the routes; answers are the values of model/dashboard_answers.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)

    @router.get("/dashboards", response_model=DashboardList, summary="All dashboards, and what is wrong with files")
    async def everything() -> Response:
        return _json(await dashboards.all())

    @router.get("/dashboards/{uid}", response_model=Definition, summary="One dashboard: its variables and panels")
    async def definition(uid: str) -> Response:
        return _json(await dashboards.definition(uid))

    @router.get(
        "/dashboards/{uid}/variables",
        response_model=Variables,
        summary="The options of a dashboard's variables, and what is chosen",
        openapi_extra={"parameters": [dict(_VARIABLES)]},
    )
    async def variables(
        request: Request, uid: str, from_: Annotated[Time, Query(alias="from")] = "", to: Time = "now"
    ) -> Response:
        return _json(await dashboards.variables(uid, _question(request)))

    @router.get(
        "/dashboards/{uid}/data",
        response_model=DashboardData,
        summary="All visible panels for a range and variables, each with status, age, quality and warnings",
        openapi_extra={"parameters": [dict(_VARIABLES)]},
    )
    async def data(
        request: Request,
        uid: str,
        from_: From = "",
        to: Time = "now",
        step: Annotated[str, Query(max_length=50, description="At least; the next of a short ladder is taken.")] = "",
        points: Annotated[str, Query(max_length=10, description="At most so many steps, 500 at most.")] = "",
        panels: Ids = "",
        since: Since = "",
    ) -> Response:
        question = _question(request)
        ready = dashboards.at_once(uid, question)
        if ready is None:
            try:
                ready = await unless_gone(request, dashboards.data(uid, question))
            except ClientGoneError:
                return Response(status_code=_CLIENT_GONE)
        return _answer(request, ready)

    return router


def kept(dashboards: Dashboards) -> KeptAnswer:
    """Return what gives a dashboard's data where another viewer has asked the same: without the framework."""

    async def ready(request: Request) -> Response | None:
        uid, slash, rest = request.scope["path"].removeprefix(BEGINNING).partition("/")
        if not slash or rest != "data":
            return None
        try:
            await dashboards.shelf()
            found = dashboards.at_once(uid, _question(request))
        except InferdeckError:
            return None
        return None if found is None else _answer(request, found)

    return ready


def _question(request: Request) -> Question:
    """Return what a request asks for; raises UsageError for parameters that do not exist or cannot be read."""
    return _read(request.scope["query_string"])


@lru_cache(maxsize=256)
def _read(text: bytes) -> Question:
    plain: dict[str, str] = {}
    chosen: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise UsageError(f"the parameters cannot be read: {error}") from error
    for name, value in pairs:
        if name.startswith(_PREFIX):
            chosen.setdefault(name.removeprefix(_PREFIX), []).append(value)
        elif name in PARAMETERS:
            plain[name] = f"{plain[name]},{value}" if name == "panels" and name in plain else value
        else:
            raise UsageError(f"{name[:60]}: no such parameter; there are {', '.join(PARAMETERS)}, var-NAME")
    points = plain.get("points", "")
    if points and not re.fullmatch(r"[1-9]\d{0,4}", points):
        raise UsageError("points: expected a whole number from 1 on")
    panels = tuple(one for one in plain.get("panels", "").split(",") if one)
    if len(panels) > _MOST_PANELS:
        raise UsageError(f"panels: more than {_MOST_PANELS}")
    return Question(
        plain.get("from", ""),
        plain.get("to", "now"),
        _step(plain.get("step", "")),
        int(points) if points else MOST_POINTS,
        tuple(sorted((name, tuple(values)) for name, values in chosen.items())),
        panels,
        _since(plain.get("since", "")),
    )


def _step(text: str) -> float:
    if not text:
        return 0.0
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"step: {error}") from error
    if found <= 0:
        raise UsageError("step: must be longer than nothing")
    return found


def _since(text: str) -> float | None:
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < 1e11:
        raise UsageError("since: expected Unix seconds, the `end` of an answer")
    return found


def _answer(request: Request, ready: Ready) -> Response:
    headers = {"ETag": ready.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if ready.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["Content-Type"] = "application/json"
    body = ready.body
    if ready.packed and wants_gzip(request.headers.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = ready.packed, "gzip"
    return Response(body, headers=headers)


def _json(value: object) -> Response:
    return Response(dumps(value), media_type="application/json")
