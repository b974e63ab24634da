"""Everything joined once: each target's place and trail, each deployment's chain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferdeck.model.stack import Chain, Link, LinkState, Machine, RouteSource, RouteTarget
from inferdeck.model.target import TargetState
from inferdeck.query.stack.cards import CardRef, cards
from inferdeck.query.stack.hosts import Hosts, address
from inferdeck.query.stack.inventory import Container, Inventory, read
from inferdeck.query.stack.places import Found, Places, Spot, Vantage, distinct, spot_text
from inferdeck.query.stack.trails import Trail, Trails, engine_kind, nothing, unknown

WATCHERS = frozenset({"docker", "nvidia", "host", "systemd", "logs", "huggingface"})
"""Kinds that look at a machine or at what is elsewhere: they are behind no port of their own."""


ELSEWHERE = frozenset({"huggingface"})


@dataclass(frozen=True, slots=True)
class Joined:
    """One target with where it is and what is behind it."""

    state: TargetState
    found: Found
    trail: Trail


class Joins:
    """The joins of one state of the inventory."""

    def __init__(
        self, states: Iterable[TargetState], machine: Machine, card_series: Iterable[Mapping[str, str]] = ()
    ) -> None:
        self.inventory: Inventory = read(states)
        self.hosts = Hosts(self.inventory, machine)
        self.places = Places(self.inventory, self.hosts)
        self.cards: tuple[CardRef, ...] = cards(self.inventory, self.places, card_series)
        self.trails = Trails(self.inventory, self.places, self.cards)
        self.targets = {state.key.id: self._join(state) for state in self.inventory.states}
        self._at: dict[Spot, list[Joined]] = defaultdict(list)
        self._inside: dict[tuple[str, str], list[Joined]] = defaultdict(list)
        self._gateways: dict[tuple[str, str], TargetState] = {}
        for one in self.targets.values():
            if one.found.spot is not None and one.state.source_kind not in WATCHERS:
                self._at[one.found.spot].append(one)
            if one.trail.inside is not None and one.state.source_kind not in WATCHERS:
                self._inside[one.trail.inside.key].append(one)
        for state in self.inventory.states:
            self._gateways.setdefault((state.key.environment, state.gateway or state.key.instance), state)
        self._cards: dict[tuple[str, str], tuple[Link, ...]] = {}
        self.sources: tuple[RouteSource, ...] = self.inventory.routes
        self._chains: dict[tuple[str, str, str], Chain] = {}
        for source in self.sources:
            for target in source.targets:
                if target.id:
                    self._chains[source.environment, source.gateway, target.id] = self.chain(source, target)

    def chains(self) -> tuple[Chain, ...]:
        """Return the chain of every deployment, and of every engine that no deployment leads to."""
        reached = {one.engine.id for one in self._chains.values()}
        alone = [
            self._alone(one)
            for one in self.targets.values()
            if engine_kind(one.state) and one.state.key.id not in reached
        ]
        found = [*self._chains.values(), *alone]
        return tuple(sorted(found, key=lambda one: (one.environment, one.gateway, one.model, one.deployment)))

    def chain_of(self, source: RouteSource, target: RouteTarget) -> Chain:
        """Return the chain of a deployment, which may be one that only a file knows."""
        known = self._chains.get((source.environment, source.gateway, target.id))
        if known is not None and known.api_base == target.api_base:
            return known
        return self.chain(source, target)

    def chain(self, source: RouteSource, target: RouteTarget) -> Chain:
        """Follow one deployment."""
        given = (
            source.environment,
            source.gateway,
            target.id,
            target.model,
            target.provider,
            target.litellm_model,
            target.api_base,
        )
        if not target.api_base:
            where = target.provider or "the provider"
            elsewhere = nothing(f"no api_base is set: requests go to {where}'s own address, which is not watched")
            return Chain(*given, elsewhere, elsewhere, elsewhere, elsewhere, (elsewhere,))
        host, port = address(target.api_base)
        found = self.places.resolve(self.vantage(source), host, port)
        if found.spot is None:
            lost = unknown(*found.evidence, candidates=found.candidates)
            rest = unknown("where the api_base leads is not known")
            return Chain(*given, lost, rest, rest, rest, (rest,))
        engine, joined = self._engine(found, target.api_base)
        trail = self._behind(found, joined)
        where = spot_text(found.spot, self.places)
        evidence = distinct((f"api_base is {target.api_base}", *found.evidence))
        # An outside address has a place of its own, of which nothing is known.
        outside = trail.inside is None and joined is None and not self._is_watched(found.spot)
        placed = Link(LinkState.KNOWN.value, where, "", found.spot.host, evidence)
        if outside:
            rest = unknown(f"nothing that is watched is at {where}")
            return Chain(*given, placed, rest, rest, rest, (rest,))
        return Chain(*given, placed, engine, trail.container, trail.process, trail.gpus)

    def vantage(self, source: RouteSource) -> Vantage:
        """Return the place from which a gateway uses its addresses."""
        state = self._gateways.get((source.environment, source.gateway))
        if state is None:
            return Vantage(f"gateway {source.gateway}", "", None, inside=None)
        one = self.targets[state.key.id]
        who, trail = f"gateway {source.gateway}", one.trail
        if trail.inside is not None:
            return Vantage(who, self.hosts.of_container(trail.inside), trail.inside, inside=True)
        host = trail.host or self.hosts.of_address(state.url)
        if trail.container.state == LinkState.NONE.value:
            return Vantage(who, host, None, inside=False)
        inside = True if trail.container.state == LinkState.KNOWN.value or trail.container.candidates else None
        return Vantage(who, host, None, inside or self._proxied(one))

    def models(self, state: TargetState) -> tuple[str, ...]:
        """Return the names under which an engine serves."""
        return tuple(sorted(fact.name for fact in self.inventory.served.get(state.key.id, ())))

    def in_container(self, key: tuple[str, str]) -> list[Joined]:
        """Return the watched services in a container, engines first."""
        return sorted(self._inside.get(key, ()), key=lambda one: (not engine_kind(one.state), one.state.key.id))

    def gpus_of(self, one: Container) -> tuple[Link, ...]:
        """Return the cards of a container, whatever is watched in it."""
        known = self._cards.get(one.key)
        if known is None:
            known = self._cards[one.key] = self.trails.cards_of(one)
        return known

    def _proxied(self, one: Joined) -> bool | None:
        """A proxy that listens in a container's stead says that there is one."""
        return True if any("that no watched docker tells of" in text for text in one.trail.container.evidence) else None

    def _join(self, state: TargetState) -> Joined:
        if state.source_kind in WATCHERS:
            host = "" if state.source_kind in ELSEWHERE else self.hosts.of_docker(state)
            rest = nothing(
                f"a {state.source_kind} source reads {host or 'what is elsewhere'}, not a service of the stack"
            )
            return Joined(state, Found(None, rest.evidence), Trail(host, rest, rest, (rest,)))
        host, port = address(state.url)
        found = self.places.resolve(self.places.ours(), host, port)
        return Joined(state, found, self.trails.follow(found, state))

    def _behind(self, found: Found, joined: Joined | None) -> Trail:
        """Return what is behind a deployment's place; the engine that is read there may tell more than the place."""
        trail = self.trails.follow(found, joined.state if joined else None)
        if joined is None or trail.inside is not None or trail.container.state == LinkState.NONE.value:
            return trail
        return joined.trail if joined.trail.container.state != LinkState.UNKNOWN.value else trail

    def _engine(self, found: Found, api_base: str) -> tuple[Link, Joined | None]:
        spot = found.spot
        if spot is None:
            return unknown("where the api_base leads is not known"), None
        where = spot_text(spot, self.places)
        here = self._at.get(spot, ())
        engines = [one for one in here if engine_kind(one.state)]
        if len(engines) == 1:
            return self._read(engines[0], f"{engines[0].state.name} is read at {where}", api_base), engines[0]
        if not engines and spot.container is not None:
            engines = [one for one in self._inside.get(spot.container, ()) if engine_kind(one.state)]
            if len(engines) == 1:
                at = f"{engines[0].state.name} is the only engine that is watched in that container"
                return self._read(engines[0], at, api_base), engines[0]
        if engines:
            names = tuple(sorted(one.state.key.id for one in engines))
            return unknown(f"several engines are watched at {where}", candidates=names), None
        other = next((one.state for one in here), None)
        said = (
            f"what is watched at {where} is no engine: {other.called}" if other else f"no engine is watched at {where}"
        )
        return unknown(said), None

    def _read(self, one: Joined, said: str, api_base: str) -> Link:
        state = one.state
        same = address(state.url) == address(api_base)
        text = f"api_base {api_base} is the address at which {state.name} is read" if same else said
        evidence = distinct((text, *(() if same else one.found.evidence)))
        return Link(LinkState.KNOWN.value, state.name, state.key.id, one.trail.host, evidence)

    def _is_watched(self, spot: Spot) -> bool:
        """Whether anything is known of the machine that a place is on."""
        host = spot.host
        return spot.container is not None or spot in self._at or host == self.hosts.own or bool(self.hosts.called(host))

    def _alone(self, one: Joined) -> Chain:
        state, none = one.state, nothing("no deployment of a watched gateway leads to this engine")
        models = ", ".join(self.models(state))
        said = Link(LinkState.KNOWN.value, state.name, state.key.id, one.trail.host, (f"read at {state.url}",))
        return Chain(
            state.key.environment,
            "",
            "",
            models,
            "",
            "",
            "",
            none,
            said,
            one.trail.container,
            one.trail.process,
            one.trail.gpus,
        )


class Cached:
    """Joins that are made anew where what they are made from has changed; safe from any thread."""

    def __init__(self) -> None:
        self._last: tuple[tuple[TargetState, ...], Machine, Sequence[Mapping[str, str]], Joins] | None = None

    def of(self, states: Sequence[TargetState], machine: Machine, card_series: Sequence[Mapping[str, str]]) -> Joins:
        """Return the joins of these."""
        last = self._last
        ordered = tuple(sorted(states, key=lambda state: state.key.id))
        if last is not None and _same(last[0], ordered) and last[1] == machine and last[2] == card_series:
            return last[3]
        made = Joins(ordered, machine, card_series)
        self._last = (ordered, machine, card_series, made)
        return made


def _same(one: Sequence[TargetState], other: Sequence[TargetState]) -> bool:
    """Whether the targets and what they tell are the same; figures and times of theirs are not looked at."""
    return len(one) == len(other) and all(
        (a.key, a.url, a.name, a.kind, a.gateway) == (b.key, b.url, b.name, b.kind, b.gateway)
        and a.inventory == b.inventory
        for a, b in zip(one, other, strict=True)
    )
