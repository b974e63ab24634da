"""Each kind of service in all its dialects is known; a stranger never gets a name; nobody is asked what harms."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
import pytest
import trustme

from inferdeck.sources import probing
from inferdeck.sources.identity import NOTHING, Identity, identify
from inferdeck.sources.listening import Candidate
from inferdeck.sources.marks import FIRST, KNOWN
from tests.unit.sources.discovery import services
from tests.unit.sources.discovery.services import DETAIL, HTML, JSON, TEXT, UNAUTHORIZED, Answers, service

HARMFUL = {"/health", "/health/services", "/slots", "/health_generate", "/generate", "/api/generate", "/api/chat",
           "/spend/logs", "/server_info", "/get_server_info", "/api/public/traces", "/cache/ping"}  # fmt: skip
NO_PATH = (404, TEXT, "404: Not Found")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with probing.session() as found:
        yield found


async def asked(
    answers: Answers, session: aiohttp.ClientSession, *, missing: tuple[int, str, str] = NO_PATH, server: str = "x"
) -> tuple[Identity, services.Service]:
    """Return what a server with these answers is taken for, after checking what it was asked."""
    async with service(answers, server=server, missing=missing) as found:
        identity = await identify(found.candidate, session)
    assert len(found.asked) <= probing.MOST_REQUESTS
    assert len(set(found.asked)) == len(found.asked), "nothing is asked twice"
    assert found.asked[0] == f"GET {FIRST}"
    assert all(line.startswith("GET ") for line in found.asked)
    assert HARMFUL.isdisjoint(line.removeprefix("GET ") for line in found.asked)
    assert all("?" not in path for path in found.paths)
    for headers in found.headers:
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    return identity, found


@pytest.mark.parametrize(
    ("kind", "needs_key", "answers", "missing"),
    [
        ("litellm", False, services.LITELLM, NO_PATH),
        ("vllm", False, services.VLLM, DETAIL),
        ("vllm", True, services.VLLM_LOCKED, DETAIL),
        ("vllm", True, services.VLLM_OLD_LOCKED, DETAIL),
        ("sglang", False, services.SGLANG, DETAIL),
        ("sglang", False, services.SGLANG_OLD, DETAIL),
        ("sglang", True, services.SGLANG_LOCKED, UNAUTHORIZED),
        ("tgi", False, services.TGI, (404, TEXT, "")),
        ("tgi", False, services.TGI_OLD, (404, TEXT, "")),
        ("tgi", True, services.TGI_LOCKED, (404, TEXT, "")),
        ("ollama", False, services.OLLAMA, (404, TEXT, "404 page not found")),
        ("ollama", False, services.OLLAMA_OLD, (404, TEXT, "404 page not found")),
        ("langfuse", True, services.LANGFUSE, (404, HTML, "<html>")),
        ("prometheus", False, services.PROMETHEUS, NO_PATH),
        ("prometheus", False, services.VICTORIA, (400, TEXT, "unsupported path requested")),
        ("prometheus", False, services.EXPORTER, NO_PATH),
        ("dcgm", False, services.DCGM, NO_PATH),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_dialect_is_known(
    kind: str, needs_key: bool, answers: Answers, missing: tuple[int, str, str], session: aiohttp.ClientSession
) -> None:
    identity, _ = await asked(answers, session, missing=missing)
    assert (identity.kind, identity.needs_key) == (kind, needs_key)
    assert len(identity.marks) >= 2


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ({}, NO_PATH),
        ({}, (200, HTML, "<html><div id=app></div>")),
        ({}, (200, JSON, '{"version":"1","status":"OK"}')),
        ({}, (200, JSON, '{"version":"1"}')),
        ({}, UNAUTHORIZED),
        ({}, (403, TEXT, "no")),
        ({}, (500, TEXT, "Internal Server Error")),
        ({}, (302, TEXT, "http://127.0.0.1:1/login")),
        (services.APPLICATION, DETAIL),
        ({**services.APPLICATION, "/v1/models": UNAUTHORIZED}, DETAIL),
        (services.RELAY, NO_PATH),
        (services.EMBEDDINGS, (404, TEXT, "")),
        (services.COLLECTOR, NO_PATH),
        ({FIRST: (200, TEXT, "alive")}, NO_PATH),
        ({FIRST: (200, JSON, '"I\'m alive!"')}, NO_PATH),
        ({"/": (200, HTML, "<a href='/metrics'>m</a>")}, NO_PATH),
        ({"/": (302, HTML, "/metrics"), "/metrics": (200, TEXT, "# TYPE a counter\na 1\n")}, NO_PATH),
        ({"/": (200, HTML, "<a href='/metrics'>m</a>"), "/metrics": (200, TEXT, "our metrics are good")}, NO_PATH),
        ({"/-/healthy": (200, TEXT, "Prometheus is not me")}, NO_PATH),
        ({"/": (200, TEXT, "Ollama is running")}, NO_PATH),
        ({"/api/public/health": services.HEALTH}, NO_PATH),
        ({"/v1/models": (200, JSON, '{"data":[7]}'), "/info": (200, JSON, "[]"), "/version": (200, JSON, "[" * 9000)},
         NO_PATH),
    ],
)  # fmt: skip
async def test_a_stranger_gets_no_name(
    answers: Answers, missing: tuple[int, str, str], session: aiohttp.ClientSession
) -> None:
    identity, _ = await asked(answers, session, missing=missing)
    assert (identity.kind, identity.http) == ("", True)


async def test_an_unknown_exposition_is_said_to_be_one(session: aiohttp.ClientSession) -> None:
    assert (await asked(services.APPLICATION, session, missing=DETAIL))[0].exposes
    assert (await asked(services.COLLECTOR, session))[0].exposes
    assert not (await asked({}, session))[0].exposes


@pytest.mark.parametrize("mark", [{FIRST: services.LITELLM[FIRST]}, {"/v1/models": services.models("llamacpp")}])
async def test_one_mark_of_who_could_be_harmed_ends_the_questions(
    mark: Answers, session: aiohttp.ClientSession
) -> None:
    _, found = await asked({**mark, **services.EXPORTER}, session)
    assert {"GET /metrics", "GET /"}.isdisjoint(found.asked)


async def test_litellm_is_asked_for_what_costs_and_counts_nothing(session: aiohttp.ClientSession) -> None:
    _, found = await asked(services.LITELLM, session)
    assert found.asked == [f"GET {FIRST}", "GET /routes"]


async def test_who_is_out_of_order_is_not_asked_on(session: aiohttp.ClientSession) -> None:
    _, found = await asked(services.EXPORTER, session, missing=(503, TEXT, "busy"))
    assert found.asked == [f"GET {FIRST}"]


@pytest.mark.parametrize("words", ["Client sent an HTTP request to an HTTPS server.\n",
                                   "<center>The plain HTTP request was sent to HTTPS port</center>"])  # fmt: skip
async def test_tls_is_said(words: str, session: aiohttp.ClientSession) -> None:
    async with service({}, missing=(400, TEXT, words)) as found:
        assert (await identify(found.candidate, session)).tls
    assert len(found.asked) == 1


async def test_a_tls_only_port_is_left_alone(session: aiohttp.ClientSession) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(never, "127.0.0.1", 0, ssl=context) as server:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        identity = await identify(Candidate("127.0.0.1", server.sockets[0].getsockname()[1]), session)
    assert (identity.kind, identity.http) == ("", False)


class Odd:
    """A server of plain sockets that answers oddly; it counts connections, and bytes that were taken off it."""

    def __init__(self, head: bytes, piece: bytes = b"", *, pause: float = 0.0) -> None:
        self.connections = 0
        self.sent = 0
        self._head, self._piece, self._pause = head, piece, pause

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.transport.set_write_buffer_limits(high=0)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._head)
            while self._piece:
                writer.write(self._piece)
                await writer.drain()
                self.sent += len(self._piece)
                await asyncio.sleep(self._pause)
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize(
    ("odd", "http", "connections"),
    [
        (Odd(b""), False, 1),
        (Odd(b"\x00\xffgarbage\r\n\r\n"), False, 1),
        (Odd(b"SSH-2.0-OpenSSH_9.2\r\n"), False, 1),
        (Odd(b"", b"\x00\x01\x02" * 500), False, 1),
        (Odd(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000), False, 1),
        (Odd(OK_HEAD, b"x" * 65536), True, 1),
        (Odd(OK_HEAD, b"y", pause=0.2), True, 1),
    ],
    ids=["silent", "garbage", "another protocol", "endless garbage", "endless header", "endless", "drops"],
)
async def test_odd_servers_cost_one_short_question(
    odd: Odd, http: bool, connections: int, session: aiohttp.ClientSession
) -> None:
    async with await asyncio.start_server(odd.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        identity = await identify(Candidate("127.0.0.1", port), session)
    assert (identity.kind, identity.http) == ("", http)
    assert odd.connections == connections
    # What is read ends at 64 kB; the rest waits in the buffers of both ends' systems.
    assert odd.sent < 8 * 2**20


async def test_what_does_not_speak_http_is_nothing(session: aiohttp.ClientSession) -> None:
    assert await identify(Candidate("127.0.0.1", 1, 1, "postgres"), session) == NOTHING
    assert await identify(Candidate("127.0.0.1", 1, inner_port=5432), session) == NOTHING
    assert await identify(Candidate("127.0.0.1", 1), session) == NOTHING


async def test_another_protocol_s_port_is_not_touched(session: aiohttp.ClientSession) -> None:
    async with service({}) as found:
        port = found.port
        assert await identify(Candidate("127.0.0.1", port, inner_port=5432), session) == NOTHING
        assert await identify(Candidate("127.0.0.1", port, 1, "postgres"), session) == NOTHING
        assert await identify(Candidate("127.0.0.1", port, image="docker.io/library/mysqld:8"), session) == NOTHING
    assert found.asked == []


async def test_no_redirect_is_followed(session: aiohttp.ClientSession) -> None:
    away: Answers = {}
    async with service(services.VLLM, missing=DETAIL) as other, service(away, missing=(307, TEXT, "x")) as found:
        for known in KNOWN:
            for mark in known.marks:
                away[mark.path] = (307, TEXT, f"http://127.0.0.1:{other.port}{mark.path}")
        identity = await identify(found.candidate, session)
    assert identity.kind == ""
    assert other.asked == []


async def test_no_key_of_the_environment_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password sk-planted\n")
    for name in ("LITELLM_MASTER_KEY", "OPENAI_API_KEY", "VLLM_API_KEY", "HF_TOKEN", "REDIS_PASSWORD"):
        monkeypatch.setenv(name, "sk-planted")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://sk-planted@127.0.0.1:1")
    for answers in (services.LITELLM, services.VLLM_LOCKED, services.LANGFUSE, {}):
        _, found = await asked(answers, session, missing=UNAUTHORIZED)
        assert "sk-planted" not in repr((found.headers, found.paths))


async def test_cookies_are_not_kept(session: aiohttp.ClientSession) -> None:
    heads = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        await identify(Candidate("127.0.0.1", server.sockets[0].getsockname()[1]), session)
    assert len(heads) > 5
    assert all(b"cookie" not in head.lower() for head in heads)


async def test_pythons_own_file_server_is_a_stranger(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def translate_path(self, _path: str) -> str:
            return str(tmp_path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            identity = await identify(Candidate("127.0.0.1", server.server_port), session)
        finally:
            server.shutdown()
            thread.join()
    assert (identity.kind, identity.http) == ("", True)


async def test_a_redis_whose_process_is_unknown_is_found_by_its_error(session: aiohttp.ClientSession) -> None:
    heard: list[bytes] = []

    async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.append(line)
            known = {b"PING\r\n": b"-NOAUTH Authentication required.\r\n", b"ECHO inferdeck\r\n": b"-NOAUTH x\r\n"}
            writer.write(known.get(line, b"-ERR wrong number of arguments for 'get' command\r\n"))
            if line == b"QUIT\r\n":
                break
        writer.close()

    async with await asyncio.start_server(redis, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        identity = await identify(Candidate("127.0.0.1", port), session)
        assert (identity.kind, identity.needs_key) == ("redis", True)
        heard.clear()
        assert (await identify(Candidate("127.0.0.1", port, process="redis-server"), session)).kind == "redis"
        assert (await identify(Candidate("127.0.0.1", port, inner_port=6379), session)).kind == "redis"
        assert (await identify(Candidate("127.0.0.1", port, image="valkey/valkey:9"), session)).kind == "redis"
    assert not any(b"HTTP" in line for line in heard), "a known Redis never gets a line of HTTP"


async def test_what_refuses_ipv4_is_tried_over_ipv6(session: aiohttp.ClientSession) -> None:
    identity = await identify(Candidate("127.0.0.1", 1, other_host="::1"), session)
    assert (identity.kind, identity.host) == ("", "::1")


def test_every_kind_can_be_told_by_two_marks() -> None:
    for known in KNOWN:
        strong = [mark for mark in known.marks if not mark.weak]
        assert known.leads <= len(known.marks)
        assert strong
        assert len(known.marks) >= 2 or not known.kind
    most = {mark.path for known in KNOWN for mark in known.marks[: known.leads]}
    assert len(most) <= probing.MOST_REQUESTS
