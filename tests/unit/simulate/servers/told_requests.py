"""A small fleet and what happened in it, told by hand: every way in which a request of a gateway can end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    CacheAsked,
    CooledDown,
    Event,
    Fault,
    FellBack,
    Limited,
    Rated,
    Request,
    Started,
    Usage,
)
from inferdeck.simulate.fleet import (
    Agent,
    Application,
    Deployment,
    Engine,
    EngineModel,
    Fleet,
    Gateway,
    Langfuse,
    Price,
    Provider,
    Team,
    UseCase,
)
from inferdeck.simulate.fleet import Spread as Length
from inferdeck.simulate.servers.program import Pending, Program, Question

NOON = 1_795_262_400.0
"""2026-11-21T12:00:00Z"""
OPENAI = Price(2.5, 10.0, 1.25)

FLEET = Fleet(
    "told",
    "staging",
    engines=(
        Engine("engine-1", "vllm", "0.33.0", EngineModel("qwen3-8b", 1.6e10, 8.19e9, repository="Qwen/Qwen3-8B")),
        Engine(
            "engine-2", "vllm", "0.33.0",
            EngineModel(
                "llama-70b", 3.9e10, 7.06e10, 131_072, quantization="awq",
                repository="meta-llama/Llama-3.3-70B-Instruct", licence="llama3.3",
            ),
        ),
        Engine(
            "engine-3", "llamacpp", "b11434",
            EngineModel("tiny", 4.9e9, 8.03e9, 8192, quantization="Q4_K_M", repository="bartowski/Llama-3.1-8B-GGUF"),
        ),
    ),
    providers=(Provider("openai"), Provider("azure")),
    gateways=(
        Gateway(
            "gateway-1",
            host="host-1",
            deployments=(
                Deployment("d-openai", "gpt-4o", "openai", "gpt-4o-2024-11-20", price=OPENAI),
                Deployment("d-azure", "gpt-4o", "azure", "azure-gpt-4o", price=Price(3.0, 12.0)),
                Deployment("d-qwen", "qwen", "engine-1", "qwen3-8b"),
            ),
        ),
    ),
    use_cases=(UseCase("chat", Length(800), Length(200)),),
    teams=(Team("red"), Team("blue")),
    agents=(
        Agent("writer", "red", "chat", {"gpt-4o": 1.0}, 10.0),
        Agent("coder", "blue", "chat", {"qwen": 1.0}, 10.0),
    ),
    applications=(
        Application("usage-app", "llm"),
        Application("edge-gateway", "llm_gateway"),
        Application("writer-app", "llm", agents=("writer",)),
    ),
    langfuse=(Langfuse("langfuse-1"),),
    hub=True,
)  # fmt: skip


def request(number: int, time: float, **changes: object) -> Request:
    """Return a request of the writer for gpt-4o, changed as told."""
    values: dict[str, object] = {
        "id": number, "time": time, "gateway": "gateway-1", "agent": "writer", "team": "red",
        "user": f"user-{number % 3}",
        "session": f"session-{number // 2}", "turn": number % 2, "model": "gpt-4o", "use_case": "chat",
        "route": "/v1/chat/completions", "stream": True, "prompt": number, "prompt_tokens": 1000, "shared_tokens": 200,
        "context_tokens": 200, "output_tokens": 300, "reasoning_tokens": 100, "max_tokens": 4096,
    }  # fmt: skip
    return Request(**{**values, **changes})  # type: ignore[arg-type]


def spent(price: Price, tokens: int = 1000, output: int = 300, cached: int = 400, reasoning: int = 100) -> Usage:
    """Return what an answer used, at a price."""
    rate = price.input if price.cached_input is None else price.cached_input
    cost = ((tokens - cached) * price.input + cached * rate + output * price.output) / 1e6
    return Usage(tokens, output, cached, reasoning, cost)


def tried(asked: Request, attempt: int, number: int, deployment: str, start: float, end: float, usage: Usage,
          fault: Fault | None = None, group: str = "gpt-4o") -> list[Event]:  # fmt: skip
    """Return the two events of an attempt; its first token came after a quarter of it."""
    first = None if fault else start + (end - start) / 4
    prefill = 0.0 if first is None else first - start
    return [
        Attempted(start, asked, attempt, number, group, deployment),
        AttemptEnded(
            end, asked, attempt, number, group, deployment, start, first, 0.0, prefill, end - start - prefill, usage,
            fault, "error" if fault else "stop",
        ),
    ]  # fmt: skip


def answered(asked: Request, time: float, usage: Usage, deployment: str = "d-openai", **changes: object) -> Answered:
    """Return the end of a request."""
    values: dict[str, object] = {
        "time": time, "request": asked, "worker": 0, "group": asked.model, "deployment": deployment, "usage": usage,
        "cached": False, "fault": None, "attempts": 1, "fallbacks": 0, "overhead_seconds": 0.01,
        "first_token": asked.time + 0.5, "finish": "stop",
    }  # fmt: skip
    return Answered(**{**values, **changes})  # type: ignore[arg-type]


def story() -> list[Event]:
    """Return an hour's events: answered, retried, failed, remembered, refused, and one that is still on its way."""
    told: list[Event] = [
        Started(NOON - 10, name, version, 100, "start")
        for name, version in (("langfuse-1", "4.16.0"), ("usage-app", "1"), ("edge-gateway", "1"), ("writer-app", "1"))
    ]
    plain = request(1, NOON)
    told += [Arrived(NOON, plain, 0), CacheAsked(NOON, plain, hit=False)]
    told += tried(plain, 11, 0, "d-openai", NOON + 0.01, NOON + 2.01, spent(OPENAI))
    told += [answered(plain, NOON + 2.02, spent(OPENAI))]
    told += [Rated(NOON + 60, plain, "quality", 0.75), Rated(NOON + 61, plain, "feedback", 1.0)]

    retried = request(2, NOON + 600)
    azure = spent(Price(3.0, 12.0))
    told += [Arrived(retried.time, retried, 0), CacheAsked(retried.time, retried, hit=False)]
    told += tried(retried, 12, 0, "d-openai", retried.time, retried.time + 1.0, Usage(), Fault.OUTAGE)
    told += [CooledDown(retried.time + 1.0, "gateway-1", "d-openai", retried.time + 31.0, Fault.OUTAGE)]
    told += tried(retried, 13, 1, "d-azure", retried.time + 1.0, retried.time + 4.0, azure)
    told += [answered(retried, retried.time + 4.0, azure, "d-azure", attempts=2)]

    failed = request(3, NOON + 1200, agent="coder", team="blue", model="qwen", stream=False)
    told += [Arrived(failed.time, failed, 0), CacheAsked(failed.time, failed, hit=False)]
    told += tried(failed, 14, 0, "d-qwen", failed.time, failed.time + 9.0, Usage(), Fault.TIMEOUT, "qwen")
    told += [FellBack(failed.time + 9.0, failed, "gpt-4o", Fault.TIMEOUT, succeeded=False)]
    told += tried(failed, 15, 1, "d-openai", failed.time + 9.0, failed.time + 9.5, Usage(), Fault.RATE_LIMIT)
    told += [answered(failed, failed.time + 9.5, Usage(), "", fault=Fault.RATE_LIMIT, group="", attempts=2, fallbacks=1,
                      first_token=None, finish="error")]  # fmt: skip

    remembered = request(4, NOON + 1800, prompt=1)
    told += [Arrived(remembered.time, remembered, 0), CacheAsked(remembered.time, remembered, hit=True)]
    told += [answered(remembered, remembered.time + 0.02, Usage(1000, 300, 400, 100), cached=True, attempts=0)]

    refused = request(5, NOON + 2400)
    told += [Arrived(refused.time, refused, 0), Limited(refused.time, refused, "tokens")]
    told += [answered(refused, refused.time, Usage(), "", fault=Fault.NO_DEPLOYMENT, group="", attempts=0,
                      first_token=None, finish="error")]  # fmt: skip

    local = request(6, NOON + 3000, agent="coder", team="blue", model="qwen", stream=False)
    told += [Arrived(local.time, local, 0), CacheAsked(local.time, local, hit=False)]
    told += tried(local, 16, 0, "d-qwen", local.time, local.time + 5.0, spent(Price()), None, "qwen")
    told += [answered(local, local.time + 5.0, spent(Price()), "d-qwen")]

    waiting = request(7, NOON + 3590)
    told += [Arrived(waiting.time, waiting, 0), CacheAsked(waiting.time, waiting, hit=False)]
    return [*told, Attempted(waiting.time, waiting, 17, 0, "gpt-4o", "d-openai")]


SUBJECTS = ("engine", "gateway", "gpu", "process", "host", "cache", "subject")


def play(program: Program, events: Iterable[Event]) -> None:
    """Give events to a program as a world does: to the handlers of their type and subject."""
    handlers = program.handlers()
    for event in events:
        names = {field.name for field in fields(event)}
        subject = next((getattr(event, name) for name in SUBJECTS if name in names), None)
        if subject is None:
            subject = event.request.gateway  # type: ignore[attr-defined]
        for key in ((type(event), subject), (type(event), "")):
            if key in handlers:
                handlers[key](event)


class StillWorld:
    """A world whose time stands at a moment, in which nobody can ask for anything."""

    def __init__(self, now: float = NOON + 3600) -> None:
        self.now = now

    def present(self) -> float:
        """Return the moment."""
        return self.now

    def ask_gateway(self, gateway: str, question: Question) -> Pending:
        """Fail: these programs do not ask."""
        raise AssertionError(gateway)

    def ask_engine(self, engine: str, question: Question) -> Pending:
        """Fail: these programs do not ask."""
        raise AssertionError(engine)

    def wake_engine(self, engine: str) -> None:
        """Fail: these programs wake nobody."""
        raise AssertionError(engine)
