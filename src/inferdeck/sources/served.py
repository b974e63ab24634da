"""Engines that serve a model over HTTP and count for themselves (vLLM, SGLang, TGI): what reading them has in common.

One GET /metrics per collection; what the engine says of itself beside that is asked for now and then, and again when
its process is another one. Such a question may fail without harm: the metrics are stored all the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import CollectError, MetricsOffError
from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels, get, labels, metric_name
from inferdeck.model.scrape import EMPTY_LAYOUT
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.asking import Model, Question, present
from inferdeck.sources.columns import Columns, Joined, Pairs, Sample
from inferdeck.sources.exposition import Exposition, ExpositionParser
from inferdeck.sources.http import HttpClient, Response
from inferdeck.sources.interface import Collected, Probe

STATUSES = ("available", "loading", "degraded", "error", "unknown")
AVAILABLE, LOADING, ERROR = "available", "loading", "error"
MOST_MODELS = 200
"""Models and adapters of one engine that are told; an engine may have any number of adapters."""
NOT_READY = 503
_NO_METRICS = (404, 501)
# prometheus_client answers OpenMetrics, the larger form, as soon as it is named at all, whatever its q says.
_ACCEPT = "text/plain;version=0.0.4,*/*;q=0.1"
_QUESTION_SHARE = 0.25
"""Of the deadline, for one question beside the metrics, so that one that hangs leaves time for the others."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an engine says of itself. about: labels of llm_engine_info beside engine, model and version."""

    status: str = AVAILABLE
    version: str = ""
    models: tuple[Model, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)


class ServedSource(ABC):
    """One engine. A subclass names the kind, says what to ask beside the metrics, and adds what it makes of them."""

    kind: str
    probes: Sequence[Probe]
    prefix: ClassVar[str] = ""
    """How the families begin that a server with its metrics switched on always has; "" where it may have none yet."""
    switch: ClassVar[str]
    """What to do where there are no metrics."""

    def __init__(
        self, config: TargetConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels, every: float
    ) -> None:
        self.instance = target.instance
        self._config = config
        self._url = config.url or f"http://{target.instance}"
        self._http = http
        self._clock = clock
        self._extra = extra
        self._every = every
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._known = Known(status="unknown")
        self._due = float("-inf")
        self.fresh = True
        """Whether it may be another process than the one that was asked last; what cannot change is asked then."""
        self._warnings: tuple[str, ...] = ()
        self._parser = self._new_parser({})
        self._own = Columns(extra)
        self._joined = Joined()
        self._layout = EMPTY_LAYOUT
        self._start_at = -1
        self._started = 0.0
        self._named: tuple[str, ...] = ()

    async def collect(self, now: float) -> Collected:
        """Read the engine once; raises CollectError where it does not answer.

        One that is still loading, or whose metrics are switched off, is up, with the status or the reason to say so.
        """
        try:
            answer = await self._http.get(
                self._url,
                settings=self._config,
                path="/metrics",
                deadline=self._deadline,
                accept=_ACCEPT,
                allow=(NOT_READY, *_NO_METRICS),
            )
        except CollectError:
            # It may be another process, of another version, when it answers again.
            self._due, self.fresh = float("-inf"), True
            raise
        sent = answer.requests
        if self._clock.monotonic() >= self._due:
            sent += await self._renew()
        if answer.status == NOT_READY:
            self._known = replace(self._known, status=LOADING)
            self._due = float("-inf")
            return self._without_metrics(answer, sent, None)
        if answer.status in _NO_METRICS:
            return self._without_metrics(answer, sent, self._off(answer))
        if not answer.body.strip():
            return self._without_metrics(answer, sent, None)
        exposition = await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))
        if self._is_another(exposition):
            self.fresh = True
            sent += await self._renew()
        return self._collected(answer, exposition, sent)

    async def aclose(self) -> None:
        """The HTTP client belongs to the daemon; nothing is held here."""

    @abstractmethod
    async def look(self, ask: Question) -> Known:
        """Ask the engine what it is; an answer that does not come leaves its part unknown."""

    def own_labels(self, known: Known) -> dict[str, str]:
        """Return labels that the engine's series lack."""
        return {}

    def meet(self, exposition: Exposition) -> None:
        """Note where the samples stand that `derived` and `sleeping` need; called when the layout is new."""

    def derived(self, exposition: Exposition) -> Iterable[Sample]:
        """Return series under canonical names that no mapping of the catalog can make."""
        return ()

    def sleeping(self, exposition: Exposition) -> bool | None:
        """Return whether the model is out of memory until somebody asks for it; None where that is not said."""
        return None

    def of_model(self, name: str) -> Pairs:
        """Return the labels of a canonical series."""
        return (("engine", self.kind), ("model", name))

    async def _renew(self) -> int:
        ask = Question(self._http, self._url, self._config, self._deadline * _QUESTION_SHARE)
        known = await self.look(ask)
        models = known.models or self._known.models
        known = replace(known, models=models[:MOST_MODELS], version=known.version or self._known.version)
        more = len(models) - MOST_MODELS
        shown = (f"{more} further models and adapters are not told",) if more > 0 else ()
        self._warnings = (*ask.warnings, *shown)
        if self.own_labels(known) != self.own_labels(self._known):
            self._parser = self._new_parser(self.own_labels(known))
        self._known = known
        self.fresh &= ask.unanswered
        soon = ask.unanswered or known.status != AVAILABLE
        self._due = float("-inf") if soon else self._clock.monotonic() + self._every
        return ask.requests

    def _new_parser(self, own: Mapping[str, str]) -> ExpositionParser:
        return ExpositionParser(
            labels({**own, **dict(self._extra)}),
            max_series=self._config.max_series,
            max_bytes=self._config.max_bytes,
        )

    def _is_another(self, exposition: Exposition) -> bool:
        """Whether the process that answers is not the one that was asked before."""
        if exposition.layout is not self._layout:
            self._meet(exposition)
        before, self._started = self._started, self._value(exposition, self._start_at)
        return 0 < before != self._started

    def _meet(self, exposition: Exposition) -> None:
        series = exposition.layout.series
        self._layout = exposition.layout
        names = [metric_name(one) for one in series]
        self._start_at = names.index(_START) if _START in names else -1
        self._named = tuple(sorted({get(one, "model_name") for one in series} - {""}))[:MOST_MODELS]
        self.meet(exposition)

    @staticmethod
    def _value(exposition: Exposition, place: int) -> float:
        return float(exposition.values[place]) if place >= 0 else 0.0

    def _off(self, answer: Response | None) -> MetricsOffError:
        status = 404 if answer is None else answer.status
        return MetricsOffError(f"{self._shown}/metrics: no metrics of {self.kind}; {self.switch}", status)

    @property
    def _shown(self) -> str:
        return self._url.partition("://")[0] + "://" + self.instance

    def _collected(self, answer: Response, exposition: Exposition, sent: int) -> Collected:
        sleeping = self.sleeping(exposition)
        own = self._own.collect([*self._samples(), *self.derived(exposition)])
        layout, values = self._joined.join((exposition.layout, exposition.values), own)
        on = not self.prefix or any(name.startswith(self.prefix) for name in exposition.families)
        return Collected(
            layout,
            values,
            families=exposition.families,
            inventory=self._inventory(sleeping),
            version=self._known.version,
            warnings=(*exposition.warnings, *self._warnings),
            response_bytes=len(answer.body),
            requests=sent,
            dropped=exposition.dropped,
            withheld=None if on else self._off(None),
        )

    def _without_metrics(self, answer: Response, sent: int, withheld: CollectError | None) -> Collected:
        layout, values = self._own.collect(self._samples())
        loading = ("loading its model: no metrics yet",) if self._known.status == LOADING else ()
        return Collected(
            layout,
            values,
            inventory=self._inventory(None),
            version=self._known.version,
            warnings=(*loading, *self._warnings),
            response_bytes=len(answer.body),
            requests=sent,
            withheld=withheld,
        )

    def _models(self) -> Sequence[Model]:
        """Return what it said that it serves, else the names on its series."""
        return self._known.models or [Model(name) for name in self._named]

    def _samples(self) -> Iterator[Sample]:
        known = self._known
        for model in self._models():
            own = self.of_model(model.name)
            for name in STATUSES:
                yield "llm_model_status", (*own, ("status", name)), float(name == known.status)
            if not model.facts.get("adapter_of"):
                about = {**known.about, "version": known.version, "context": model.facts.get("context", "")}
                yield "llm_engine_info", (*own, *about.items()), 1.0

    def _inventory(self, sleeping: bool | None) -> list[Fact]:
        known = self._known
        asleep = {} if sleeping is None else {"sleeping": str(sleeping).lower()}
        service = {"version": known.version, "status": known.status}
        common = {"status": known.status, **asleep}
        models = (Fact("model", one.name, present({**common, **one.facts})) for one in self._models())
        return [Fact("service", self.instance, present(service)), *models]


_START = "process_start_time_seconds"
