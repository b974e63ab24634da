"""The LiteLLM source: GET /metrics/ per collection, and now and then the routes that tell what is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from inferdeck.errors import AuthError, CollectError, StatusError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.scrape import EMPTY_LAYOUT, Layout
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Joined, Sample
from inferdeck.sources.exposition import Exposition, ExpositionParser
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.litellm import inventory
from inferdeck.sources.litellm.config import LitellmConfig

SMALL_BYTES = 8_000_000
ENABLE_METRICS = 'its config.yaml needs `litellm_settings: {callbacks: ["prometheus"]}`'
OPEN_METRICS = "`litellm_settings: {require_auth_for_metrics_endpoint: false}` in its config.yaml"
NOT_PREMIUM = "litellm_not_a_premium_user_metric"
_REFUSED = (400, 401, 403, 500)
_MISSING = 404

PROBES = (
    Probe("metrics", "GET /metrics/", SideEffect.NONE, required=True),
    Probe("readiness", "GET /health/readiness/details, or /health/readiness", SideEffect.NONE, "version and database"),
    Probe("models", "GET /model/info, /model_group/info, or /v1/models", SideEffect.NONE, "every poll_inventory"),
    Probe("routing", "GET /get/config/callbacks", SideEffect.NONE, "every poll_inventory; fallbacks and callbacks"),
    Probe("backlog", "GET /health/backlog", SideEffect.NONE, "one more request per interval", enabled_by="backlog"),
    Probe("health", "GET /health", SideEffect.COSTS_MONEY, "calls every deployment for real; never sent"),
    Probe("services", "GET /health/services", SideEffect.POLLUTES_COUNTERS, "logs a made-up request; never sent"),
    Probe("spend", "GET /spend/logs", SideEffect.EXHAUSTS_MEMORY, "loads every request of the range; never sent"),
    Probe("cache", "GET /cache/ping", SideEffect.POLLUTES_COUNTERS, "writes a key into the cache; never sent"),
)


class LitellmSource:
    """One LiteLLM proxy; the key goes to its own origin alone."""

    kind = "litellm"
    probes: Sequence[Probe] = PROBES

    def __init__(self, config: LitellmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._url = config.url or f"http://{target.instance}"
        self._http = http
        self._clock = clock
        self._gateway = config.gateway or dict(extra).get("gateway") or target.instance
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._parser = ExpositionParser(extra, max_series=config.max_series, max_bytes=config.max_bytes)
        self._own = Columns(extra)
        self._joined = Joined()
        self._due = 0.0
        self._asked = 0
        self._service = inventory.Service()
        self._deployments: tuple[inventory.Deployment, ...] = ()
        self._groups: tuple[Fact, ...] = ()
        self._routing: tuple[Fact, ...] = ()
        self._callback: bool | None = None
        self._guarded = False
        """The proxy wants a key and was given none."""
        self._notes: tuple[str, ...] = ()
        self._judged: tuple[Layout, tuple[str, ...]] = (EMPTY_LAYOUT, ())

    async def collect(self, now: float) -> Collected:
        """Read the proxy once; raises CollectError where it does not answer or refuses the key."""
        self._asked = 0
        answer = await self._get("/metrics/", *_REFUSED, _MISSING)
        self._refuse(answer)
        if self._clock.monotonic() >= self._due:
            await self._read_inventory()
        found = await self._metrics(answer)
        own = self._own.collect([*inventory.model_info(self._gateway, self._deployments), *await self._backlog()])
        layout, values = self._joined.join((found.layout, found.values), own)
        return Collected(
            layout,
            values,
            families=found.families,
            inventory=self._inventory(),
            version=self._service.version,
            warnings=(*found.warnings, *self._missing(answer, found), *self._notes),
            response_bytes=len(answer.body),
            requests=self._asked,
            dropped=found.dropped,
        )

    async def check(self) -> list[Fact]:
        """Return what is there, from the inventory routes alone."""
        self._asked = 0
        await self._read_inventory()
        return self._inventory()

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    async def _metrics(self, answer: Response) -> Exposition:
        if answer.status == _MISSING:
            return Exposition(EMPTY_LAYOUT, np.empty(0), {})
        return await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))

    async def _get(self, path: str, *allow: int, send_key: bool = True) -> Response:
        """Ask once; LiteLLM answers /metrics with a redirect to /metrics/, so that is asked for at once."""
        self._asked += 1
        answer = await self._http.get(
            self._url,
            settings=self._config,
            path=path,
            deadline=self._deadline,
            max_bytes=None if path == "/metrics/" else SMALL_BYTES,
            redirects="same_origin",
            send_key=send_key,
            allow=allow,
        )
        self._asked += answer.requests - 1
        return answer

    def _refuse(self, answer: Response) -> None:
        """Raise what an error answer of /metrics/ means: without a database a wrong key is a 400, none at all a 500."""
        if answer.status not in _REFUSED:
            return
        keyed = self._config.key is not None or bool(self._config.headers)
        if answer.status in (401, 403) or (answer.status == 400 and b"no_db_connection" in answer.body):
            what = "refuses the key it was given" if keyed else "needs a key"
            do = "check `key` under sources.litellm (the master key)" if keyed else "set `key` under sources.litellm"
            raise AuthError(f"{answer.url}: {what} (HTTP {answer.status}); {do}, or put {OPEN_METRICS}")
        if answer.status == 500 and not keyed:
            raise AuthError(
                f"{answer.url}: answers HTTP 500, as LiteLLM without a database does to a request without a key; "
                f"set `key` under sources.litellm, or put {OPEN_METRICS}"
            )
        raise StatusError(f"{answer.url}: answers HTTP {answer.status}; look at the proxy's own log", answer.status)

    def _missing(self, answer: Response, found: Exposition) -> tuple[str, ...]:
        """Return why there are no metrics, where there are none; the answer holds for as long as the layout does."""
        if self._judged[0] is not found.layout or not len(found.layout):
            names = {metric_name(series) for series in found.layout.series}
            self._judged = (found.layout, tuple(self._reasons(answer, names)))
        return self._judged[1]

    def _reasons(self, answer: Response, names: set[str]) -> Iterator[str]:
        if NOT_PREMIUM in names:
            yield f"{answer.url}: this version gives its metrics only with a licence; LiteLLM 1.80 and later do without"
        elif not any(name.startswith("litellm_") for name in names):
            yield f"{answer.url}: no LiteLLM metrics; {ENABLE_METRICS}"
        elif self._callback is False:
            yield f"{answer.url}: requests are not counted; {ENABLE_METRICS}"

    async def _read_inventory(self) -> None:
        """Renew what the proxy says of itself; a route that it lacks or refuses is noted and asked again next time."""
        self._due = self._clock.monotonic() + self._config.poll_inventory
        notes: list[str] = []
        keyed = self._config.key is not None or bool(self._config.headers) or self._config.basic_auth is not None
        self._guarded = not keyed and self._guarded
        await self._read_service()
        if self._guarded:
            self._notes = ("deployments and fallbacks are unknown without a key; set `key` under sources.litellm",)
            return
        models = await self._ask("/model/info", notes)
        if models is not None:
            self._deployments = inventory.deployments(models)
        groups = await self._ask("/model_group/info", notes)
        if groups is not None:
            self._groups = tuple(inventory.groups(groups))
        elif (seen := await self._ask("/v1/models", notes)) is not None:
            self._groups = tuple(inventory.names(seen))
        routing = await self._ask("/get/config/callbacks", notes)
        if routing is not None:
            self._routing, self._callback = inventory.routing(routing)
        self._notes = tuple(notes)

    async def _read_service(self) -> None:
        """Read the version where it is told; a proxy that refused us without a key is not asked for it again.

        Each refusal counts as a failed request in the proxy's own metrics.
        """
        try:
            answer = None
            if not self._guarded:
                answer = await self._get("/health/readiness/details", *_REFUSED, _MISSING, 405, 503)
                self._guarded = answer.status in _REFUSED and self._config.key is None
            if answer is None or answer.status in (*_REFUSED, _MISSING, 405):
                answer = await self._get("/health/readiness", 503, send_key=False)
        except CollectError as error:
            self._service = inventory.Service(self._service.version, f"unknown: {error}")
            return
        self._service = inventory.service(answer.body)

    async def _ask(self, path: str, notes: list[str]) -> bytes | None:
        try:
            answer = await self._get(path, *_REFUSED, _MISSING)
        except CollectError as error:
            notes.append(f"inventory incomplete: {error}")
            return None
        if answer.status < 400:
            return answer.body
        why = "needs a database" if inventory.without_database(answer.body) else f"answers HTTP {answer.status}"
        notes.append(f"inventory incomplete: {answer.url} {why}")
        return None

    async def _backlog(self) -> Sequence[Sample]:
        if not self._config.backlog:
            return ()
        try:
            queued = inventory.backlog((await self._get("/health/backlog")).body)
        except CollectError:
            return ()
        return () if queued is None else (("llm_queue_depth", (("gateway", self._gateway),), queued),)

    def _inventory(self) -> list[Fact]:
        deployments = inventory.deployment_facts(self._deployments)
        return [self._service.fact(self._gateway), *self._groups, *deployments, *self._routing]


def make(config: LitellmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> LitellmSource:
    """Return the source of one target."""
    return LitellmSource(config, http, clock, target, extra)
