"""Histories of which a question sees a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inferdeck.model.labels import Labels
from inferdeck.store.interface import Block, Matcher, MatchOp, MetricReader

_UP = Matcher("__name__", MatchOp.EQUAL, "up")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A MetricReader that sees only series which fit one matcher; what tells of targets (`up`) it sees whole."""

    reader: MetricReader
    only: Matcher

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        return self.reader.select(self._with(matchers), start_ms, end_ms, max_samples=max_samples)

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        return self.reader.series(self._with(matchers), start_ms, end_ms)

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return self.reader.label_names(self._with(matchers), start_ms, end_ms)

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        return self.reader.label_values(name, self._with(matchers), start_ms, end_ms)

    def _with(self, matchers: Sequence[Matcher]) -> list[Matcher]:
        return [*matchers] if _UP in matchers else [*matchers, self.only]


@dataclass(frozen=True, slots=True)
class Until:
    """A MetricReader that sees nothing after a moment."""

    reader: MetricReader
    last_ms: int

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, max_samples: int = 50_000_000
    ) -> list[Block]:
        last = min(end_ms, self.last_ms)
        return self.reader.select(matchers, start_ms, last, max_samples=max_samples) if start_ms <= last else []

    def series(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Labels]:
        last = min(end_ms, self.last_ms)
        return self.reader.series(matchers, start_ms, last) if start_ms <= last else []

    def label_names(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        last = min(end_ms, self.last_ms)
        return self.reader.label_names(matchers, start_ms, last) if start_ms <= last else []

    def label_values(self, name: str, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[str]:
        last = min(end_ms, self.last_ms)
        return self.reader.label_values(name, matchers, start_ms, last) if start_ms <= last else []
