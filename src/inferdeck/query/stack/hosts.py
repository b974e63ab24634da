"""Which machine something is on: names and addresses of the same machine become one name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from inferdeck.model.stack import Machine
from inferdeck.model.target import TargetState
from inferdeck.query.stack.inventory import Container, Inventory

HERE = "this machine"
"""What the daemon's machine is called where its name is not known."""
DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "ws": 80, "wss": 443}
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_REPORTED = ("host", "hostname", "machine")
"""The keys under which a target's service fact names its machine."""


def address(url: str) -> tuple[str, int | None]:
    """Return host (lower case) and port of a URL, else the scheme's own port; ("", None) where unreadable."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = parts.port or DEFAULT_PORTS.get(parts.scheme or "http")
        return (parts.hostname or "").rstrip("."), port
    except ValueError:
        return "", None


def is_loopback(host: str) -> bool:
    """Return whether a host means whoever says it; an unspecified address reaches the same place."""
    if host in _LOOPBACK_NAMES or host.endswith(".localhost"):
        return True
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return found.is_loopback or found.is_unspecified


def is_address(host: str) -> bool:
    """Return whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_here(url: str, machine: Machine) -> bool:
    """Return whether a target is reached on the daemon's own machine: by loopback, a unix socket or an own address."""
    if not url or "://" not in url or url.startswith(("unix:", "npipe:", "file:")):
        return True
    host, _ = address(url)
    return not host or is_loopback(host) or host in machine.addresses or host == machine.name.lower()


class Hosts:
    """The machines that the targets are on, by every name and address that is known of them."""

    def __init__(self, inventory: Inventory, machine: Machine) -> None:
        self.machine = machine
        self.own = machine.name or HERE
        self._by_address: dict[str, set[str]] = defaultdict(set)
        self._known: dict[str, str] = {}
        """Name in lower case -> name as shown."""
        self._containers: dict[str, Container | None] = {}
        for one in inventory.containers:
            # Two of one name tell nothing.
            for name in {one.id, one.facts.get("hostname", "").lower()} - {""}:
                self._containers[name] = one if name not in self._containers else None
        self._add(self.own)
        self._dockers: dict[str, str] = {}
        for state in inventory.states:
            self._learn(state, inventory)

    def of_docker(self, state: TargetState) -> str:
        """Return the machine whose containers a target tells of."""
        return self._dockers.get(state.key.id) or self.of_address(state.url)

    def of_container(self, one: Container) -> str:
        """Return a container's machine."""
        return self.of_docker(one.docker)

    def of_address(self, url: str) -> str:
        """Return the machine that a URL leads to, as its address says."""
        if is_here(url, self.machine):
            return self.own
        host, _ = address(url)
        return self.called(host) or host

    def called(self, name: str) -> str:
        """Return the known machine of this name or address, "" where there is none."""
        lowered = name.lower()
        if lowered in self._known:
            return self._known[lowered]
        if lowered in self.machine.addresses:
            return self.own
        at = self._by_address.get(lowered, set())
        if len(at) == 1:
            return next(iter(at))
        if is_address(lowered):
            return ""
        return self._same_first_part(lowered)

    def reported(self, name: str) -> str:
        """Return the machine that a program means that reports this host name; the container's, where it is in one."""
        inside = self._containers.get(name.lower())
        if inside is not None:
            return self.of_container(inside)
        return self.called(name) or name

    def _same_first_part(self, name: str) -> str:
        """`gpu-1` and `gpu-1.example.com` are one machine where only one machine begins like that."""
        first, _, rest = name.partition(".")
        same = {shown for known, shown in self._known.items() if known.partition(".")[0] == first}
        alike = {shown for shown in same if not rest or "." not in shown}
        return next(iter(alike)) if len(same) == 1 and alike else ""

    def _learn(self, state: TargetState, inventory: Inventory) -> None:
        name = next(self._names(state, inventory), "")
        if not name:
            return
        inside = self._containers.get(name.lower())
        if inside is not None and inside.docker.key.id != state.key.id:
            return
        shown = self.called(name) or name
        self._add(shown)
        if any(one.docker.key.id == state.key.id for one in inventory.containers):
            self._dockers[state.key.id] = shown
        host, _ = address(state.url)
        if host and not is_here(state.url, self.machine):
            self._by_address[host].add(shown)

    @staticmethod
    def _names(state: TargetState, inventory: Inventory) -> Iterator[str]:
        """Yield what a target that sees a whole machine calls it."""
        own = inventory.own.get(state.key.id)
        docker = any(one.docker.key.id == state.key.id for one in inventory.containers)
        if own is not None and docker:
            yield from (own.facts[key] for key in _REPORTED if own.facts.get(key))
        yield from (gpu.host for gpu in inventory.gpus if gpu.target.key.id == state.key.id and gpu.host)

    def _add(self, name: str) -> None:
        if name:
            self._known.setdefault(name.lower(), name)
