"""Asks what the widgets need, for all of them together: many who look at once cost one evaluation."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from inferdeck.config.schema import Settings
from inferdeck.daemon.shared_answers import Answer, Shared
from inferdeck.dashboards.answers import Dashboards, Question
from inferdeck.errors import InferdeckError
from inferdeck.model.answers import Gateway, Status
from inferdeck.model.clock import Clock
from inferdeck.model.conditions import Conditions
from inferdeck.model.dashboard_answers import DashboardData
from inferdeck.model.json_form import build
from inferdeck.model.log_lines import LogQuery
from inferdeck.model.page import LARGEST_LIMIT
from inferdeck.model.widget import Widget
from inferdeck.query.catalog.interface import CatalogQuestions
from inferdeck.query.config_files import ConfigFiles
from inferdeck.query.interface import QueryService, Questions
from inferdeck.query.logs import LogQuestions
from inferdeck.query.stack.interface import StackQuestions, Wanted
from inferdeck.render.interface import EVERYTHING, Asked, Part
from inferdeck.render.widgets import (
    alerts,
    cache,
    cost,
    gpu,
    health,
    logs,
    metrics,
    models,
    panels,
    providers,
    score,
    status,
)
from inferdeck.render.widgets.contents import content
from inferdeck.render.widgets.metrics import chosen
from inferdeck.rules.holding import holding
from inferdeck.rules.loader import shipped
from inferdeck.rules.rule import Rule
from inferdeck.rules.site import Family, Site

SLOW_SECONDS = 15.0
"""How long costs and hit rates of an hour serve: they change with the next scrape at most."""
CONDITIONS_SECONDS = 30.0
"""How long conditions of rules serve; Prometheus asks rules once a minute where nothing else is said."""
LINES_SECONDS = 2.0
"""How long lines of logs serve, for which several programs are asked."""
_MOST_WIDGETS = 100
_EVERYTHING = Wanted(limit=LARGEST_LIMIT)
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Sources:
    """Who is asked: the questions of every face."""

    questions: Questions
    stack: StackQuestions
    catalog: CatalogQuestions
    dashboards: Dashboards
    logs: LogQuestions
    files: ConfigFiles
    service: QueryService
    settings: Settings
    note: Callable[[], str] = str
    """What is to be known of this daemon, such as that all it watches is simulated."""


@dataclass(slots=True)
class _Built:
    answers: tuple[Answer, ...]
    widget: asyncio.Task[Widget]


Maker = Callable[[Part], Awaitable[Asked]]


class DaemonWidgets:
    """Implements WidgetQuestions over the questions of every face."""

    def __init__(self, clock: Clock, sources: Sources) -> None:
        self._clock = clock
        self._ask = sources
        self._shared = Shared(clock)
        self._built: OrderedDict[tuple[str, Part], _Built] = OrderedDict()
        self._rules: tuple[Rule, ...] | None = None
        self._makers: dict[str, Maker] = {
            "health": self._simple("health", self._status, health.widget),
            "providers": self._simple("providers", self._providers, providers.widget),
            "metrics": self._simple("metrics", self._status, metrics.widget),
            "cache": self._cache,
            "score": self._simple("score", self._providers, score.widget),
            "logs": self._logs,
            "status": self._program,
            "cost": self._cost,
            "gpu": self._simple("gpu", self._cards, gpu.widget),
            "models": self._simple("models", self._models, models.widget),
            "alerts": self._simple("alerts", self._conditions, alerts.widget),
        }

    async def widget(self, name: str, part: Part = EVERYTHING) -> Asked:
        """Return one widget."""
        return await self._makers[content(name).name](part)

    def _simple(self, name: str, ask: Callable[[], Awaitable[Answer]], make: Callable[[Any, Part], Widget]) -> Maker:
        """Return what makes a widget of a single answer."""

        async def made(part: Part) -> Asked:
            return await self._build(name, part, lambda answer: make(answer, part), await ask())

        return made

    async def _status(self) -> Answer:
        return await self._shared.in_thread("status", self._ask.questions.status)

    async def _providers(self) -> Answer:
        return await self._shared.in_thread("providers", lambda: self._ask.catalog.providers(_EVERYTHING))

    async def _models(self) -> Answer:
        return await self._shared.in_thread("models", lambda: self._ask.catalog.models(_EVERYTHING))

    async def _services(self) -> Answer:
        return await self._shared.in_thread("services", lambda: self._ask.stack.services(_EVERYTHING).items)

    async def _cards(self) -> Answer:
        return await self._shared.in_thread("gpus", lambda: self._ask.stack.gpus(_EVERYTHING).items)

    async def _program(self, part: Part) -> Asked:
        services = await self._services()
        files = await self._shared.in_thread("files", lambda: self._ask.files.files(_EVERYTHING).items)
        return await self._build("status", part, lambda one, other: status.widget(one, other, part), services, files)

    async def _cache(self, part: Part) -> Asked:
        now = await self._status()
        stack: Status = now.value
        environments = {one.environment for one in stack.caches} | {one.environment for one in stack.gateways}
        wanted = sorted(environments if not part.environment else environments & {part.environment})
        answers = [await self._panels("cache", cache.PANELS, environment=one, window=cache.WINDOW) for one in wanted]

        def make(stack: Status, *found: DashboardData) -> Widget:
            return cache.widget(stack, dict(zip(wanted, found, strict=True)), part)

        return await self._build("cache", part, make, now, *answers)

    async def _cost(self, part: Part) -> Asked:
        now, listed = await self._status(), await self._models()
        gateways: Sequence[Gateway] = [one for one in now.value.gateways if chosen(one.environment, one.name, part)]
        answers = [
            await self._panels("gateway", cost.PANELS, environment=one.environment, gateway=one.name)
            for one in gateways
        ]
        keys = [panels.key(one.environment, one.name) for one in gateways]

        def make(stack: Status, listed: Any, *found: DashboardData) -> Widget:
            return cost.widget(stack, dict(zip(keys, found, strict=True)), listed, part)

        return await self._build("cost", part, make, now, listed, *answers)

    async def _logs(self, part: Part) -> Asked:
        streams = (await self._shared.on_loop("streams", self._ask.logs.streams, SLOW_SECONDS)).value.streams
        names = logs.streams(streams, part)
        query = LogQuery(streams=names, level=part.level, limit=logs.ASKED)
        key = ("lines", names, part.level)

        async def lines() -> Any:
            return await self._ask.logs.lines(query) if names else logs.NOTHING

        answer = await self._shared.on_loop(key, lines, LINES_SECONDS)
        return await self._build("logs", part, lambda found: logs.widget(found, names, answer.at, part), answer)

    async def _panels(self, uid: str, wanted: tuple[str, ...], **variables: str) -> Answer:
        """Return panels of a dashboard for these values of its variables."""
        chosen = tuple((name, (value,)) for name, value in sorted(variables.items()))
        question = Question(start="now-5m", chosen=chosen, panels=wanted)

        async def ask() -> DashboardData:
            ready = await self._ask.dashboards.data(uid, question)
            return build(DashboardData, orjson.loads(ready.body))

        return await self._shared.on_loop((uid, wanted, chosen), ask, SLOW_SECONDS)

    async def _conditions(self) -> Answer:
        async def ask() -> Conditions:
            now = self._clock.now()
            try:
                rules = await self._alert_rules()
            except InferdeckError as error:
                return Conditions(now, 0, failed=(str(error),))
            return await holding(self._ask.service, rules, now)

        return await self._shared.on_loop("conditions", ask, CONDITIONS_SECONDS)

    async def _alert_rules(self) -> tuple[Rule, ...]:
        if self._rules is None:
            self._rules = await asyncio.to_thread(_rules, self._ask.settings)
        return self._rules

    async def _build(self, name: str, part: Part, make: Callable[..., Widget], *answers: Answer) -> Asked:
        """Return the widget of these answers; it is built once, in a thread, since a stack may be large."""
        simulated = SIMULATED in self._ask.note()
        key, known = (name, part), self._built.get((name, part))
        if known is None or not _same(known.answers, answers):
            values = [one.value for one in answers]
            task = asyncio.create_task(asyncio.to_thread(lambda: replace(make(*values), simulated=simulated)))
            known = self._built[key] = _Built(answers, task)
            while len(self._built) > _MOST_WIDGETS:
                self._built.popitem(last=False)
        return Asked(await asyncio.shield(known.widget), min(one.at for one in answers))


def _same(known: tuple[Answer, ...], answers: tuple[Answer, ...]) -> bool:
    return len(known) == len(answers) and all(one is other for one, other in zip(known, answers, strict=True))


def _rules(settings: Settings) -> tuple[Rule, ...]:
    groups = Site(shipped(), settings).groups(Family.CANONICAL, alone=True)
    return tuple(rule for group in groups for rule in group.rules)
