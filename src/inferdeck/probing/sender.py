"""Sends a probe's requests to a gateway; what goes wrong is part of the answer, and no key is in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from aiohttp.http_exceptions import LineTooLong

from inferdeck import __version__
from inferdeck.errors import UsageError
from inferdeck.model.masking import mask
from inferdeck.probing.access import Access
from inferdeck.probing.values import Answer, Ask
from inferdeck.routing.interface import place_of

LARGEST_BYTES = 4 << 20
"""Of an answer; a catalog of 10,000 models has more."""
LARGEST_LIST_BYTES = 512 << 20
LONGEST_LINE = 1 << 20
_KEPT = ("x-litellm-", "x-inferdeck-", "content-type")
MOST_TEXT = 600


def _why(error: Exception) -> str:
    """Return why nothing was reached; where that is, is told elsewhere."""
    if not isinstance(error, aiohttp.ClientConnectorError) or isinstance(error, aiohttp.ClientSSLError):
        return str(error) or type(error).__name__
    if "refused" in str(error).lower() or isinstance(error.os_error, ConnectionRefusedError):
        return "connection refused; does it run, and does it listen there?"
    return (error.os_error.strerror or type(error.os_error).__name__).lower()


class Sender:
    """One gateway; its key goes to this origin and nowhere else: redirects are not followed.

    Belongs to one event loop; use as an asynchronous context.
    """

    def __init__(self, access: Access, *, timeout_seconds: float) -> None:
        self.url = place_of(access.url.rstrip("/").removesuffix("/v1")).rstrip("/") or mask(access.url)
        self._access = access
        self._timeout = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": f"inferdeck-probe/{__version__}", **self._access.headers}
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=LONGEST_LINE,
            connector=aiohttp.TCPConnector(ssl=self._access.trust()),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str) -> tuple[Answer, bytes]:
        """Ask for one of the gateway's lists; the bytes are those of its body."""
        return await self._exchange("GET", path, None, LARGEST_LIST_BYTES)

    async def send(self, asked: Ask) -> Answer:
        """Send one request of a case."""
        answer, _ = await self._exchange("POST", asked.path, dict(asked.body), LARGEST_BYTES)
        return answer

    async def _exchange(self, method: str, path: str, body: Any, largest: int) -> tuple[Answer, bytes]:
        if self._session is None:
            raise RuntimeError("a sender is used as a context")
        begun = time.monotonic()

        def cut(word: str, text: str) -> Answer:
            return Answer(0, cut=word, error=self.safe(text), seconds=time.monotonic() - begun)

        try:
            async with self._session.request(method, self.url + path, json=body, allow_redirects=False) as response:
                return await self._read(response, begun, largest)
        except TimeoutError:
            return cut("timeout", f"no answer within {self._timeout:g} s"), b""
        except aiohttp.InvalidURL as error:
            raise UsageError(f"{mask(self.url)}: not a URL; write http://HOST:PORT") from error
        except aiohttp.ServerDisconnectedError:
            return cut("unreachable", "the connection was closed without an answer"), b""
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError) as error:
            return cut("garbage", f"the answer broke off or is not HTTP: {error}"), b""
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return cut("unreachable", _why(error)), b""

    async def _read(self, response: aiohttp.ClientResponse, begun: float, largest: int) -> tuple[Answer, bytes]:
        headers = {
            name.lower(): value[:300] for name, value in response.headers.items() if name.lower().startswith(_KEPT)
        }
        if response.content_type == "text/event-stream" and response.status < 400:
            return await self._stream(response, headers, begun), b""
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_chunked(1 << 16):
            size += len(part)
            if size > largest:
                text = f"more than {largest >> 20} MiB answered"
                seconds = time.monotonic() - begun
                return Answer(response.status, headers, cut="garbage", error=text, seconds=seconds), b""
            parts.append(part)
        whole = b"".join(parts)
        seconds = time.monotonic() - begun
        found, readable = _json(whole)
        if response.status >= 300:
            text = self.safe(_message(found) if readable else whole[:MOST_TEXT].decode("utf-8", "replace"))
            return Answer(response.status, headers, found, error=text or "no message", seconds=seconds), whole
        if not readable:
            return Answer(response.status, headers, cut="garbage", error="not JSON", seconds=seconds), whole
        return Answer(response.status, headers, found, seconds=seconds), whole

    async def _stream(self, response: aiohttp.ClientResponse, headers: Mapping[str, str], begun: float) -> Answer:
        """Read server-sent events to their end; a broken line is garbage, an error in the stream is an error."""
        seen = _Stream()
        size = 0
        error, cut = "", ""
        try:
            async for line in response.content:
                size += len(line)
                if size > LARGEST_BYTES:
                    cut, error = "garbage", f"a stream of more than {LARGEST_BYTES >> 20} MiB"
                    break
                if not seen.take(line):
                    break
        except LineTooLong:
            cut, error = "garbage", "an event of the stream has no end"
        except (aiohttp.ClientError, ValueError, OSError) as fault:
            if isinstance(fault, TimeoutError):
                raise
            error = f"the stream broke off: {type(fault).__name__}"
        error = error or seen.error
        return Answer(
            response.status,
            headers,
            seen.body(),
            events=seen.events,
            finished=seen.finished,
            streamed=True,
            error=self.safe(error),
            cut=cut or seen.cut,
            seconds=time.monotonic() - begun,
        )

    def safe(self, text: str) -> str:
        """Return text from outside without secrets, without our key, and short."""
        for secret in self._access.secrets:
            text = text.replace(secret, "•••")
        return " ".join(mask(text[: 4 * MOST_TEXT]).split())[:MOST_TEXT]


class _Stream:
    def __init__(self) -> None:
        self.events = 0
        self.finished = False
        self.error = ""
        self.cut = ""
        self._text: list[str] = []
        self._model = ""

    def take(self, line: bytes) -> bool:
        """Read one line; False where nothing after it matters."""
        if not line.startswith(b"data:"):
            return True
        data = line[5:].strip()
        if data == b"[DONE]":
            self.finished = True
            return False
        found, readable = _json(data)
        if not readable or not isinstance(found, dict):
            self.cut, self.error = "garbage", "an event of the stream is not JSON"
            return False
        if found.get("error"):
            self.error = _message(found)
            return False
        self._model = self._model or str(found.get("model", ""))[:300]
        choices = found.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            delta = choice.get("delta") if isinstance(choice, dict) else None
            content = delta.get("content") if isinstance(delta, dict) else None
            if content or (isinstance(delta, dict) and (delta.get("reasoning_content") or delta.get("tool_calls"))):
                self.events += 1
                self._text.append(str(content or ""))
        return True

    def body(self) -> dict[str, Any]:
        return {"model": self._model, "choices": [{"message": {"content": "".join(self._text)[:MOST_TEXT]}}]}


def _json(body: bytes) -> tuple[Any, bool]:
    try:
        return orjson.loads(body), True
    except orjson.JSONDecodeError:
        return None, False


def _message(found: Any) -> str:
    """Return the message of an error in any of the forms that gateways have."""
    for key in ("error", "detail", "message"):
        inner = found.get(key) if isinstance(found, dict) else None
        if isinstance(inner, str):
            return inner
        if isinstance(inner, dict):
            return _message(inner) or _message({"message": inner.get("message")})
    return ""


async def wait_all(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, and wait until it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
