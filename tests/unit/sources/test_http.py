"""The HTTP client: bounded by time, bytes and redirects, and discreet about keys."""

from __future__ import annotations

import gzip
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from inferdeck.config.schema import TargetConfig
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
from inferdeck.sources.http import HttpClient, Response
from tests.unit.sources import endpoint as bad
from tests.unit.sources.endpoint import GOOD, raw, serving

KEY = "sk-planted-secret"
SETTINGS = TargetConfig.model_validate({"key": KEY, "headers": {"X-Tenant": "planted-tenant"}})


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()
    await client.aclose()


async def get(http: HttpClient, url: str, **options: object) -> Response:
    wanted: dict[str, object] = {"settings": SETTINGS, "deadline": 20.0, "path": "/metrics", **options}
    return await http.get(url, **wanted)  # type: ignore[arg-type]


async def seen(request: web.Request) -> web.StreamResponse:
    return web.json_response(dict(request.headers))


async def test_reads_a_body_with_its_key_and_headers(http: HttpClient) -> None:
    async with serving(("/base/metrics", seen)) as url:
        answer = await get(http, url + "/base/")
    assert (answer.status, answer.url, answer.requests) == (200, url + "/base/metrics", 1)
    assert f"Bearer {KEY}".encode() in answer.body
    assert b"planted-tenant" in answer.body


async def test_sends_nothing_secret_where_it_is_told_not_to(http: HttpClient) -> None:
    async with serving(("/metrics", seen)) as url:
        answer = await get(http, url.replace("http://", "http://user:planted-password@"), send_key=False)
    assert b"planted" not in answer.body
    assert b"Authorization" not in answer.body


async def test_credentials_of_the_url_become_basic_auth(http: HttpClient) -> None:
    async with serving(("/metrics", seen)) as url:
        answer = await get(http, url.replace("http://", "http://u:p@"), settings=TargetConfig())
        assert b"Basic dTpw" in answer.body
        assert "u:p" not in answer.url


async def test_follows_to_the_same_origin_with_the_key(http: HttpClient) -> None:
    async def to_slash(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "/metrics/"})

    async with serving(("/metrics", to_slash), ("/metrics/", seen)) as url:
        answer = await get(http, url, redirects="same_origin")
        assert (answer.url, answer.requests) == (url + "/metrics/", 2)
        assert KEY.encode() in answer.body
        with pytest.raises(StatusError, match=r"redirects \(HTTP 307\), which is not followed here"):
            await get(http, url)


async def test_never_carries_a_key_to_another_origin(http: HttpClient) -> None:
    reached = False

    async def elsewhere(_: web.Request) -> web.StreamResponse:
        nonlocal reached
        reached = True
        return web.Response()

    async with serving(("/metrics", elsewhere)) as other:

        async def away(_: web.Request) -> web.StreamResponse:
            return web.Response(status=302, headers={"Location": other + "/metrics?token=planted"})

        async with serving(("/metrics", away)) as url:
            with pytest.raises(StatusError, match="redirects to another origin") as caught:
                await get(http, url, redirects="same_origin")
    assert not reached
    assert "planted" not in str(caught.value)
    assert other in str(caught.value)


@pytest.mark.parametrize(
    ("handler", "kind", "cause"),
    [
        (bad.hangs, DeadlineError, "no full answer within 0.3 s"),
        (bad.drips, DeadlineError, "no full answer within 0.3 s"),
        (bad.fails, StatusError, "answers HTTP 500"),
        (bad.circles, StatusError, "redirects more than 3 times"),
        (bad.half_gzip, MalformedError, "cut off inside its gzip stream"),
    ],
)
async def test_names_the_target_and_the_cause(
    http: HttpClient, handler: bad.Handler, kind: type[CollectError], cause: str
) -> None:
    deadline = 0.3 if kind is DeadlineError else 20.0
    async with serving(("/metrics", handler)) as url:
        with pytest.raises(kind, match=cause) as caught:
            await get(http, url, redirects="same_origin", deadline=deadline)
    assert str(caught.value).startswith(f"{url}/metrics: ")


async def test_an_endless_body_stops_at_the_limit(http: HttpClient) -> None:
    async with serving(("/metrics", bad.endless)) as url:
        with pytest.raises(TooLargeError, match="answers more than 100000 bytes"):
            await get(http, url, max_bytes=100_000)


async def test_a_gzip_bomb_stops_at_the_limit(http: HttpClient) -> None:
    packed = gzip.compress(bytes(50_000_000))
    async with serving(("/metrics", _packed(packed))) as url:
        with pytest.raises(TooLargeError, match="answers more than 1000000 bytes"):
            await get(http, url, max_bytes=1_000_000)
        assert len((await get(http, url)).body) == 50_000_000


def _packed(body: bytes) -> bad.Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    return handler


async def test_unpacks_gzip_in_several_members(http: HttpClient) -> None:
    async with serving(("/metrics", _packed(gzip.compress(b"a 1\n") + gzip.compress(b"b 2\n")))) as url:
        assert (await get(http, url)).body == b"a 1\nb 2\n"


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        (bad.cut_off, MalformedError, "cut off before its end"),
        (bad.not_http, MalformedError, "does not answer in HTTP"),
        (bad.silent, ConnectError, "closed the connection without an answer"),
    ],
)
async def test_a_broken_answer_is_named(http: HttpClient, answer: object, kind: type[CollectError], cause: str) -> None:
    async with raw(answer) as url:  # type: ignore[arg-type]
        with pytest.raises(kind, match=cause):
            await get(http, url)


async def test_a_refused_key_and_a_missing_key_are_told_apart_and_neither_is_shown(http: HttpClient) -> None:
    async def locked(request: web.Request) -> web.StreamResponse:
        return web.Response(status=401, text=f"no: {request.headers.get('Authorization')}")

    async with serving(("/metrics", locked)) as url:
        with pytest.raises(AuthError, match="refuses the key it was given") as refused:
            await get(http, url.replace("http://", "http://user:planted-password@"))
        with pytest.raises(AuthError, match="needs a key"):
            await get(http, url, settings=TargetConfig())
        allowed = await get(http, url, allow=(401,))
        assert allowed.status == 401
    assert "planted" not in str(refused.value)
    assert KEY not in repr(refused.value.__cause__)


@pytest.mark.parametrize(
    ("url", "kind", "cause"),
    [
        ("http://127.0.0.1:1", ConnectError, "http://127.0.0.1:1/metrics: connection refused"),
        ("http://no-such-host.invalid", ConnectError, "the host name is not known"),
        ("unix:///no/such.sock", ConnectError, "unix:///no/such.sock /metrics: "),
        ("gopher://x", ConfigError, "not a URL that can be read"),
        ("http://[::1", ConfigError, "not a URL"),
        ("127.0.0.1:80", ConfigError, "not a URL"),
    ],
)
async def test_a_place_that_cannot_be_reached_is_named(
    http: HttpClient, url: str, kind: type[Exception], cause: str
) -> None:
    with pytest.raises(kind) as caught:
        await get(http, url)
    assert cause in str(caught.value)


async def test_a_question_is_posted_once_with_the_key_and_no_redirect_is_followed(http: HttpClient) -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def show(request: web.Request) -> web.StreamResponse:
        asked.append((request.headers["Authorization"], request.headers["Content-Type"], await request.read()))
        return web.Response(body=b'{"ok":true}')

    async def moved(request: web.Request) -> web.StreamResponse:
        asked.append(("", "", await request.read()))
        return web.Response(status=307, headers={"Location": "/show"})

    app = web.Application()
    app.router.add_post("/show", show)
    app.router.add_post("/moved", moved)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url, settings = f"http://127.0.0.1:{runner.addresses[0][1]}", TargetConfig.model_validate({"key": "k"})
    answer = await http.post(url, b'{"model":"m"}', settings=settings, path="/show", deadline=5.0)
    assert (answer.status, answer.body, answer.requests) == (200, b'{"ok":true}', 1)
    assert asked == [("Bearer k", "application/json", b'{"model":"m"}')]
    with pytest.raises(StatusError, match="not followed here"):
        await http.post(url, b"{}", settings=settings, path="/moved", deadline=5.0)
    with pytest.raises(TooLargeError):
        await http.post(url, b"{}", settings=settings, path="/show", deadline=5.0, max_bytes=3)
    assert [body for _, _, body in asked] == [b'{"model":"m"}', b"{}", b"{}"]
    await runner.cleanup()


async def test_reads_over_a_unix_socket(http: HttpClient, tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_get("/metrics", bad.good)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s.sock")).start()
    assert (await get(http, f"unix://{tmp_path}/s.sock")).body == GOOD
    await runner.cleanup()


async def test_a_certificate_is_trusted_only_where_its_authority_is(http: HttpClient, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app = web.Application()
    app.router.add_get("/metrics", bad.good)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    with pytest.raises(ConnectError, match=r"TLS failed: self.signed certificate"):
        await get(http, url)
    for tls in ({"ca": str(certificate)}, {"verify": False}):
        assert (await get(http, url, settings=TargetConfig.model_validate({"tls": tls}))).body == GOOD
    with pytest.raises(ConfigError, match=r"tls.ca: /no/such: cannot be read"):
        await get(http, url, settings=TargetConfig.model_validate({"tls": {"ca": "/no/such"}}))
    await runner.cleanup()
