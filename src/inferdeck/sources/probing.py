"""Asks an unknown service: a GET of at most 64 kB without key, cookie or redirect, few of them, for a short time."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from inferdeck import __version__

MOST_BYTES = 64 * 1024
"""Of one answer."""
MOST_REQUESTS = 12
"""To one service, each time that it is looked at."""
PROBE_SECONDS = 2.0
"""For one answer."""
SERVICE_SECONDS = 8.0
"""For all answers of one service; nothing more is asked after that."""
AT_ONCE = 16
"""Services that are asked at the same time."""
HEADERS = {"User-Agent": f"inferdeck/{__version__} (discovery)", "Accept": "*/*", "Accept-Encoding": "identity"}
_RECEIVE_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where no HTTP did, `raw` then tells how the garbage began."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True
    """False where it went on after MOST_BYTES or did not end in time."""
    refused: bool = False
    raw: str = ""

    @property
    def ok(self) -> bool:
        """Whether the service says that it has such a page."""
        return self.status == 200

    def json(self) -> Any:
        """Return the body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object, {} where it is none."""
        found = self.json()
        return found if isinstance(found, dict) else {}

    def header(self, name: str) -> str:
        """Return a header, "" where it is absent."""
        return self.headers.get(name, "")


def session() -> aiohttp.ClientSession:
    """Return a session that keeps nothing from one request to the next, and reads nothing of the user's environment."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE, force_close=True, socket_factory=_small_socket)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=HEADERS,
        trust_env=False,
        read_bufsize=_RECEIVE_BYTES // 2,
    )


class Service:
    """One service that is asked; each path at most once, nothing more after the first that does not answer."""

    def __init__(self, url: str, client: aiohttp.ClientSession) -> None:
        self._url = url
        self._client = client
        self._answers: dict[str, Answer] = {}
        self._end = asyncio.get_running_loop().time() + SERVICE_SECONDS
        self._over = False

    @property
    def asked(self) -> tuple[str, ...]:
        """The paths that were asked for, in order."""
        return tuple(self._answers)

    async def get(self, path: str) -> Answer:
        """Return what the service says at a path; an empty answer where it is not asked any more."""
        if path in self._answers:
            return self._answers[path]
        if self._over or len(self._answers) >= MOST_REQUESTS or asyncio.get_running_loop().time() > self._end:
            return Answer()
        answer = self._answers[path] = await _get(self._client, self._url + path)
        self._over = not answer.status or (not answer.whole and len(answer.body) < MOST_BYTES)
        return answer

    def stop(self) -> None:
        """Ask nothing more."""
        self._over = True


async def _get(client: aiohttp.ClientSession, url: str) -> Answer:
    try:
        async with asyncio.timeout(PROBE_SECONDS), client.get(url, allow_redirects=False) as answer:
            body, whole = await _bounded(answer)
            return Answer(answer.status, answer.headers.copy(), body, whole)
    except aiohttp.ClientConnectorError as error:
        return Answer(refused=isinstance(error.os_error, ConnectionRefusedError))
    except aiohttp.ClientResponseError as error:
        return Answer(raw=error.message[-200:])
    except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
        return Answer()


async def _bounded(answer: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Return the body and whether that is all; one that does not end in time counts as far as it came."""
    body = bytearray()
    try:
        async with asyncio.timeout(PROBE_SECONDS / 2):
            while len(body) < MOST_BYTES:
                piece = await answer.content.read(MOST_BYTES - len(body))
                if not piece:
                    return bytes(body), True
                body += piece
    except TimeoutError:
        pass
    answer.close()
    return bytes(body), False


def _small_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket that takes in little beyond what is read from it."""
    family, kind, protocol, _, _ = info
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    return made
