"""A world of one engine, its program, and a port where that answers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from inferdeck.model.clock import SystemClock
from inferdeck.simulate.events import Answered, Event, Left, Request
from inferdeck.simulate.fleet import Engine, EngineModel, Fleet
from inferdeck.simulate.pace import Pace
from inferdeck.simulate.servers import engines
from inferdeck.simulate.world import World

START = 1_795_000_000.0
MODEL = EngineModel("qwen3-8b", 16e9, 8.2e9, context=4096, repository="Qwen/Qwen3-8B", quantization="Q4_K_M")
ENGINE = Engine("e1", "vllm", "0.33.0", MODEL, max_sequences=8, kv_tokens=20_000, load_seconds={"weights": 2.0})
QUESTION = Request(
    id=0,
    time=0.0,
    gateway="",
    agent="a",
    team="t",
    user="u",
    session="s",
    turn=0,
    model=MODEL.name,
    use_case="",
    route="/v1/chat/completions",
    stream=False,
    prompt=0,
    prompt_tokens=100,
    shared_tokens=0,
    context_tokens=0,
    output_tokens=50,
    reasoning_tokens=0,
    max_tokens=1000,
)


class OneEngine:
    """One engine that is loaded; its time stands still but for `run`, or goes `speed` times as fast as ours."""

    def __init__(self, engine: Engine = ENGINE, speed: float = 0.0) -> None:
        self.engine = engine
        self.fleet = Fleet(engines=(engine,))
        pace = Pace(SystemClock(), speed=speed, at=START) if speed else None
        self.world = World(self.fleet, seed=1, start=START, pace=pace)
        self.events: list[Event] = []
        self.lefts: list[Left] = []
        self.world.kernel.watch(self.events.append)
        self.program = engines.build(engine, self.fleet, self.world)
        self.world.subscribe(self.program.handlers())
        self.world.run_until(START)

    @property
    def now(self) -> float:
        """The world's moment."""
        return self.world.now

    def send(self, prompt_tokens: int = 100, output_tokens: int = 50, shared_tokens: int = 0) -> int:
        """Queue a request and return its attempt."""
        number = self.world.number()
        request = replace(QUESTION, id=number, prompt=number, session=f"s{number}", shared_tokens=shared_tokens)
        request = replace(
            request, prompt_tokens=prompt_tokens, output_tokens=output_tokens, context_tokens=shared_tokens
        )
        self.world.servers[self.engine.name].ask(number, request, lambda now: None, self._left)
        return number

    def drop(self, attempt: int) -> None:
        """Let a client give up."""
        self.world.servers[self.engine.name].drop(attempt)

    def run(self, seconds: float) -> float:
        """Let time pass; bring the program to the new moment and return it."""
        self.world.run_until(self.now + seconds)
        self.program.refresh(self.now)
        return self.now

    def restart(self, version: str = "") -> None:
        """End the process and begin it again."""
        self.world.processes.end(self.engine.name, 0, "restart")
        if version:
            self.world.processes.all[self.engine.name].version = version
        self.world.processes.start(self.engine.name, "restart")

    def generated(self) -> int:
        """Return the tokens that all sequences have, by the world's own reckoning."""
        batch = self.world.servers[self.engine.name].batch
        batch.settle()
        running = sum(
            batch._made(found) if number in batch.decoding else found.generated
            for number, found in batch._sequences.items()
        )
        return running + sum(left.output_tokens for left in self.lefts)

    def _left(self, left: Answered | Left) -> None:
        assert isinstance(left, Left)
        self.lefts.append(left)


@contextlib.asynccontextmanager
async def served(one: OneEngine) -> AsyncIterator[str]:
    """Yield the address at which the program answers."""
    app = web.Application()
    app.add_routes(list(one.program.routes()))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
