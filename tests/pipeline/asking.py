"""Every question of the daemon, over a scenario's collected samples: what the widgets are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inferdeck.config.schema import Settings
from inferdeck.daemon.widgets import DaemonWidgets, Sources
from inferdeck.dashboards.answers import Dashboards
from inferdeck.dashboards.folder import Folder
from inferdeck.model.clock import Clock
from inferdeck.model.model_catalog import PriceSource
from inferdeck.pricing.published import Published
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.config_files import ConfigFiles, Revisions
from inferdeck.query.evidence import Facts
from inferdeck.query.local import LocalQueryService, LocalQuestions
from inferdeck.query.logs import LocalLogQuestions
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.query.status import Surroundings
from inferdeck.routing.contents import Content, Named
from inferdeck.sources.interface import ReadsLogs
from tests.pipeline.collecting import Stage
from tests.pipeline.stack import surroundings
from tests.unit.api.noted import Noted

SCRAPE_MS = 15_000


class NothingPublished:
    """A price book without a page: what the gateways reckon is all there is."""

    def source(self, now: float) -> PriceSource:
        return PriceSource("none")

    def look_up(self, provider: str, target: str, endpoint: str, now: float) -> Published | None:
        return None


@contextmanager
def widgets(found: Stage) -> Iterator[DaemonWidgets]:
    """Yield the widgets over everything that was collected so far."""
    with asked(found, lambda: surroundings(found)) as every:
        yield DaemonWidgets(found.clock, every)


@contextmanager
def asked(
    found: Stage,
    around: Callable[[], Surroundings],
    revisions: Revisions | None = None,
    held: Callable[[], Sequence[tuple[Named, Content]]] = tuple,
    clock: Clock | None = None,
) -> Iterator[Sources]:
    """Yield all questions. around: what the daemon knows; revisions, held: of configuration files, and the files.

    clock: the daemon's, where it is later than the world.
    """

    def readers() -> list[ReadsLogs]:
        sources = (one.target.source for one in found.watched.values())
        return [source for source in sources if isinstance(source, ReadsLogs)]

    service = LocalQueryService(found.database)
    stack = LocalStackQuestions(found.database, around)
    environment = found.scenario.fleet.environment
    try:
        yield Sources(
            questions=LocalQuestions(found.database, around, Facts),
            stack=stack,
            catalog=LocalCatalog(found.database, around, NothingPublished(), lambda: stack.joins().chains()),
            dashboards=Dashboards(service, Folder(None, time.monotonic), clock or found.clock, lambda: SCRAPE_MS),
            logs=LocalLogQuestions(readers),
            files=ConfigFiles(held, lambda: around().states, revisions or Noted(), environment),
            service=service,
            settings=Settings(data_dir=Path("nowhere")),
        )
    finally:
        service.close()
