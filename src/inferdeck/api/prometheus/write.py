"""POST /api/v1/write: the remote write receiver, 1.0 and 2.0 (https://prometheus.io/docs/specs/prw/)."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from inferdeck.api.prometheus.site import Site
from inferdeck.errors import InferdeckError, LimitError, StoreError, UsageError
from inferdeck.receive.remote_write import Written

_log = logging.getLogger(__name__)

_MESSAGES = {"prometheus.WriteRequest": 1, "io.prometheus.write.v2.Request": 2}
_WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


class Writing:
    """Answers 204 where everything was kept, 4xx what is not worth sending again, 5xx what is."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def answer(self, request: Request) -> Response:
        """Take one request."""
        version = protocol(request.headers.get("content-type", ""))
        if version is None:
            kind = request.headers.get("content-type", "")[:100]
            return PlainTextResponse(f"unsupported content type {kind!r}: send application/x-protobuf\n", 415)
        encoding = request.headers.get("content-encoding", "snappy").strip().lower() or "snappy"
        if encoding != "snappy":
            return PlainTextResponse(f"unsupported content encoding {encoding[:100]!r}: send snappy\n", 415)
        written = Written()
        try:
            written = await self._site.write(await request.body(), version)
        except InferdeckError as error:
            return _with_counts(PlainTextResponse(f"{error}\n", _status(error)), written, version)
        complaint = written.complaint()
        if complaint and (version == 2 or written.out_of_bounds):
            return _with_counts(PlainTextResponse(f"{complaint}\n", 400), written, version)
        if complaint:
            _log.warning("remote write: %s", complaint)
        return _with_counts(Response(status_code=204), written, version)


def protocol(content_type: str) -> int | None:
    """Return the version that a content type names, None where it is none of ours; without one it is 1."""
    kind, *parameters = [part.strip() for part in content_type.split(";")]
    if kind.lower() not in ("", "application/x-protobuf"):
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "proto":
            return _MESSAGES.get(value.strip().strip('"'))
    return 1


def _status(error: InferdeckError) -> int:
    if isinstance(error, LimitError):
        return 413
    if isinstance(error, UsageError):
        return 400
    return 503 if isinstance(error, StoreError) else 500


def _with_counts(response: Response, written: Written, version: int) -> Response:
    if version == 2:
        for name, count in (("Samples", written.samples), ("Histograms", 0), ("Exemplars", 0)):
            response.headers[_WRITTEN.format(name)] = str(count)
    return response
