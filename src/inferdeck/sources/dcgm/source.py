"""The dcgm-exporter source: one GET per interval, in the shape of the cards of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yarl import URL

from inferdeck.model.labels import Labels, get, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources import gpus
from inferdeck.sources.dcgm.config import DcgmConfig
from inferdeck.sources.dcgm.shape import Shape, facts
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.interface import Collected, Probe

if TYPE_CHECKING:
    from inferdeck.model.clock import Clock
    from inferdeck.model.scrape import Layout
    from inferdeck.sources.http import HttpClient


class DcgmSource:
    """One dcgm-exporter, which is read as often as it is asked and changes nothing."""

    kind = "dcgm"

    def __init__(self, config: DcgmConfig, http: HttpClient, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._http = http
        self._url = config.url or f"http://{target.instance}"
        path = URL(self._url).path
        own_path = "" if path.strip("/") else "/metrics"
        self._path = config.metrics_path if config.metrics_path is not None else own_path
        self.probes: Sequence[Probe] = (Probe("metrics", f"GET {self._path or path}", SideEffect.NONE, required=True),)
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._parser = ExpositionParser(
            extra, max_series=config.max_series, max_bytes=config.max_bytes, honor_timestamps=False
        )
        self._shape = Shape(extra)

    async def collect(self, now: float) -> Collected:
        """Read the exporter once; raises CollectError where it cannot be read."""
        answer = await self._http.get(
            self._url, settings=self._config, path=self._path, deadline=self._deadline, redirects="same_origin"
        )
        read = await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))
        layout, values = self._shape.apply(read.layout, read.values)
        cards = list(facts(layout, values))
        return Collected(
            layout,
            values,
            families=read.families,
            inventory=[_service(self.instance, layout), *cards],
            warnings=[*read.warnings, *(() if cards else ("it tells of no card: is its list of counters right?",))],
            response_bytes=len(answer.body),
            requests=answer.requests,
            dropped=read.dropped,
        )

    async def aclose(self) -> None:
        """Nothing is held: the connections belong to the client that all sources share."""


def _service(instance: str, layout: Layout) -> Fact:
    cards = [series for series in layout.series if metric_name(series) == gpus.INFO]
    drivers = sorted({get(series, gpus.DRIVER) for series in cards} - {""})
    return Fact("service", instance, {"gpus": str(len(cards)), **({"driver": ", ".join(drivers)} if drivers else {})})


def make(config: DcgmConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels) -> DcgmSource:
    """Return the source of one target."""
    return DcgmSource(config, http, target, extra)
