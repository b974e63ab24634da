"""A real HTTP server on loopback that behaves as badly as a test wants, and the little that tests need around it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from inferdeck.model.scrape import Scrape
from inferdeck.model.target import TargetKey
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Source
from inferdeck.sources.pipeline import target_labels
from inferdeck.sources.prometheus.config import PrometheusConfig
from inferdeck.sources.prometheus.source import PrometheusSource
from inferdeck.sources.watch import Target

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GOOD = b"# TYPE requests_total counter\nrequests_total 1\n"
TWO_GIGABYTES = 2 * 10**9


@contextlib.asynccontextmanager
async def serving(*handlers: tuple[str, Handler]) -> AsyncIterator[str]:
    """Serve each path by its handler on a free port; yields http://host:port."""
    app = web.Application(client_max_size=0)
    for path, handler in handlers:
        app.router.add_route("GET", path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve whatever bytes `answer` writes after the request was read; yields http://host:port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


async def good(_: web.Request) -> web.StreamResponse:
    """A healthy target."""
    return web.Response(body=GOOD, content_type="text/plain")


async def hangs(_: web.Request) -> web.StreamResponse:
    """Takes the request and never answers."""
    await asyncio.sleep(3600)
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """Answers one byte at a time for ever."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"#")
        await asyncio.sleep(0.01)


async def fails(_: web.Request) -> web.StreamResponse:
    """Answers 500."""
    return web.Response(status=500, text="boom")


async def circles(request: web.Request) -> web.StreamResponse:
    """Redirects to itself for ever."""
    count = int(request.query.get("n", "0")) + 1
    return web.Response(status=307, headers={"Location": f"{request.path}?n={count}"})


async def endless(request: web.Request) -> web.StreamResponse:
    """Streams two gigabytes of samples."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    part = "".join(f'm{{x="{number}"}} 1\n' for number in range(50_000)).encode()
    for _ in range(TWO_GIGABYTES // len(part)):
        await answer.write(part)
    return answer


async def bomb(_: web.Request) -> web.StreamResponse:
    """Answers a megabyte of gzip that unpacks to a thousand."""
    pack = zlib.compressobj(1, wbits=31)
    block = pack.compress(b"m 1\n" * 250_000) + pack.flush(zlib.Z_FULL_FLUSH)
    # Blocks after a full flush do not depend on each other, so that one can be sent again and again.
    head = zlib.compressobj(1, wbits=31)
    body = head.compress(b"m 1\n") + head.flush(zlib.Z_FULL_FLUSH) + block[10:] * 1000
    return web.Response(body=body, headers={"Content-Encoding": "gzip"}, content_type="text/plain")


async def half_gzip(_: web.Request) -> web.StreamResponse:
    """Answers a gzip stream that ends early."""
    return web.Response(body=gzip.compress(GOOD * 1000)[:-20], headers={"Content-Encoding": "gzip"})


async def cut_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promises more bytes than it sends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nm 1\nn 12")


async def not_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks something else."""
    writer.write(b"-ERR unknown command 'GET'\r\n\x00\xff\r\n\r\n")


async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
    writer.write(b"")


def many_series(count: int) -> bytes:
    """Return an exposition of this many series."""
    return "".join(f'm{{x="{number}",model="gpt"}} {number}\n' for number in range(count)).encode()


def answering(body: bytes, content_type: str = "text/plain") -> Handler:
    """Return a handler of one fixed body."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type)

    return handler


class MemorySink:
    """Keeps every scrape it is given, as a MetricSink that a test can look into."""

    def __init__(self) -> None:
        self.scrapes: list[Scrape] = []

    def append(self, scrape: Scrape) -> None:
        self.scrapes.append(scrape)

    def carry(self, target: str) -> bytes | None:
        return next((one.carry for one in reversed(self.scrapes) if one.target == target and one.carry), None)

    def append_block(self, *_: object) -> None:
        raise NotImplementedError

    def append_series(self, *_: object) -> None:
        raise NotImplementedError


def target_of(source: Source, config: PrometheusConfig, key: TargetKey) -> Target:
    """Return a target without stages."""
    return Target(key, source, config, config.url or "", target_labels(key, {}))


def endpoint(url: str, http: HttpClient, name: str = "", **settings: object) -> Target:
    """Return a target that reads one exposition endpoint."""
    config = PrometheusConfig.model_validate({"url": url, "interval": 0.1, **settings})
    key = TargetKey("prometheus", name or url.removeprefix("http://"), "test")
    return target_of(PrometheusSource(config, http, key, target_labels(key, {})), config, key)
