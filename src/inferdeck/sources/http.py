"""The one way in which sources speak HTTP: bounded in time, bytes and redirects, and never indiscreet.

An answer is read as a stream and given up at the limit, after decompression, so neither an endless body nor a small
one that unpacks to gigabytes costs more than the limit. A key leaves for the configured origin alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from inferdeck import __version__
from inferdeck.config.schema import TargetConfig, Tls
from inferdeck.errors import (
    AuthError,
    CollectError,
    ConfigError,
    ConnectError,
    DeadlineError,
    MalformedError,
    StatusError,
    TooLargeError,
)
from inferdeck.sources.spending import spend

Redirects = Literal["none", "same_origin"]

MAX_REDIRECTS = 3
_INFLATED_SLICE = 256 * 1024
_READ_BUFFER = 2**20
"""Larger than an ordinary answer, so that reading one is not paused and resumed."""
_READ_OFF_BYTES = 256 * 1024
_READ_OFF_SECONDS = 1.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: its body after decompression, the URL that gave it, and how many requests it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    requests: int = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer whose body is read piece by piece, as it comes, for as long as its reader wants it.

    `pieces` is bytes as they came over the wire; it raises CollectError where the connection breaks.
    """

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class HttpClient:
    """The daemon's only HTTP client; made inside the event loop, closed with `aclose` (idempotent)."""

    def __init__(self) -> None:
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._contexts: dict[Tls, ssl.SSLContext | bool] = {}

    async def get(
        self,
        url: str,
        *,
        settings: TargetConfig,
        path: str = "",
        params: Mapping[str, str] | None = None,
        deadline: float,
        max_bytes: int | None = None,
        redirects: Redirects = "none",
        send_key: bool = True,
        accept: str = "*/*",
        allow: Collection[int] = (),
    ) -> Response:
        """Read one resource within `deadline` seconds, connecting, redirects and body together.

        url: http(s)://host[:port][/base] or unix:///path/to/socket; `path` is joined to it. allow: error statuses that
        the caller reads itself. Raises CollectError (see errors.py), each with the URL, the cause and the next step,
        without credentials or query; ConfigError where the URL, the CA file cannot be used.
        """
        place = _locate(url, path, tuple((params or {}).items()))
        headers = _headers(place, settings if send_key else None, accept)
        work = self._follow(place, settings, headers, max_bytes or settings.max_bytes, redirects, set(allow))
        return await _in_time(work, deadline, place.shown)

    async def post(
        self,
        url: str,
        question: bytes,
        *,
        settings: TargetConfig,
        path: str = "",
        deadline: float,
        max_bytes: int | None = None,
        allow: Collection[int] = (),
    ) -> Response:
        """Ask a question that is JSON where a service takes no other form; asked once, no redirect is followed.

        For reading alone: nothing is ever changed with it. Raises as `get` does.
        """
        place = _locate(url, path, ())
        headers = {**_headers(place, settings, "application/json"), "Content-Type": "application/json"}
        limit = max_bytes or settings.max_bytes
        work = self._follow(place, settings, headers, limit, "none", set(allow), question)
        return await _in_time(work, deadline, place.shown)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        settings: TargetConfig,
        path: str = "",
        params: Mapping[str, str] | None = None,
        deadline: float,
    ) -> AsyncIterator[Stream]:
        """Open one resource that may never end; `deadline` seconds hold until its body begins.

        Never follows a redirect, never unpacks. Raises as `get` does.
        """
        place = _locate(url, path, tuple((params or {}).items()))
        headers = {**_headers(place, settings, "*/*"), "Accept-Encoding": "identity"}
        async with contextlib.AsyncExitStack() as opened:
            try:
                async with asyncio.timeout(deadline):
                    session, context = self._session(place.socket), self._context(settings.tls)
                    spend(requests=1)
                    asked = session.get(place.target, headers=headers, ssl=context, allow_redirects=False)
                    answer = await opened.enter_async_context(asked)
                    await _check_status(answer, place.shown, headers, set())
                    if answer.status in _REDIRECTS:
                        _next(answer, place.target, "none", place.shown)
            except TimeoutError as error:
                raise DeadlineError(f"{place.shown}: no answer within {deadline:g} s; is it overloaded?") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise _mapped(error, place.shown) from error
            yield Stream(answer.status, answer.headers, _pieces(answer, place.shown))

    async def aclose(self) -> None:
        """Close every connection."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _follow(
        self,
        place: _Place,
        settings: TargetConfig,
        headers: Mapping[str, str],
        limit: int,
        redirects: Redirects,
        allow: set[int],
        question: bytes | None = None,
    ) -> Response:
        target, shown = place.target, place.shown
        method = "GET" if question is None else "POST"
        session, context = self._session(place.socket), self._context(settings.tls)
        for count in range(1, MAX_REDIRECTS + 2):
            spend(requests=1)
            asked = session.request(method, target, headers=headers, data=question, ssl=context, allow_redirects=False)
            async with asked as answer:
                try:
                    if answer.status not in _REDIRECTS or answer.status in allow:
                        await _check_status(answer, shown, headers, allow)
                        body = await _body(answer, limit, shown)
                        return Response(answer.status, answer.headers, body, str(target), count)
                    target = _next(answer, target, redirects, shown)
                finally:
                    spend(response_bytes=answer.content.total_bytes)
        raise StatusError(
            f"{shown}: redirects more than {MAX_REDIRECTS} times; give the final URL in the configuration", 310
        )

    def _session(self, socket: str) -> aiohttp.ClientSession:
        session = self._sessions.get(socket)
        if session is None:
            connector = aiohttp.UnixConnector(path=socket) if socket else aiohttp.TCPConnector(limit=0)
            session = self._sessions[socket] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                read_bufsize=_READ_BUFFER,
                headers={"User-Agent": f"inferdeck/{__version__}"},
            )
        return session

    def _context(self, tls: Tls) -> ssl.SSLContext | bool:
        if tls not in self._contexts:
            if tls.ca is None:
                self._contexts[tls] = tls.verify
            else:
                self._contexts[tls] = _trusting(tls)
        return self._contexts[tls]


async def _in_time(work: Coroutine[Any, Any, Response], deadline: float, shown: str) -> Response:
    """Return the answer, or raise what a failure means."""
    try:
        async with asyncio.timeout(deadline):
            return await work
    except TimeoutError as error:
        raise DeadlineError(
            f"{shown}: no full answer within {deadline:g} s; is it overloaded, or is `deadline` too short?"
        ) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _mapped(error, shown) from error


def _trusting(tls: Tls) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"tls.ca: {tls.ca}: cannot be read as a certificate file: {error}") from error
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a resource is: the unix socket ("" for TCP), the URL to ask, what a message calls it.

    credentials: the user and password that stood in the URL. near: on this machine.
    """

    socket: str
    target: URL
    shown: str
    credentials: tuple[str, str] | None = field(repr=False)
    near: bool


@lru_cache(maxsize=1024)
def _locate(url: str, path: str, params: tuple[tuple[str, str], ...]) -> _Place:
    given, socket = url, ""
    if url.startswith("unix://"):
        socket, _, base = url.removeprefix("unix://").partition(":")
        url = "http://localhost" + base
    try:
        target = URL(url)
        port = target.port
    except ValueError as error:
        raise ConfigError("url: not a URL; write http://host:port") from error
    if target.scheme not in ("http", "https") or not target.host or not port:
        raise ConfigError(f"url: {_plain(target)}: not a URL that can be read; write http://host:port or unix:///path")
    if path:
        target = target.with_path(target.path.rstrip("/") + "/" + path.lstrip("/"), keep_query=True)
    asked = target.with_user(None).update_query(params) if params else target.with_user(None)
    credentials = None if target.user is None else (target.user, target.password or "")
    return _Place(socket, asked, _shown(given, target), credentials, bool(socket) or _is_near(asked.host or ""))


def _plain(target: URL) -> str:
    """Return a URL without its credentials and query, either of which may hold a secret."""
    return str(target.with_user(None).with_query(None).with_fragment(None)) if target.absolute else "(no host)"


def _shown(url: str, target: URL) -> str:
    if url.startswith("unix://"):
        return url.partition("?")[0] + ("" if target.path == "/" else f" {target.path}")
    return _plain(target)


def _headers(place: _Place, settings: TargetConfig | None, accept: str) -> Mapping[str, str]:
    # Packing an answer costs the watched program more than sending it over loopback does.
    headers = CIMultiDict({"Accept": accept, "Accept-Encoding": "identity" if place.near else "gzip"})
    if settings is None:
        return headers
    if settings.basic_auth is not None:
        pair = f"{settings.basic_auth.username}:{settings.basic_auth.password.get_secret_value()}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    elif place.credentials is not None:
        pair = ":".join(place.credentials)
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    if settings.key is not None:
        headers["Authorization"] = "Bearer " + settings.key.get_secret_value()
    for name, value in settings.headers.items():
        headers[name] = value.get_secret_value()
    return headers


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _check_status(
    answer: aiohttp.ClientResponse, shown: str, headers: Mapping[str, str], allow: set[int]
) -> None:
    status = answer.status
    if status < 400 or status in allow:
        return
    await _read_off(answer)
    if status in (401, 403):
        if "Authorization" in headers:
            raise AuthError(f"{shown}: refuses the key it was given (HTTP {status}); check `key`")
        raise AuthError(f"{shown}: needs a key (HTTP {status}); set `key` for this target")
    hint = "is the path right?" if status == 404 else "look at its own log"
    raise StatusError(f"{shown}: answers HTTP {status}; {hint}", status)


async def _read_off(answer: aiohttp.ClientResponse) -> None:
    """Read a short body that nobody wants, so that the connection can be used again and the bytes are counted."""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_READ_OFF_SECONDS):
            while answer.content.total_bytes <= _READ_OFF_BYTES and await answer.content.readany():
                pass


def _next(answer: aiohttp.ClientResponse, target: URL, redirects: Redirects, shown: str) -> URL:
    try:
        location = target.join(URL(answer.headers.get("Location", "")))
        same = location.origin() == target.origin()
    except ValueError as error:
        raise StatusError(f"{shown}: redirects (HTTP {answer.status}) to no usable place", answer.status) from error
    if redirects == "none":
        raise StatusError(f"{shown}: redirects (HTTP {answer.status}), which is not followed here", answer.status)
    if not same:
        raise StatusError(
            f"{shown}: redirects to another origin ({ascii(_plain(location))[1:-1]}), which is not followed; "
            "give that URL in the configuration if it is right",
            answer.status,
        )
    return location


async def _pieces(answer: aiohttp.ClientResponse, shown: str) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.content.iter_any():
            spend(response_bytes=len(piece))
            yield piece
    except (aiohttp.ClientError, OSError) as error:
        raise _mapped(error, shown) from error


async def _body(answer: aiohttp.ClientResponse, limit: int, shown: str) -> bytes:
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    chunks: AsyncIterator[bytes] = answer.content.iter_any()
    if encoding in ("gzip", "x-gzip", "deflate"):
        chunks = _inflated(chunks, shown)
    elif encoding not in ("", "identity"):
        raise MalformedError(f"{shown}: answers packed as {encoding[:20]!a}, which was not asked for")
    elif (answer.content_length or 0) > limit:
        raise _too_large(shown, limit)
    # One growing buffer: thousands of kept chunks, each cut from a larger one, would tear the heap.
    body = bytearray()
    try:
        async for chunk in chunks:
            body += chunk
            if len(body) > limit:
                raise _too_large(shown, limit)
        return bytes(body)
    finally:
        # The traceback of an error would keep it until the next garbage collection.
        body.clear()


async def _inflated(chunks: AsyncIterator[bytes], shown: str) -> AsyncIterator[bytes]:
    """Unpack gzip or zlib in bounded pieces, giving way to the event loop between them."""
    unpack = zlib.decompressobj(wbits=47)
    async for chunk in chunks:
        data = chunk
        while data:
            try:
                piece = unpack.decompress(data, _INFLATED_SLICE)
            except zlib.error as error:
                raise MalformedError(f"{shown}: answers gzip that cannot be unpacked: {error}") from error
            if piece:
                yield piece
            if unpack.eof:
                data = unpack.unused_data
                unpack = zlib.decompressobj(wbits=47) if data else unpack
            else:
                data = unpack.unconsumed_tail
            await asyncio.sleep(0)
    if not unpack.eof:
        raise MalformedError(f"{shown}: the answer was cut off inside its gzip stream; is it restarting?")


def _too_large(shown: str, limit: int) -> TooLargeError:
    return TooLargeError(f"{shown}: answers more than {limit} bytes and was not read to its end; raise `max_bytes`")


def _mapped(error: Exception, shown: str) -> CollectError:
    """Return what a foreign exception means; its own text only where it cannot hold what we sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or type(cause).__name__
        return ConnectError(f"{shown}: TLS failed: {reason}; set `tls.ca` to the authority that signed it")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return ConnectError(f"{shown}: the host name is not known here; check `url`")
    if isinstance(error, aiohttp.ClientConnectorError):
        return ConnectError(f"{shown}: {_reason(error.os_error)}; does it run, and does it listen there?")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ConnectError(f"{shown}: closed the connection without an answer; is it restarting?")
    if isinstance(error, aiohttp.ClientPayloadError):
        return MalformedError(f"{shown}: the answer was cut off before its end; is it restarting?")
    if isinstance(error, aiohttp.ClientResponseError):
        return MalformedError(f"{shown}: does not answer in HTTP that can be read; is this the right port?")
    if isinstance(error, OSError):
        return ConnectError(f"{shown}: {_reason(error)}")
    return CollectError(f"{shown}: cannot be read ({type(error).__name__})")


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError) or "refused" in str(error).lower():
        return "connection refused"
    return (error.strerror or type(error).__name__).lower()
