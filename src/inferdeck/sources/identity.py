"""What a listening socket is: small harmless probes, two positive marks for a name.

The order never harms: LiteLLM's GET /health bills a call per model where it takes unauthenticated calls, llama.cpp's
GET /metrics resets two averages and GET /slots wakes a sleeping model, SGLang's /health_generate generates, Ollama's
/api/generate loads. marks.py says how each is kept away from; no redirect is followed and no key is sent (probing.py).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import aiohttp

from inferdeck.sources.listening import Candidate
from inferdeck.sources.marks import ANOTHER, FIRST, KNOWN, METRICS, Known, Mark, is_exposition
from inferdeck.sources.probing import PROBE_SECONDS, Answer, Service

REDIS_NAMES = ("redis", "valkey", "keydb", "dragonfly")
REDIS_PORT = 6379
# A line of HTTP makes these write an error into their log, or hang.
NOT_HTTP_PORTS = frozenset({22, 25, 53, 110, 111, 143, 389, 465, 587, 993, 995, 2049, 3306, 5432, 5672, 11211, 27017})
NOT_HTTP_NAMES = ("sshd", "postgres", "mysqld", "mariadbd", "memcached", "mongod", "master", "exim", "rpcbind", "named")
TLS_WORDS = (b"HTTP request to an HTTPS server", b"plain HTTP request was sent to HTTPS port")
"""What Go's servers and nginx say to plain HTTP on a TLS port."""
_TLS_ALERT = r"\x15\x03"
_REDIS_ERRORS = ("-ERR", "-NOAUTH", "-DENIED", "-NOPERM")


@dataclass(frozen=True, slots=True)
class Identity:
    """What answers there: a source kind, or "" for an unknown service; the marks that say so."""

    kind: str
    marks: tuple[str, ...]
    http: bool = True
    needs_key: bool = False
    title: str = ""
    tls: bool = False
    """It speaks TLS and nothing without."""
    exposes: bool = False
    """It has a Prometheus exposition, though nothing says what it is."""
    host: str = ""
    """Where it answered where that is not the candidate's first host."""

    @property
    def another(self) -> bool:
        """Whether it is an inferdeck like this one."""
        return self.title == ANOTHER


NOTHING = Identity("", (), http=False)


async def identify(candidate: Candidate, session: aiohttp.ClientSession) -> Identity:
    """Return what a candidate is; never raises for what it answers."""
    names = (candidate.process.lower(), candidate.image.rpartition("/")[2].lower())
    if REDIS_PORT in (candidate.port, candidate.inner_port) or any(name.startswith(REDIS_NAMES) for name in names):
        found = await _redis(candidate)
        if found is not None:
            return found
    ports = {candidate.port, candidate.inner_port}
    if ports & NOT_HTTP_PORTS or any(name.startswith(NOT_HTTP_NAMES) for name in names if name):
        return NOTHING
    service = Service(f"http://{candidate.address}", session)
    first = await service.get(FIRST)
    if first.refused and candidate.other_host:
        other = replace(candidate, host=candidate.other_host, other_host="")
        return replace(await identify(other, session), host=other.host)
    if not first.status:
        return await _no_http(candidate, first)
    if any(words in first.body for words in TLS_WORDS):
        return replace(NOTHING, tls=True)
    return await _of_service(service, first)


async def _no_http(candidate: Candidate, first: Answer) -> Identity:
    if _TLS_ALERT in first.raw:
        return replace(NOTHING, tls=True)
    if any(word in first.raw for word in _REDIS_ERRORS):
        return await _redis(candidate) or NOTHING
    return NOTHING


async def _of_service(service: Service, first: Answer) -> Identity:
    seen: list[str] = []
    if not first.whole:
        # Nobody that is known says so much there.
        service.stop()
    for known in KNOWN:
        marks = await _marks(known, service, first)
        if known.title == ANOTHER and marks:
            return Identity("", (ANOTHER,), title=ANOTHER)
        if len(marks) >= 2 and not all(mark.weak for mark in marks):
            needs_key = known.key is not None and known.key.shows(await service.get(known.key.path))
            return Identity(known.kind, _told(marks), needs_key=needs_key, title=known.title)
        if marks and known.guarded:
            return Identity("", _told(marks))
        seen += [text for text in _told(marks) if text not in seen]
        if known.guarded and first.status >= 500:
            # It may be one of those that the next questions could harm, out of order just now.
            service.stop()
    exposes = METRICS in service.asked and is_exposition(await service.get(METRICS))
    return Identity("", tuple(seen), exposes=exposes)


async def _marks(known: Known, service: Service, first: Answer) -> list[Mark]:
    """Return what speaks for a kind, at most until that is enough."""
    found: list[Mark] = []
    for number, mark in enumerate(known.marks):
        if number >= known.leads and not found:
            break
        answer = await service.get(mark.path)
        if answer.status and not _says_all(mark, answer, first) and mark.shows(answer):
            found.append(mark)
        if len(found) >= 2 and not all(mark.weak for mark in found):
            break
    return found


def _says_all(mark: Mark, answer: Answer, first: Answer) -> bool:
    """Whether a service says to this question what it says to any; who wants a key may well do that."""
    same = answer.status == first.status and answer.body == first.body
    return same and bool(answer.body) and mark.path != FIRST and answer.status != 401


def _told(marks: list[Mark]) -> tuple[str, ...]:
    return tuple(f"GET {mark.path} {mark.says}" for mark in marks)


async def _redis(candidate: Candidate) -> Identity | None:
    """Two inline commands that every Redis answers, also one that wants a password; None where it is none."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(candidate.host, candidate.port, limit=1024)
            try:
                writer.write(b"PING\r\n")
                ping = await reader.readline()
                if not ping.startswith((b"+PONG", b"-NOAUTH", b"-DENIED", b"-NOPERM", b"-LOADING")):
                    return None
                writer.write(b"ECHO inferdeck\r\n")
                echo = await reader.readline()
                writer.write(b"QUIT\r\n")
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return None
    if not echo.startswith((b"$9", b"-NOAUTH", b"-DENIED", b"-NOPERM", b"-LOADING")):
        return None
    marks = (f"PING answers {ping.split()[0].decode('ascii', 'replace')}", "ECHO answers in Redis' form")
    return Identity("redis", marks, http=False, needs_key=ping.startswith(b"-NOAUTH"), title="Redis or Valkey")
