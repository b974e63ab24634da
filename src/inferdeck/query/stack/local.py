"""The questions about the stack answered in the daemon itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from inferdeck.model.config_files import ConfigFile
from inferdeck.model.labels import Labels
from inferdeck.model.page import Page
from inferdeck.model.stack import Card, Chain, Link, LinkState, Route, RouteSource, StackContainer, StackService
from inferdeck.query.figures import Figures, intervals
from inferdeck.query.past import moment
from inferdeck.query.past.moment import Moment
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

    files: what configuration files say of routes, beside what the running gateways say. run_from: those files, by
    the ids of the targets that run from them.
    """

    def __init__(
        self,
        reader: MetricReader,
        around: Callable[[], Surroundings],
        files: Callable[[], Sequence[RouteSource]] = tuple,
        run_from: Callable[[], Mapping[str, ConfigFile]] = dict,
    ) -> None:
        self._reader = reader
        self._around = around
        self._files = files
        self._run_from = run_from
        self._joins = Cached()
        self._cards: tuple[float, tuple[dict[str, str], ...]] | None = None

    def services(self, wanted: Wanted = EVERYTHING) -> Page[StackService]:
        seen = self._seen(wanted, "names, addresses, models and what is watched at all are those of now")
        states = seen.around.states
        read = usage.Usage(_figures(seen, usage.METRICS))
        # Of files nobody keeps when they were another's.
        files = self._run_from() if seen.past is None else {}
        found = services.services(self._joined(seen), states, read, Sightings(states, seen.around.now), files)
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
            seen.past,
        )

    def containers(self, wanted: Wanted = EVERYTHING) -> Page[StackContainer]:
        seen = self._seen(wanted, "ports, networks, addresses and which Dockers are watched are as they are now")
        read = usage.Usage(_figures(seen, usage.METRICS))
        found = services.containers(self._joined(seen), read, Sightings(seen.around.states, seen.around.now))
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
            seen.past,
        )

    def gpus(self, wanted: Wanted = EVERYTHING) -> Page[Card]:
        seen = self._seen(
            wanted, "drivers and the numbers of processes outside of containers and units are those of now"
        )
        sightings = Sightings(seen.around.states, seen.around.now)
        found = gpus.gpus(self._joined(seen), _figures(seen, gpus.METRICS), sightings)
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
            past=seen.past,
        )

    def chains(self, wanted: Wanted = EVERYTHING) -> Page[Chain]:
        seen = self._seen(wanted, "deployments and addresses are as they are configured now")
        return chosen(
            self._joined(seen).chains(),
            wanted,
            {
                "model": lambda one: (one.model,),
                "gateway": lambda one: (one.gateway,),
                "environment": lambda one: (one.environment,),
            },
            _chain_texts,
            past=seen.past,
        )

    def routes(self, wanted: Wanted = EVERYTHING) -> Page[Route]:
        seen = self._seen(wanted, "deployments, fallbacks and addresses are as they are configured now")
        joins = self._joined(seen)
        graph = routes.Graph(joins, _figures(seen, routes.METRICS), seen.around.states)
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
            seen.past,
        )

    def joins(self) -> Joins:
        """Return everything joined, for other questions."""
        return self._joined(moment.seen(self._reader, self._around(), None))

    def _seen(self, wanted: Wanted, of_now: str) -> Moment:
        return moment.seen(self._reader, self._around(), wanted.at, of_now)

    def _joined(self, seen: Moment) -> Joins:
        around = seen.around
        if seen.past is not None:
            # In the order of the cache's, which decides between what is equally likely.
            states = sorted(around.states, key=lambda state: state.key.id)
            return Joins(states, around.machine, _cards_at(seen.reader, around.now))
        return self._joins.of(around.states, around.machine, self._card_series(around.now))

    def _card_series(self, now: float) -> tuple[dict[str, str], ...]:
        """Return the labels of the cards' series, which a walk over all series finds; cards do not come often."""
        known = self._cards
        if known is None or not 0 <= now - known[0] < CARDS_SECONDS:
            known = self._cards = (now, _cards_at(self._reader, now))
        return known[1]


def _figures(seen: Moment, names: Iterable[str]) -> Figures:
    now_ms, window_ms = int(seen.around.now * 1000), int(WINDOW_SECONDS * 1000)
    return Figures(seen.reader, names, now_ms, window_ms, intervals(seen.around.states))


def _cards_at(reader: MetricReader, now: float) -> tuple[dict[str, str], ...]:
    now_ms = int(now * 1000)
    matcher = Matcher("__name__", MatchOp.MATCH, "|".join(gpus.IDENTITY))
    return _cards(reader.series([matcher], now_ms - int(WINDOW_SECONDS * 1000), now_ms))


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
