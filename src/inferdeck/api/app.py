"""The application behind both listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio._backends._asyncio  # noqa: F401 - imported at the first request otherwise, which holds the event loop
from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inferdeck import __version__
from inferdeck.api import errors as shape
from inferdeck.api import native
from inferdeck.api.guard import Access, Guard
from inferdeck.api.operations import Operations
from inferdeck.errors import UnavailableError
from inferdeck.model.clock import Clock, SystemClock
from inferdeck.query.interface import Questions

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
WELCOME = """inferdeck {version}

/api/status    the whole stack at this moment
/api/sources   all watched targets
/api/services  watched services with the process behind each; /api/containers, /api/gpus
/api/routes    public models and where their requests go; /api/chains
/api/dashboards  all dashboards; /api/dashboards/UID/data is everything that one shows
/api/logs      what programs wrote; /api/logs/streams
/api/events    what happened; /api/annotations
/widgets       figures for prompts, bars and panes; /widgets/health is one of them
/api/config-files  configuration files of the stack, secrets masked
/api/doctor    what is wrong and how to mend it
/api/v1        Prometheus' own interface: queries, series, labels, remote write
/metrics       inferdeck's own metrics
/openapi.json  the description of this interface
"""


def build(
    questions: Questions,
    operations: Operations,
    further: Sequence[BaseRoute] = (),
    topics: Sequence[APIRouter] = (),
    clock: Clock | None = None,
) -> FastAPI:
    """Return the application with `further` routes before its own and those of each topic after them.

    Serve it behind a Guard.
    """
    app = FastAPI(
        title="inferdeck",
        version=__version__,
        description="What a whole LLM serving stack is doing. Every failure has the shape of ErrorAnswer.",
        docs_url=None,
        redoc_url=None,
    )
    shape.install(app)
    # First, since they are the ones that are asked all the time.
    app.router.routes.extend(further)
    app.include_router(native.routes(questions, operations, clock or SystemClock()))
    for topic in topics:
        app.include_router(topic)
    _add_plain(app, operations)
    return app


def ready_made(
    questions: Questions,
    operations: Operations,
    further: Sequence[BaseRoute] = (),
    topics: Sequence[APIRouter] = (),
    clock: Clock | None = None,
) -> FastAPI:
    """Return the application after its first answer, in which FastAPI makes what it needs per route; off the loop."""
    app = build(questions, operations, further, topics, clock)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/-/healthy",
        "raw_path": b"/-/healthy",
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        """Nobody waits for this answer."""

    asyncio.run(app(scope, receive, send))
    return app


KeptAnswer = Callable[[Request], Awaitable[Response | None]]
"""Gives the answer to a GET where it lies ready, else None: the application then answers, failures too."""


def guarded(
    app: ASGIApp, rules: Access | None, direct: Sequence[Route] = (), kept: Mapping[str, KeptAnswer] | None = None
) -> ASGIApp:
    """Return the application behind its guard; rules None for the unix socket.

    direct: routes of the application that it would find by itself, but that are asked too often for the long way.
    kept: by the beginning of their path, questions whose answers are often ready.
    """
    return Guard(Shortcut(app, direct, kept or {}) if direct or kept else app, rules)


class Shortcut:
    """ASGI middleware: routes with a fixed path that answer every failure themselves, without the framework.

    And answers that lie ready.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route], kept: Mapping[str, KeptAnswer] | None = None) -> None:
        self._app = app
        self._kept = tuple((kept or {}).items())
        self._endpoints = {(method, route.path): route.endpoint for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        response: Response | None = None
        if endpoint is not None:
            response = await endpoint(Request(scope, receive))
        elif scope["type"] == "http" and scope["method"] == "GET":
            for beginning, kept in self._kept:
                if scope["path"].startswith(beginning):
                    response = await kept(Request(scope, receive))
        await (self._app if response is None else response)(scope, receive, send)


def _add_plain(app: FastAPI, operations: Operations) -> None:
    @app.get("/", response_class=PlainTextResponse, include_in_schema=False)
    async def welcome() -> Response:
        return PlainTextResponse(WELCOME.format(version=__version__))

    @app.get("/-/healthy", response_class=PlainTextResponse, summary="200 while the process lives")
    async def healthy() -> Response:
        return PlainTextResponse("inferdeck is healthy\n")

    @app.get("/-/ready", response_class=PlainTextResponse, summary="200 while it serves, 503 before and after")
    async def ready() -> Response:
        if not operations.ready():
            raise UnavailableError("starting or stopping")
        return PlainTextResponse("inferdeck is ready\n")

    @app.get("/metrics", response_class=PlainTextResponse, summary="inferdeck's own metrics, Prometheus text format")
    async def metrics() -> Response:
        return Response(await run_in_threadpool(operations.own_metrics), media_type=METRICS_TYPE)

    @app.get("/metrics/", include_in_schema=False)
    async def metrics_slash() -> Response:
        return RedirectResponse("/metrics", 307)
