"""What providers publish, from the release of genai-prices that is installed; nothing is asked over the network."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

import orjson

from inferdeck.model.model_catalog import Offer, PriceSource
from inferdeck.pricing.matching import PROVIDERS, Clause, first_match, reference

NAME = "genai-prices"
PATIENCE_SECONDS = 60.0
_REMEMBERED = 10_000
OLD_DAYS = 90
"""From this age on the prices are said to be old."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of one model."""

    offer: Offer
    deprecated: bool
    context: int | None


class PriceBook(Protocol):
    """Where published prices stand; may be asked from any thread."""

    def source(self, now: float) -> PriceSource:
        """Return which prices these are; `now` is Unix seconds."""
        ...

    def look_up(self, provider: str, target: str, endpoint: str, now: float) -> Published | None:
        """Return what is published of a deployment, given as LiteLLM writes it; None where no entry is surely it."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    prices: Sequence[Sequence[Any]]
    deprecated: bool
    context: int | None


@dataclass(frozen=True, slots=True)
class _Provider:
    api: re.Pattern[str]
    fallback: tuple[str, ...]
    clauses: tuple[Clause, ...]
    entries: tuple[_Entry, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    version: str
    as_of: str
    providers: Mapping[str, _Provider]


class PublishedPrices:
    """Implements PriceBook; `load` reads the table once, blocking, and before that nothing is known."""

    def __init__(self, read: Callable[[], bytes] | None = None) -> None:
        self._read = read or extracted
        self._lock = threading.Lock()
        self._table: _Table | None = None
        self._trouble = "not read yet"
        self._known: dict[tuple[str, str, str], tuple[str, _Entry] | None] = {}

    def load(self) -> None:
        """Read the table unless that has worked before; what goes wrong is told by `source`."""
        with self._lock:
            if self._table is not None:
                return
            try:
                self._table = _table(orjson.loads(self._read()))
                self._trouble = ""
            except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, re.error) as error:
                self._trouble = f"cannot be read: {type(error).__name__}"

    def source(self, now: float) -> PriceSource:
        table = self._table
        if table is None:
            return PriceSource(NAME, trouble=self._trouble)
        days = _age_days(table.as_of, now)
        old = days is not None and days > OLD_DAYS
        trouble = f"{days} days old; a newer release of {NAME} has newer ones" if old else ""
        return PriceSource(NAME, table.version, table.as_of, days, trouble)

    def look_up(self, provider: str, target: str, endpoint: str, now: float) -> Published | None:
        table, asked = self._table, (provider, target, endpoint)
        if table is None:
            return None
        if asked in (known := self._known):
            entry = known[asked]
        else:
            # Another thread may do the same meanwhile; a full memory is left to it, not emptied under its hands.
            if len(known) >= _REMEMBERED:
                known = self._known = {}
            entry = known[asked] = _found(table, *asked)
        return None if entry is None else _published(table, *entry, now)


def _found(table: _Table, provider: str, target: str, endpoint: str) -> tuple[str, _Entry] | None:
    """Return the entry that a deployment surely is, with the name of its provider."""
    found = table.providers.get(PROVIDERS.get(provider, ""))
    # Where the address is another one, somebody else speaks the provider's protocol there.
    if found is None or (endpoint and not found.api.match(endpoint)):
        return None
    name = reference(provider, target)
    sellers = (PROVIDERS[provider], *(other for other in found.fallback if other in table.providers))
    for seller in sellers:
        place = first_match(name, table.providers[seller].clauses)
        if place is not None:
            return seller, table.providers[seller].entries[place]
    return None


def extracted() -> bytes:
    """Return the table of the installed release, made by a process of its own at low priority."""
    command = [sys.executable, "-m", "inferdeck.pricing.extract"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)  # noqa: S603
    return done.stdout


def _table(found: Any) -> _Table:
    return _Table(
        str(found["version"]), str(found["as_of"]), {name: _provider(one) for name, one in found["providers"].items()}
    )


def _provider(found: Any) -> _Provider:
    models = found["models"]
    return _Provider(
        re.compile(found["api"]),
        tuple(found["fallback"]),
        tuple(
            Clause(
                frozenset({one["id"].lower(), *(name.lower() for name in one.get("equals", ()))}),
                tuple(name.lower() for name in one.get("begins", ())),
                tuple(re.compile(text) for text in one.get("regex", ())),
            )
            for one in models
        ),
        tuple(_Entry(one["id"], one["prices"], bool(one.get("deprecated")), one.get("context")) for one in models),
    )


def _published(table: _Table, provider: str, entry: _Entry, now: float) -> Published:
    prices, tiers = _at(entry.prices, now), ""
    values: dict[str, float | None] = {}
    for key, name in _FIELDS.items():
        given = prices.get(key)
        values[name] = given[0] if isinstance(given, list) else given
        if isinstance(given, list) and len(given) > 1 and not tiers:
            tiers = f"; more above {given[1][0]:,} input tokens"
    days = _age_days(table.as_of, now)
    age = None if days is None else days * 86400.0
    offer = Offer(f"{NAME} {table.version}", **values, age_seconds=age, detail=f"{provider}/{entry.id}{tiers}")
    return Published(offer, entry.deprecated, entry.context)


_FIELDS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_creation",
}


def _at(periods: Sequence[Sequence[Any]], now: float) -> Mapping[str, Any]:
    """Return the prices that hold at a moment: the last period that has begun, else the first one."""
    moment = datetime.fromtimestamp(now, UTC)
    day, time = moment.date().isoformat(), moment.time().isoformat("seconds")
    for prices, start, begin, end in reversed(periods):
        if start and start > day:
            continue
        if begin and not _within(time, begin, end):
            continue
        return dict(prices)
    return dict(periods[0][0]) if periods else {}


def _within(time: str, begin: str, end: str) -> bool:
    return begin <= time < end if begin <= end else time >= begin or time < end


def _age_days(as_of: str, now: float) -> int | None:
    try:
        return max(0, (datetime.fromtimestamp(now, UTC).date() - date.fromisoformat(as_of)).days)
    except ValueError:
        return None
