"""The LiteLLM source: GET /metrics/ per collection, and now and then the routes that tell what is deployed.

A route that refuses us is left alone for an hour: the proxy counts each refusal as a failed request of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from inferdeck.errors import AuthError, CollectError, MetricsOffError, StatusError
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
from inferdeck.sources.litellm.refusals import Refusals

METRICS = "/metrics/"
DETAILS = "/health/readiness/details"
BACKLOG = "/health/backlog"
SMALL_BYTES = 8_000_000
ENABLE_METRICS = 'its config.yaml needs `litellm_settings: {callbacks: ["prometheus"]}`'
OPEN_METRICS = "`litellm_settings: {require_auth_for_metrics_endpoint: false}` in its config.yaml"
START = "process_start_time_seconds"
NOT_PREMIUM = "litellm_not_a_premium_user_metric"
_REFUSED = (400, 401, 403, 500)
_MISSING = 404

PROBES = (
    Probe("metrics", "GET /metrics/", SideEffect.NONE, required=True),
    Probe("readiness", "GET /health/readiness/details, or /health/readiness", SideEffect.NONE, "version and database"),
    Probe("models", "GET /model/info, /model_group/info, or /v1/models", SideEffect.NONE, "every poll_inventory"),
    Probe("routing", "GET /get/config/callbacks", SideEffect.NONE, "every poll_inventory; fallbacks and callbacks"),
    Probe("prices", f"GET {inventory.COST_MAP}", SideEffect.NONE, "every poll_prices, without the key; 2.4 MB"),
    Probe("availability", "GET /health/liveliness, /health/readiness", SideEffect.NONE, "instead, while it refuses us"),
    Probe(
        "refused",
        "GET of a route that refused us",
        SideEffect.POLLUTES_COUNTERS,
        "the proxy counts it as a failed request: once, then at most once an hour, or after the proxy has changed",
        required=True,
    ),
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
        self._silent = False
        """Something of the inventory did not answer when it was last asked for."""
        self._wait = config.interval
        self._asked = 0
        self._service = inventory.Service()
        self._deployments: tuple[inventory.Deployment, ...] = ()
        self._groups: tuple[Fact, ...] = ()
        self._routing: tuple[Fact, ...] = ()
        self._callback: bool | None = None
        self._keyed = config.key is not None or bool(config.headers) or config.basic_auth is not None
        self._refusals = Refusals(clock)
        self._was_read = False
        """Its metrics were read once, so that an error is not for want of a key."""
        self._ends: dict[str, str] = {}
        """The day on which a model ends, by its key in the proxy's cost map."""
        self._prices_due = 0.0
        self._read: dict[str, float] = {}
        """When the inventory and the cost map were read last, in Unix seconds."""
        self._notes: tuple[str, ...] = ()
        self._judged: tuple[Layout, CollectError | None] = (EMPTY_LAYOUT, None)
        self._begun = (EMPTY_LAYOUT, -1, 0.0)
        """A layout, where in it stands when the process began, and the latest such moment so far."""

    async def collect(self, now: float) -> Collected:
        """Read the proxy once; raises CollectError where it does not answer.

        One that wants a key, or refuses the one it was given, is up: what it tells without a key is collected.
        """
        self._asked = 0
        if isinstance(refused := self._refusals.of(METRICS), AuthError):
            return await self._available(refused)
        answer = await self._get(METRICS, *_REFUSED, _MISSING)
        if (refusal := self._refusal(answer)) is not None:
            self._refusals.note(METRICS, refusal)
            return await self._available(refusal)
        self._was_read = True
        found = await self._metrics(answer)
        if self._began_anew(found) or self._clock.monotonic() >= self._due:
            await self._read_inventory()
        known = (
            *inventory.model_info(self._gateway, self._deployments),
            *inventory.model_ends(self._gateway, self._deployments, self._ends),
        )
        own = self._own.collect([*known, *await self._backlog()])
        layout, values = self._joined.join((found.layout, found.values), own)
        return Collected(
            layout,
            values,
            families=found.families,
            inventory=self._inventory(),
            version=self._service.version,
            warnings=(*found.warnings, *self._notes),
            response_bytes=len(answer.body),
            requests=self._asked,
            dropped=found.dropped,
            withheld=self._missing(answer, found),
        )

    async def _available(self, refusal: AuthError) -> Collected:
        """Return what the proxy tells anyone; raises CollectError where it does not answer."""
        try:
            await self._get("/health/liveliness", send_key=False)
            answer = await self._get("/health/readiness", 503, send_key=False)
        except CollectError:
            self._refusals.forget()
            raise
        self._service = inventory.service(answer.body)
        self._refusals.compare(self._service)
        return Collected(
            EMPTY_LAYOUT,
            np.empty(0),
            inventory=[self._service.fact(self._gateway)],
            version=self._service.version,
            response_bytes=len(answer.body),
            requests=self._asked,
            withheld=refusal,
        )

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    async def _metrics(self, answer: Response) -> Exposition:
        if answer.status == _MISSING:
            return Exposition(EMPTY_LAYOUT, np.empty(0), {})
        return await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))

    def _began_anew(self, found: Exposition) -> bool:
        """Tell whether a process answers that began after all that answered before: it may have another file."""
        if found.layout is not self._begun[0]:
            own = (place for place, series in enumerate(found.layout.series) if metric_name(series) == START)
            self._begun = found.layout, next(own, -1), self._begun[2]
        _, place, last = self._begun
        began = float(found.values[place]) if place >= 0 else 0.0
        self._begun = found.layout, place, max(last, began)
        return began > last

    async def _get(self, path: str, *allow: int, send_key: bool = True) -> Response:
        """Ask once; LiteLLM answers /metrics with a redirect to /metrics/, so that is asked for at once."""
        self._asked += 1
        answer = await self._http.get(
            self._url,
            settings=self._config,
            path=path,
            deadline=self._deadline,
            max_bytes=None if path == METRICS else SMALL_BYTES,
            redirects="same_origin",
            send_key=send_key,
            allow=allow,
        )
        self._asked += answer.requests - 1
        return answer

    def _refusal(self, answer: Response) -> AuthError | None:
        """Return what a refusal of /metrics/ means: without a database a wrong key is a 400, none at all a 500.

        Raises StatusError for an error of another kind.
        """
        if answer.status not in _REFUSED:
            return None
        keyed = self._keyed
        if answer.status in (401, 403) or (answer.status == 400 and b"no_db_connection" in answer.body):
            what = "refuses the key it was given" if keyed else "needs a key"
            do = "check `key` under sources.litellm (the master key)" if keyed else "set `key` under sources.litellm"
            return AuthError(f"{answer.url}: {what} (HTTP {answer.status}); {do}, or put {OPEN_METRICS}")
        if answer.status == 500 and not keyed and not self._was_read:
            return AuthError(
                f"{answer.url}: answers HTTP 500, as LiteLLM without a database does to a request without a key; "
                f"set `key` under sources.litellm, or put {OPEN_METRICS}"
            )
        raise StatusError(f"{answer.url}: answers HTTP {answer.status}; look at the proxy's own log", answer.status)

    def _missing(self, answer: Response, found: Exposition) -> CollectError | None:
        """Return why there are no metrics, where there are none; the answer holds for as long as the layout does."""
        if self._judged[0] is not found.layout or not len(found.layout):
            names = {metric_name(series) for series in found.layout.series}
            reason = self._reason(names)
            error = MetricsOffError(f"{answer.url}: {reason}", answer.status) if reason else None
            self._judged = (found.layout, error)
        return self._judged[1]

    def _reason(self, names: set[str]) -> str:
        if NOT_PREMIUM in names:
            return "this version gives its metrics only with a licence; LiteLLM 1.80 and later do without"
        if not any(name.startswith("litellm_") for name in names):
            return f"no LiteLLM metrics; {ENABLE_METRICS}"
        return f"requests are not counted; {ENABLE_METRICS}" if self._callback is False else ""

    async def _read_inventory(self) -> None:
        """Renew what the proxy says of itself; what did not answer in time is asked again sooner than what did."""
        self._silent = False
        await self._ask_inventory()
        wait = min(self._wait, self._config.poll_inventory) if self._silent else self._config.poll_inventory
        self._wait = wait * 2 if self._silent else self._config.interval
        self._due = self._clock.monotonic() + wait

    async def _ask_inventory(self) -> None:
        """Ask route by route; one that the proxy lacks or refuses is noted."""
        notes: list[str] = []
        await self._read_service()
        if self._refusals.of(DETAILS) is not None and not self._keyed:
            self._notes = ("deployments and fallbacks are unknown without a key; set `key` under sources.litellm",)
            return
        models = await self._ask("/model/info", notes)
        if models is not None:
            self._deployments = inventory.deployments(models)
            self._read["inventory"] = self._clock.now()
        groups = await self._ask("/model_group/info", notes)
        if groups is not None:
            self._groups = tuple(inventory.groups(groups))
        elif (seen := await self._ask("/v1/models", notes)) is not None:
            self._groups = tuple(inventory.names(seen))
        routing = await self._ask("/get/config/callbacks", notes)
        if routing is not None:
            self._routing, self._callback = inventory.routing(routing)
        await self._read_prices()
        self._notes = tuple(notes)

    async def _read_prices(self) -> None:
        """Read when the models of the deployments end; parsed on a thread, since it is large."""
        wait = self._config.poll_prices
        if wait is None or not self._deployments or self._clock.monotonic() < self._prices_due:
            return
        self._prices_due = self._clock.monotonic() + wait
        try:
            answer = await self._get(inventory.COST_MAP, *_REFUSED, _MISSING, send_key=False)
        except CollectError:
            # What it would add is worth less than the other routes; it is asked again with the next inventory.
            self._prices_due = 0.0
            return
        if answer.status < 400:
            self._ends = await asyncio.to_thread(inventory.deprecations, answer.body)
            self._read["cost map"] = self._clock.now()

    async def _read_service(self) -> None:
        """Read the version where it is told, else at least whether the proxy is well."""
        try:
            answer = None
            if self._refusals.of(DETAILS) is None:
                answer = await self._get(DETAILS, *_REFUSED, _MISSING, 405, 503)
                if answer.status in _REFUSED:
                    self._refusals.note(DETAILS, "refused")
            if answer is None or answer.status in (*_REFUSED, _MISSING, 405):
                answer = await self._get("/health/readiness", 503, send_key=False)
        except CollectError as error:
            self._silent = True
            self._service = inventory.Service(self._service.version, f"unknown: {error}")
            return
        self._service = inventory.service(answer.body)

    async def _ask(self, path: str, notes: list[str]) -> bytes | None:
        if (refused := self._refusals.of(path)) is not None:
            notes.append(str(refused))
            return None
        try:
            answer = await self._get(path, *_REFUSED, _MISSING)
        except CollectError as error:
            self._silent = True
            notes.append(f"inventory incomplete: {error}")
            return None
        if answer.status < 400:
            return answer.body
        why = "needs a database" if inventory.without_database(answer.body) else f"answers HTTP {answer.status}"
        notes.append(f"inventory incomplete: {answer.url} {why}")
        self._refusals.note(path, notes[-1])
        return None

    async def _backlog(self) -> Sequence[Sample]:
        if not self._config.backlog or self._refusals.of(BACKLOG) is not None:
            return ()
        try:
            answer = await self._get(BACKLOG, *_REFUSED, _MISSING)
        except CollectError:
            return ()
        if answer.status >= 400:
            self._refusals.note(BACKLOG, "refused")
            return ()
        queued = inventory.backlog(answer.body)
        return () if queued is None else (("llm_queue_depth", (("gateway", self._gateway),), queued),)

    def _inventory(self) -> list[Fact]:
        deployments = inventory.deployment_facts(self._deployments, self._ends)
        read = [Fact("reading", what, {"time": f"{when:.3f}"}) for what, when in self._read.items()]
        return [self._service.fact(self._gateway), *self._groups, *deployments, *self._routing, *read]


def make(config: LitellmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> LitellmSource:
    """Return the source of one target."""
    return LitellmSource(config, http, clock, target, extra)
