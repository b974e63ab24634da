"""One Docker daemon on a unix socket: containers, their statistics, logs and events (Engine API, read only).

Captured: dockerd 20.10.24 (API 1.41), its bodies, headers and errors. Unverified: newer daemons (the numbers of their
APIs, the smallest accepted one, cgroup v2 statistics), the bridge network and NVIDIA's runtime, images, commands and
health checks, which are what such programs usually have. POST and DELETE are refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from inferdeck.simulate.events import ClockShifted, Started
from inferdeck.simulate.fleet import Fleet, Host
from inferdeck.simulate.servers.docker import daemon, filters, times
from inferdeck.simulate.servers.docker.containers import Container, Containers, network_name
from inferdeck.simulate.servers.docker.dialect import CAPTURED, Dialect, dialect, refusal
from inferdeck.simulate.servers.docker.filters import BadFilterError
from inferdeck.simulate.servers.docker.shapes import Shapes, version
from inferdeck.simulate.servers.docker.stats import stats
from inferdeck.simulate.servers.logs.journal import Journal, Line
from inferdeck.simulate.servers.machine import Machine, together
from inferdeck.simulate.servers.program import Handler, World
from inferdeck.simulate.table import Table

LOOK_SECONDS = 0.2
"""How often a stream looks for what is new."""
SAMPLE_SECONDS = 1.0
_TITLES = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
_PREFIX = re.compile(r"v(\d+\.\d+)")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiError(Exception):
    """An error that the client is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Docker:
    """The daemon of one host; `unix_socket` says that it is asked over one."""

    port = 0
    unix_socket = "docker.sock"

    def __init__(self, host: Host, fleet: Fleet, world: World) -> None:
        self.process = f"{host.name}/docker"
        self.tables: list[Table] = []
        self.clock_offset = 0.0
        self.spoken: Dialect = dialect(CAPTURED)
        self.machine = Machine(host, fleet)
        kinds = {name: process.kind for name, process in self.machine.processes.items()}
        self.containers = Containers(host, fleet, kinds)
        self.journal = Journal(fleet, host.name)
        self.shapes = Shapes(host, fleet)
        self.resident: dict[str, Callable[[], float]] = {}
        """What knows a process' memory better than `physics`: a Redis' own."""
        self._world, self._host, self._fleet = world, host, fleet

    @property
    def published(self) -> dict[str, int]:
        """The ports on loopback by process, which whoever serves the fleet fills in."""
        return self.shapes.published

    def handlers(self) -> dict[tuple[type, str], Handler]:
        """Return what to call for which events."""
        found: dict[tuple[type, str], list[Handler]] = {
            (Started, self.process): [self._begun],
            (ClockShifted, self._host.name): [self._clock],
        }
        for part in (self.machine.handlers(), self.containers.handlers(), self.journal.handlers()):
            for key, handler in part.items():
                found.setdefault(key, []).append(handler)
        return {key: together(handlers) for key, handlers in found.items()}

    def refresh(self, now: float) -> None:
        """Bring the health checks and the integrals to this moment."""
        self.machine.settle(now)
        self.containers.settle(now)
        self.shapes.now, self.shapes.offset = max(now, self.shapes.now), self.clock_offset

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return its routes, each with and without a version."""
        table: list[tuple[str, Answer]] = [
            ("/_ping", self._ping),
            ("/version", self._version),
            ("/info", self._info),
            ("/events", self._events),
            ("/system/df", self._disk),
            ("/images/json", self._images),
            ("/images/{id:.+}/json", self._image),
            ("/networks", self._networks),
            ("/networks/{id}", self._network),
            ("/volumes", self._volumes),
            ("/containers/json", self._list),
            ("/containers/{id}/json", self._inspect),
            ("/containers/{id}/stats", self._stats),
            ("/containers/{id}/top", self._top),
            ("/containers/{id}/logs", self._logs),
        ]
        found: list[web.AbstractRouteDef] = []
        for path, answer in table:
            run = self._answering(answer)
            found += [web.get(path, run), web.get(rf"/{{api:v\d+\.\d+}}{path}", run)]
        return [*found, web.route("*", "/{rest:.*}", self._answering(self._nothing))]

    def _answering(self, answer: Answer) -> Answer:
        async def run(request: web.Request) -> web.StreamResponse:
            self.refresh(self._world.present())
            asked = _PREFIX.fullmatch(request.match_info.get("api", ""))
            if asked and (why := refusal(asked[1], self.spoken)):
                return self._error(400, why, experimental=False)
            try:
                return await answer(request)
            except (ApiError, BadFilterError) as error:
                return self._error(error.status, str(error))

        return run

    def _begun(self, event: Started) -> None:
        self.spoken = dialect(event.version)

    def _clock(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds

    # Answers

    def _headers(self, experimental: bool = True) -> dict[str, str]:
        own = {"Api-Version": self.spoken.api, "Ostype": "linux", "Server": f"Docker/{self.spoken.version} (linux)"}
        return own | ({"Docker-Experimental": "false"} if experimental else {})

    def _json(self, body: object, status: int = 200, experimental: bool = True) -> web.Response:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False) + "\n"
        headers = self._headers(experimental) | {"Content-Type": "application/json"}
        return web.Response(body=text.encode(), status=status, headers=headers)

    def _error(self, status: int, message: str, experimental: bool = True) -> web.Response:
        return self._json({"message": message}, status, experimental)

    def _api(self, request: web.Request) -> str:
        asked = _PREFIX.fullmatch(request.match_info.get("api", ""))
        return asked[1] if asked else self.spoken.api

    def _one(self, request: web.Request) -> Container:
        name = request.match_info["id"]
        found = self.containers.find(name)
        if found is None:
            raise ApiError(404, f"No such container: {name}")
        return found

    async def _nothing(self, _request: web.Request) -> web.Response:
        return self._error(404, "page not found")

    async def _ping(self, request: web.Request) -> web.Response:
        more = {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache"}
        text = "" if request.method == "HEAD" else "OK"
        return web.Response(text=text, headers=self._headers() | more)

    async def _version(self, _request: web.Request) -> web.Response:
        return self._json(version(self.spoken))

    async def _info(self, _request: web.Request) -> web.Response:
        cards = any(gpu.host == self._host.name for gpu in self._fleet.gpus)
        return self._json(daemon.info(self.shapes, self.spoken, self._every(), cards))

    async def _images(self, _request: web.Request) -> web.Response:
        return self._json(daemon.images(self._every(), self.shapes))

    async def _image(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        found = daemon.image(self._every(), name, self.shapes)
        if found is None:
            raise ApiError(404, f"No such image: {name}")
        return self._json(found)

    async def _network(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        for found in daemon.networks(self._every(), self.shapes):
            if name == found["Name"] or found["Id"].startswith(name):
                return self._json(found)
        raise ApiError(404, f"network {name} not found")

    async def _networks(self, _request: web.Request) -> web.Response:
        return self._json(daemon.networks(self._every(), self.shapes))

    async def _volumes(self, _request: web.Request) -> web.Response:
        return self._json({"Volumes": [], "Warnings": None})

    async def _disk(self, _request: web.Request) -> web.Response:
        return self._json(daemon.disk(self._every(), self.shapes))

    async def _list(self, request: web.Request) -> web.Response:
        wanted = filters.read(request.query.get("filters", ""))
        found = [one for one in self._every() if filters.container(one, wanted, network_name(self._fleet))]
        if not _true(request, "all") and not {"status", "exited"} & set(wanted):
            found = [one for one in found if one.status in ("running", "restarting")]
        limit = request.query.get("limit", "")
        if limit.isdigit() and int(limit):
            found = found[: int(limit)]
        return self._json([self.shapes.entry(one, _true(request, "size")) for one in found])

    async def _inspect(self, request: web.Request) -> web.Response:
        return self._json(self.shapes.inspect(self._one(request), self._api(request)))

    async def _top(self, request: web.Request) -> web.Response:
        one = self._one(request)
        if not one.running:
            raise ApiError(409, f"Container {one.id} is not running")
        cpu = int(self.machine.cpu_seconds(self.machine.processes[one.facts.process]))
        share = int(100 * cpu / max(1.0, self.shapes.now - one.started))
        began = times.rfc3339(one.started + self.clock_offset)[11:16]
        used = f"{cpu // 3600:02d}:{cpu // 60 % 60:02d}:{cpu % 60:02d}"
        row = ["root", str(one.pid), str(one.pid - 1), str(share), began, "?", used, " ".join(one.facts.command)]
        return self._json({"Processes": [row], "Titles": _TITLES})

    # Streams

    async def _stats(self, request: web.Request) -> web.StreamResponse:
        one = self._one(request)
        if not _true(request, "stream", True):
            first = self._sample(one, None)
            if _true(request, "one-shot") or not one.running:
                return self._json(first)
            await asyncio.sleep(SAMPLE_SECONDS)
            self.refresh(self._world.present())
            return self._json(self._sample(one, first))

        async def samples() -> AsyncIterator[bytes]:
            before: dict[str, Any] | None = None
            while True:
                sample = self._sample(one, before)
                before = sample if one.running else None
                yield json.dumps(sample, separators=(",", ":")).encode() + b"\n"
                await asyncio.sleep(SAMPLE_SECONDS)
                self.refresh(self._world.present())

        return await self._stream(request, samples(), "application/json")

    def _sample(self, one: Container, before: dict[str, Any] | None) -> dict[str, Any]:
        process = self.machine.processes[one.facts.process]
        known = self.resident.get(one.facts.process)
        memory = known() if known is not None else process.memory_bytes
        return stats(one, self.machine, before, self.spoken.unified, memory)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        wanted, api = filters.read(request.query.get("filters", ""), events=True), self._api(request)
        since, until = (self._moment(request, name) for name in ("since", "until"))
        offset = self.clock_offset

        async def lines() -> AsyncIterator[bytes]:
            seen = 0 if since is not None or until is not None else self.containers.count
            while True:
                for one in [one for one in self.containers.happened if one.number > seen]:
                    seen = one.number
                    wall = one.time + offset
                    late = (since is None or wall >= since) and (until is None or wall <= until)
                    if late and filters.happening(one, wanted):
                        yield json.dumps(self.shapes.happening(one, api), separators=(",", ":")).encode() + b"\n"
                if until is not None and self.shapes.now + offset >= until:
                    return
                await asyncio.sleep(LOOK_SECONDS)
                self.refresh(self._world.present())

        return await self._stream(request, lines(), "application/json")

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        one = self._one(request)
        outs = (_true(request, "stdout"), _true(request, "stderr"))
        if not any(outs):
            raise ApiError(400, "Bad parameters: you must choose at least one stream")
        since, until = (self._moment(request, name) for name in ("since", "until"))
        stamped, tail = _true(request, "timestamps"), request.query.get("tail", "all")
        follow = _true(request, "follow")

        def meant(line: Line) -> bool:
            late = (not since or line.wall >= since) and (not until or line.wall <= until)
            return late and outs[line.error] and line.time >= one.created

        async def frames() -> AsyncIterator[bytes]:
            lines = [line for line in self.journal.since(one.facts.process, 0) if meant(line)]
            seen = max((line.number for line in self.journal.since(one.facts.process, 0)), default=0)
            for line in lines[-int(tail) or len(lines) :] if tail.isdigit() else lines:
                yield frame(line, stamped)
            while follow and self.containers.all.get(one.facts.process) is one:
                await asyncio.sleep(LOOK_SECONDS)
                self.refresh(self._world.present())
                for line in list(self.journal.since(one.facts.process, seen)):
                    seen = line.number
                    if meant(line):
                        yield frame(line, stamped)

        kind = "application/vnd.docker.multiplexed-stream" if self.spoken.unified else ""
        return await self._stream(request, frames(), kind)

    async def _stream(self, request: web.Request, parts: AsyncIterator[bytes], kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers=self._headers() | ({"Content-Type": kind} if kind else {}))
        await response.prepare(request)
        try:
            async for part in parts:
                await response.write(part)
            await response.write_eof()
        except ConnectionError:
            pass
        return response

    def _every(self) -> list[Container]:
        return sorted(self.containers.all.values(), key=lambda one: (-one.created, one.facts.name))

    def _moment(self, request: web.Request, name: str) -> float | None:
        text = request.query.get(name, "")
        if not text or text == "0":
            return None
        try:
            return times.parse(text, self.shapes.now + self.clock_offset)
        except ValueError as error:
            raise ApiError(400, f'invalid value for "{name}": {text}') from error


def frame(line: Line, stamped: bool) -> bytes:
    """Return a line as the multiplexed stream has it: one frame of eight bytes and text for each of its lines."""
    head = f"{times.log_time(line.wall)} " if stamped else ""
    frames = []
    for text in line.text.split("\n"):
        body = f"{head}{text}\n".encode()
        frames.append(bytes((2 if line.error else 1, 0, 0, 0)) + len(body).to_bytes(4, "big") + body)
    return b"".join(frames)


def build(host: Host, fleet: Fleet, world: World) -> Docker:
    """Return the daemon of a host."""
    return Docker(host, fleet, world)


def _true(request: web.Request, name: str, default: bool = False) -> bool:
    text = request.query.get(name)
    return default if text is None else text.lower() not in ("", "0", "no", "false", "none")
