"""The one shape in which every failure is answered: {"error": {"kind", "message", "next"}}."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from inferdeck import errors

NEXT: tuple[tuple[type[errors.InferdeckError], str], ...] = (
    (errors.ConfigError, "mend the configuration, then run: inferdeck config check"),
    (errors.NotFoundError, "GET /openapi.json lists the routes, GET /api/sources the sources"),
    (errors.UsageError, "GET /openapi.json says what this route takes"),
    (errors.ForbiddenError, "see auth and allowed_hosts in the configuration"),
    (errors.LimitError, "ask for less at once"),
    (errors.AuthError, "give the source its key: key: {env: NAME}"),
    (errors.CollectError, "see GET /api/doctor"),
    (errors.StoreError, "see GET /api/doctor"),
    (errors.UnavailableError, "try again in a moment"),
    (errors.InferdeckError, "see GET /api/doctor and the log"),
)
_BY_STATUS: dict[int, type[errors.InferdeckError]] = {
    401: errors.ForbiddenError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    503: errors.UnavailableError,
}


def answer(status: int, kind: str, message: str, following: str, headers: dict[str, str] | None = None) -> Response:
    """Return a failure in the canonical shape."""
    body = {"error": {"kind": kind, "message": message, "next": following}}
    return Response(json.dumps(body, ensure_ascii=False), status, headers, media_type="application/json")


def of(error: errors.InferdeckError) -> Response:
    """Return one of our own errors in the canonical shape."""
    return answer(errors.http_status(error), errors.kind(error), str(error), next_step(error))


def next_step(error: errors.InferdeckError) -> str:
    """Return what to do about an error of this kind."""
    return next(text for kind, text in NEXT if isinstance(error, kind))


def install(app: FastAPI) -> None:
    """Answer every exception of a route, our own and the framework's, in the canonical shape."""
    app.add_exception_handler(errors.InferdeckError, _own)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unexpected)


async def _own(_request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.InferdeckError)  # noqa: S101
    return of(error)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    own = _BY_STATUS.get(error.status_code, errors.UsageError)(f"{request.method} {request.url.path}: {error.detail}")
    headers = dict(error.headers or {})
    return answer(error.status_code, errors.kind(own), str(own), next_step(own), headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    own = errors.UsageError(f"{request.method} {request.url.path}: {_first(list(error.errors()))}")
    return of(own)


def _first(found: list[dict[str, Any]]) -> str:
    # The input itself is left out, since it may hold a key.
    where = ".".join(str(part) for part in found[0].get("loc", ()))
    return f"{where}: {found[0].get('msg', 'wrong')}"


async def _unexpected(_request: Request, error: Exception) -> Response:
    # The server logs the traceback; the answer names the type alone, since a message may quote data.
    text = f"an unexpected {type(error).__name__}; this is a bug in inferdeck"
    return answer(500, "internal", text, "the log has the details; please report it")
