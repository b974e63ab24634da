"""The routes about what programs wrote: the questions of query/logs.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.native import FAILURES
from inferdeck.api.stack import refuse_unknown
from inferdeck.model.clock import Clock
from inferdeck.model.json_form import dumps
from inferdeck.model.log_lines import LARGEST_LIMIT, USUAL_LIMIT, LogAnswer, LogQuery, LogStreams
from inferdeck.query.logs import LARGEST_CURSOR, LogQuestions, moment

PARAMETERS = ("stream", "q", "exclude", "level", "around", "since", "until", "limit", "before", "after", "cursor")
Words = Annotated[list[str], Query(max_length=100)]
Time = Annotated[
    str, Query(max_length=100, description="RFC 3339, Unix seconds, or a duration before now such as 15m.")
]
Count = Annotated[int, Query(ge=0, le=LARGEST_LIMIT)]


def routes(questions: LogQuestions, clock: Clock) -> APIRouter:
    """Return the routes; answers are the values of model/log_lines.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)

    @router.get("/logs/streams", response_model=LogStreams, summary="What can be read: files, units, containers")
    async def streams() -> Response:
        return Response(dumps(await questions.streams()), media_type="application/json")

    @router.get("/logs", response_model=LogAnswer, summary="What programs wrote, masked, the newest lines last")
    async def lines(
        request: Request,
        stream: Annotated[Words, Query(description="Names of streams or parts of them; all where absent.")] = [],  # noqa: B006
        q: Annotated[Words, Query(description="Text that must stand in a line; case is ignored.")] = [],  # noqa: B006
        exclude: Annotated[Words, Query(description="Text that must not.")] = [],  # noqa: B006
        level: Annotated[str, Query(max_length=100, description="This level or worse.")] = "",
        around: Time = "",
        since: Time = "",
        until: Time = "",
        limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT)] = USUAL_LIMIT,
        before: Count = 50,
        after: Count = 50,
        cursor: Annotated[str, Query(max_length=LARGEST_CURSOR, description="older or newer of an answer.")] = "",
    ) -> Response:
        refuse_unknown(request, PARAMETERS)
        query = LogQuery(
            streams=tuple(stream),
            include=tuple(q),
            exclude=tuple(exclude),
            level=level.lower(),
            around=_moment(around, clock),
            since=_moment(since, clock),
            until=_moment(until, clock),
            limit=limit,
            before=before,
            after=after,
        )
        answer = await questions.lines(query, cursor)
        # Thousands of long lines take a while to become text: that is not for the event loop.
        return Response(await run_in_threadpool(dumps, answer), media_type="application/json")

    return router


def _moment(text: str, clock: Clock) -> float | None:
    return moment(text, clock) if text else None
