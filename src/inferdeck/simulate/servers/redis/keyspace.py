"""The keys of a Redis that LiteLLM proxies share, as a fold of their requests.

Kinds of keys, their patterns and their TTLs are those that LiteLLM 1.109.1 left in a real Redis: cached responses
(64 hex digits), windows of its rate limiter (`{api_key:…}:requests` and so on) and the router's usage counters
(`<deployment>:<model>:tpm:HH-MM`). Keys are kept as tuples and spelled when somebody asks for them.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from time import gmtime, strftime

Key = tuple[str | int, ...]
"""("response", prompt, model), ("limit", scope, name, counter) or ("usage", deployment, model, kind, minute)."""

RESPONSE, LIMIT, USAGE = "response", "limit", "usage"
WINDOW_SECONDS = 60.0
NUMBER_BYTES = 16
"""What a small counter takes, as its object."""
ENTRY_BYTES = 56
"""An entry of the dictionary, the key's object and that of its expiry."""
_WORDS = "All work is a fold of what happened and nothing is drawn "


@dataclass(slots=True)
class Entry:
    """A value: of a response the tokens and the moment, of a counter its number."""

    expires: float
    value: float = 0.0
    prompt_tokens: int = 0
    size: int = NUMBER_BYTES
    made: float = 0.0


class Keyspace:
    """Database 0."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.entries: OrderedDict[Key, Entry] = OrderedDict()
        """The least recently used first."""
        self.bytes = 0
        self.peak = 0
        self.expired = 0
        self.evicted = 0
        self.changes = 0
        self._ends = 0.0
        self._due: list[tuple[float, Key]] = []

    def clear(self) -> None:
        """Forget all keys."""
        self.entries.clear()
        self._due.clear()
        self.bytes = 0
        self._ends = 0.0

    def expire(self, now: float) -> None:
        """Remove what has reached its end."""
        due = self._due
        while due and due[0][0] <= now:
            moment, key = heappop(due)
            entry = self.entries.get(key)
            if entry is not None and entry.expires <= moment:
                del self.entries[key]
                self._gone(entry)
                self.expired += 1

    def find(self, key: Key) -> Entry | None:
        """Return a key's entry and note that it was used."""
        entry = self.entries.get(key)
        if entry is not None:
            self.entries.move_to_end(key)
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Write a key; the least recently used ones go where there is no room."""
        before = self.entries.pop(key, None)
        if before is not None:
            self._gone(before)
        self.entries[key] = entry
        self.bytes += entry.size + ENTRY_BYTES
        self._ends += entry.expires
        if self.bytes > self.peak:
            self.peak = self.bytes
        self.changes += 1
        heappush(self._due, (entry.expires, key))
        while self.limit and self.bytes > self.limit and len(self.entries) > 1:
            _, gone = self.entries.popitem(last=False)
            self._gone(gone)
            self.evicted += 1
        if len(self._due) > 4 * len(self.entries) + 1024:
            self._due = [(entry.expires, key) for key, entry in self.entries.items()]
            heapify(self._due)

    def add(self, key: Key, by: float, now: float, lasting: float = WINDOW_SECONDS) -> bool:
        """Add to a counter and return whether it is new; a new one lasts this long."""
        entry = self.entries.get(key)
        self.changes += 1
        if entry is None:
            self.put(key, Entry(now + lasting, by, made=now))
            return True
        entry.value += by
        self.entries.move_to_end(key)
        return False

    def average_ttl(self, now: float) -> int:
        """Return the mean time to live in milliseconds."""
        count = len(self.entries)
        return max(0, int(1000 * (self._ends / count - now))) if count else 0

    def _gone(self, entry: Entry) -> None:
        self.bytes -= entry.size + ENTRY_BYTES
        self._ends -= entry.expires


def response_bytes(output_tokens: int) -> int:
    """Return how long the text of a cached response is."""
    return _FRAME_BYTES + 4 * output_tokens


def spell(key: Key) -> bytes:
    """Return a key's name."""
    match key:
        case ("response", prompt, model):
            return hashlib.sha256(f"model: {model}messages: {prompt}".encode()).hexdigest().encode()
        case ("limit", "api_key", name, counter):
            return f"{{api_key:{hashlib.sha256(f'sk-{name}'.encode()).hexdigest()}}}:{counter}".encode()
        case ("limit", scope, name, counter):
            return f"{{{scope}:{name}}}:{counter}".encode()
        case (_, deployment, model, kind, minute):
            return f"{deployment}:{model}:{kind}:{strftime('%H-%M', gmtime(60 * int(minute)))}".encode()
    raise ValueError(f"no key of ours: {key}")


def text(key: Key, entry: Entry) -> bytes:
    """Return what GET answers."""
    if key[0] == RESPONSE:
        return _response(spell(key).decode(), entry.made, entry.prompt_tokens, int(entry.value), str(key[2])).encode()
    number = entry.value
    return (str(int(number)) if number == int(number) else repr(number)).encode()


def _response(name: str, made: float, prompt: int, output: int, model: str = "") -> str:
    """Return a response as LiteLLM caches it; numbers have a fixed width, so that its tokens give its length."""
    content = (_WORDS * (4 * output // len(_WORDS) + 1))[: 4 * output]
    body = {
        "id": f"chatcmpl-{name[:29]}",
        "created": 0,
        "model": "",
        "object": "chat.completion",
        "choices": [
            {"finish_reason": "stop", "index": 0, "message": {"content": content, "role": "assistant"}},
        ],
        "usage": {"completion_tokens": -1, "prompt_tokens": -2},
    }
    inner = json.dumps(body).replace('"created": 0', f'"created": {int(made):10d}')
    inner = inner.replace('"completion_tokens": -1', f'"completion_tokens": {output:9d}')
    inner = inner.replace('"prompt_tokens": -2', f'"prompt_tokens": {prompt:9d}')
    inner = inner.replace('"model": ""', f'"model": {json.dumps(model)}{" " * max(0, 64 - len(model))}')
    return f'{{"timestamp": {made:17.6f}, "response": {json.dumps(inner)}}}'


_FRAME_BYTES = len(_response("0" * 64, 1e9, 0, 0))
