"""Finds what runs on this machine and says what it found; looks again every minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from inferdeck.config import lines
from inferdeck.model.answers import Discovered
from inferdeck.model.clock import Clock
from inferdeck.sources.identity import ANOTHER, Identity, identify
from inferdeck.sources.listening import Candidate

_log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 1800.0
AT_ONCE = 8
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared with, never bound


@dataclass(slots=True)
class _Known:
    """What is remembered of one listening socket, so that it is not asked again and again."""

    candidate: Candidate
    identity: Identity
    pause_seconds: float
    next_look: float


@dataclass(frozen=True, slots=True)
class Found:
    """One identified service: its kind and the URL under which a source reads it."""

    kind: str
    url: str
    instance: str
    needs_key: bool


class Discovery:
    """Belongs to the event loop. `candidates` says what listens (listening.py) and is called in a thread."""

    def __init__(self, clock: Clock, candidates: Callable[[], list[Candidate]]) -> None:
        self._clock = clock
        self._candidates = candidates
        self._known: dict[tuple[str, int, int], _Known] = {}

    async def look(self) -> list[Found]:
        """Return what is there now; an identified socket is asked once, an unknown one with growing pauses."""
        candidates = await asyncio.to_thread(self._candidates)
        present = {(c.host, c.port, c.pid): c for c in candidates}
        self._known = {key: known for key, known in self._known.items() if key in present}
        now = self._clock.monotonic()
        due = [c for key, c in present.items() if key not in self._known or self._is_due(self._known[key], now)]
        if due:
            await self._ask(due, now)
        found = [self._found(known) for known in self._known.values() if known.identity.kind]
        return sorted(found, key=lambda one: (one.kind, one.url))

    def answers(self, watched: Collection[str]) -> list[Discovered]:
        """Return what discovery has to show; `watched` holds the host:port of every target, as `place` gives it."""
        shown = [known for known in self._known.values() if known.identity.marks or known.identity.http]
        return [
            _discovered(known, place(f"http://{known.candidate.address}") in watched)
            for known in sorted(shown, key=lambda known: known.candidate.port)
        ]

    async def _ask(self, due: list[Candidate], now: float) -> None:
        slots = asyncio.Semaphore(AT_ONCE)
        connector = aiohttp.TCPConnector(limit=AT_ONCE, force_close=True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:

            async def ask(candidate: Candidate) -> tuple[Candidate, Identity]:
                async with slots:
                    return candidate, await identify(candidate, session)

            for candidate, identity in await asyncio.gather(*(ask(candidate) for candidate in due)):
                self._remember(candidate, identity, now)

    def _remember(self, candidate: Candidate, identity: Identity, now: float) -> None:
        key = (candidate.host, candidate.port, candidate.pid)
        before = self._known.get(key)
        pause = FIRST_PAUSE_SECONDS if before is None else min(before.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        self._known[key] = _Known(candidate, identity, pause, now + pause - ROUND_SECONDS / 2)
        if identity.kind:
            _log.info("found %s at %s (%s)", identity.kind, candidate.address, "; ".join(identity.marks))

    @staticmethod
    def _is_due(known: _Known, now: float) -> bool:
        return not known.identity.kind and now >= known.next_look

    @staticmethod
    def _found(known: _Known) -> Found:
        scheme = "redis" if known.identity.kind == "redis" else "http"
        address = known.candidate.address
        return Found(known.identity.kind, f"{scheme}://{address}", address, known.identity.needs_key)


def place(url: str) -> str:
    """Return host:port with every name of loopback as 127.0.0.1, to compare a found service with a configured one."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        return url
    host = parts.hostname or ""
    default = {"https": 443, "redis": 6379, "rediss": 6379}.get(parts.scheme, 80)
    return f"{'127.0.0.1' if host in _LOOPBACK else host}:{port or default}"


def _discovered(known: _Known, watched: bool) -> Discovered:
    candidate, identity = known.candidate, known.identity
    note, fix = "", ""
    if identity.needs_key:
        scheme, key = ("redis", "password") if identity.kind == "redis" else ("http", "key")
        note = f"{identity.kind} at {candidate.address} needs a {key}"
        fix = lines.with_key(identity.kind, f"{scheme}://{candidate.address}")
    elif identity.marks == (ANOTHER,):
        note = ANOTHER
    elif not identity.kind:
        note = "an unknown HTTP service"
        if not watched:
            fix = f"if it exposes metrics: {lines.plain('prometheus', f'http://{candidate.address}')}"
    return Discovered(identity.kind, candidate.address, candidate.process, identity.marks, watched, note, fix)
