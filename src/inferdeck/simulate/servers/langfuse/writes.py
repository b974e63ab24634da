"""What Langfuse takes from real clients: legacy batches, scores, and OTLP."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import web

from inferdeck.simulate.servers.langfuse.models import Models
from inferdeck.simulate.servers.langfuse.otlp import spans_of_json, spans_of_protobuf
from inferdeck.simulate.servers.langfuse.refused import RefusedError, invalid
from inferdeck.simulate.servers.langfuse.taken import REMEDY, score_of, take_event, take_span
from inferdeck.simulate.servers.langfuse.window import Window


@dataclass(frozen=True, slots=True)
class Given:
    """One POST request."""

    window: Window
    models: Models
    version: tuple[int, ...]
    now: int
    """What the server's clock shows (ms)."""
    request: web.Request

    async def body(self) -> bytes:
        """Return the body without its compression."""
        # aiohttp's server has undone the encoding where the header named one that it knows.
        data = await self.request.read()
        if data[:2] != b"\x1f\x8b":
            return data
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise RefusedError(400, {"error": "Failed to decompress request body"}) from error

    async def json(self) -> Any:
        """Return the body as JSON."""
        try:
            return json.loads(await self.body())
        except ValueError as error:
            raise RefusedError(400, {"message": "Invalid JSON"}) from error


class Write(NamedTuple):
    """A POST route; `public`: the public key alone will do."""

    path: str
    answer: Callable[[Given], Awaitable[web.Response]]
    public: bool = False


async def ingestion(given: Given) -> web.Response:
    """POST /ingestion: 207 with what each event became; a v4 server takes scores only."""
    body = await given.json()
    batch = body.get("batch") if isinstance(body, dict) else None
    if not isinstance(batch, list):
        raise RefusedError(400, {"message": "Invalid request data", "errors": ["Required"]})
    successes: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for event in batch:
        problem = _take(given, event)
        name = event.get("id", "unknown") if isinstance(event, dict) else "unknown"
        if problem is None:
            successes.append({"id": name, "status": 201})
        else:
            errors.append({"id": name, "status": 400, **problem})
    return web.json_response({"successes": successes, "errors": errors}, status=207)


def _take(given: Given, event: Any) -> dict[str, str] | None:
    """Take one event; return what is wrong with it."""
    kind = event.get("type") if isinstance(event, dict) else None
    if given.version >= (4,) and kind != "score-create":
        return {
            "message": "Event type not accepted",
            "error": f'Event type "{kind or "unknown"}" is not accepted by /api/public/ingestion when '
            "LANGFUSE_MIGRATION_V4_WRITE_MODE is events_only. This endpoint only accepts score events. " + REMEDY,
        }
    try:
        take_event(event, given.window, given.models, given.now)
    except RefusedError as refused:
        return {"message": "Invalid request data", "error": str(refused.body)}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        return {"message": "Invalid request data", "error": f"{type(error).__name__}: {error}"}
    return None


async def scores(given: Given) -> web.Response:
    """POST /scores: one score, or (from SDK 5 on) a list of them."""
    body = await given.json()
    entries = body if isinstance(body, list) else [body]
    try:
        made = [score_of(entry, given.now) for entry in entries]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise invalid("body", str(error)) from error
    for score in made:
        given.window.sent_score(score)
    if isinstance(body, list):
        taken = [{"id": score.id, "status": 201} for score in made]
        return web.json_response({"successes": taken, "errors": []}, status=207)
    return web.json_response({"id": made[0].id})


async def traces(given: Given) -> web.Response:
    """POST /otel/v1/traces: protobuf or JSON, gzip or plain."""
    data, kind = await given.body(), given.request.headers.get("Content-Type", "").lower()
    ingestion = given.request.headers.get("x-langfuse-ingestion-version", "4")
    if not ingestion.isdigit() or int(ingestion) > 4:
        error = f'Unsupported x-langfuse-ingestion-version: "{ingestion}". Maximum supported: "4".'
        raise RefusedError(400, {"error": error})
    if "application/json" not in kind and "application/x-protobuf" not in kind:
        raise RefusedError(400, {"error": "Invalid content type"})
    protobuf = "application/x-protobuf" in kind
    try:
        for span in spans_of_protobuf(data) if protobuf else spans_of_json(data):
            take_span(span, given.window, given.models, given.now)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        name = "Protobuf" if protobuf else "JSON"
        raise RefusedError(400, {"error": f"Failed to parse OTel {name} Trace"}) from error
    return web.json_response({})


async def metrics(given: Given) -> web.Response:
    """POST /otel/v1/metrics: taken and thrown away, as the real one does."""
    await given.request.read()
    return web.json_response({})


WRITES = (
    Write("/ingestion", ingestion, public=True),
    Write("/scores", scores, public=True),
    Write("/otel/v1/traces", traces),
    Write("/otel/v1/metrics", metrics),
)
