"""Small questions about what is in memory, answered where they are asked: a thread would take longer to wake."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from inferdeck.model.labels import Labels
from inferdeck.query.promql.ast import Call, Expr, Subquery, VectorSelector
from inferdeck.query.promql.engine import Engine, Limits
from inferdeck.query.promql.result import Result
from inferdeck.query.promql.walk import nodes
from inferdeck.store.interface import Block, Matcher, MatchOp, ReadyReader

LONGEST_TEXT = 400
_MOST_NODES = 24
_MOST_SERIES = 300
_MOST_SAMPLES = 20_000
_SLOW = frozenset({"info", "label_join", "label_replace"})


class NotAtHandError(Exception):
    """A question needs more than memory holds, or more of it than is read at once."""


def is_small(expr: Expr) -> bool:
    """Say whether an instant query takes about a millisecond at most, as long as its selectors find few samples."""
    found = list(islice(nodes(expr), _MOST_NODES + 1))
    return len(found) <= _MOST_NODES and all(_is_quick(node) for node in found)


def _is_quick(node: Expr) -> bool:
    if isinstance(node, VectorSelector):
        return all(_looked_up(matcher) for matcher in node.matchers)
    if isinstance(node, Call):
        return node.function not in _SLOW
    return not isinstance(node, Subquery)


def _looked_up(matcher: Matcher) -> bool:
    """Other matchers are tried on every value that their label has."""
    return matcher.op is MatchOp.EQUAL and matcher.value != ""


def answer(
    reader: ReadyReader, expr: Expr, time_ms: int, limits: Limits, lookback_ms: int | None = None
) -> Result | None:
    """Return the answer at one moment, or None where that is no small matter; raises as Engine.instant does."""
    if not is_small(expr):
        return None
    try:
        return Engine(_AtHand(reader), limits=limits).instant(expr, time_ms, lookback_ms=lookback_ms)
    except NotAtHandError:
        return None


class _AtHand:
    """A MetricReader for one question, of what is in memory; raises NotAtHandError for everything else."""

    def __init__(self, reader: ReadyReader) -> None:
        self._reader = reader
        self._left = _MOST_SAMPLES

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        most = min(self._left, max_samples)
        found = self._reader.at_hand(matchers, start_ms, end_ms, max_series=_MOST_SERIES, max_samples=most)
        if found is None:
            raise NotAtHandError
        self._left -= sum(block.values.size for block in found)
        return found

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        raise NotAtHandError

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        raise NotAtHandError

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        raise NotAtHandError
