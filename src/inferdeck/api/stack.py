"""The routes about the stack itself: services, containers, cards, chains and routes, paged and filtered."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, TypeVar

import orjson
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.native import FAILURES, At, at_moment
from inferdeck.errors import UsageError
from inferdeck.model.clock import Clock
from inferdeck.model.page import LARGEST_LIMIT, LARGEST_OFFSET, USUAL_LIMIT, Page
from inferdeck.model.stack import Card, Chain, Route, StackContainer, StackService
from inferdeck.query.stack.interface import StackQuestions, Wanted

T = TypeVar("T")

PAGING = ("q", "offset", "limit")
Text = Annotated[str, Query(max_length=1000)]
Offset = Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="How many of the matching items to leave out.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="How many items to return at most.")]
Free = Annotated[str, Query(max_length=1000, description="Text that an item must show somewhere; case is ignored.")]


def routes(questions: StackQuestions, clock: Clock) -> APIRouter:
    """Return the routes; answers are pages of the values of model/stack.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)
    _add_services(router, questions, clock)
    _add_joined(router, questions, clock)
    return router


def _add_services(router: APIRouter, questions: StackQuestions, clock: Clock) -> None:
    @router.get("/services", response_model=Page[StackService], summary="Watched services with the process behind each")
    async def services(
        request: Request,
        kind: Text = "",
        health: Text = "",
        environment: Text = "",
        host: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        filters = {"kind": kind, "health": health, "environment": environment, "host": host}
        return await _answer(request, questions.services, Wanted(filters, q, offset, limit, at_moment(at, clock)))

    @router.get("/containers", response_model=Page[StackContainer], summary="Containers, and what runs in them")
    async def containers(
        request: Request,
        state: Text = "",
        health: Text = "",
        environment: Text = "",
        host: Text = "",
        project: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        filters = {"state": state, "health": health, "environment": environment, "host": host, "project": project}
        return await _answer(request, questions.containers, Wanted(filters, q, offset, limit, at_moment(at, clock)))

    @router.get("/gpus", response_model=Page[Card], summary="GPUs, their processes and the services that use them")
    async def gpus(
        request: Request,
        host: Text = "",
        environment: Text = "",
        model: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        filters = {"host": host, "environment": environment, "model": model}
        return await _answer(request, questions.gpus, Wanted(filters, q, offset, limit, at_moment(at, clock)))


def _add_joined(router: APIRouter, questions: StackQuestions, clock: Clock) -> None:
    @router.get(
        "/chains",
        response_model=Page[Chain],
        summary="Deployment, engine, container, process, GPU: each link with its evidence",
    )
    async def chains(
        request: Request,
        model: Text = "",
        gateway: Text = "",
        environment: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        filters = {"model": model, "gateway": gateway, "environment": environment}
        return await _answer(request, questions.chains, Wanted(filters, q, offset, limit, at_moment(at, clock)))

    @router.get(
        "/routes",
        response_model=Page[Route],
        summary="Public models, their fallbacks and deployments, with state and load",
    )
    async def route_graph(
        request: Request,
        model: Text = "",
        gateway: Text = "",
        environment: Text = "",
        state: Text = "",
        origin: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        filters = {"model": model, "gateway": gateway, "environment": environment, "state": state, "origin": origin}
        return await _answer(request, questions.routes, Wanted(filters, q, offset, limit, at_moment(at, clock)))


async def _answer(request: Request, ask: Callable[[Wanted], Page[T]], wanted: Wanted) -> Response:
    refuse_unknown(request, (*wanted.filters, *PAGING, "at"))

    def answered() -> bytes:
        # A long page takes a while to become text: that is not for the event loop either.
        return orjson.dumps(ask(wanted))

    return Response(await run_in_threadpool(answered), media_type="application/json")


def refuse_unknown(request: Request, known: Collection[str]) -> None:
    """Raise UsageError for a parameter that a route does not take, instead of answering something else than asked."""
    for name in request.query_params:
        if name not in known:
            raise UsageError(f"{name[:100]}: unknown parameter; there are {', '.join(known)}")
