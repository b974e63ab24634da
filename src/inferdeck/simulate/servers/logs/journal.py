"""What each program of a fleet has written lately: a fold of events, spelled when somebody reads it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from inferdeck.simulate import fleet as things
from inferdeck.simulate.events import (
    Admitted,
    Answered,
    AttemptEnded,
    BatchChanged,
    ClockShifted,
    Ended,
    Left,
    Phase,
    Started,
)
from inferdeck.simulate.servers.logs import formats
from inferdeck.simulate.servers.machine import together
from inferdeck.simulate.servers.program import Handler

KEPT = 2000
"""Lines of a program that are remembered."""
STATISTICS_SECONDS = 10.0
FIRST_JSON = (1, 100)
"""Gateways from this version on write JSON, older ones plain text: both formats are in every mixed fleet."""
Subject = tuple[type, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: `spell(wall, *facts)` is its text, which may hold several lines."""

    number: int
    time: float
    wall: float
    error: bool
    """It went to the standard error."""
    spell: Callable[..., str]
    facts: tuple[object, ...]

    @property
    def text(self) -> str:
        """The text without a newline at its end."""
        return self.spell(self.wall, *self.facts)


class Journal:
    """The lines of the programs on one host, or of all where `host` is None."""

    def __init__(self, fleet: things.Fleet, host: str | None = None) -> None:
        self.lines: dict[str, deque[Line]] = {}
        self.count = 0
        self._offsets = {one.name: 0.0 for one in fleet.hosts}
        self._writers: list[_Writer] = []
        made: list[tuple[Callable[[Journal, Any], _Writer], Any]]
        made = [(_Gateway, gateway) for gateway in fleet.gateways]
        made += [(_ENGINES.get(engine.kind, _Engine), engine) for engine in fleet.engines]
        made += [(_Redis, cache) for cache in fleet.caches]
        made += [(_Writer, other) for other in (*fleet.applications, *fleet.langfuse)]
        for kind, thing in made:
            if host is None or thing.host == host:
                self.lines[thing.name] = deque(maxlen=KEPT)
                self._writers.append(kind(self, thing))

    def handlers(self) -> dict[Subject, Handler]:
        """Return what to call for which events."""
        found: dict[Subject, list[Handler]] = {(ClockShifted, host): [self._clock] for host in self._offsets}
        for writer in self._writers:
            for key, handler in writer.handlers().items():
                found.setdefault(key, []).append(handler)
        return {key: together(handlers) for key, handlers in found.items()}

    def since(self, process: str, number: int) -> Iterator[Line]:
        """Yield a program's lines after the one with this number."""
        lines = self.lines.get(process, ())
        if lines and lines[-1].number > number:
            yield from (line for line in lines if line.number > number)

    def write(
        self, process: str, host: str, time: float, spell: Callable[..., str], *facts: object, error: bool = False
    ) -> None:
        """Add a line."""
        self.count += 1
        wall = time + self._offsets.get(host, 0.0)
        self.lines[process].append(Line(self.count, time, wall, error, spell, facts))

    def _clock(self, event: ClockShifted) -> None:
        self._offsets[event.host] = event.seconds


class _Writer:
    """A program that says when it begins and when it ends."""

    def __init__(
        self,
        journal: Journal,
        thing: things.Gateway | things.Engine | things.Cache | things.Langfuse | things.Application,
    ) -> None:
        self.journal, self.name, self.host = journal, thing.name, thing.host
        self.thing = thing
        self.pid, self.began, self.version = 0, 0.0, ""

    def handlers(self) -> dict[Subject, Handler]:
        """Return what to call for which events."""
        return {(Started, self.name): self._begun, (Ended, self.name): self._over}

    def say(self, time: float, spell: Callable[..., str], *facts: object, error: bool = False) -> None:
        """Write a line."""
        self.journal.write(self.name, self.host, time, spell, *facts, error=error)

    def _begun(self, event: Started) -> None:
        self.pid, self.began, self.version = event.pid, event.time, event.version
        self.hello(event)

    def _over(self, event: Ended) -> None:
        if event.code != 137:
            self.goodbye(event)

    def hello(self, event: Started) -> None:
        """Write the first lines."""
        self.say(event.time, formats.plain, f"{self.name} {event.version} is ready")

    def goodbye(self, event: Ended) -> None:
        """Write the last line; a process that was killed has none."""
        text = f"shutting down, exit {event.code}"
        self.say(event.time, formats.plain, text, "ERROR" if event.code else "INFO", error=bool(event.code))


class _Gateway(_Writer):
    def handlers(self) -> dict[Subject, Handler]:
        own: dict[Subject, Handler] = {
            (Answered, self.name): self._answered,
            (AttemptEnded, self.name): self._attempted,
        }
        return super().handlers() | own

    @property
    def json(self) -> bool:
        numbers = [int(part) for part in self.version.split(".")[:2] if part.isdigit()]
        return tuple(numbers) >= FIRST_JSON

    def hello(self, event: Started) -> None:
        self._as_json = self.json
        self.say(event.time, formats.litellm_began, event.version, event.pid)

    def goodbye(self, event: Ended) -> None:
        self.say(event.time, _uvicorn_end, event.code, error=bool(event.code))

    def _answered(self, event: Answered) -> None:
        if self.pid:
            self.say(event.time, formats.answered, event, self._as_json)

    def _attempted(self, event: AttemptEnded) -> None:
        if self.pid:
            self.say(event.time, formats.attempted, event, self._as_json, error=True)


class _Engine(_Writer):
    """What serves with uvicorn."""

    LOADING = ("weights", "compile", "warmup", "ready")
    """The phases whose beginning is written."""

    def __init__(self, journal: Journal, thing: things.Engine) -> None:
        super().__init__(journal, thing)
        self.engine = thing

    def handlers(self) -> dict[Subject, Handler]:
        own: dict[Subject, Handler] = {(Left, self.name): self._left, (Phase, self.name): self._phase}
        return super().handlers() | own

    def _left(self, event: Left) -> None:
        status = 200 if event.finish in ("stop", "length") else 500 if event.finish == "error" else 499
        if status != 499:
            self.say(event.time, formats.access, "POST", "/v1/chat/completions", status, event.attempt)

    def _phase(self, event: Phase) -> None:
        self.say(event.time, formats.plain, f"{self.engine.model.name}: {event.phase}")

    def before(self, phase: str) -> float:
        """Return how long the phase before this one takes."""
        place = self.LOADING.index(phase)
        return self.engine.load_seconds.get(self.LOADING[place - 1], 0.0) if place else 0.0


class _Sglang(_Engine):
    def _phase(self, event: Phase) -> None:
        if event.phase in self.LOADING:
            self.say(event.time, formats.sglang_phase, event.phase, self.before(event.phase), error=True)


class _Tgi(_Engine):
    def _phase(self, event: Phase) -> None:
        if event.phase in self.LOADING:
            self.say(event.time, formats.tgi_phase, event.phase, self.before(event.phase))


class _Vllm(_Engine):
    def __init__(self, journal: Journal, thing: things.Engine) -> None:
        super().__init__(journal, thing)
        self._forget(0.0)

    def handlers(self) -> dict[Subject, Handler]:
        own: dict[Subject, Handler] = {(BatchChanged, self.name): self._batch, (Admitted, self.name): self._admitted}
        return super().handlers() | own

    def hello(self, event: Started) -> None:
        self._forget(event.time)
        self.say(event.time, formats.vllm_began, event.version, event.pid, self.engine.model.name)

    def goodbye(self, event: Ended) -> None:
        text = "Shutting down." if not event.code else "EngineCore encountered a fatal error."
        self.say(
            event.time, formats.vllm, self.pid, "core.py:1021", text, "ERROR" if event.code else "INFO", error=True
        )

    def _forget(self, time: float) -> None:
        self.told, self.speed, self.last = time, 0.0, time
        self.generated = 0.0
        self.computed = self.cached = self.recent = 0

    def _phase(self, event: Phase) -> None:
        if event.phase in self.LOADING:
            facts = (self.pid, event.phase, self.engine.model.name, self.before(event.phase))
            self.say(event.time, formats.vllm_phase, *facts)

    def _admitted(self, event: Admitted) -> None:
        self.recent += event.computed_tokens + event.cached_tokens
        self.computed += event.computed_tokens
        self.cached += event.cached_tokens

    def _batch(self, event: BatchChanged) -> None:
        self.generated += self.speed * (event.time - self.last)
        self.last, self.speed = event.time, event.decoding * event.speed
        passed = event.time - self.told
        if passed >= STATISTICS_SECONDS:
            asked = self.computed + self.cached
            self.say(
                event.time,
                formats.vllm_statistics,
                self.pid,
                self.recent / passed,
                self.generated / passed,
                event.running,
                event.waiting,
                event.kv_tokens / self.engine.kv_tokens,
                self.cached / asked if asked else 0.0,
            )
            self.told, self.generated, self.recent = event.time, 0.0, 0


class _LlamaCpp(_Engine):
    def hello(self, event: Started) -> None:
        name = self.engine.model.name
        self.say(event.time, formats.llamacpp, 0.0, f"srv    load_model: loading model '{name}.gguf'", error=True)

    def goodbye(self, event: Ended) -> None:
        self.say(
            event.time,
            formats.llamacpp,
            event.time - self.began,
            "srv    operator(): cleaning up before exit...",
            error=True,
        )

    def _left(self, event: Left) -> None:
        self.say(event.time, formats.llamacpp_timing, event.time - self.began, event, error=True)

    def _phase(self, event: Phase) -> None:
        text = "srv  llama_server: model loaded" if event.phase == "ready" else f"srv    load_model: {event.phase}"
        self.say(event.time, formats.llamacpp, event.time - self.began, text, error=True)


class _Ollama(_Engine):
    def hello(self, event: Started) -> None:
        self.say(event.time, formats.ollama, f"Listening on [::]:11434 (version {event.version})", error=True)

    def goodbye(self, event: Ended) -> None:
        self.say(event.time, formats.ollama, f"shutting down, exit {event.code}", error=True)

    def _left(self, event: Left) -> None:
        status = 200 if event.finish in ("stop", "length") else 500
        self.say(event.time, formats.gin, status, event.time - event.queued, event.attempt)

    def _phase(self, event: Phase) -> None:
        self.say(event.time, formats.ollama, f"runner {event.phase} model={self.engine.model.name}", error=True)


class _Redis(_Writer):
    def hello(self, event: Started) -> None:
        version = f"Redis version={event.version}, bits=64, commit=00000000, modified=0, pid={event.pid}, just started"
        self.say(event.time, formats.redis, event.pid, version, "#")
        self.say(event.time, formats.redis, event.pid, "Running mode=standalone, port=6379.")
        self.say(event.time, formats.redis, event.pid, "Ready to accept connections")

    def goodbye(self, event: Ended) -> None:
        self.say(event.time, formats.redis, self.pid, "User requested shutdown...", "#")
        self.say(event.time, formats.redis, self.pid, "Redis is now ready to exit, bye bye...", "#")


def _uvicorn_end(wall: float, code: int) -> str:
    del wall
    return "INFO:     Finished server process" if not code else f"ERROR:    Application failed, exit {code}"


_ENGINES: dict[str, type[_Engine]] = {
    "vllm": _Vllm,
    "sglang": _Sglang,
    "tgi": _Tgi,
    "llamacpp": _LlamaCpp,
    "ollama": _Ollama,
}
