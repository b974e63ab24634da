"""A server that does not mean well, or is none: an error of ours with the cause, and memory stays bounded."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inferdeck.errors import CollectError, ConnectError, MalformedError, TooLargeError
from inferdeck.sources.redis.config import RedisConfig
from inferdeck.sources.redis.session import Refused, Session

PIECE = b"x" * 65_536


@asynccontextmanager
async def saying(first: bytes, endless: bytes = b"") -> AsyncIterator[str]:
    """Give the URL of a server that answers anything with `first`, then with `endless` again and again."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1000)
            writer.write(first)
            while endless:
                writer.write(endless)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def ask(url: str) -> object:
    session = Session(RedisConfig(url=url, max_bytes=1_000_000), "unused:1")
    try:
        async with asyncio.timeout(30):
            return (await session.ask([("PING",)]))[0]
    finally:
        await session.aclose()


@pytest.mark.parametrize(
    ("first", "endless"),
    [
        (b"$2000000000\r\n", PIECE),
        (b"*2000000000\r\n", b":1\r\n" * 10_000),
        (b"*1000\r\n", b"$65536\r\n" + PIECE + b"\r\n"),
        (b"$-5\r\n", b""),
    ],
)
async def test_a_reply_without_end_is_given_up_at_the_limit(first: bytes, endless: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with saying(first, endless) as url:
        with pytest.raises(TooLargeError, match="more than 1000000 bytes"):
            await ask(url)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$many\r\n",
        b":1e400\r\n",
        b"*x\r\n",
        b"\xff\xfe\r\n",
        b"*1\r\n" * 5_000,
        PIECE * 4,
    ],
)
async def test_what_is_not_the_protocol_says_so(first: bytes) -> None:
    async with saying(first) as url:
        with pytest.raises(MalformedError, match="does not speak the Redis protocol"):
            await ask(url)


@pytest.mark.parametrize("first", [b"", b"$100\r\nhalf", b"*3\r\n:1\r\n", b"+PO"])
async def test_a_reply_that_breaks_off_is_a_lost_connection(first: bytes) -> None:
    async with saying(first) as url:
        with pytest.raises(ConnectError):
            await ask(url)


async def test_a_refusal_is_a_value_and_ends_nothing() -> None:
    async with saying(b"-NOPERM this user has no permissions to run the 'ping' command\r\n") as url:
        found = await ask(url)
    assert isinstance(found, Refused)
    assert found.not_permitted


async def test_too_many_clients_is_an_error_with_the_servers_words() -> None:
    async with saying(b"-ERR max number of clients reached\r\n") as url:
        with pytest.raises(CollectError, match="max number of clients reached"):
            await ask(url)
