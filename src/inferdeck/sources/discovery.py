"""Finds what runs on this machine and says what it found; looks again every minute."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import psutil

from inferdeck.config import lines
from inferdeck.model.answers import Discovered
from inferdeck.model.clock import Clock
from inferdeck.sources import probing, published
from inferdeck.sources.identity import Identity, identify
from inferdeck.sources.listening import WELL_KNOWN_PORTS, Candidate
from inferdeck.sources.presence import Local

_log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 1800.0
MOST_AT_A_LOOK = 48
"""Services that are asked in one look, so that what is found is watched before all that is silent has timed out."""
ONE_SERVICE = ("prometheus", "node_exporter", "dcgm-exporter", "redis", "valkey", "llama-server", "ollama", "victoria",
               "alertmanager", "text-generation", "litellm", "dockerd")  # fmt: skip
"""Programs of which one process is one service, on however many ports it listens."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104 - compared with, never bound
_DENIED = "the Docker Engine's socket is closed to us"


@dataclass(slots=True)
class _Known:
    """What is remembered of one listening socket, so that it is not asked again and again."""

    candidate: Candidate
    identity: Identity
    pause_seconds: float
    next_look: float

    @property
    def url(self) -> str:
        return f"{'redis' if self.identity.kind == 'redis' else 'http'}://{self.candidate.address}"


@dataclass(frozen=True, slots=True)
class Found:
    """One identified service: its kind and the URL under which a source reads it, "" for what is of this machine."""

    kind: str
    url: str
    instance: str
    needs_key: bool = False
    name: str = ""
    """That of its container, "" where it is in none."""


@dataclass(frozen=True, slots=True)
class _Here:
    """What one look at the machine gave, before anybody is asked."""

    candidates: list[Candidate]
    sockets: list[str]
    local: dict[str, tuple[Local, str]]
    names: frozenset[str] = field(default_factory=frozenset)


class Discovery:
    """Belongs to the event loop. What looks at the machine (listening.py, presence.py) is called in a thread.

    candidates: what listens; sockets: where a Docker Engine may answer; local: what else this machine may have.
    """

    def __init__(
        self,
        clock: Clock,
        candidates: Callable[[], list[Candidate]],
        *,
        sockets: Callable[[], list[str]] = list,
        local: Sequence[Local] = (),
    ) -> None:
        self._clock = clock
        self._candidates = candidates
        self._sockets = sockets
        self._locals = local
        self._known: dict[tuple[str, int, int, str], _Known] = {}
        self._engines: tuple[published.Engine, ...] = ()
        self._here: dict[str, tuple[Local, str]] = {}
        self._names: frozenset[str] = frozenset()
        self.more = False
        """Whether the last look has left somebody unasked, so that another one should follow at once."""
        self.looked = False
        """Whether everybody has been asked once."""

    async def look(self) -> list[Found]:
        """Return what is there now; an identified socket is asked once, an unknown one with growing pauses."""
        here = await asyncio.to_thread(self._look_here)
        self._here, self._names = here.local, here.names
        self._engines = tuple(await asyncio.gather(*(published.engine(path) for path in here.sockets)))
        present = {one.key: one for one in published.named(here.candidates, self._engines)}
        self._known = {key: self._renewed(known, present[key]) for key, known in self._known.items() if key in present}
        now = self._clock.monotonic()
        due = [one for key, one in present.items() if key not in self._known or self._is_due(self._known[key], now)]
        # What is new comes first, and of that what listens where one of ours usually does.
        due.sort(
            key=lambda one: (one.key in self._known, one.port not in WELL_KNOWN_PORTS, not one.container, one.port)
        )
        self.more = len(due) > MOST_AT_A_LOOK
        if due:
            await self._ask(due[:MOST_AT_A_LOOK], now)
        self.looked = self.looked or not self.more
        return sorted(self._found(), key=lambda one: (one.kind, one.url))

    def answers(self, watched: Collection[str], kinds: Collection[str] = ()) -> list[Discovered]:
        """Return what discovery has to show.

        watched: host:port of every target, as `place` gives it; kinds: those that are watched without an address.
        """
        shown = [known for known in self._known.values() if _is_worth_a_line(known.identity)]
        firsts = self._firsts()
        return [
            *(_engine(one, self.place(one.url) in watched) for one in self._engines if one.trouble != "stranger"),
            *(_local(one, seen, one.kind in kinds) for one, seen in self._here.values()),
            *(
                _discovered(known, self.place(known.url) in watched, firsts.get(known.candidate.key, ""))
                for known in sorted(shown, key=lambda known: (known.candidate.port, known.candidate.host))
            ),
        ]

    def place(self, url: str) -> str:
        """Return host:port with every name and address of this machine as 127.0.0.1."""
        return place(url, self._names)

    def _look_here(self) -> _Here:
        found = {one.kind: (one, seen) for one in self._locals if (seen := _seen(one))}
        return _Here(self._candidates(), self._sockets(), found, _own_names())

    @staticmethod
    def _renewed(known: _Known, candidate: Candidate) -> _Known:
        """Return what is known with what the system says of it now: its container may have got a name."""
        host = known.identity.host or candidate.host
        known.candidate = replace(candidate, host=host) if host != candidate.host else candidate
        return known

    async def _ask(self, due: list[Candidate], now: float) -> None:
        slots = asyncio.Semaphore(probing.AT_ONCE)
        async with probing.session() as session:

            async def ask(candidate: Candidate) -> tuple[Candidate, Identity]:
                async with slots:
                    return candidate, await identify(candidate, session)

            for candidate, identity in await asyncio.gather(*(ask(candidate) for candidate in due)):
                self._remember(candidate, identity, now)

    def _remember(self, candidate: Candidate, identity: Identity, now: float) -> None:
        before = self._known.get(candidate.key)
        pause = FIRST_PAUSE_SECONDS if before is None else min(before.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        known = _Known(candidate, identity, pause, now + pause - ROUND_SECONDS / 2)
        self._known[candidate.key] = self._renewed(known, candidate)
        if identity.kind:
            _log.info("found %s at %s (%s)", identity.kind, known.candidate.address, "; ".join(identity.marks))

    @staticmethod
    def _is_due(known: _Known, now: float) -> bool:
        return not known.identity.kind and now >= known.next_look

    def _found(self) -> Iterable[Found]:
        firsts = self._firsts()
        for known in self._known.values():
            one, identity = known.candidate, known.identity
            if identity.kind and one.key not in firsts:
                yield Found(identity.kind, known.url, one.address, identity.needs_key, one.container)
        for engine in self._engines:
            if not engine.trouble:
                yield Found("docker", engine.url, engine.path)
        for kind, (local, _) in self._here.items():
            if not local.fix:
                yield Found(kind, "", socket.gethostname())

    def _firsts(self) -> dict[tuple[str, int, int, str], str]:
        """Return of each service that is found a second time where it was found first: it is watched there."""
        seen: dict[tuple[int, str], str] = {}
        found: dict[tuple[str, int, int, str], str] = {}
        read = next((engine.path for engine in self._engines if not engine.trouble), "")
        for known in sorted(self._known.values(), key=lambda known: known.candidate.port):
            one, kind = known.candidate, known.identity.kind
            if kind == "docker" and read:
                found[one.key] = read
            elif kind and one.pid and one.process.lower().startswith(ONE_SERVICE):
                first = seen.setdefault((one.pid, kind), one.address)
                if first != one.address:
                    found[one.key] = first
        return found


def place(url: str, names: Collection[str] = ()) -> str:
    """Return host:port with every name of loopback as 127.0.0.1, to compare a found service with a configured one.

    names: other names and addresses of this machine. The path of a unix socket stays one.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError:
        return url
    if parts.scheme == "unix":
        return f"unix:{parts.path.replace('/var/run/', '/run/', 1)}"
    host = parts.hostname or ""
    default = {"https": 443, "redis": 6379, "rediss": 6379}.get(parts.scheme, 80)
    ours = host in _LOOPBACK or host in names
    return f"{'127.0.0.1' if ours else host}:{port or default}"


def _own_names() -> frozenset[str]:
    addresses = {one.address.partition("%")[0] for found in psutil.net_if_addrs().values() for one in found}
    return frozenset(addresses | {socket.gethostname().lower()})


def _seen(one: Local) -> str:
    try:
        return one.seen()
    except Exception:
        # What looks at drivers may fail in any way; that must not end the look at everything else.
        _log.exception("looking for %s failed", one.kind)
        return ""


def _is_worth_a_line(identity: Identity) -> bool:
    return bool(identity.marks) or identity.http or identity.tls


def _engine(engine: published.Engine, watched: bool) -> Discovered:
    note = {"denied": _DENIED, "silent": "nothing answers behind the Docker Engine's socket"}.get(engine.trouble, "")
    return Discovered("docker", engine.path, "", engine.marks, watched, note, engine.fix)


def _local(one: Local, seen: str, watched: bool) -> Discovered:
    fix = "" if watched else one.fix
    note = f"{one.title} is read where the configuration says what of it" if fix else ""
    return Discovered(one.kind, socket.gethostname(), "", (seen,), watched, note, fix)


def _discovered(known: _Known, watched: bool, first: str) -> Discovered:
    candidate, identity = known.candidate, known.identity
    note, fix = _note(known, watched, first)
    return Discovered(
        identity.kind,
        candidate.address,
        candidate.process,
        identity.marks,
        watched or bool(first),
        note,
        fix,
        candidate.container,
    )


def _note(known: _Known, watched: bool, first: str) -> tuple[str, str]:
    """Return what is to be said of a service, and the line that tells us more."""
    address, identity = known.candidate.address, known.identity
    if first:
        return f"the same service as {first}", ""
    if identity.needs_key:
        key = "password" if identity.kind == "redis" else "key"
        return f"{identity.title} at {address} needs a {key}", lines.with_key(identity.kind, known.url)
    if identity.another:
        return identity.title, ""
    if identity.tls:
        return (
            "speaks TLS alone, and is not asked",
            f"if you know what it is: {lines.plain('KIND', f'https://{address}')}",
        )
    if identity.kind:
        return "", ""
    if identity.exposes:
        return "an unknown HTTP service that has metrics", "" if watched else lines.plain("prometheus", known.url)
    return "an unknown HTTP service", ""
