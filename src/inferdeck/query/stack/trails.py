"""From a place downwards: which container, which process, which cards; each step with what says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model.stack import Link, LinkState, Socket
from inferdeck.model.target import TargetState
from inferdeck.query.stack.cards import CardRef, by_request
from inferdeck.query.stack.inventory import Container, GpuProcess, Inventory, Unit
from inferdeck.query.stack.places import PROXIES, Found, Places, distinct, spot_text

ENGINES = frozenset({"llamacpp", "vllm", "sglang", "tgi", "ollama"})


def engine_kind(state: TargetState) -> str:
    """Return the kind of engine that a target is, "" where it is none; any exposition may say so by its job."""
    return next((kind for kind in (state.source_kind, state.key.job) if kind in ENGINES), "")


@dataclass(frozen=True, slots=True)
class Trail:
    """What is behind one place."""

    host: str
    container: Link
    process: Link
    gpus: tuple[Link, ...]
    inside: Container | None = None
    pid: int = 0
    unit: str = ""


def unknown(*evidence: str, candidates: tuple[str, ...] = ()) -> Link:
    """Return a link that leads nowhere, with the reason."""
    return Link(LinkState.UNKNOWN.value, evidence=distinct(evidence), candidates=candidates)


def nothing(*evidence: str) -> Link:
    """Return a link to nothing, with what says that nothing is there."""
    return Link(LinkState.NONE.value, evidence=distinct(evidence))


class Trails:
    """Follows places through the inventory."""

    def __init__(self, inventory: Inventory, places: Places, cards: Sequence[CardRef]) -> None:
        self._inventory = inventory
        self._places = places
        self._hosts = places.hosts
        self.cards = {card.uuid: card for card in cards}
        self._of_container: dict[str, list[GpuProcess]] = defaultdict(list)
        self._of_host: dict[str, list[GpuProcess]] = defaultdict(list)
        for process in inventory.gpu_processes:
            if process.container:
                self._of_container[process.container].append(process)
            card = self.cards.get(process.uuid)
            if card is not None:
                self._of_host[card.host].append(process)
        self._units: dict[tuple[str, int], Unit] = {
            (self._hosts.of_address(unit.target.url), pid): unit for unit in inventory.units for pid in unit.pids
        }
        self._unit_names = {(self._hosts.of_address(unit.target.url), unit.name): unit for unit in inventory.units}

    def unit(self, host: str, name: str) -> Unit | None:
        """Return a systemd unit of a machine."""
        return self._unit_names.get((host, name))

    def follow(self, found: Found, state: TargetState | None) -> Trail:
        """Return what is behind a place that an address led to; `state` is the target that is read there."""
        spot = found.spot
        if spot is None:
            lost = unknown(*found.evidence, candidates=found.candidates)
            return Trail("", lost, unknown("its container is not known"), (unknown("its container is not known"),))
        socket = self._socket(spot.host, spot.port) if spot.container is None else None
        if spot.container is not None:
            link, inside = self._in_network(self._places.containers[spot.container], found, state)
        else:
            link, inside = self._on_machine(spot_text(spot, self._places), spot.host, spot.port, socket, state)
        process, pid = self._process(link, inside, socket, spot.port)
        unit = self._unit(spot.host, pid, socket)
        return Trail(spot.host, link, process, self._gpus(spot.host, link, inside, pid, unit), inside, pid, unit)

    def cards_of(self, one: Container) -> tuple[Link, ...]:
        """Return the cards of a container."""
        host = self._hosts.of_container(one)
        return self._gpus(host, self._known(one), one, one.pid, "")

    def _socket(self, host: str, port: int | None) -> Socket | None:
        return self._places.sockets.get(port) if port is not None and host == self._hosts.own else None

    def _in_network(self, owner: Container, found: Found, state: TargetState | None) -> tuple[Link, Container | None]:
        several = self._places.sharing(owner)
        if len(several) > 1 and state is not None:
            kind = engine_kind(state) or state.source_kind
            several = [one for one in several if one.facts.get("engine", "") == kind] or several
        if len(several) == 1:
            return self._known(several[0], *found.evidence), several[0]
        names = tuple(sorted(one.name for one in several))
        return unknown(f"several containers use the network of {owner.name}", candidates=names), None

    def _on_machine(
        self, where: str, host: str, port: int | None, socket: Socket | None, state: TargetState | None
    ) -> tuple[Link, Container | None]:
        if socket is not None and socket.process in PROXIES:
            return unknown(f"{socket.process} listens at {where} for a container that no watched docker tells of"), None
        if socket is not None and socket.pid:
            listens = f"PID {socket.pid} ({socket.process}) listens on port {port}"
            if not socket.container:
                return nothing(f"{listens}, and its cgroup is no container's"), None
            inside = self._places.by_id(socket.container)
            said = f"{listens}, and its cgroup is container {socket.container}"
            if inside is not None:
                return self._known(inside, said), inside
            here = self._hosts.own
            return Link(LinkState.KNOWN.value, socket.container, socket.container, here, (said,)), None
        return self._by_host_network(where, host, port, state)

    def _by_host_network(
        self, where: str, host: str, port: int | None, state: TargetState | None
    ) -> tuple[Link, Container | None]:
        """Containers in the machine's network publish nothing: the one told to listen there, or with the same model."""
        beside = self._places.on_host.get(host, [])
        if not beside:
            return unknown(f"no container of {host} is known: no docker of it is watched"), None
        open_ones = [one for one in beside if self._places.network_of(one).mode == "host" and one.running]
        if not open_ones:
            return unknown(f"no container on {host} publishes this port or uses the machine's network"), None
        told = [one for one in open_ones if one.facts.get("listens", "") == str(port)]
        if len(told) == 1:
            said = f"{told[0].name} is in {host}'s own network and its command says that it listens on port {port}"
            return self._known(told[0], said), told[0]
        alike = [one for one in open_ones if state is not None and self._is_alike(one, state)]
        if len(alike) == 1 and state is not None:
            one = alike[0]
            said = f"{one.name} is the only container in {host}'s own network that runs {one.facts['engine']} with"
            return self._known(one, f"{said} {one.facts['model']}, which is served at {where}"), one
        names = tuple(sorted(one.name for one in alike or open_ones))
        return unknown(f"containers in {host}'s own network may listen there", candidates=names), None

    def _is_alike(self, one: Container, state: TargetState) -> bool:
        model = one.facts.get("model", "")
        served = {fact.name for fact in self._inventory.served.get(state.key.id, ())}
        roots = {fact.facts.get("root", "") for fact in self._inventory.served.get(state.key.id, ())}
        return bool(model) and one.facts.get("engine", "") == engine_kind(state) and model in served | roots

    def _known(self, one: Container, *evidence: str) -> Link:
        still = () if one.running else (f"container {one.name} is {one.facts.get('state', 'not running')}",)
        return Link(
            LinkState.KNOWN.value, one.name, one.id, self._hosts.of_container(one), distinct((*evidence, *still))
        )

    def _process(
        self, link: Link, inside: Container | None, socket: Socket | None, port: int | None
    ) -> tuple[Link, int]:
        if socket is not None and socket.pid and socket.process not in PROXIES:
            said = f"PID {socket.pid} ({socket.process}) listens on port {port}"
            return Link(LinkState.KNOWN.value, socket.process, str(socket.pid), self._hosts.own, (said,)), socket.pid
        if inside is None:
            why = "its container is not known" if link.state == LinkState.UNKNOWN.value else ""
            return unknown(why or f"nobody tells which process listens on port {port}"), 0
        if inside.pid:
            said = f"docker says that the first process of {inside.name} is PID {inside.pid}"
            host = self._hosts.of_container(inside)
            return Link(LinkState.KNOWN.value, str(inside.pid), str(inside.pid), host, (said,)), inside.pid
        if inside.facts.get("state", "running") != "running":
            return nothing(f"container {inside.name} is {inside.facts['state']}"), 0
        return unknown(f"docker does not tell the PID of {inside.name}"), 0

    def _unit(self, host: str, pid: int, socket: Socket | None) -> str:
        if socket is not None and socket.unit and socket.process not in PROXIES:
            return socket.unit
        unit = self._units.get((host, pid)) if pid else None
        return unit.name if unit is not None else ""

    def _gpus(self, host: str, link: Link, inside: Container | None, pid: int, unit: str) -> tuple[Link, ...]:
        said: dict[str, list[str]] = defaultdict(list)
        identity = inside.id if inside is not None else link.id
        if link.state == LinkState.KNOWN.value:
            for one in self._of_container.get(identity, ()):
                said[one.uuid].append(
                    f"{one.uuid} lists PID {one.pid}{_of(one)}, whose cgroup is container {link.name}"
                )
        for one in self._of_host.get(host, ()):
            if text := self._listed(one, pid, unit if inside is None else "", host):
                said[one.uuid].append(text)
        asked, words = self._asked(inside)
        if not said or words.startswith("device"):
            for card in asked:
                said[card.uuid].append(f"inspect of {link.name} asks for {words} on {host}")
        if said:
            return tuple(self._card(uuid, texts) for uuid, texts in sorted(said.items(), key=self._order))
        return (self._no_card(host, link, inside, words),)

    def _listed(self, one: GpuProcess, pid: int, unit: str, host: str) -> str:
        if pid and one.pid == pid:
            return f"{one.uuid} lists PID {one.pid}{_of(one)}"
        if pid and host == self._hosts.own and pid in self._hosts.machine.ancestors.get(one.pid, ()):
            return f"{one.uuid} lists PID {one.pid}{_of(one)}, which PID {pid} started"
        if unit and one.unit == unit:
            return f"{one.uuid} lists PID {one.pid}{_of(one)}, which belongs to {unit}"
        return ""

    def _asked(self, inside: Container | None) -> tuple[tuple[CardRef, ...], str]:
        if inside is None:
            return (), ""
        facts, host = inside.facts, self._hosts.of_container(inside)
        return by_request(facts.get("gpus", ""), facts.get("gpu_count", ""), host, self.cards.values())

    def _no_card(self, host: str, link: Link, inside: Container | None, words: str) -> Link:
        if words:
            return unknown(f"inspect of {link.name} asks for {words} on {host}, whose cards are not watched")
        if inside is not None and inside.facts.get("gpu_count", "") == "0":
            return nothing(f"inspect of {inside.name} asks for no device, and no watched card lists its processes")
        if not any(card.host == host for card in self.cards.values()):
            return unknown(f"no card of {host} is watched" if host else "its machine is not known")
        return unknown("no watched card lists its processes, and nothing tells which devices it was given")

    def _card(self, uuid: str, evidence: Sequence[str]) -> Link:
        card = self.cards.get(uuid)
        name, host = (card.called, card.host) if card else (uuid, "")
        return Link(LinkState.KNOWN.value, name, uuid, host, distinct(evidence))

    def _order(self, item: tuple[str, list[str]]) -> tuple[str, int, str]:
        card = self.cards.get(item[0])
        index = card.index if card else ""
        return (card.host if card else "", int(index) if index.isdecimal() and len(index) < 9 else 0, item[0])


def _of(one: GpuProcess) -> str:
    return f" ({one.process})" if one.process else ""
