"""The llama.cpp source: one GET /metrics per collection, /props now and then, /slots only where it does no harm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from inferdeck.errors import AuthError, CollectError, MetricsOffError, StatusError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels, labels, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Joined, Pairs, Sample
from inferdeck.sources.exposition import Exposition, ExpositionParser
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.llamacpp import answers
from inferdeck.sources.llamacpp.averages import Averages
from inferdeck.sources.llamacpp.config import LlamacppConfig

STATUSES = ("available", "loading", "degraded", "error", "unknown")
SMALL_BYTES = 1_000_000
_LOADING = 503
_NO_METRICS = 501
_COMPUTED = "llamacpp:prompt_tokens_total"
_REUSED = "llamacpp:prompt_tokens_cached_total"
_MOVING = (_COMPUTED, _REUSED, "llamacpp:tokens_predicted_total")
_RATIO = "llamacpp:kv_cache_usage_ratio"
_BUSY = ("llamacpp:requests_processing", "llamacpp:requests_deferred")

PROBES = (
    Probe(
        "metrics",
        "GET /metrics",
        SideEffect.RESETS_GAUGE,
        "starts llama.cpp's two averages anew (prompt_tokens_seconds, predicted_tokens_seconds), for every other "
        "reader too; they are not stored, rates come from the counters",
        required=True,
    ),
    Probe("props", "GET /props", SideEffect.NONE, "does not wake a sleeping model"),
    Probe("models", "GET /v1/models", SideEffect.NONE, "does not wake a sleeping model"),
    Probe("health", "GET /health", SideEffect.NONE, "only from `sources test`"),
    Probe(
        "slots",
        "GET /slots",
        SideEffect.WAKES_MODEL,
        "wakes a sleeping model and puts off its sleep: asked only after /props says awake, while requests run",
        enabled_by="slots",
    ),
)


class LlamacppSource:
    """One llama-server; a server that is still loading its model is up, with the status to say so."""

    kind = "llamacpp"
    probes: Sequence[Probe] = PROBES

    def __init__(
        self, config: LlamacppConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels
    ) -> None:
        self.instance = target.instance
        self._config = config
        self._url = config.url or f"http://{target.instance}"
        self._http = http
        self._clock = clock
        self._extra = extra
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._props = answers.Props(model=config.model or "")
        self._props_due = 0.0
        self._parser = self._new_parser()
        self._own = Columns(extra)
        self._joined = Joined()
        self._moved = -1.0
        self._averages = Averages()

    async def collect(self, now: float) -> Collected:
        """Read the server once; raises CollectError where it is not there or was started without --metrics."""
        sent = 0
        warnings: list[str] = []
        if self._clock.monotonic() >= self._props_due:
            sent += await self._read_props(warnings)
        try:
            answer = await self._get("/metrics", _LOADING, _NO_METRICS, 400)
        except BaseException:
            # It may have been read all the same, only without an answer.
            self._averages.forget()
            raise
        sent += 1
        if answer.status == _LOADING:
            return self._loading(answer, sent)
        self._refuse(answer)
        exposition = await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))
        native = _by_name(exposition)
        if two := self._averages.warning(native):
            warnings.append(two)
        ratio = None
        if self._wants_slots(native) and self._config.slots:
            ratio, asked = await self._read_slots(warnings)
            sent += asked
        own = self._own.collect([*self._samples("available", ratio), *self._queries(native)])
        layout, values = self._joined.join((exposition.layout, exposition.values), own)
        return Collected(
            layout,
            values,
            families=exposition.families,
            inventory=self._inventory("available"),
            version=self._props.version,
            warnings=(*exposition.warnings, *warnings),
            response_bytes=len(answer.body),
            requests=sent,
            dropped=exposition.dropped,
        )

    async def check(self) -> list[Fact]:
        """Return what is there from /health, /props and /v1/models, none of which changes anything in the server."""
        health = await self._get("/health", _LOADING)
        if health.status == _LOADING:
            return self._inventory("loading")
        found = answers.props((await self._get("/props")).body)
        if found is not None:
            self._take(found)
        if not self._props.model:
            self._take(replace(self._props, model=answers.first_model((await self._get("/v1/models")).body)))
        return self._inventory("available")

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    async def _get(self, path: str, *allow: int) -> Response:
        router = {"model": self._config.model, "autoload": "false"} if self._config.model else None
        return await self._http.get(
            self._url,
            settings=self._config,
            path=path,
            params=router if path in ("/metrics", "/props", "/slots") else None,
            deadline=self._deadline,
            max_bytes=None if path == "/metrics" else SMALL_BYTES,
            allow=allow,
        )

    def _refuse(self, answer: Response) -> None:
        """Raise what an error answer of /metrics means."""
        if answer.status == _NO_METRICS:
            raise MetricsOffError(f"{answer.url}: metrics are off; start llama-server with --metrics", answer.status)
        if answer.status >= 400:
            said = answers.error_message(answer.body)[:100]
            raise StatusError(
                f"{answer.url}: answers HTTP {answer.status} ({said!a}); "
                "a llama-server in router mode needs `model` under sources.llamacpp",
                answer.status,
            )

    async def _read_props(self, warnings: list[str]) -> int:
        """Renew what /props says; a server without it keeps what was known. Returns the requests sent."""
        try:
            answer = await self._get("/props", _LOADING)
            if answer.status == _LOADING:
                return 1
            found = answers.props(answer.body)
            if found is not None:
                self._take(found)
            self._props_due = self._clock.monotonic() + self._config.props_interval
            if self._props.model:
                return 1
            self._take(replace(self._props, model=answers.first_model((await self._get("/v1/models")).body)))
        except (StatusError, AuthError) as error:
            warnings.append(f"model unknown: {error}")
            return 1
        return 2

    def _take(self, found: answers.Props) -> None:
        known = self._props.model
        self._props = replace(found, model=found.model or known)
        if self._props.model != known:
            self._parser = self._new_parser()

    def _new_parser(self) -> ExpositionParser:
        """llama-server's metrics name no model: the series carry the one that it serves."""
        own = {"model": self._props.model, **dict(self._extra)}
        return ExpositionParser(labels(own), max_series=self._config.max_series, max_bytes=self._config.max_bytes)

    def _wants_slots(self, native: Mapping[str, float]) -> bool:
        """Whether a request runs, or ran since the last collection: then /slots puts off no sleep that was near.

        A build that still gives the ratio on /metrics is never asked.
        """
        moved = sum(native.get(name, 0.0) for name in _MOVING)
        before, self._moved = self._moved, moved
        busy = any(native.get(name, 0.0) > 0 for name in _BUSY)
        return _RATIO not in native and (busy or 0 <= before < moved)

    def _queries(self, native: Mapping[str, float]) -> Iterator[Sample]:
        """All prompt tokens, computed or reused, where the build tells the two apart."""
        if _COMPUTED in native and _REUSED in native:
            total = native[_COMPUTED] + native[_REUSED]
            yield "llm_engine_prefix_cache_queries_total", self._model(), total

    def _model(self) -> Pairs:
        return (("engine", self.kind), ("model", self._props.model))

    async def _read_slots(self, warnings: list[str]) -> tuple[float | None, int]:
        """Return the KV cache's used share and the requests sent; /props just before says whether it sleeps."""
        try:
            found = answers.props((await self._get("/props")).body)
            if found is None or found.sleeping:
                return None, 1
            self._take(found)
            return answers.kv_ratio((await self._get("/slots")).body), 2
        except CollectError as error:
            warnings.append(f"no KV cache use: {error}")
            return None, 2

    def _loading(self, answer: Response, sent: int) -> Collected:
        layout, values = self._own.collect(self._samples("loading", None))
        return Collected(
            layout,
            values,
            inventory=self._inventory("loading"),
            version=self._props.version,
            warnings=("loading its model: no metrics yet",),
            response_bytes=len(answer.body),
            requests=sent,
        )

    def _samples(self, status: str, ratio: float | None) -> Iterator[Sample]:
        model = self._model()
        for name in STATUSES:
            yield "llm_model_status", (*model, ("status", name)), float(name == status)
        props = self._props
        facts = (("version", props.version), ("quantization", props.file_type), ("context", _shown(props.context)))
        yield "llm_engine_info", (*model, *facts, ("slots", _shown(props.slots))), 1.0
        if ratio is not None:
            yield "llm_engine_kv_cache_usage_ratio", model, ratio
            why = (("family", "llm_engine_kv_cache_usage_ratio"), ("quality", "estimated"), ("reason", "slots"))
            yield "inferdeck_quality", (*model, *why), 1.0

    def _inventory(self, status: str) -> list[Fact]:
        props = self._props
        service = Fact("service", self.instance, {"version": props.version, "status": status})
        if not props.model:
            return [service]
        facts = {
            "status": status,
            "sleeping": str(props.sleeping).lower(),
            "quantization": props.file_type,
            "context": _shown(props.context),
            "slots": _shown(props.slots),
        }
        return [service, Fact("model", props.model, {key: value for key, value in facts.items() if value})]


def _by_name(exposition: Exposition) -> dict[str, float]:
    pairs = zip(exposition.layout.series, exposition.values.tolist(), strict=True)
    return {metric_name(series): value for series, value in pairs}


def _shown(number: int | None) -> str:
    return "" if number is None else str(number)


def make(config: LlamacppConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> LlamacppSource:
    """Return the source of one target."""
    return LlamacppSource(config, http, clock, target, extra)
