"""Where an address leads, seen from somewhere: the same place has the same Spot, whatever it is called from where.

What a name means depends on who says it: in a container 127.0.0.1 is that container, a container's name is known to the
containers of its networks alone, a published port is the machine's. Several possible places are no place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inferdeck.model.stack import Socket
from inferdeck.query.stack.hosts import Hosts, is_address, is_loopback
from inferdeck.query.stack.inventory import Container, Inventory

GATEWAY_NAMES = frozenset({"host.docker.internal", "gateway.docker.internal", "host.containers.internal"})
PROXIES = frozenset({"docker-proxy", "rootlesskit", "rootlessport", "slirp4netns", "pasta", "conmon"})
"""Processes that listen for a container and are not in it."""
_SHARED = "container:"


@dataclass(frozen=True, slots=True)
class Spot:
    """One listening place: a port of a machine, or of a container's network where `container` is its key."""

    host: str
    port: int | None
    container: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Where an address leads; None with the reason in `evidence`, and the possible places where there are several."""

    spot: Spot | None
    evidence: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vantage:
    """Who uses an address."""

    who: str
    host: str
    container: Container | None = None
    inside: bool | None = None
    """Whether it is in a container; None where that is not known."""
    here: bool = False
    """Whether it is the daemon itself, which sees what a docker that it reaches locally publishes."""


class Places:
    """All containers, published ports and sockets that are known."""

    def __init__(self, inventory: Inventory, hosts: Hosts) -> None:
        self.hosts = hosts
        self.containers = {one.key: one for one in inventory.containers}
        self._by_id = {one.id: one for one in inventory.containers if one.id}
        self.on_host: dict[str, list[Container]] = defaultdict(list)
        self._published: dict[tuple[str, int], list[tuple[Container, int]]] = defaultdict(list)
        self._local: dict[int, list[tuple[Container, int]]] = defaultdict(list)
        self._named: dict[str, list[Container]] = defaultdict(list)
        self._addressed: dict[str, list[Container]] = defaultdict(list)
        self.sockets: dict[int, Socket] = {}
        """By port; where several processes listen on one, each on its own address, there is none."""
        for one in hosts.machine.sockets:
            before = self.sockets.setdefault(one.port, one)
            if before.pid != one.pid:
                self.sockets[one.port] = Socket(one.host, one.port)
        # What does not run listens nowhere; it is meant only where nothing that runs can be.
        for container in sorted(inventory.containers, key=lambda one: not one.running):
            self._add(container)

    def _add(self, one: Container) -> None:
        host = self.hosts.of_container(one)
        self.on_host[host].append(one)
        for port in one.ports:
            if port.public and port.protocol == "tcp":
                self._published[host, port.public].append((one, port.private))
                if self.hosts.of_address(one.docker.url) == self.hosts.own:
                    self._local[port.public].append((one, port.private))
        for name in one.names:
            self._named[name].append(one)
        for address in one.addresses:
            self._addressed[address].append(one)

    def by_id(self, identity: str) -> Container | None:
        """Return the container whose id begins with these 12 digits."""
        return self._by_id.get(identity) if identity else None

    def network_of(self, one: Container) -> Container:
        """Return the container whose network a container uses: its own, or the one that it was told to share."""
        if one.mode.startswith(_SHARED):
            wanted = one.mode.removeprefix(_SHARED).lower()
            shared = self._by_id.get(wanted[:12]) or next(iter(self._beside(one, wanted)), None)
            return shared or one
        return one

    def sharing(self, owner: Container) -> list[Container]:
        """Return the containers that use this one's network, itself first."""
        rest = [one for one in self.on_host[self.hosts.of_container(owner)] if one.mode.startswith(_SHARED)]
        return [owner, *(one for one in rest if self.network_of(one).key == owner.key and one.key != owner.key)]

    def ours(self) -> Vantage:
        """Return the daemon's own place."""
        machine = self.hosts.machine
        inside = bool(machine.container) if machine.looked or machine.container else None
        return Vantage("inferdeck", self.hosts.own, self.by_id(machine.container), inside, here=True)

    def resolve(self, vantage: Vantage, host: str, port: int | None) -> Found:
        """Return where host:port leads for whoever is there; host in lower case, without brackets."""
        if not host or port is None:
            return Found(None, ("the address cannot be read",))
        bridged = vantage.container is not None and vantage.container.mode != "host"
        if is_loopback(host):
            return self._loopback(vantage, host, port, bridged=bridged)
        if host in GATEWAY_NAMES:
            return self._on_machine(vantage, vantage.host, port, f"{host} is the machine {vantage.host}")
        if is_address(host):
            return self._address(vantage, host, port)
        return self._name(vantage, host, port, bridged=bridged)

    def _loopback(self, vantage: Vantage, host: str, port: int, *, bridged: bool) -> Found:
        if bridged and vantage.container is not None:
            owner = self.network_of(vantage.container)
            if owner.mode != "host":
                said = f"{host} inside container {owner.name} is that container itself"
                return Found(self._inside(owner, port), (said,))
        if vantage.inside and vantage.container is None:
            return Found(None, (f"{host} is the container that {vantage.who} runs in, and no watched docker knows it",))
        said = "" if vantage.here else f"{host} is the machine that {vantage.who} runs on"
        if vantage.inside is None and said:
            said += "; whether in a container is not known"
        return self._on_machine(vantage, vantage.host, port, said)

    def _on_machine(self, vantage: Vantage, host: str, port: int, said: str) -> Found:
        before = (said,) if said else ()
        published = self._published.get((host, port), [])
        if not published and vantage.here:
            # A docker of another machine may be reached by a forwarded socket, and its ports by forwarded ports.
            published = self._local.get(port, [])
        running = [pair for pair in published if pair[0].running]
        found = list({(one.key, private): (one, private) for one, private in running or published}.values())
        if len(found) == 1:
            one, private = found[0]
            docker = f"docker on {self.hosts.of_container(one)}"
            text = f"{docker} publishes port {port} -> container {one.name} port {private}/tcp"
            return Found(self._inside(self.network_of(one), private), (*before, text))
        if found:
            several = f"port {port} is published by several containers"
            return Found(None, (*before, several), tuple(sorted(self.shown(one) for one, _ in found)))
        return Found(Spot(host, port), before)

    def _address(self, vantage: Vantage, host: str, port: int) -> Found:
        possible = _running(self._addressed.get(host, []))
        # Bridge networks have the same addresses on every machine: those of one's own are meant.
        near = [one for one in possible if self.hosts.of_container(one) == vantage.host]
        chosen = near or ([] if self.hosts.called(host) else possible)
        if len(chosen) == 1:
            text = f"{host} is the address of container {chosen[0].name} on {self.hosts.of_container(chosen[0])}"
            return Found(self._inside(self.network_of(chosen[0]), port), (text,))
        if chosen:
            return Found(
                None, (f"{host} is the address of several containers",), tuple(sorted(map(self.shown, chosen)))
            )
        machine = self.hosts.called(host)
        if machine:
            return self._on_machine(vantage, machine, port, f"{host} is an address of {machine}")
        return Found(Spot(host, port))

    def _name(self, vantage: Vantage, host: str, port: int, *, bridged: bool) -> Found:
        if bridged and vantage.container is not None:
            near = _running(self._beside(vantage.container, host))
            if near:
                return self._one(near, port, host, f"{host} is a container in a network of {vantage.container.name}")
        machine = self.hosts.called(host)
        if machine:
            return self._on_machine(vantage, machine, port, f"{host} is the machine {machine}")
        anywhere = _running(self._named.get(host, []))
        if anywhere:
            return self._one(anywhere, port, host, f"{host} is the name of one container on all watched machines")
        return Found(Spot(host, port))

    def _one(self, possible: Sequence[Container], port: int, host: str, said: str) -> Found:
        if len(possible) > 1:
            names = tuple(sorted(self.shown(one) for one in possible))
            return Found(None, (f"{host} is the name of several containers",), names)
        one = possible[0]
        return Found(self._inside(self.network_of(one), port), (f"{said}: {self.shown(one)}",))

    def _beside(self, one: Container, name: str) -> list[Container]:
        """Return the containers that `one` reaches by a name: those of its docker that share a network with it."""
        return [
            other
            for other in self._named.get(name, [])
            if other.docker.key == one.docker.key and _connected(one, other)
        ]

    def _inside(self, one: Container, port: int) -> Spot:
        host = self.hosts.of_container(one)
        return Spot(host, port) if one.mode == "host" else Spot(host, port, one.key)

    def shown(self, one: Container) -> str:
        """Return a container's name with its machine."""
        return f"{one.name} on {self.hosts.of_container(one)}"


def _running(every: list[Container]) -> list[Container]:
    return [one for one in every if one.running] or every


def _connected(one: Container, other: Container) -> bool:
    """Whether two containers share a network; where their networks are not told, they may."""
    return not one.networks or not other.networks or bool(one.networks & other.networks)


def spot_text(spot: Spot, places: Places) -> str:
    """Return a place in words."""
    if spot.container is not None and spot.container in places.containers:
        return f"container {places.containers[spot.container].name} on {spot.host}, port {spot.port}"
    host = f"[{spot.host}]" if ":" in spot.host else spot.host
    return f"{host}:{spot.port}"


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts without repetition, in their order."""
    return tuple(dict.fromkeys(text for text in texts if text))
