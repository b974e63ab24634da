"""The routes about models and providers: the questions of query/catalog/interface.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from inferdeck.api.native import FAILURES
from inferdeck.model import model_catalog
from inferdeck.model.json_form import dumps
from inferdeck.model.page import LARGEST_LIMIT, USUAL_LIMIT
from inferdeck.query.catalog.interface import MODEL_SORTS, PROVIDER_SORTS, CatalogQuestions
from inferdeck.query.stack.interface import Wanted

Offset = Annotated[int, Query(ge=0, description="How many to leave out.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="How many to give.")]
Text = Annotated[str, Query(description="Only what holds this text, in upper or lower case.")]
Environment = Annotated[str, Query(description="Only of this environment.")]


def routes(questions: CatalogQuestions) -> APIRouter:
    """Return the routes; answers are the values of model/model_catalog.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)

    @router.get("/models", response_model=model_catalog.Models, summary="All models: what, where, at what price")
    async def models(
        q: Text = "",
        type: Annotated[str, Query(description="LLM, Embedding, Reranker, …")] = "",  # noqa: A002
        provider: Annotated[str, Query(description="Only what this provider serves.")] = "",
        capability: Annotated[str, Query(description="vision, tools, json, reasoning, streaming, …")] = "",
        status: Annotated[str, Query(description="available, degraded, loading, error or unknown.")] = "",
        environment: Environment = "",
        sort: Annotated[str, Query(description=_sorts(MODEL_SORTS))] = "name",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
    ) -> Response:
        filters = {
            "type": type,
            "provider": provider,
            "capability": capability,
            "status": status,
            "environment": environment,
        }
        return _json(await run_in_threadpool(questions.models, Wanted(filters, q, offset, limit), sort))

    @router.get("/models/{name:path}", response_model=model_catalog.ModelPage, summary="Everything known of one model")
    async def model(name: str, environment: Environment = "") -> Response:
        return _json(await run_in_threadpool(questions.model, name, environment))

    @router.get("/providers", response_model=model_catalog.Providers, summary="Providers: traffic, cost and score")
    async def providers(
        q: Text = "",
        state: Annotated[str, Query(description="ok, degraded, failing, down or idle.")] = "",
        gateway: Annotated[str, Query(description="Only as this gateway sees them.")] = "",
        environment: Environment = "",
        sort: Annotated[str, Query(description=_sorts(PROVIDER_SORTS))] = "name",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
    ) -> Response:
        filters = {"state": state, "gateway": gateway, "environment": environment}
        return _json(await run_in_threadpool(questions.providers, Wanted(filters, q, offset, limit), sort))

    return router


def _sorts(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)}; - before it reverses the order."


def _json(value: object) -> Response:
    return Response(dumps(value), media_type="application/json")
