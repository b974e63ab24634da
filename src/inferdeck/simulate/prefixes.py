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
        found = 0
        for key, shared, size in (
            (f"p{request.prompt}", request.prompt_tokens, request.prompt_tokens),
            (f"s{request.session}", request.context_tokens, needed),
            (f"a{request.agent}", request.shared_tokens, request.shared_tokens),
        ):
            before = self._found.pop(key, 0)
            found = max(found, min(before, shared))
            self._remembered += size - before
            self._found[key] = size
        while self._remembered > self._tokens:
            self._remembered -= self._found.popitem(last=False)[1]
        return min(found // BLOCK * BLOCK, (needed - 1) // BLOCK * BLOCK)

    def forget(self) -> None:
        """Lose all: the process ended."""
        self._found.clear()
        self._remembered = 0
