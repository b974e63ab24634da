"""PromQL over HTTP: query, query_range, and what editors ask about a text."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.prometheus.answers import BadDataError, respond, success
from inferdeck.api.prometheus.leaving import unless_gone
from inferdeck.api.prometheus.parameters import Parameters
from inferdeck.api.prometheus.site import Site
from inferdeck.api.prometheus.syntax import tree
from inferdeck.query import encode
from inferdeck.query.interface import QueryOptions, QueryService
from inferdeck.query.promql.format import pretty
from inferdeck.query.promql.parser import parse
from inferdeck.query.promql.result import Result, ResultType

MOST_POINTS = 11_000
TRUNCATED = "results truncated due to limit"
_CELLS_AT_ONCE = 4000
"""Larger results are written by another thread: 4,000 points take half a millisecond."""


class Questions:
    """Handlers; see Prometheus' documentation of the same paths."""

    def __init__(self, service: QueryService, site: Site) -> None:
        self._service = service
        self._site = site

    async def query(self, request: Request, parameters: Parameters) -> Response:
        """Evaluate at one moment."""
        began, limit = time.perf_counter(), parameters.limit()
        moment = parameters.time("time", self._site.now_ms())
        text, options = parameters.text("query"), _options(parameters)
        found = self._service.at_once(text, moment, options)
        if found is None:
            found = await unless_gone(request, self._service.instant(text, moment, options))
        return await _answer(request, parameters, found, limit, began)

    async def query_range(self, request: Request, parameters: Parameters) -> Response:
        """Evaluate on a grid of steps."""
        began, limit = time.perf_counter(), parameters.limit()
        start, end = parameters.time("start"), parameters.time("end")
        if end < start:
            raise BadDataError('invalid parameter "end": end timestamp must not be before start time')
        step = parameters.duration("step")
        if step is None:
            raise BadDataError('invalid parameter "step": cannot parse "" to a valid duration')
        if step <= 0:
            raise BadDataError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        if (end - start) // step > MOST_POINTS:
            raise BadDataError(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        found = await self._service.range(parameters.text("query"), start, end, step, _options(parameters))
        return await _answer(request, parameters, found, limit, began)

    async def exemplars(self, request: Request, parameters: Parameters) -> Response:
        """Exemplars are not kept, so there are none; the parameters are checked all the same."""
        start, end = parameters.time("start", 0), parameters.time("end", self._site.now_ms())
        if end < start:
            raise BadDataError('invalid parameter "end": end timestamp must not be before start timestamp')
        await asyncio.to_thread(parse, parameters.text("query"))
        return await respond(request, success(b"[]"))

    async def format_query(self, request: Request, parameters: Parameters) -> Response:
        """The text of a query, laid out."""
        expr = await asyncio.to_thread(parse, parameters.text("query"))
        return await respond(request, success(encode.plain(pretty(expr))))

    async def parse_query(self, request: Request, parameters: Parameters) -> Response:
        """The syntax tree of a query."""
        expr = await asyncio.to_thread(parse, parameters.text("query"))
        return await respond(request, success(encode.plain(tree(expr))))


def _options(parameters: Parameters) -> QueryOptions:
    timeout, lookback = parameters.duration("timeout"), parameters.duration("lookback_delta")
    if lookback is not None and lookback <= 0:
        raise BadDataError('invalid parameter "lookback_delta": must be positive')
    return QueryOptions(None if timeout is None else max(0.0, timeout / 1000), lookback)


async def _answer(request: Request, parameters: Parameters, found: Result, limit: int, began: float) -> Response:
    warnings = list(found.warnings)
    if limit and len(found.series) > limit and found.type in (ResultType.VECTOR, ResultType.MATRIX):
        points = found.points and found.points[:limit]
        found = replace(found, series=found.series[:limit], values=found.values[:limit], points=points)
        warnings.append(TRUNCATED)
    evaluated = time.perf_counter()

    def body() -> bytes:
        parts = encode.result(found)
        if parameters.text("stats"):
            parts += [b',"stats":', encode.plain(_statistics(began, evaluated, found))]
        return success([*parts, b"}"], warnings, found.infos)

    large = found.values.size > _CELLS_AT_ONCE
    return await respond(request, await asyncio.to_thread(body) if large else body())


def _statistics(began: float, evaluated: float, found: Result) -> dict[str, object]:
    """Only what is known: how long it took, and how many samples the answer holds."""
    total = time.perf_counter() - began
    timings = {
        "evalTotalTime": evaluated - began,
        "resultSortTime": 0,
        "queryPreparationTime": 0,
        "innerEvalTime": evaluated - began,
        "execQueueTime": 0,
        "execTotalTime": total,
    }
    size = int(found.values.size)
    return {"timings": timings, "samples": {"totalQueryableSamples": size, "peakSamples": size}}
