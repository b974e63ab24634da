"""What a listening socket is: small harmless probes, two positive marks for a name.

The order matters. LiteLLM's GET /health bills a call per model where it takes unauthenticated calls, llama.cpp's
GET /metrics resets two gauges and GET /slots wakes a sleeping model: none of the three is ever asked for before the
service is known not to be the one that it harms. No redirect is followed and no key is sent.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from inferdeck.sources.listening import Candidate

LARGEST_PROBE_BYTES = 64 * 1024
PROBE_SECONDS = 2.0
REDIS_NAMES = ("redis", "valkey", "keydb")
REDIS_PORT = 6379
# A line of HTTP makes these write an error into their log, or hang.
NOT_HTTP_PORTS = frozenset({22, 25, 53, 110, 111, 143, 389, 465, 587, 993, 995, 2049, 3306, 5432, 5672, 11211, 27017})
NOT_HTTP_NAMES = ("sshd", "postgres", "mysqld", "mariadbd", "memcached", "mongod", "master", "exim", "rpcbind", "named")
_EXPOSITION = re.compile(rb"^# (?:HELP|TYPE) [a-zA-Z_:]", re.MULTILINE)
_LINK = re.compile(rb"""href=["'][^"']*metrics/?["']""", re.IGNORECASE)


ANOTHER = "another inferdeck"


@dataclass(frozen=True, slots=True)
class Identity:
    """What answers there: a source kind, or "" for an unknown HTTP service; the marks that say so."""

    kind: str
    marks: tuple[str, ...]
    http: bool = True
    needs_key: bool = False


NOTHING = Identity("", (), http=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None


async def identify(candidate: Candidate, session: aiohttp.ClientSession) -> Identity:
    """Return what a candidate is; never raises for what it answers."""
    if candidate.port == REDIS_PORT or candidate.process.lower().startswith(REDIS_NAMES):
        found = await _redis(candidate)
        if found is not None:
            return found
    if candidate.port in NOT_HTTP_PORTS or candidate.process.lower().startswith(NOT_HTTP_NAMES):
        return NOTHING
    return await _Prober(f"http://{candidate.address}", session).identity()


class _Prober:
    """Asks one HTTP service, from the most harmless question on."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def identity(self) -> Identity:
        first = await self._get("/health/liveliness")
        if not first.status:
            return NOTHING
        server = first.headers.get("Server", "")
        if b"alive" in first.body and first.status == 200:
            return await self._litellm()
        if "llama.cpp" in server or _is_llama_error(first):
            return await self._llamacpp(server)
        if "inferdeck" in (await self._get("/-/healthy")).body.decode("utf-8", "replace"):
            return Identity("", (ANOTHER,))
        return await self._exposition()

    async def _litellm(self) -> Identity:
        marks = ["GET /health/liveliness says it is alive, in LiteLLM's words"]
        routes = (await self._get("/routes")).body
        if b'"/model/info"' in routes or b'"/health/liveliness"' in routes or b'"routes"' in routes[:20]:
            marks.append("GET /routes lists a proxy's routes")
        readiness = (await self._get("/health/readiness")).json()
        if isinstance(readiness, dict) and "db" in readiness and "status" in readiness:
            marks.append("GET /health/readiness tells of its database")
        return _named("litellm", marks)

    async def _llamacpp(self, server: str) -> Identity:
        """Only called where the first answer is llama.cpp's own, so that /health is not LiteLLM's."""
        marks = ["its Server header is llama.cpp's" if "llama.cpp" in server else "its 404 has llama.cpp's form"]
        health = await self._get("/health")
        data = health.json()
        if isinstance(data, dict) and (data.get("status") == "ok" or health.status == 503):
            marks.append("GET /health answers in llama.cpp's form")
        models = await self._get("/v1/models")
        if b'"owned_by":"llamacpp"' in models.body.replace(b" ", b""):
            marks.append("GET /v1/models is owned by llamacpp")
        found = _named("llamacpp", marks)
        return Identity(found.kind, found.marks, needs_key=models.status == 401)

    async def _exposition(self) -> Identity:
        """A Prometheus server or an exporter: its page must say so before /metrics is asked for."""
        marks: list[str] = []
        if (await self._get("/-/healthy")).body.startswith(b"Prometheus"):
            marks.append("GET /-/healthy is Prometheus'")
            build = (await self._get("/api/v1/status/buildinfo")).json()
            if isinstance(build, dict) and build.get("status") == "success":
                marks.append("GET /api/v1/status/buildinfo answers")
            return _named("prometheus", marks)
        page = await self._get("/")
        if _LINK.search(page.body):
            marks.append("its page links to its metrics")
            if _EXPOSITION.search((await self._get("/metrics")).body):
                marks.append("GET /metrics is a Prometheus exposition")
        return _named("prometheus", marks)

    async def _get(self, path: str) -> _Answer:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                async with self._session.get(self._url + path, allow_redirects=False) as answer:
                    body = b""
                    while len(body) < LARGEST_PROBE_BYTES:
                        piece = await answer.content.read(LARGEST_PROBE_BYTES - len(body))
                        if not piece:
                            break
                        body += piece
                    else:
                        answer.close()
                    return _Answer(answer.status, dict(answer.headers), body)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
            return _Answer()


def _named(kind: str, marks: list[str]) -> Identity:
    return Identity(kind if len(marks) >= 2 else "", tuple(marks))


def _is_llama_error(answer: _Answer) -> bool:
    """llama-server behind a proxy has no Server header of its own, but its error has a form."""
    data = answer.json()
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return False
    return error.get("type") in ("not_found_error", "unavailable_error") and isinstance(error.get("code"), int)


async def _redis(candidate: Candidate) -> Identity | None:
    """Two inline commands that every Redis answers, also one that wants a password; None where it is none."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(candidate.host, candidate.port)
            try:
                writer.write(b"PING\r\n")
                ping = await reader.readline()
                if not ping.startswith((b"+PONG", b"-NOAUTH", b"-DENIED", b"-NOPERM")):
                    return None
                writer.write(b"ECHO inferdeck\r\n")
                echo = await reader.readline()
                writer.write(b"QUIT\r\n")
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError):
        return None
    marks = [f"PING answers {ping.split()[0].decode('ascii', 'replace')}"]
    if echo.startswith((b"$9", b"-NOAUTH", b"-DENIED", b"-NOPERM")):
        marks.append("ECHO answers in Redis' form")
    found = _named("redis", marks)
    return Identity(found.kind, found.marks, http=False, needs_key=ping.startswith(b"-NOAUTH"))
