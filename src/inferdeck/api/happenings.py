"""The routes about what happened: events, and annotations, which may be written and deleted here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.native import FAILURES
from inferdeck.api.stack import PAGING, Free, Limit, Offset, Text, refuse_unknown
from inferdeck.model.annotations import MOST_TAGS, USUAL_KIND, Annotation, Asked, Deleted, Event
from inferdeck.model.clock import Clock
from inferdeck.model.json_form import dumps
from inferdeck.model.page import USUAL_LIMIT, Page
from inferdeck.query.happenings import Happenings
from inferdeck.query.logs import moment

Time = Annotated[
    str, Query(max_length=100, description="RFC 3339, Unix seconds, or a duration before now such as 15m.")
]
_TIME = "RFC 3339, Unix seconds, or a duration before now such as 15m; now where absent."
EVENT_FILTERS = ("kind", "subject", "source", "environment", "since", "until")
ANNOTATION_FILTERS = ("kind", "tag", "environment", "since", "until")


class NewAnnotation(BaseModel):
    """What happened, in words."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    text: str = Field(description="One or more sentences; what looks like a secret is replaced before it is kept.")
    kind: str = Field(default=USUAL_KIND, description="deployment, config_revision, budget, restart, note, …")
    tags: list[str] = Field(default_factory=list, description=f"Words to find it by, {MOST_TAGS} at most.")
    time: str | float | None = Field(default=None, description=_TIME)
    until: str | float | None = Field(default=None, description="The end of a span of time, in the same forms.")
    environment: str = Field(default="", description="The daemon's own where absent.")


def routes(questions: Happenings, clock: Clock) -> APIRouter:
    """Return the routes; answers are the values of model/annotations.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)
    _add_questions(router, questions, clock)
    _add_changes(router, questions, clock)
    return router


def _add_questions(router: APIRouter, questions: Happenings, clock: Clock) -> None:
    @router.get("/events", response_model=Page[Event], summary="What happened in the stack, newest first")
    async def events(
        request: Request,
        kind: Text = "",
        subject: Text = "",
        source: Text = "",
        environment: Text = "",
        since: Time = "",
        until: Time = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
    ) -> Response:
        refuse_unknown(request, (*EVENT_FILTERS, *PAGING))
        span = (_time(since, clock), _time(until, clock))
        asked = Asked(kind, subject, source, environment, "", q, *span, offset, limit)
        return await _answer(lambda: dumps(questions.events(asked)))

    @router.get("/annotations", response_model=Page[Annotation], summary="What people and scripts noted, newest first")
    async def annotations(
        request: Request,
        kind: Text = "",
        tag: Text = "",
        environment: Text = "",
        since: Time = "",
        until: Time = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
    ) -> Response:
        refuse_unknown(request, (*ANNOTATION_FILTERS, *PAGING))
        span = (_time(since, clock), _time(until, clock))
        asked = Asked(kind, "", "", environment, tag, q, *span, offset, limit)
        return await _answer(lambda: dumps(questions.annotations(asked)))


def _add_changes(router: APIRouter, questions: Happenings, clock: Clock) -> None:
    @router.post("/annotations", response_model=Annotation, summary="Note what happened; answered once it is on disk")
    async def annotate(body: NewAnnotation) -> Response:
        time, until = _time(body.time, clock), _time(body.until, clock)

        def work() -> str:
            found = questions.annotate(
                body.text, time=time, until=until, kind=body.kind, tags=body.tags, environment=body.environment
            )
            return dumps(found)

        return await _answer(work)

    @router.delete("/annotations/{number}", response_model=Deleted, summary="Delete an annotation")
    async def delete(number: Annotated[int, InPath(ge=1, le=2**53)]) -> Response:
        def work() -> str:
            questions.delete_annotation(number)
            return dumps(Deleted(number))

        return await _answer(work)


async def _answer(work: Callable[[], str]) -> Response:
    return Response(await run_in_threadpool(work), media_type="application/json")


def _time(text: str | float | None, clock: Clock) -> float | None:
    if text is None or text == "":
        return None
    return float(text) if isinstance(text, int | float) else moment(text, clock)
