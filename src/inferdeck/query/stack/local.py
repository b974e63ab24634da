"""The questions about the stack answered in the daemon itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from inferdeck.model.labels import Labels
from inferdeck.model.page import Page
from inferdeck.model.stack import Card, Chain, Link, LinkState, Route, RouteSource, StackContainer, StackService
from inferdeck.query.figures import Figures, intervals
from inferdeck.query.stack import gpus, routes, services, usage
from inferdeck.query.stack.interface import EVERYTHING, Wanted, chosen
from inferdeck.query.stack.joins import Cached, Joins
from inferdeck.query.stack.sightings import Sightings
from inferdeck.query.status import WINDOW_SECONDS, Surroundings
from inferdeck.store.interface import Matcher, MatchOp, MetricReader

HEALTHS = ("up", "down", "unknown")
CONTAINER_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
CONTAINER_HEALTHS = ("starting", "healthy", "unhealthy")
"""Docker's words (docs.docker.com/reference/api/engine); a container without a check has no health."""
CARDS_SECONDS = 15.0
"""How old the list of cards may be that only have series."""


class LocalStackQuestions:
    """Implements StackQuestions; `around` and `files` are asked anew at each question and are safe from any thread.

    files: what configuration files say of routes, beside what the running gateways say.
    """

    def __init__(
        self,
        reader: MetricReader,
        around: Callable[[], Surroundings],
        files: Callable[[], Sequence[RouteSource]] = tuple,
    ) -> None:
        self._reader = reader
        self._around = around
        self._files = files
        self._joins = Cached()
        self._cards: tuple[float, tuple[dict[str, str], ...]] | None = None

    def services(self, wanted: Wanted = EVERYTHING) -> Page[StackService]:
        around = self._around()
        joins = self._joined(around)
        read = usage.Usage(self._figures(around, usage.METRICS))
        found = services.services(joins, around.states, read, Sightings(around.states, around.now))
        return chosen(
            found,
            wanted,
            {
                "kind": lambda one: (one.service.kind,),
                "health": lambda one: (one.service.health,),
                "environment": lambda one: (one.service.environment,),
                "host": lambda one: (one.host,),
            },
            lambda one: (
                *(one.service.id, one.service.name, one.service.kind, one.service.url, one.service.version),
                *(one.host, one.container.name, one.unit, one.status, one.service.error, *one.models),
            ),
            {"health": HEALTHS},
        )

    def containers(self, wanted: Wanted = EVERYTHING) -> Page[StackContainer]:
        around = self._around()
        joins = self._joined(around)
        read = usage.Usage(self._figures(around, usage.METRICS))
        found = services.containers(joins, read, Sightings(around.states, around.now))
        return chosen(
            found,
            wanted,
            {
                "state": lambda one: (one.state,),
                "health": lambda one: (one.health,),
                "environment": lambda one: (one.environment,),
                "host": lambda one: (one.host,),
                "project": lambda one: (one.project,),
            },
            lambda one: (
                *(one.name, one.id, one.host, one.image, one.state, one.health, one.project, one.engine, one.model),
                *(*one.ports, *one.networks, *one.addresses, one.service.name, *one.deployments),
            ),
            {"state": CONTAINER_STATES, "health": CONTAINER_HEALTHS},
        )

    def gpus(self, wanted: Wanted = EVERYTHING) -> Page[Card]:
        around = self._around()
        figures = self._figures(around, gpus.METRICS)
        found = gpus.gpus(self._joined(around), figures, Sightings(around.states, around.now))
        return chosen(
            found,
            wanted,
            {
                "host": lambda one: (one.host,),
                "environment": lambda one: (one.environment,),
                "model": lambda one: (one.model,),
            },
            lambda one: (
                *(one.uuid, one.model, one.host, one.xid_text, *one.throttled),
                *(user.name for user in one.used_by),
                *(text for process in one.processes for text in (process.name, process.container.name)),
            ),
        )

    def chains(self, wanted: Wanted = EVERYTHING) -> Page[Chain]:
        return chosen(
            self._joined(self._around()).chains(),
            wanted,
            {
                "model": lambda one: (one.model,),
                "gateway": lambda one: (one.gateway,),
                "environment": lambda one: (one.environment,),
            },
            _chain_texts,
        )

    def routes(self, wanted: Wanted = EVERYTHING) -> Page[Route]:
        around = self._around()
        joins = self._joined(around)
        graph = routes.Graph(joins, self._figures(around, routes.METRICS))
        return chosen(
            graph.routes([*joins.sources, *self._files()]),
            wanted,
            {
                "model": lambda one: (one.model,),
                "gateway": lambda one: (one.gateway,),
                "environment": lambda one: (one.environment,),
                "state": lambda one: (one.state,),
                "origin": lambda one: (one.origin,),
            },
            _route_texts,
            {"state": routes.STATES},
        )

    def joins(self) -> Joins:
        """Return everything joined, for other questions."""
        return self._joined(self._around())

    def _joined(self, around: Surroundings) -> Joins:
        return self._joins.of(around.states, around.machine, self._card_series(around.now))

    def _card_series(self, now: float) -> tuple[dict[str, str], ...]:
        """Return the labels of the cards' series, which a walk over all series finds; cards do not come often."""
        known = self._cards
        if known is None or not 0 <= now - known[0] < CARDS_SECONDS:
            now_ms = int(now * 1000)
            matcher = Matcher("__name__", MatchOp.MATCH, "|".join(gpus.IDENTITY))
            series = self._reader.series([matcher], now_ms - int(WINDOW_SECONDS * 1000), now_ms)
            known = self._cards = (now, _cards(series))
        return known[1]

    def _figures(self, around: Surroundings, names: Iterable[str]) -> Figures:
        now_ms, window_ms = int(around.now * 1000), int(WINDOW_SECONDS * 1000)
        return Figures(self._reader, names, now_ms, window_ms, intervals(around.states))


def _cards(series: Iterable[Labels]) -> tuple[dict[str, str], ...]:
    """Return the labels of each card once, from whichever family has them."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for one in sorted(series):
        labels = {name: value for name, value in one if name != "__name__"}
        found.setdefault((labels.get("UUID", ""), labels.get("job", ""), labels.get("instance", "")), labels)
    return tuple(found.values())


def _chain_texts(one: Chain) -> Iterable[str]:
    links: tuple[Link, ...] = (one.address, one.engine, one.container, one.process, *one.gpus)
    given = (one.gateway, one.deployment, one.model, one.provider, one.litellm_model, one.api_base)
    known = (text for link in links if link.state == LinkState.KNOWN.value for text in (link.name, link.id, link.host))
    return (*given, *known)


def _route_texts(one: Route) -> Iterable[str]:
    texts = [one.gateway, one.model, one.origin, one.state, *(edge.to for edge in one.fallbacks)]
    for edge in one.deployments:
        texts += [edge.state, *_chain_texts(edge.chain)]
    return texts
