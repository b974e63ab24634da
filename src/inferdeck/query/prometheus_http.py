"""Questions to a Prometheus-compatible server over HTTP: one session, bounded answers, errors that say who failed."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson
from yarl import URL

from inferdeck import __version__
from inferdeck.config.schema import QueryConfig
from inferdeck.errors import (
    ConfigError,
    EvaluationError,
    InferdeckError,
    QueryTimeoutError,
    TooLargeError,
    UnavailableError,
    UsageError,
)

LARGEST_ANSWER_BYTES = 256 << 20
_ERROR_CHARACTERS = 500
Field = tuple[str, str]


class PrometheusHttp:
    """One server; made inside the event loop, closed with `aclose` (idempotent)."""

    def __init__(self, config: QueryConfig) -> None:
        if not config.url:
            raise ConfigError("query.url: is missing")
        try:
            self._base = URL(config.url.rstrip("/") + "/")
        except ValueError as error:
            raise ConfigError(f"query.url: {config.url!r} is not a URL; write http://HOST:PORT") from error
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise ConfigError("query.url: is not an http or https URL; write http://HOST:PORT")
        self._config = config
        self._tls = _tls(config)
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """What to call the server in messages: host:port, never the whole URL, which may hold a password."""
        return self._config.name or f"{self._base.host}:{self._base.port}"

    async def ask(self, path: str, fields: Sequence[Field], seconds: float, *, post: bool = True) -> dict[str, Any]:
        """Return the whole envelope of a successful answer (status, data, warnings, infos).

        Raises UsageError, EvaluationError, QueryTimeoutError for what the server says of the query, UnavailableError
        where it cannot be asked.
        """
        url = self._base.with_user(None) / f"api/v1/{path}"
        try:
            async with asyncio.timeout(seconds):
                status, body = await self._read(url, fields, post=post)
        except TimeoutError as error:
            raise QueryTimeoutError(f"{self.name}: no full answer within {seconds:g} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            raise UnavailableError(
                f"{self.name}: its certificate is not trusted: {reason}; check query.url, "
                "or name its authority in query.tls.ca"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"{self.name}: {type(error).__name__}: {error}") from error
        return self._opened(status, body)

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _read(self, url: URL, fields: Sequence[Field], *, post: bool) -> tuple[int, bytes]:
        session = self._opened_session()
        how: dict[str, Any] = {"data": list(fields)} if post else {"params": list(fields)}
        method = "POST" if post else "GET"
        async with session.request(method, url, ssl=self._tls, allow_redirects=False, **how) as answer:
            parts, size = [], 0
            async for part in answer.content.iter_any():
                size += len(part)
                if size > LARGEST_ANSWER_BYTES:
                    raise TooLargeError(f"{self.name}: answered with more than {LARGEST_ANSWER_BYTES >> 20} MiB")
                parts.append(part)
            return answer.status, b"".join(parts)

    def _opened_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=_headers(self._config, self._base),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    def _opened(self, status: int, body: bytes) -> dict[str, Any]:
        if status in (401, 403):
            raise UnavailableError(f"{self.name}: HTTP {status}: give it query.key, query.basic_auth or query.headers")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or "status" not in found:
            raise UnavailableError(f"{self.name}: HTTP {status}, and not from a Prometheus-compatible interface")
        if found["status"] != "success":
            raise self._failure(status, str(found.get("errorType", "")), str(found.get("error", "")))
        return found

    def _failure(self, status: int, kind: str, said: str) -> InferdeckError:
        message = " ".join(f"{self.name}: {said}".split())[:_ERROR_CHARACTERS]
        for secret in _secrets(self._config):
            message = message.replace(secret, "•••")
        if kind == "bad_data" or status == 400:
            return UsageError(message)
        if kind in ("timeout", "canceled"):
            return QueryTimeoutError(message)
        if kind in ("execution", "422") or status == 422:
            return EvaluationError(message)
        return UnavailableError(message)


def _headers(config: QueryConfig, base: URL) -> dict[str, str]:
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    headers["User-Agent"] = f"inferdeck/{__version__}"
    if config.tenant:
        headers["X-Scope-OrgID"] = config.tenant
    if config.key is not None:
        headers["Authorization"] = f"Bearer {config.key.get_secret_value()}"
    elif config.basic_auth is not None:
        login = config.basic_auth
        headers["Authorization"] = _basic(login.username, login.password.get_secret_value())
    elif base.user is not None:
        headers["Authorization"] = _basic(base.user, base.password or "")
    return headers


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def _secrets(config: QueryConfig) -> list[str]:
    found = [value.get_secret_value() for value in config.headers.values()]
    found += [config.key.get_secret_value()] if config.key is not None else []
    found += [config.basic_auth.password.get_secret_value()] if config.basic_auth is not None else []
    return [secret for secret in found if len(secret) >= 4]


def _tls(config: QueryConfig) -> ssl.SSLContext | bool:
    if not config.tls.verify:
        return False
    if config.tls.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=config.tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"query.tls.ca: {config.tls.ca} cannot be read as a certificate authority: {error}"
        ) from error
