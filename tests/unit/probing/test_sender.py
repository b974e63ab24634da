"""Sending: whatever a gateway answers is an answer, within bounds, and no key is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from inferdeck.errors import ForbiddenError, MalformedError, UnavailableError
from inferdeck.probing import sender as sending
from inferdeck.probing.access import Access
from inferdeck.probing.gateway import learn
from inferdeck.probing.sender import Sender
from inferdeck.probing.values import Answer, Ask

KEY = "sk-a-key-that-nobody-sees-1"
ASK = Ask("/v1/chat/completions", {"model": "m"}, 1, 1)
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway(answer: Page) -> AsyncIterator[str]:
    """Serve one page for every path on a free port."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(bytes_: bytes) -> AsyncIterator[str]:
    """Answer every connection with these bytes, and close it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(bytes_)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def sent(url: str, timeout: float = 5.0) -> Answer:
    reach = Access(url, {"Authorization": f"Bearer {KEY}"}, (KEY,))
    async with Sender(reach, timeout_seconds=timeout) as sender:
        return await sender.send(ASK)


def json_page(body: object, status: int = 200) -> Page:
    async def page(request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return page


async def test_an_answer_with_its_headers() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        return web.json_response({"choices": []}, headers={"X-LiteLLM-Model-Id": "one", "Set-Cookie": "a=b"})

    async with gateway(page) as url:
        found = await sent(url)
    assert found.ok
    assert found.deployment == "one"
    assert "set-cookie" not in found.headers


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": f"wrong {KEY}", "code": "401"}},
        {"error": f"wrong {KEY}"},
        {"detail": {"error": f"wrong {KEY}"}},
        {"detail": f"wrong {KEY}"},
    ],
)
async def test_every_form_of_an_error_is_read_and_no_key_is_in_it(body: object) -> None:
    async with gateway(json_page(body, 401)) as url:
        found = await sent(url)
    assert (found.status, found.error) == (401, "wrong •••")
    assert KEY not in repr(found.error)
    assert KEY not in repr(Access(url, {"Authorization": KEY}, (KEY,)))


async def test_a_redirect_is_not_followed() -> None:
    seen: list[str] = []

    async def page(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async with gateway(page) as url:
        found = await sent(url)
    assert found.status == 307
    assert not found.ok
    assert seen == [ASK.path]


async def test_silence_ends_at_the_timeout() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with gateway(page) as url:
        found = await sent(url, 0.1)
    assert (found.cut, found.status) == ("timeout", 0)


async def test_a_closed_port_and_an_unknown_host() -> None:
    refused = await sent("http://127.0.0.1:9")
    assert (refused.cut, refused.error) == ("unreachable", "connection refused; does it run, and does it listen there?")
    assert (await sent("http://no-such-host.invalid")).cut == "unreachable"
    async with raw(b"") as url:
        assert (await sent(url)).cut == "unreachable"


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\nno",
    ],
)
async def test_garbage_is_garbage(garbage: bytes) -> None:
    async with raw(garbage) as url:
        found = await sent(url)
    assert found.cut == "garbage"
    assert not found.ok


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LARGEST_BYTES", 100_000)

    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b" " * 1000)
        return response

    async with gateway(page) as url:
        found = await sent(url)
    assert found.cut == "garbage"


def stream_page(*events: bytes, end: bool = True) -> Page:
    async def page(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
        if not end:
            assert request.transport is not None
            request.transport.abort()
        return response

    return page


WORD = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'


async def test_a_stream_and_its_end() -> None:
    async with gateway(stream_page(b": comment\n\n", WORD, WORD, b"data: [DONE]\n\n")) as url:
        found = await sent(url)
    assert (found.events, found.finished, found.streamed, found.ok) == (2, True, True, True)


async def test_streams_that_go_wrong() -> None:
    async with gateway(stream_page(WORD)) as url:
        found = await sent(url)
    assert (found.events, found.finished) == (1, False)
    async with gateway(stream_page(WORD, b"data: {broken\n\n")) as url:
        assert (await sent(url)).cut == "garbage"
    async with gateway(stream_page(WORD, b'data: {"error": {"message": "out of luck"}}\n\n')) as url:
        assert (await sent(url)).error == "out of luck"
    async with gateway(stream_page(WORD, end=False)) as url:
        found = await sent(url)
    assert not found.ok
    assert found.error.startswith("the stream broke off")
    async with gateway(stream_page(b"data: " + b"x" * 3_000_000)) as url:
        assert not (await sent(url)).ok


async def test_what_is_no_gateway_cannot_be_learned() -> None:
    async def ask(url: str) -> None:
        async with Sender(Access(url), timeout_seconds=5.0) as sender:
            await learn(sender)

    with pytest.raises(UnavailableError, match="no gateway answers"):
        await ask("http://127.0.0.1:9")
    async with gateway(json_page({"error": {"message": "no key"}}, 401)) as url:
        with pytest.raises(ForbiddenError, match="LITELLM_API_KEY"):
            await ask(url)
    async with gateway(json_page(["what"])) as url:
        with pytest.raises(MalformedError, match="is this a gateway"):
            await ask(url)
    async with raw(b"220 mail.example ESMTP\r\n") as url:
        with pytest.raises(MalformedError):
            await ask(url)


async def test_a_key_that_sees_models_alone_is_enough_to_begin() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": "one"}, {"id": "two", "mode": "embedding"}]})
        return web.json_response({"detail": "no"}, status=403)

    async with gateway(page) as url, Sender(Access(url), timeout_seconds=5.0) as sender:
        found = await learn(sender)
    assert found.listed == ("one", "two")
    assert found.modes == {"two": "embedding"}
    assert not found.deployments
    assert len(found.notes) == 2
    assert not found.simulated
