"""The HTTP of the listener: what a request may weigh outside its body, and how requests follow each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Receive, Scope, Send

from inferdeck.api import server

LARGE = server.LARGEST_HEAD_BYTES


@dataclass
class Echo:
    """An application that answers each request with its path and the size of its body."""

    sizes: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        self.sizes.append(size)
        body = f"{scope['path']} {size}\n".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Open:
    """One connection to the echoing listener."""

    echo: Echo
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def sent(self, *parts: bytes) -> bytes:
        """Send the parts one by one, then return everything that comes back until the server closes."""
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
                await asyncio.sleep(0)
            return await asyncio.wait_for(self.reader.read(), 20)
        except ConnectionError:
            return b""


@pytest.fixture
async def connection() -> AsyncIterator[Open]:
    bound, echo = server.bind_tcp("127.0.0.1", 0), Echo()
    listener = server.Listener(echo, bound, peers_checked=False)
    await listener.start()
    reader, writer = await asyncio.open_connection(*bound.getsockname()[:2])
    try:
        yield Open(echo, reader, writer)
    finally:
        writer.close()
        await listener.stop()


LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * 4096,
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 4096,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 1000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 1000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 4096,
    ],
    ids=["request line", "one header", "many headers", "trailers", "a chunk's extension"],
)
async def test_a_head_without_end_is_refused(connection: Open, endless: bytes) -> None:
    more = endless[-4096:] if endless.endswith(b"aaaa") else endless[-6000:]
    answer = await connection.sent(endless, *[more] * (2 * LARGE // len(more)))
    assert answer.count(b"HTTP/1.1") <= 1
    assert answer[:12] in (b"HTTP/1.1 400", b"")  # what is refused while it is still being sent may be reset
    assert not connection.echo.sizes


async def test_large_headers_within_the_limit_are_read(connection: Open) -> None:
    answer = await connection.sent(LAST.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * (LARGE - 1000) + b"\r\n\r\n"))
    assert answer.endswith(b"/last 0\n")


async def test_a_body_does_not_count_as_head(connection: Open) -> None:
    plain = b"POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + b"b" * 300_000
    chunk = b"400\r\n" + b"b" * 1024 + b"\r\n"
    chunked = b"POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 300 + b"0\r\n\r\n"
    answer = await connection.sent(plain, chunked, LAST)
    assert connection.echo.sizes == [300_000, 300 * 1024, 0]
    assert answer.endswith(b"/last 0\n")


async def test_many_requests_on_one_connection_are_no_large_one(connection: Open) -> None:
    one = b"GET /one HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000 + b"\r\n\r\n"
    answer = await connection.sent(one * 300, LAST)
    assert answer.count(b"/one 0\n") == 300
    assert answer.endswith(b"/last 0\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["two lengths", "two other lengths", "blank before colon", "words", "TLS"],
)
async def test_what_can_be_read_in_two_ways_is_refused(connection: Open, request_: bytes) -> None:
    answer = await connection.sent(request_)
    assert answer.startswith(b"HTTP/1.1 400")
    assert not connection.echo.sizes
