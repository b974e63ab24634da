"""The Docker Engine API, read and never written: containers, statistics, events and logs (Docker, Podman).

Every request is a GET of our own HTTP client, which can send nothing else. Frames and parameters as in
https://docs.docker.com/reference/api/engine/ (ContainerLogs, ContainerStats, SystemEvents).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from inferdeck.config.schema import TargetConfig
from inferdeck.errors import AuthError, CollectError, ConfigError, DeadlineError, MalformedError, StatusError
from inferdeck.sources.http import HttpClient, Stream

USUAL_PLACE = "unix:///var/run/docker.sock"
NEWEST = (1, 51)
"""The newest API whose bodies this module knows; a daemon that only speaks newer ones is asked in its oldest."""
LONGEST_LINE = 64 * 1024
"""Bytes of a log line that are kept."""
LOG_BYTES = 4 * 2**20
Json = dict[str, Any]


def place(environ: Mapping[str, str] = os.environ) -> str:
    """Return where Docker answers: $DOCKER_HOST, else the first socket that exists (system, rootless, Podman's)."""
    if environ.get("DOCKER_HOST"):
        return environ["DOCKER_HOST"]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    own = [f"{runtime}/docker.sock"] if runtime else []
    podman = ["/run/podman/podman.sock", *([f"{runtime}/podman/podman.sock"] if runtime else [])]
    for path in ["/var/run/docker.sock", *own, *podman]:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(Path(path).stat().st_mode):
                return f"unix://{path}"
    return USUAL_PLACE


def address(url: str) -> str:
    """Return the URL that the HTTP client understands: `tcp://` is http, on port 2376 https. Raises ConfigError."""
    scheme, _, rest = url.partition("://")
    if scheme != "tcp":
        if scheme not in ("unix", "http", "https") or not rest:
            shown = scheme if rest else "url"
            raise ConfigError(f"{shown}: Docker is read over unix:///path, tcp://host:2375 or http(s)://host:port")
        return url
    try:
        port = urlsplit(url).port or 2375
    except ValueError as error:
        raise ConfigError("url: not a URL; write tcp://host:2375") from error
    parts = urlsplit(url)
    full = rest if parts.port else f"{rest.rstrip('/')}:{port}"
    return f"{'https' if port == 2376 else 'http'}://{full}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a container's log; `time_ns` is Unix nanoseconds, 0 where the daemon gave none.

    stream: stdout or stderr; "" from a terminal, where both are one. cut: bytes that were left out of a long line.
    """

    time_ns: int
    stream: str
    text: str
    cut: int = 0


@dataclass(slots=True)
class Frames:
    """Takes a log apart: 8-byte headers and payloads, or the plain text of a container with a terminal.

    Which of the two it is shows in the first bytes, so that old daemons without a content type are read as well.
    """

    _multiplexed: bool | None = None
    _head: bytearray = field(default_factory=bytearray)
    _left: int = 0
    _stream: int = 0
    _open: dict[int, bytearray] = field(default_factory=dict)
    _cut: dict[int, int] = field(default_factory=dict)

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Yield the lines that this piece completes."""
        if self._multiplexed is None and piece:
            self._multiplexed = piece[0] <= 2
        if not self._multiplexed:
            yield from self._text(0, piece)
            return
        view = memoryview(piece)
        while view:
            if not self._left:
                taken = view[: 8 - len(self._head)]
                self._head += taken
                view = view[len(taken) :]
                if len(self._head) == 8:
                    self._begin()
                continue
            payload = view[: self._left]
            view = view[len(payload) :]
            self._left -= len(payload)
            yield from self._text(self._stream, bytes(payload))

    def rest(self) -> Iterator[Line]:
        """Yield the lines that the end of the log left without a newline."""
        for stream in list(self._open):
            if self._open[stream]:
                yield self._line(stream)

    def _begin(self) -> None:
        self._stream, self._left = self._head[0], int.from_bytes(self._head[4:], "big")
        if self._stream > 2 or any(self._head[1:4]):
            raise MalformedError("the log is no Docker log: a frame of it has no header; is this Docker?")
        self._head.clear()

    def _text(self, stream: int, payload: bytes) -> Iterator[Line]:
        *whole, last = payload.split(b"\n")
        for text in whole:
            self._keep(stream, text)
            yield self._line(stream)
        self._keep(stream, last)

    def _keep(self, stream: int, text: bytes) -> None:
        kept = self._open.setdefault(stream, bytearray())
        room = LONGEST_LINE - len(kept)
        kept += text[:room]
        if len(text) > room:
            self._cut[stream] = self._cut.get(stream, 0) + len(text) - room

    def _line(self, stream: int) -> Line:
        raw = bytes(self._open.pop(stream)).rstrip(b"\r")
        stamp, space, text = raw.partition(b" ")
        time = _stamp(stamp)
        name = ("", "stdout", "stderr")[stream] if self._multiplexed else ""
        if time is None or not (space or not text):
            text, time = raw, 0
        return Line(time, name, text.decode("utf-8", "replace"), self._cut.pop(stream, 0))


def nanoseconds(text: str) -> int | None:
    """Return the Unix nanoseconds of an RFC 3339 time as Go writes it; None where it is none, or year 1 ("never")."""
    head, dot, tail = text.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))] if dot else ""
    zone = tail[len(digits) :] if dot else ""
    try:
        whole = datetime.fromisoformat(head + zone if dot else text)
        if whole.tzinfo is None or whole.year < 1970:
            return None
        return int(whole.timestamp()) * 10**9 + int(digits[:9].ljust(9, "0") or "0")
    except (ValueError, OverflowError):
        return None


def _stamp(raw: bytes) -> int | None:
    if not 20 <= len(raw) <= 40 or raw[4:5] != b"-":
        return None
    return nanoseconds(raw.decode("ascii", "replace"))


class DockerClient:
    """One daemon. The API version is agreed at the first request, and again after a failure.

    Raises CollectError where the daemon cannot be read; a container that is gone is a StatusError with status 404.
    """

    def __init__(self, http: HttpClient, settings: TargetConfig, url: str = "") -> None:
        self._http = http
        self._settings = settings
        self.url = address(url or settings.url or place())
        self._prefix: str | None = None
        self._about: Json = {}

    async def version(self, deadline: float) -> Json:
        """Return /version, and speak the API that it names from now on."""
        self._about = _object(
            (
                await self._http.get(
                    self.url, settings=self._settings, path="/version", deadline=deadline, max_bytes=2**20
                )
            ).body
        )
        newest, oldest = _numbers(self._about.get("ApiVersion")), _numbers(self._about.get("MinAPIVersion"))
        spoken = max(min(newest or NEWEST, NEWEST), oldest or (0, 0))
        self._prefix = f"/v{spoken[0]}.{spoken[1]}" if newest else ""
        return self._about

    async def machine(self, deadline: float) -> str:
        """Return the name of the machine that the daemon runs on, from /info; "" where it does not say."""
        found = _object(await self._body("/info", {}, deadline)).get("Name")
        return found[:255] if isinstance(found, str) else ""

    def forget(self) -> None:
        """Agree anew on the API version at the next request: another daemon may answer by then."""
        self._prefix = None

    async def containers(self, deadline: float) -> list[Json]:
        """Return /containers/json of all containers, running or not."""
        return _objects(await self._body("/containers/json", {"all": "1"}, deadline))

    async def inspect(self, container: str, deadline: float) -> Json:
        """Return /containers/{id}/json."""
        return _object(await self._body(f"/containers/{quote(container, safe='')}/json", {}, deadline))

    async def stats(self, container: str, deadline: float) -> Json:
        """Return one sample of /containers/{id}/stats; a daemon before API 1.41 takes a second or two for it."""
        asked = {"stream": "false", "one-shot": "true"}
        return _object(await self._body(f"/containers/{quote(container, safe='')}/stats", asked, deadline))

    @contextlib.asynccontextmanager
    async def events(
        self, deadline: float, *, since_ns: int = 0, actions: Collection[str] = ()
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Open /events of containers: what was since then and what comes, until the block ends.

        actions: "start", "die", "health_status", ... (all where empty). The daemon remembers its last 256 events.
        """
        wanted = {"type": ["container"], **({"event": sorted(actions)} if actions else {})}
        asked = {"filters": json.dumps(wanted, separators=(",", ":"))}
        if since_ns:
            asked["since"] = _seconds(since_ns)
        async with self._stream("/events", asked, deadline) as answer:
            yield _json_lines(answer.pieces)

    async def logs(
        self,
        container: str,
        *,
        since: float = 0.0,
        until: float = 0.0,
        tail: int | None = None,
        follow: bool = False,
        max_bytes: int = LOG_BYTES,
        deadline: float = 10.0,
    ) -> AsyncGenerator[Line, None]:
        """Yield a container's log lines from the oldest on, with their times; close it where you leave early.

        since, until: Unix seconds, 0 for no bound; tail: only the last so many. Ends after `max_bytes` of the body,
        unless it follows: then it ends with the container. deadline: until the answer begins.
        """
        frames, size = Frames(), 0
        asked = _log_query(since, until, tail, follow=follow)
        async with self._stream(f"/containers/{quote(container, safe='')}/logs", asked, deadline) as answer:
            async for piece in answer.pieces:
                for line in frames.feed(piece):
                    yield line
                size += len(piece)
                if size >= max_bytes and not follow:
                    return
        for line in frames.rest():
            yield line

    async def log_lines(
        self,
        container: str,
        *,
        since: float = 0.0,
        until: float = 0.0,
        tail: int | None = None,
        max_bytes: int = LOG_BYTES,
        deadline: float = 10.0,
    ) -> list[Line]:
        """Return what `logs` yields without `follow`; megabytes of it are taken apart off the event loop."""
        pieces: list[bytes] = []
        size = 0
        asked = _log_query(since, until, tail, follow=False)
        async with self._stream(f"/containers/{quote(container, safe='')}/logs", asked, deadline) as answer:
            async for piece in answer.pieces:
                pieces.append(piece)
                size += len(piece)
                if size >= max_bytes:
                    break
        return await asyncio.to_thread(_taken_apart, pieces, whole=size < max_bytes)

    async def _body(self, path: str, params: Mapping[str, str], deadline: float) -> bytes:
        prefix = await self._agreed(deadline)
        try:
            answer = await self._http.get(
                self.url, settings=self._settings, path=prefix + path, params=params, deadline=deadline
            )
        except CollectError as error:
            self._doubt(error)
            raise
        return answer.body

    @contextlib.asynccontextmanager
    async def _stream(self, path: str, params: Mapping[str, str], deadline: float) -> AsyncIterator[Stream]:
        prefix = await self._agreed(deadline)
        async with self._http.stream(
            self.url, settings=self._settings, path=prefix + path, params=params, deadline=deadline
        ) as answer:
            yield answer

    async def _agreed(self, deadline: float) -> str:
        if self._prefix is None:
            try:
                await self.version(deadline)
            except (AuthError, StatusError):
                # A proxy in front may not let /version through; without a prefix the daemon speaks its newest API.
                self._prefix = ""
        return self._prefix or ""

    def _doubt(self, error: CollectError) -> None:
        if not isinstance(error, StatusError | DeadlineError) or getattr(error, "status", 0) == 400:
            self.forget()


def _log_query(since: float, until: float, tail: int | None, *, follow: bool) -> dict[str, str]:
    asked = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": "all" if tail is None else str(tail)}
    asked |= {"since": f"{since:.9f}"} if since else {}
    asked |= {"until": f"{until:.9f}"} if until else {}
    return asked | ({"follow": "1"} if follow else {})


def _taken_apart(pieces: Sequence[bytes], *, whole: bool) -> list[Line]:
    frames = Frames()
    found = [line for piece in pieces for line in frames.feed(piece)]
    return [*found, *frames.rest()] if whole else found


async def _json_lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[Json]:
    """Yield the objects of a stream of JSON lines; a record separator before each (RFC 7464) is skipped."""
    left = bytearray()
    async for piece in pieces:
        left += piece
        *whole, last = left.split(b"\n")
        for line in whole:
            if stripped := line.strip(b"\x1e\r "):
                yield _object(stripped)
        left = last
        if len(left) > 2**20:
            raise MalformedError("an event of more than a megabyte; is this Docker?")


def _seconds(nanos: int) -> str:
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"


def _numbers(text: object) -> tuple[int, int] | None:
    major, _, minor = str(text or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _object(body: bytes | bytearray) -> Json:
    found = _parsed(body)
    if not isinstance(found, dict):
        raise MalformedError("answers something else than a JSON object; is this Docker?")
    return found


def _objects(body: bytes) -> list[Json]:
    found: Sequence[Any] = _parsed(body) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise MalformedError("answers something else than a list of JSON objects; is this Docker?")
    return found


def _parsed(body: bytes | bytearray) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedError("answers no JSON; is this Docker?") from error
