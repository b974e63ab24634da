"""The routes about models and providers: the questions of query/catalog/interface.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api import any_text
from inferdeck.api.native import FAILURES, At, at_moment
from inferdeck.api.stack import PAGING, Free, Limit, Offset, Text, refuse_unknown
from inferdeck.model import model_catalog
from inferdeck.model.clock import Clock
from inferdeck.model.json_form import dumps
from inferdeck.model.page import USUAL_LIMIT
from inferdeck.query.catalog.interface import MODEL_SORTS, PROVIDER_SORTS, CatalogQuestions
from inferdeck.query.stack.interface import Wanted

MODEL_FILTERS = ("type", "provider", "capability", "status", "environment")
PROVIDER_FILTERS = ("state", "gateway", "environment")


def _sorts(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)}; - before it reverses the order, what is not known stays last."


def routes(questions: CatalogQuestions, clock: Clock) -> APIRouter:
    """Return the routes; answers are the values of model/model_catalog.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)
    _add_models(router, questions, clock)
    _add_providers(router, questions, clock)
    return router


def _add_models(router: APIRouter, questions: CatalogQuestions, clock: Clock) -> None:
    @router.get("/models", response_model=model_catalog.Models, summary="All models: what, where, at what price")
    async def models(
        request: Request,
        type: Annotated[str, Query(max_length=1000, description="LLM, Embedding, Reranker, …")] = "",  # noqa: A002
        provider: Text = "",
        capability: Annotated[str, Query(max_length=1000, description="vision, tools, json, reasoning, …")] = "",
        status: Annotated[
            str, Query(max_length=1000, description="available, degraded, loading, error, unknown.")
        ] = "",
        environment: Text = "",
        sort: Annotated[str, Query(max_length=100, description=_sorts(MODEL_SORTS))] = "name",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        refuse_unknown(request, (*MODEL_FILTERS, "sort", *PAGING, "at"))
        values = (type, provider, capability, status, environment)
        wanted = Wanted(dict(zip(MODEL_FILTERS, values, strict=True)), q, offset, limit, at_moment(at, clock))
        return await _answer(lambda: questions.models(wanted, sort))

    @router.get(
        f"/models/{{name:{any_text.KIND}}}",
        response_model=model_catalog.ModelPage,
        summary="Everything known of one model",
    )
    async def model(request: Request, name: str, environment: Text = "", at: At = "") -> Response:
        refuse_unknown(request, ("environment", "at"))
        then = at_moment(at, clock)
        return await _answer(lambda: questions.model(name, environment, then))


def _add_providers(router: APIRouter, questions: CatalogQuestions, clock: Clock) -> None:
    @router.get("/providers", response_model=model_catalog.Providers, summary="Providers: traffic, cost and score")
    async def providers(
        request: Request,
        state: Annotated[str, Query(max_length=1000, description="ok, degraded, failing, down or idle.")] = "",
        gateway: Text = "",
        environment: Text = "",
        sort: Annotated[str, Query(max_length=100, description=_sorts(PROVIDER_SORTS))] = "name",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
        at: At = "",
    ) -> Response:
        refuse_unknown(request, (*PROVIDER_FILTERS, "sort", *PAGING, "at"))
        values = (state, gateway, environment)
        wanted = Wanted(dict(zip(PROVIDER_FILTERS, values, strict=True)), q, offset, limit, at_moment(at, clock))
        return await _answer(lambda: questions.providers(wanted, sort))


async def _answer(ask: Callable[[], object]) -> Response:
    # A long page takes a while to become text: that is not for the event loop either.
    return Response(await run_in_threadpool(lambda: dumps(ask())), media_type="application/json")
