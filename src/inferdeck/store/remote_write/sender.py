"""Sending what the spool holds: one request at a time, oldest first, until the receiver has taken or refused it."""

from __future__ import annotations

import asyncio
import base64
import email.utils
import logging
import random
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from inferdeck import __version__
from inferdeck.config.schema import RemoteWriteConfig
from inferdeck.errors import ConfigError
from inferdeck.model.clock import Clock
from inferdeck.store.remote_write.spool import Spool
from inferdeck.store.remote_write.wire import SAMPLES_PER_REQUEST, Request, join

log = logging.getLogger(__name__)

BATCH_BYTES = 1 << 20
_ERROR_CHARACTERS = 200
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\uffff]+")


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait between attempts, in seconds: doubling from the first to the longest, with jitter."""

    first: float = 0.5
    longest: float = 60.0

    def wait(self, failures: int) -> float:
        """Return the pause after this many failures in a row."""
        whole: float = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return whole * random.uniform(0.8, 1.2)  # noqa: S311


@dataclass(slots=True)
class Progress:
    """What the sender has done since it was made."""

    sent_samples: int = 0
    rejected_samples: int = 0
    failed_requests: int = 0
    failures_in_a_row: int = 0
    last_success_ms: int = 0
    last_error: str = ""
    last_error_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Outcome:
    taken: bool = False
    refused: bool = False
    error: str = ""
    retry_after: float | None = None


@dataclass(slots=True)
class Sender:
    """The loop that empties a spool into one receiver; owned by one event loop."""

    config: RemoteWriteConfig
    spool: Spool
    clock: Clock
    backoff: Backoff
    tls: ssl.SSLContext | bool
    headers: Mapping[str, str]
    progress: Progress
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send until cancelled. What was not acknowledged stays in the spool."""
        timeout = aiohttp.ClientTimeout(total=self.config.deadline)
        connector = aiohttp.TCPConnector(ssl=self.tls, limit=2)
        async with aiohttp.ClientSession(
            timeout=timeout, connector=connector, headers=self.headers, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            while True:
                try:
                    await self._send_next(session)
                except OSError as error:
                    # The spool's own disk fails; the next attempt may work, and the sources go on meanwhile.
                    self._note_failure(_Outcome(error=f"spool: {error}"))
                    await self.clock.sleep(self.backoff.wait(self.progress.failures_in_a_row))

    async def _send_next(self, session: aiohttp.ClientSession) -> None:
        self.wake.clear()
        records = await asyncio.to_thread(self.spool.peek, SAMPLES_PER_REQUEST, BATCH_BYTES)
        if not records:
            await self.wake.wait()
            return
        request = await asyncio.to_thread(join, [record.request for record in records])
        await self._deliver(session, request)
        await asyncio.to_thread(self.spool.done, records)

    async def _deliver(self, session: aiohttp.ClientSession, request: Request) -> None:
        """Try until the receiver has taken or refused the request."""
        while True:
            outcome = await self._post(session, request.body)
            if outcome.taken or outcome.refused:
                self._note_end(request, outcome)
                return
            self._note_failure(outcome)
            pause = self.backoff.wait(self.progress.failures_in_a_row)
            await self.clock.sleep(pause if outcome.retry_after is None else max(outcome.retry_after, pause))

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> _Outcome:
        try:
            async with session.post(self.config.url, data=body, allow_redirects=False) as response:
                if 200 <= response.status < 300:
                    return _Outcome(taken=True)
                said = (await response.content.read(4096)).decode("utf-8", "replace")
                return self._unwell(response.status, response.headers.get("Retry-After"), said)
        except TimeoutError:
            return _Outcome(error=f"no answer within {self.config.deadline:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return _Outcome(error=f"{type(error).__name__}: {error}")

    def _unwell(self, status: int, retry_after: str | None, said: str) -> _Outcome:
        error = f"HTTP {status}: {said.strip()}"
        if 300 <= status < 400:
            return _Outcome(error=f"HTTP {status}: redirects are not followed; configure the address it leads to")
        if status == 429 or status >= 500:
            return _Outcome(error=error, retry_after=_seconds(retry_after, self.clock.now()))
        return _Outcome(refused=True, error=error)

    def _note_end(self, request: Request, outcome: _Outcome) -> None:
        progress = self.progress
        if progress.failures_in_a_row:
            log.info("remote write to %s: going on after %d failures", self.label, progress.failures_in_a_row)
        progress.failures_in_a_row = 0
        if outcome.taken:
            progress.sent_samples += request.samples
            progress.last_success_ms = int(self.clock.now() * 1000)
            return
        progress.rejected_samples += request.samples
        progress.failed_requests += 1
        self._note_error(outcome.error)
        log.warning(
            "remote write to %s: %d samples refused and dropped: %s", self.label, request.samples, progress.last_error
        )

    def _note_failure(self, outcome: _Outcome) -> None:
        self.progress.failures_in_a_row += 1
        self.progress.failed_requests += 1
        self._note_error(outcome.error)
        if self.progress.failures_in_a_row == 1:
            log.warning("remote write to %s: %s; trying again until it works", self.label, self.progress.last_error)

    def _note_error(self, error: str) -> None:
        self.progress.last_error = clean(error, _secrets(self.config))
        self.progress.last_error_ms = int(self.clock.now() * 1000)

    @property
    def label(self) -> str:
        """What to call the receiver; never its whole URL, which may hold a password."""
        return label(self.config)


def label(config: RemoteWriteConfig) -> str:
    """Return the configured name, or host:port."""
    url = URL(config.url)
    return config.name or f"{url.host}:{url.port}"


def clean(text: str, secrets: Iterable[str]) -> str:
    """Return text from outside on one short line without the secrets that a receiver may echo."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "•••")
    return _UNPRINTABLE.sub(" ", text)[:_ERROR_CHARACTERS].strip()


def _secrets(config: RemoteWriteConfig) -> list[str]:
    found = [value.get_secret_value() for value in config.headers.values()]
    if config.key is not None:
        found.append(config.key.get_secret_value())
    if config.basic_auth is not None:
        found += [config.basic_auth.password.get_secret_value(), _basic(config)]
    password = URL(config.url).password
    return [secret for secret in (*found, password) if secret]


def _basic(config: RemoteWriteConfig) -> str:
    assert config.basic_auth is not None  # noqa: S101
    pair = f"{config.basic_auth.username}:{config.basic_auth.password.get_secret_value()}"
    return base64.b64encode(pair.encode()).decode("ascii")


def request_headers(config: RemoteWriteConfig) -> dict[str, str]:
    """Return the headers of every request."""
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    headers |= {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
        "User-Agent": f"inferdeck/{__version__}",
    }
    if config.key is not None:
        headers["Authorization"] = f"Bearer {config.key.get_secret_value()}"
    elif config.basic_auth is not None:
        headers["Authorization"] = f"Basic {_basic(config)}"
    return headers


def tls_context(config: RemoteWriteConfig) -> ssl.SSLContext | bool:
    """Return what aiohttp takes for the configured checks; raises ConfigError where the CA file cannot be read."""
    if not config.tls.verify:
        return False
    if config.tls.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=config.tls.ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"remote_write {label(config)}: tls.ca: {config.tls.ca} cannot be read as a certificate authority: {error}"
        ) from error


def _seconds(retry_after: str | None, now: float) -> float | None:
    """Read Retry-After: seconds, or a date (RFC 9110 10.2.3); None where it says nothing usable. At most an hour."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), 3600.0)
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return min(max(moment.timestamp() - now, 0.0), 3600.0)
