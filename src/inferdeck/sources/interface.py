"""What a source is: one watched system, read on a schedule without doing it harm."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from inferdeck.errors import CollectError
from inferdeck.model.happening import Happening
from inferdeck.model.log_lines import LogPage, LogQuery, LogStream
from inferdeck.model.metric import MetricDescriptor, SideEffect
from inferdeck.model.scrape import Layout
from inferdeck.model.target import Fact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Probe:
    """One request that a source makes, and what it does to the watched system.

    `effect` other than NONE is off unless `enabled_by` (a configuration key of the source) switches it on, or unless
    the source cannot work without it (`required`), in which case it is shown wherever the source is.
    """

    name: str
    request: str
    effect: SideEffect
    note: str = ""
    enabled_by: str = ""
    required: bool = False

    @property
    def never(self) -> bool:
        """Whether it is never sent: it does harm, and no key switches it on."""
        return self.effect is not SideEffect.NONE and not self.required and not self.enabled_by

    def sent(self, switched_on: Collection[str]) -> bool:
        """Return whether the source may send it, given the names of the probes that the configuration switches on."""
        if self.required or self.name in switched_on:
            return True
        return self.effect is SideEffect.NONE and not self.enabled_by


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What one collection brought.

    values: float64, one per series of the layout, NaN bits normalised (see model/scrape.py). The layout carries the
    native names with `job` and `instance`, before repair and mapping; it is the same object as the last time while
    the series and their order are the same. `warnings` are shown beside the target; each names its cause.
    """

    layout: Layout
    values: NDArray[np.float64]
    families: Mapping[str, MetricDescriptor] = field(default_factory=dict)
    inventory: Sequence[Fact] = ()
    happenings: Sequence[Happening] = ()
    """What happened since the last collection, each told once."""
    version: str = ""
    warnings: Sequence[str] = ()
    response_bytes: int = 0
    requests: int = 0
    """How many requests this collection sent to the watched system, for the cost that watching has."""
    dropped: int = 0
    """Samples that the source itself left out because they were over `max_series`."""
    withheld: CollectError | None = None
    """Why the target, which answers, does not give its metrics: it wants a key, or they are switched off."""
    timestamps_ms: NDArray[np.int64] | None = None
    """Unix milliseconds of each series where the target's own times are honoured, -1 where it gives none."""


class Source(Protocol):
    """One target of one kind. Made from its configuration; `collect` is called by the runner, never twice at once.

    `collect` raises CollectError; everything else is a bug and is reported as one, without harm to other sources.
    `aclose` is idempotent and may be called while a collection is being cancelled.
    """

    kind: str
    """The folder's name, which is also the `job` label."""
    instance: str
    """host:port, which is also the `instance` label."""
    probes: Sequence[Probe]

    async def collect(self, now: float) -> Collected:
        """Read the target once; `now` is Unix seconds."""
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class FollowsModels(Protocol):
    """A source that looks up what others serve."""

    def follow(self, names: Collection[str]) -> None:
        """Take over the names of all models that the stack serves now; called on the event loop."""
        ...


@runtime_checkable
class KeepsAnswers(Protocol):
    """A source that keeps what it was told over a restart, so that it asks for it seldom."""

    def keep_in(self, folder: Path) -> None:
        """Use a folder of its kind's own, which need not be there yet; called once, before the first collection."""
        ...


@runtime_checkable
class ReadsLogs(Protocol):
    """A source whose target keeps lines of text.

    Every line that leaves it is masked (model/masking.py), free of control characters, and bounded in length.
    """

    def streams(self) -> Sequence[LogStream]:
        """Return what can be read now, as the last collection found it; called on the event loop."""
        ...

    async def read(self, query: LogQuery) -> LogPage:
        """Return lines of the streams that the query names, of all of its own where it names none.

        Work and memory are bounded whatever is asked; streams that fail are warnings of the page. Raises
        UsageError for a query that makes no sense.
        """
        ...
