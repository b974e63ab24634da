"""The Langfuse server: a fold of requests, attempts and ratings, and the routes over it."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from aiohttp import web

from inferdeck.simulate.events import (
    Answered,
    AttemptEnded,
    ClockShifted,
    Ended,
    Rated,
    Repriced,
    Started,
)
from inferdeck.simulate.fleet import Fleet, Price
from inferdeck.simulate.fleet import Langfuse as LangfuseOfFleet
from inferdeck.simulate.servers.langfuse import models, reads_v3, reads_v4
from inferdeck.simulate.servers.langfuse.limiter import Limiter
from inferdeck.simulate.servers.langfuse.records import ORGANIZATION, PROJECT, milliseconds
from inferdeck.simulate.servers.langfuse.refused import EVENTS_ONLY, HOST, RefusedError
from inferdeck.simulate.servers.langfuse.site import Asked, page
from inferdeck.simulate.servers.langfuse.window import Window
from inferdeck.simulate.servers.langfuse.writes import WRITES, Given, Write
from inferdeck.simulate.servers.program import Handlers, World
from inferdeck.simulate.table import Table

PUBLIC_KEY, SECRET_KEY = "pk-lf-demo", "sk-lf-demo"
ACCESS = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
RECENT = 180.0
"""Seconds in which an event must have come for ?failIfNoRecentEvents."""

Answer = Callable[[Asked], dict[str, Any]]


class Read(NamedTuple):
    """A GET route: what answers it, the resource that it counts to, and whether a v4 server still has it."""

    path: str
    answer: Answer
    resource: str = "public-api"
    legacy: bool = False


def _models(asked: Asked) -> dict[str, Any]:
    """GET /models."""
    shown, meta = page(asked, asked.models.all)
    return {"data": [models.body(one, asked.created) for one in shown], "meta": meta}


READS = (
    Read("/models", _models),
    Read("/v2/observations", reads_v4.observations),
    Read("/v2/metrics", reads_v4.metrics, "public-api-v2-metrics"),
    Read("/v3/scores", reads_v4.scores),
    Read("/traces", reads_v3.traces, "public-api-legacy", legacy=True),
    Read("/traces/{traceId}", reads_v3.trace, "public-api-legacy", legacy=True),
    Read("/observations", reads_v3.observations, "public-api-legacy", legacy=True),
    Read("/observations/{observationId}", reads_v3.observation, "public-api-legacy", legacy=True),
    Read("/sessions", reads_v3.sessions, "public-api-legacy", legacy=True),
    Read("/sessions/{sessionId}", reads_v3.one_session, "public-api-legacy", legacy=True),
    Read("/metrics", reads_v3.metrics, "public-api-metrics", legacy=True),
    Read("/metrics/daily", reads_v3.daily, "public-api-daily-metrics-legacy", legacy=True),
    Read("/v2/scores", reads_v3.scores, legacy=True),
    Read("/v2/scores/{scoreId}", reads_v3.score, legacy=True),
)


class LangfuseServer:
    """One Langfuse with one project, which every request of the fleet's gateways is reported to."""

    port = 3000

    def __init__(self, langfuse: LangfuseOfFleet, fleet: Fleet, world: World) -> None:
        self.process = langfuse.name
        self.tables: list[Table] = []
        """It has no metrics of its own."""
        self.window = Window(fleet.environment)
        self.models = models.Models(fleet.gateways)
        self.limiter = Limiter(langfuse.requests_per_minute, time.monotonic)
        self.text_version = langfuse.version
        self.created: int | None = None
        self.clock_offset = 0.0
        self._host = langfuse.host
        self._project_name = fleet.name
        self._world = world
        self._up = True
        self._last_event = 0.0
        self._hosts = {gateway.name: gateway.host for gateway in fleet.gateways}
        self._offsets: dict[str, float] = {}
        for gateway in fleet.gateways:
            for deployment in gateway.deployments:
                self.window.prices[gateway.name, deployment.id] = (deployment.served, deployment.price)

    @property
    def version(self) -> tuple[int, ...]:
        """Return the version as numbers."""
        return tuple(int(part) for part in self.text_version.split("-")[0].split(".") if part.isdigit())

    def handlers(self) -> Handlers:
        """Return what to call for which events."""
        return {
            (AttemptEnded, ""): self.window.attempt,
            (Answered, ""): self._answered,
            (Rated, ""): self._rated,
            (Repriced, ""): self._repriced,
            (Started, self.process): self._started,
            (Ended, self.process): self._ended,
            (ClockShifted, ""): self._shifted,
        }

    def refresh(self, now: float) -> None:
        """Nothing here depends on the time itself."""

    def _answered(self, event: Answered) -> None:
        offset = self._offsets.get(self._hosts.get(event.request.gateway, ""), 0.0)
        self.window.answered(event, offset, keep=self._up)
        if self._up:
            self._last_event = event.time

    def _rated(self, event: Rated) -> None:
        if self._up:
            self.window.rated(event)

    def _repriced(self, event: Repriced) -> None:
        price = Price(event.input, event.output, event.cached_input)
        model = self.window.prices.get((event.gateway, event.deployment), ("", price))[0]
        self.window.prices[event.gateway, event.deployment] = (model, price)
        self.models.repriced(event.gateway, event.deployment, model, price, milliseconds(event.time))

    def _started(self, event: Started) -> None:
        """Begin again: what was kept is in a database and stays."""
        self._up = True
        self.text_version = event.version
        if self.created is None:
            self.created = milliseconds(event.time)

    def _ended(self, event: Ended) -> None:
        self._up = False

    def _shifted(self, event: ClockShifted) -> None:
        self._offsets[event.host] = event.seconds
        if event.host == self._host:
            self.clock_offset = event.seconds

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes."""
        base = "/api/public"
        plain: list[web.AbstractRouteDef] = [
            web.get(f"{base}/health", self._health),
            web.get(f"{base}/ready", self._health),
            web.get(f"{base}/projects", self._guarded(self._projects)),
            *(web.post(base + write.path, self._guarded(self._writing(write))) for write in WRITES),
        ]
        return [*plain, *(web.get(base + read.path, self._guarded(self._reading(read))) for read in READS)]

    def _now(self) -> float:
        """Return what this server's clock shows."""
        return self._world.present() + self.clock_offset

    async def _health(self, request: web.Request) -> web.Response:
        now = self._world.present()
        status = "OK"
        if request.query.get("failIfNoRecentEvents") == "true" and now - self._last_event > RECENT:
            status = "No traces or observations within the last 3 minutes"
        body = {"status": status, "version": self.text_version}
        return web.json_response(body, status=200 if status == "OK" else 503)

    def _guarded(
        self, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def guarded(request: web.Request) -> web.Response:
            try:
                return await answer(request)
            except RefusedError as refused:
                if isinstance(refused.body, str):
                    kind = refused.headers.pop("Content-Type", "text/plain").partition(";")[0]
                    return web.Response(
                        status=refused.status, text=refused.body, headers=refused.headers, content_type=kind
                    )
                return web.json_response(refused.body, status=refused.status, headers=refused.headers)

        return guarded

    def _reading(self, read: Read) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def reading(request: web.Request) -> web.Response:
            # The order is the real one's: mode, keys, limits, parameters.
            if read.legacy and self.version >= (4,):
                raise RefusedError(404, {"message": EVENTS_ONLY})
            self._authorize(request)
            now = self._now()
            self.limiter.take(read.resource, now, structured=self.version >= (4,))
            created = self.created if self.created is not None else milliseconds(now)
            asked = Asked(self.window, self.models, self.version, created, request.query, request.match_info)
            return web.json_response(read.answer(asked))

        return reading

    def _writing(self, write: Write) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def writing(request: web.Request) -> web.Response:
            self._authorize(request, public=write.public)
            given = Given(self.window, self.models, self.version, milliseconds(self._now()), request)
            answer = await write.answer(given)
            self._last_event = self._world.present()
            return answer

        return writing

    def _authorize(self, request: web.Request, *, public: bool = False) -> None:
        """Check the keys; `public`: the public key alone (Bearer) will do."""
        header = request.headers.get("Authorization")
        if header is None:
            raise RefusedError(401, {"message": "No authorization header"})
        scheme, _, credentials = header.partition(" ")
        if scheme == "Bearer" and credentials == PUBLIC_KEY:
            if public:
                return
            raise RefusedError(403, {"message": "Access denied - insufficient permissions for this endpoint"})
        if scheme not in ("Basic", "Bearer"):
            raise RefusedError(401, {"message": "Invalid authorization header"})
        try:
            given = base64.b64decode(credentials, validate=True).decode() if scheme == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError) as error:
            raise RefusedError(401, {"message": "Invalid authorization header" + HOST}) from error
        if given != f"{PUBLIC_KEY}:{SECRET_KEY}":
            raise RefusedError(401, {"message": "Invalid credentials" + HOST})

    async def _projects(self, request: web.Request) -> web.Response:
        """GET /projects: not limited, for applications call it at their start."""
        self._authorize(request)
        project: dict[str, Any] = {"id": PROJECT, "name": self._project_name, "metadata": {}}
        if self.version >= (3, 100):
            project["organization"] = {"id": ORGANIZATION, "name": "inferdeck demo"}
        return web.json_response({"data": [project]})
