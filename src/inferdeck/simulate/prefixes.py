"""The prefix cache of an engine: how much of a prompt's beginning was computed before and is still there."""

from __future__ import annotations

from collections import OrderedDict

from inferdeck.simulate.events import Request

BLOCK = 16
"""Tokens of a block of key-value memory: prefixes are remembered in whole blocks."""


class Prefixes:
    """Prompts, sessions and agents whose beginnings are remembered, the least recently used first."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._found: OrderedDict[str, int] = OrderedDict()
        self._remembered = 0

    def take(self, request: Request, needed: int) -> int:
        """Return how many of the `needed` tokens are there, at least one is not; and remember all of them."""
        keys = (f"p{request.prompt}", f"s{request.session}", f"a{request.agent}")
        sizes = (request.prompt_tokens, request.context_tokens, request.shared_tokens)
        found = max(min(self._found.get(key, 0), size) for key, size in zip(keys, sizes, strict=True))
        for key, size in zip(keys, (request.prompt_tokens, needed, request.shared_tokens), strict=True):
            self._remembered += size - self._found.pop(key, 0)
            self._found[key] = size
        while self._remembered > self._tokens:
            self._remembered -= self._found.popitem(last=False)[1]
        return min(found // BLOCK * BLOCK, (needed - 1) // BLOCK * BLOCK)

    def forget(self) -> None:
        """Lose all: the process ended."""
        self._found.clear()
        self._remembered = 0
