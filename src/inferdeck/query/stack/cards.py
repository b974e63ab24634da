"""Which cards there are: those that targets tell of, and those that have series under dcgm-exporter's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inferdeck.query.stack.hosts import address
from inferdeck.query.stack.inventory import Inventory
from inferdeck.query.stack.places import Places

HOST_LABELS = ("hostname", "Hostname")
"""dcgm-exporter 4.5 renamed the second to the first."""


@dataclass(frozen=True, slots=True)
class CardRef:
    """One card; `host` is the machine that it is in."""

    uuid: str
    index: str
    model: str
    host: str
    environment: str
    driver: str = ""

    @property
    def called(self) -> str:
        """What people call it."""
        return f"GPU {self.index} of {self.host}" if self.index else self.uuid


def cards(inventory: Inventory, places: Places, series: Iterable[Mapping[str, str]]) -> tuple[CardRef, ...]:
    """Return every card once, sorted by machine and number; `series` are the labels of one family of the cards."""
    hosts = places.hosts
    found: dict[str, CardRef] = {}
    readers = {(state.key.environment, state.key.job, state.key.instance): state for state in inventory.states}
    for labels in series:
        uuid = labels.get("UUID") or labels.get("uuid", "")
        if not uuid:
            continue
        told = next((labels[name] for name in HOST_LABELS if labels.get(name)), "")
        reader = readers.get((labels.get("environment", ""), labels.get("job", ""), labels.get("instance", "")))
        found.setdefault(
            uuid,
            CardRef(
                uuid,
                labels.get("gpu", ""),
                labels.get("modelName", ""),
                _host(told, reader.url if reader else "", places),
                labels.get("environment", ""),
                labels.get("DCGM_FI_DRIVER_VERSION", ""),
            ),
        )
    for gpu in inventory.gpus:
        host = hosts.reported(gpu.host) if gpu.host else hosts.of_address(gpu.target.url)
        known = found.get(gpu.uuid)
        found[gpu.uuid] = CardRef(
            gpu.uuid,
            gpu.index or (known.index if known else ""),
            gpu.model or (known.model if known else ""),
            host,
            gpu.target.key.environment,
            gpu.facts.get("driver", "") or (known.driver if known else ""),
        )
    return tuple(sorted(found.values(), key=lambda one: (one.host, _number(one.index), one.uuid)))


def _host(told: str, url: str, places: Places) -> str:
    """Return the machine of an exporter: that of the container it runs in, else the one that it names."""
    hosts = places.hosts
    host, port = address(url)
    found = places.resolve(places.ours(), host, port).spot if url else None
    if found is not None and found.container is not None:
        return found.host
    return hosts.reported(told) if told else hosts.of_address(url) if url else ""


def _number(index: str) -> int:
    return int(index) if index.isdecimal() and len(index) < 9 else 0


def by_request(asked: str, count: str, host: str, every: Iterable[CardRef]) -> tuple[tuple[CardRef, ...], str]:
    """Return the cards of `host` that a container asks for, and the request in words ("" where there is none).

    asked: "all", or indices and UUIDs; count: how many where it names none, which Docker gives out from 0 on.
    """
    here = [card for card in every if card.host == host]
    if asked == "all" or count == "-1":
        return tuple(here), "all devices"
    if asked:
        parts = [part.strip() for part in asked.split(",") if part.strip()]
        picked = [card for part in parts for card in here if _is(card, part)]
        return tuple(dict.fromkeys(picked)), f"device{'s' if len(parts) > 1 else ''} {', '.join(parts)}"
    if count.isdecimal() and 0 < int(count) <= len(here):
        numbers = {str(number) for number in range(int(count))}
        return tuple(card for card in here if card.index in numbers), f"{count} devices, which are given out from 0 on"
    return (), ""


def _is(card: CardRef, wanted: str) -> bool:
    return card.index == wanted or card.uuid == wanted or (len(wanted) > 7 and card.uuid.startswith(wanted))
