"""The questions that every face asks: of the daemon, and in PromQL; each answered here and from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from inferdeck.model.answers import Diagnosis, SourceAnswer, Sources, Status
from inferdeck.model.labels import Labels

if TYPE_CHECKING:
    from inferdeck.query.promql.result import Result

T = TypeVar("T")


class Questions(Protocol):
    """Blocking, from any thread. Raises NotFoundError, LimitError, StoreError; from outside also DaemonDownError."""

    def status(self, at: float | None = None) -> Status:
        """Return the whole stack now, or at a moment of the past (Unix seconds); UsageError for one to come."""
        ...

    def sources(self) -> Sources:
        """Return all targets in a fixed order."""
        ...

    def source(self, identity: str) -> SourceAnswer:
        """Return one target by its id, by its name or by host:port where those are unique."""
        ...

    def doctor(self) -> Diagnosis:
        """Return what is wrong and how to mend it, the worst first."""
        ...


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What a PromQL question may set: seconds until it is given up, and how far back an instant selector looks."""

    timeout_seconds: float | None = None
    lookback_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """What is known of a metric family: its type in Prometheus' words, its help and its unit."""

    type: str
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list that a limit may have cut short."""

    items: tuple[T, ...]
    truncated: bool = False
    warnings: tuple[str, ...] = ()


DEFAULT_OPTIONS = QueryOptions()


class QueryService(Protocol):
    """PromQL and the names of series; two implementations, local.py and remote.py. Belongs to the event loop.

    Times are Unix milliseconds, both ends included. selectors: PromQL series selectors of which one must match; none
    means all series. limit: 0 for all. Cancelling a call gives up its work. Raises QueryError (the text cannot be
    read), EvaluationError, QueryTimeoutError, LimitError, UnavailableError, StoreError.
    """

    def at_once(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result | None:
        """Return what `instant` would where that takes about a millisecond; None where it has to be asked."""
        ...

    async def instant(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result:
        """Evaluate at one moment."""
        ...

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions = DEFAULT_OPTIONS
    ) -> Result:
        """Evaluate at start, start + step, … up to the end; a matrix."""
        ...

    async def series(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[Labels]:
        """Return the series that have samples in the range, sorted; at least one selector is needed."""
        ...

    async def label_names(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[str]:
        """Return the sorted label names of those series."""
        ...

    async def label_values(
        self, name: str, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0
    ) -> Listing[str]:
        """Return the sorted values of one label of those series."""
        ...

    async def metadata(self, metric: str = "") -> Mapping[str, Sequence[FamilyFacts]]:
        """Return what is known of one metric family or of all, by name."""
        ...
