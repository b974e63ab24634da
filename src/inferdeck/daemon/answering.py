"""Who answers PromQL: the own evaluator behind a memory of results, or the server that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inferdeck.config.schema import QueryConfig
from inferdeck.query.cache import CachedQueryService
from inferdeck.query.interface import FamilyFacts, QueryService
from inferdeck.query.local import LocalQueryService
from inferdeck.query.promql.engine import Limits
from inferdeck.query.remote import RemoteQueryService
from inferdeck.query.writes import WriteLog
from inferdeck.store.interface import MetricReader

Families = Callable[[], Mapping[str, Sequence[FamilyFacts]]]


class Answering:
    """The query service of one daemon, and how it ends; made inside the event loop."""

    def __init__(self, config: QueryConfig, reader: MetricReader, log: WriteLog, families: Families) -> None:
        self.service: QueryService
        self._log = log
        self._local: LocalQueryService | None = None
        self._remote: RemoteQueryService | None = None
        if config.url:
            self._remote = RemoteQueryService(config)
            # Another server's writes are not seen from here, so nothing is remembered; equal questions still meet.
            self.service = CachedQueryService(self._remote, log, most_bytes=0)
            return
        limits = Limits(samples=config.max_samples, seconds=config.timeout)
        self._local = LocalQueryService(reader, limits=limits, parallel=config.parallel, families=families)
        self.service = CachedQueryService(self._local, log, int(config.cache_size or 0))

    def forget(self) -> None:
        """Let every remembered result be computed anew; from any thread."""
        self._log.wrote(-(2**62))

    async def aclose(self) -> None:
        """End threads and connections; idempotent."""
        if self._local is not None:
            self._local.close()
        if self._remote is not None:
            await self._remote.aclose()
