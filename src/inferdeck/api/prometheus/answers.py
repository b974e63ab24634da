"""The envelope of every answer, and which error type and HTTP status each failure has (web/api/v1/api.go)."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from inferdeck import errors
from inferdeck.query import encode

JSON = "application/json"
COMPRESS_BYTES = 32 << 10
"""Answers below this size are sent as they are: on one machine compressing costs more than sending."""
_STATUS = {
    "bad_data": 400,
    "execution": 422,
    "timeout": 503,
    "canceled": 499,
    "internal": 500,
    "unavailable": 503,
    "not_found": 404,
    "not_acceptable": 406,
}


class BadDataError(errors.UsageError):
    """A parameter of the request is wrong; the message is the one that Prometheus gives."""


def success(data: bytes | Iterable[bytes], warnings: Iterable[str] = (), infos: Iterable[str] = ()) -> bytes:
    """Return the body of an answer; data: JSON, whole or in parts."""
    parts = [b'{"status":"success","data":', *((data,) if isinstance(data, bytes) else data)]
    for name, texts in (("warnings", tuple(warnings)), ("infos", tuple(infos))):
        if texts:
            parts += [f',"{name}":'.encode(), encode.plain(list(texts))]
    return b"".join([*parts, b"}"])


def failure(kind: str, message: str) -> Response:
    """Return a failed answer of one of Prometheus' error types."""
    body = encode.plain({"status": "error", "errorType": kind, "error": message})
    return Response(body, _STATUS[kind], media_type=JSON)


def of_error(error: errors.InferdeckError) -> Response:
    """Return one of our own errors as Prometheus would say it."""
    return failure(error_type(error), str(error))


def error_type(error: errors.InferdeckError) -> str:
    """Return the error type of one of our own errors."""
    if isinstance(error, errors.NotFoundError):
        return "not_found"
    if isinstance(error, errors.CatalogError):
        return "internal"
    if isinstance(error, errors.UsageError):
        return "bad_data"
    if isinstance(error, errors.LimitError | errors.EvaluationError):
        return "execution"
    if isinstance(error, errors.QueryTimeoutError):
        return "timeout"
    if isinstance(error, errors.UnavailableError | errors.StoreError):
        return "unavailable"
    return "internal"


async def respond(request: Request, body: bytes, media_type: str = JSON) -> Response:
    """Return a successful answer, compressed where the client asked for it and the body is large."""
    headers = {"Content-Type": media_type}
    if len(body) >= COMPRESS_BYTES:
        headers["Vary"] = "Accept-Encoding"
        if wants_gzip(request.headers.get("accept-encoding", "")):
            # zlib works without the GIL.
            body = await asyncio.to_thread(_compressed, body)
            headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers)


def wants_gzip(accepted: str) -> bool:
    """Tell whether an Accept-Encoding header takes gzip."""
    for part in accepted.lower().split(","):
        name, _, rest = part.partition(";")
        if name.strip() in ("gzip", "*"):
            quality = rest.strip().removeprefix("q=").strip()
            return not (quality.startswith("0") and not quality.strip("0."))
    return False


def _compressed(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()
