"""A server behind TLS answers in our place: whose certificates are trusted, and what is said of those that are not."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from inferdeck.config.schema import QueryConfig, Tls
from inferdeck.errors import ConfigError, UnavailableError
from inferdeck.query.remote import RemoteQueryService

EMPTY = '{"status":"success","data":{"resultType":"vector","result":[]}}'


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text=EMPTY, content_type="application/json")


@contextlib.asynccontextmanager
async def behind_tls(authority: trustme.CA, *names: str) -> AsyncIterator[str]:
    """Answer every question with nothing, under a certificate of this authority for these names; gives the URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def ask(url: str, tls: Tls) -> None:
    service = RemoteQueryService(QueryConfig(url=url, tls=tls))
    try:
        found = await service.instant("up", 0)
    finally:
        await service.aclose()
    assert found.series == ()


def file_of(authority: trustme.CA, path: Path) -> Tls:
    authority.cert_pem.write_to_path(str(path))
    return Tls(ca=str(path))


async def test_the_authority_that_is_named_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with behind_tls(authority, "127.0.0.1") as url:
        await ask(url, file_of(authority, tmp_path / "ca.pem"))


async def test_without_checks_any_certificate_will_do() -> None:
    async with behind_tls(trustme.CA(), "elsewhere.example") as url:
        await ask(url, Tls(verify=False))


async def test_another_authority_is_not_trusted(tmp_path: Path) -> None:
    async with behind_tls(trustme.CA(), "127.0.0.1") as url:
        for tls in (Tls(), file_of(trustme.CA(), tmp_path / "other.pem")):
            with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+: its certificate .*query\.tls\.ca") as error:
                await ask(url, tls)
            assert "issuer" in str(error.value)


async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    async with behind_tls(authority, "elsewhere.example") as url:
        with pytest.raises(UnavailableError, match=r"its certificate .*127\.0\.0\.1"):
            await ask(url, file_of(authority, tmp_path / "ca.pem"))


async def test_tls_where_none_is_spoken_is_said(tmp_path: Path) -> None:
    async with behind_tls(trustme.CA(), "127.0.0.1") as url:
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:\d+: "):
            await ask(url.replace("https:", "http:"), Tls())


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_that_holds_no_authority_is_refused_at_once(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"query\.tls\.ca: .*ca\.pem cannot be read as a certificate authority"):
        RemoteQueryService(QueryConfig(url="https://127.0.0.1:1", tls=Tls(ca=str(path))))
