"""One GET per interval, read as an exposition."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from yarl import URL

from inferdeck.model.labels import NAME, Labels, get
from inferdeck.model.metric import SideEffect
from inferdeck.model.scrape import EMPTY_LAYOUT, Layout
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.prometheus.config import PrometheusConfig

if TYPE_CHECKING:
    from inferdeck.model.clock import Clock
    from inferdeck.sources.http import HttpClient

# prometheus_client answers OpenMetrics, the larger form, as soon as it is named at all, whatever its q says.
ACCEPT = "text/plain;version=0.0.4,*/*;q=0.1"

_LANGUAGES = ("go_build_info", "go_info", "python_info", "process_build_info")


class PrometheusSource:
    """Any exposition endpoint; every series is stored under its own name."""

    kind = "prometheus"

    def __init__(self, config: PrometheusConfig, http: HttpClient, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self._config = config
        self._job = target.job
        self._http = http
        self._url = config.url or f"http://{target.instance}"
        path = URL(self._url.removeprefix("unix:")).path
        own_path = "" if path.strip("/") and not self._url.startswith("unix:") else "/metrics"
        self._path = config.metrics_path if config.metrics_path is not None else own_path
        self.probes: Sequence[Probe] = (Probe("metrics", f"GET {self._path or path}", SideEffect.NONE, required=True),)
        self._deadline = config.deadline or min(config.interval, 10.0)
        self._parser = ExpositionParser(
            extra,
            max_series=config.max_series,
            max_bytes=config.max_bytes,
            honor_timestamps=config.honor_timestamps,
            honor_labels=config.honor_labels,
        )
        self._version = (EMPTY_LAYOUT, "")

    async def collect(self, now: float) -> Collected:
        """Read the endpoint once."""
        answer = await self._http.get(
            self._url,
            settings=self._config,
            path=self._path,
            params=self._config.params,
            deadline=self._deadline,
            redirects="same_origin",
            accept=ACCEPT,
        )
        read = await self._parser.parse(answer.body, answer.headers.get("Content-Type", ""))
        if self._version[0] is not read.layout:
            self._version = (read.layout, version(read.layout, read.families))
        found = self._version[1]
        return Collected(
            layout=read.layout,
            values=read.values,
            families=read.families,
            inventory=(Fact("service", self._job, {"version": found} if found else {}),),
            version=found,
            warnings=read.warnings,
            response_bytes=len(answer.body),
            requests=answer.requests,
            dropped=read.dropped,
            timestamps_ms=read.timestamps_ms,
        )

    async def aclose(self) -> None:
        """Nothing is held: the connections belong to the client that all sources share."""


def version(layout: Layout, families: Collection[str]) -> str:
    """Return the version that a program tells of itself in its `*_build_info` (or `vm_app_version`); "" where none."""
    told = [name for name in families if name.endswith("build_info") and name not in _LANGUAGES]
    wanted = {(NAME, name) for name in (*told, "vm_app_version")}
    if len(wanted) == 1 and "vm_app_version" not in families:
        return ""
    for series in layout.series:
        if not wanted.isdisjoint(series) and (found := get(series, "short_version") or get(series, "version")):
            return found
    return ""


def make(
    config: PrometheusConfig, http: HttpClient, clock: Clock, target: TargetKey, extra: Labels
) -> PrometheusSource:
    """Return the source of one target."""
    return PrometheusSource(config, http, target, extra)
