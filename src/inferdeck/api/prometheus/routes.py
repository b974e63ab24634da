"""The routes under /api/v1 and /federate, as raw as they can be: bytes straight out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inferdeck.api.prometheus import federate, knowledge, questions, status, write
from inferdeck.api.prometheus.answers import failure, of_error
from inferdeck.api.prometheus.leaving import ClientGoneError, unless_gone
from inferdeck.api.prometheus.parameters import Parameters
from inferdeck.api.prometheus.site import Site
from inferdeck.errors import InferdeckError, QueryError
from inferdeck.query.interface import QueryService

_log = logging.getLogger(__name__)

PREFIX = "/api/v1"
BOTH = ("GET", "POST")
WRITE_PATH = f"{PREFIX}/write"
"""The one path below the prefix that changes anything; questions may come by POST too."""


Handler = Callable[[Request, Parameters], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    handler: Handler
    methods: tuple[str, ...] = ("GET",)
    parameter: str = "query"
    """Which parameter holds the PromQL text, for the message where that cannot be read."""
    long: bool = False
    """Whether the whole work is given up when the client goes away."""


def routes(service: QueryService, site: Site) -> list[Route]:
    """Return all routes; they answer from one query service and from what the daemon knows."""
    asked = questions.Questions(service, site)
    named = knowledge.Knowledge(service, site)
    known = status.Status(site)
    matched = "match[]"
    entries = [
        _Entry("/query", asked.query, BOTH),
        _Entry("/query_range", asked.query_range, BOTH, long=True),
        _Entry("/query_exemplars", asked.exemplars, BOTH),
        _Entry("/format_query", asked.format_query, BOTH),
        _Entry("/parse_query", asked.parse_query, BOTH),
        _Entry("/series", named.series, BOTH, matched, long=True),
        _Entry("/labels", named.labels, BOTH, matched, long=True),
        _Entry("/label/{name:any_text}/values", named.values, ("GET",), matched, long=True),
        _Entry("/metadata", named.metadata),
        _Entry("/targets", known.targets),
        _Entry("/targets/metadata", named.target_metadata),
        _Entry("/rules", known.rules),
        _Entry("/alerts", known.alerts),
        _Entry("/alertmanagers", known.alertmanagers),
        _Entry("/status/buildinfo", known.build),
        _Entry("/status/runtimeinfo", known.runtime),
        _Entry("/status/flags", known.flags),
        _Entry("/status/config", known.config),
        _Entry("/status/tsdb", known.tsdb),
        _Entry("/status/walreplay", known.replay),
    ]
    found = [Route(f"{PREFIX}{entry.path}", _endpoint(entry), methods=list(entry.methods)) for entry in entries]
    scraped = federate.Federation(service, site)
    found.append(Route("/federate", _endpoint(_Entry("", scraped.answer, parameter=matched, long=True))))
    found.append(Route(WRITE_PATH, write.Writing(site).answer, methods=["POST"]))
    return found


def direct(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that every panel and widget asks, see app.Shortcut."""
    return [route for route in routes if route.path in (f"{PREFIX}/query", f"{PREFIX}/query_range")]


def _endpoint(entry: _Entry) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            parameters = await Parameters.read(request)
            work = entry.handler(request, parameters)
            return await (unless_gone(request, work) if entry.long else work)
        except ClientGoneError:
            return failure("canceled", "the client went away")
        except QueryError as error:
            return failure("bad_data", f'invalid parameter "{entry.parameter}": {error.headline}')
        except InferdeckError as error:
            return of_error(error)
        except Exception as error:
            _log.exception("%s failed", request.url.path)
            return failure("internal", f"an unexpected {type(error).__name__}; this is a bug in inferdeck, see its log")

    return endpoint
