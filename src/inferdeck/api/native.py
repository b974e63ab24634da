"""The native routes under /api: the questions of query/interface.py and the operations of the daemon."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api import any_text
from inferdeck.api.operations import Operations
from inferdeck.model import answers
from inferdeck.model.clock import Clock
from inferdeck.model.json_form import dumps
from inferdeck.query.interface import Questions
from inferdeck.query.logs import moment

BLOCK_TYPE = "application/octet-stream"
At = Annotated[
    str,
    Query(
        max_length=100,
        description="How it was then: RFC 3339, Unix seconds, or a duration before now such as 15m; now where absent.",
    ),
]


class SourceEntry(BaseModel):
    """One source as the configuration file would have it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: str = Field(description="Source kind, for example litellm or redis.")
    entry: dict[str, Any] = Field(
        default_factory=dict, description="Its keys: url, key: {env: NAME}, interval, and what its kind adds."
    )


class CompactOptions(BaseModel):
    """What to compact."""

    model_config = ConfigDict(extra="forbid")

    day: str | None = Field(default=None, description="One day as YYYY-MM-DD; all where absent.")


class NoOptions(BaseModel):
    """Takes nothing."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(BaseModel):
    """What failed, and what to do."""

    kind: str
    message: str
    next: str


class ErrorAnswer(BaseModel):
    """The shape of every failure."""

    error: ErrorDetail


FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (400, 403, 404, 405, 413, 422, 500, 503)
}


def routes(questions: Questions, operations: Operations, clock: Clock) -> APIRouter:
    """Return the native routes; answers are the values of model/answers.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)
    _add_questions(router, questions, clock)
    _add_operations(router, operations)
    return router


def at_moment(text: str, clock: Clock) -> float | None:
    """Return the moment that is asked about, None for now; raises UsageError."""
    return moment(text, clock) if text else None


def _add_questions(router: APIRouter, questions: Questions, clock: Clock) -> None:
    @router.get("/status", response_model=answers.Status, summary="The whole stack at a moment")
    async def status(at: At = "") -> Response:
        return _json(await run_in_threadpool(questions.status, at_moment(at, clock)))

    @router.get("/sources", response_model=answers.Sources, summary="All watched targets")
    async def sources() -> Response:
        return _json(await run_in_threadpool(questions.sources))

    @router.get(
        f"/sources/{{identity:{any_text.KIND}}}",
        response_model=answers.SourceAnswer,
        summary="One target: probes, effects, cost",
    )
    async def source(identity: str) -> Response:
        return _json(await run_in_threadpool(questions.source, identity))

    @router.get("/doctor", response_model=answers.Diagnosis, summary="What is wrong and how to mend it")
    async def doctor() -> Response:
        return _json(await run_in_threadpool(questions.doctor))


def _add_operations(router: APIRouter, operations: Operations) -> None:
    @router.post("/sources/test", response_model=answers.Trial, summary="Read a source once, store nothing")
    async def test_source(body: SourceEntry) -> Response:
        return _json(await operations.test_source(body.kind, body.entry))

    @router.post("/sources", response_model=answers.Added, summary="Test a source, keep it in the file, watch it")
    async def add_source(body: SourceEntry) -> Response:
        return _json(await operations.add_source(body.kind, body.entry))

    @router.get("/config", response_model=answers.ConfigAnswer, summary="The effective configuration, secrets masked")
    async def config() -> Response:
        return _json(operations.config())

    @router.get("/store/stats", response_model=answers.StoreReport, summary="The history, day by day")
    async def store_stats() -> Response:
        return _json(await operations.store_stats())

    @router.post("/store/compact", response_model=answers.Job, summary="Give back free pages")
    async def compact(body: Annotated[CompactOptions | None, Body()] = None) -> Response:
        return _json(operations.start_job("compact", body.model_dump() if body else {}))

    @router.post(
        "/store/blocks",
        response_model=answers.Imported,
        summary="Keep many scrapes of one target at once",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {BLOCK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def blocks(request: Request) -> Response:
        return _json(await operations.import_block(await request.body()))

    @router.post("/store/{work}", response_model=answers.Job, summary="Check the history, or map it anew")
    async def work(work: Literal["check", "remap"], body: Annotated[NoOptions | None, Body()] = None) -> Response:
        return _json(operations.start_job(work, {}))

    @router.get("/jobs/{identity}", response_model=answers.Job, summary="How far a long piece of work is")
    async def job(identity: str) -> Response:
        return _json(operations.job(identity))


def _json(value: object) -> Response:
    return Response(dumps(value), media_type="application/json")
