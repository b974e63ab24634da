"""Traffic through a gateway that speaks OpenAI's API, and a ledger of what was sent and what came back.

The ledger knows only what a client can know: the status, the usage that the answer carries, the cost in the answer's
header, the time to the first chunk of a stream. It is the second witness of the tests.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make; `key` None sends no key, `body` is laid over the default body."""

    model: str
    stream: bool = False
    route: str = "/v1/chat/completions"
    key: str | None = ""
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one request did: status, tokens by kind, USD where reported, seconds to the first chunk of a stream."""

    model: str
    stream: bool
    status: int
    broken: bool
    """The answer ended in an error after its status had been sent."""
    tokens: Mapping[str, int]
    cost: float | None
    seconds_to_first: float | None
    served: str
    """The model group that served it where the gateway says so."""
    fallbacks: int
    cached: bool
    keyless: bool
    error: str


class Ledger:
    """All requests that were sent, in the order of their ends."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def of(self, models: Iterable[str]) -> Ledger:
        """Return the part of the ledger that asked for these models."""
        part, wanted = Ledger(), set(models)
        part.entries = [entry for entry in self.entries if entry.model in wanted]
        return part

    def models(self) -> list[str]:
        """Return the models that were asked for, sorted."""
        return sorted({entry.model for entry in self.entries})

    def statuses(self) -> Counter[int]:
        """Return requests by HTTP status."""
        return Counter(entry.status for entry in self.entries)

    def tokens(self) -> Counter[str]:
        """Return tokens by kind, as the answers reported them."""
        total: Counter[str] = Counter()
        for entry in self.entries:
            total.update(entry.tokens)
        return total

    def cost(self) -> float:
        """Return the sum of the costs that the answers reported, in USD."""
        return sum(entry.cost for entry in self.entries if entry.cost is not None)

    def seconds_to_first(self) -> list[float]:
        """Return the time to the first chunk of every stream that brought one, sorted."""
        return sorted(entry.seconds_to_first for entry in self.entries if entry.seconds_to_first is not None)


class Generator:
    """Sends calls to one gateway and writes the ledger."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._count = 0
        self.ledger = Ledger()

    async def send(self, calls: Sequence[Call], concurrency: int = 8) -> None:
        """Make all calls, `concurrency` at a time, each with a text of its own unless its body says otherwise."""
        queue = iter(calls)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        # A connection each: a kept one may be closed by the server just as the next request leaves.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            await asyncio.gather(*(self._worker(session, queue) for _ in range(concurrency)))

    async def _worker(self, session: aiohttp.ClientSession, queue: Iterator[Call]) -> None:
        for call in queue:
            self._count += 1
            self.ledger.entries.append(await self._call(session, call, f"question {self._count}"))

    async def _call(self, session: aiohttp.ClientSession, call: Call, text: str) -> Entry:
        body: dict[str, Any] = {"model": call.model}
        body |= {"input": text} if "embeddings" in call.route else {"messages": [{"role": "user", "content": text}]}
        if call.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        key = self._key if call.key == "" else call.key
        headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
        begun = time.perf_counter()
        async with session.post(self._url + call.route, json={**body, **call.body}, headers=headers) as response:
            first: float | None = None
            broken = False
            if response.content_type == "text/event-stream":
                first, events, broken = await _read_stream(response, begun)
            else:
                events = [_json(await response.text())]
        return _entry(call, response, events, first, broken)


def _json(text: str) -> Any:
    """Return the answer as JSON, or an error with its text: a proxy's own 500 is plain text."""
    try:
        return json.loads(text)
    except ValueError:
        return {"error": text}


async def _read_stream(response: aiohttp.ClientResponse, begun: float) -> tuple[float | None, list[Any], bool]:
    first, events, broken = None, [], False
    try:
        async for line in response.content:
            if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
                continue
            event = json.loads(line[len(b"data: ") :])
            if first is None:
                first = time.perf_counter() - begun
            broken = broken or "error" in event
            events.append(event)
    except aiohttp.ClientError:
        broken = True
    return first, events, broken


def _entry(call: Call, response: aiohttp.ClientResponse, events: list[Any], first: float | None, broken: bool) -> Entry:
    headers = response.headers
    cost = headers.get("x-litellm-response-cost")
    usages = [event["usage"] for event in events if event and event.get("usage")]
    error = next((json.dumps(event["error"]) for event in events if event and event.get("error")), "")
    return Entry(
        model=call.model,
        stream=call.stream,
        status=response.status,
        broken=broken,
        tokens=_tokens(usages[-1] if usages else {}),
        cost=None if cost in (None, "", "None") else float(str(cost)),
        seconds_to_first=first,
        served=headers.get("x-litellm-model-group", ""),
        fallbacks=int(headers.get("x-litellm-attempted-fallbacks") or 0),
        cached="x-litellm-cache-key" in headers,
        keyless=call.key is None,
        error=error,
    )


def _tokens(usage: Mapping[str, Any]) -> dict[str, int]:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    found = {
        "input": usage.get("prompt_tokens"),
        "output": usage.get("completion_tokens"),
        "cached_input": prompt.get("cached_tokens"),
        "reasoning": completion.get("reasoning_tokens"),
    }
    return {kind: int(count) for kind, count in found.items() if count}
