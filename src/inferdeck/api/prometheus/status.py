"""What Prometheus tells of itself, told of the daemon: targets, build, settings, store; rules and alerts."""

from __future__ import annotations

import datetime
import os
import socket
import threading

from starlette.requests import Request
from starlette.responses import Response

from inferdeck import __version__
from inferdeck.api.prometheus.answers import BadDataError, respond, success
from inferdeck.api.prometheus.parameters import Parameters, quoted
from inferdeck.api.prometheus.site import Site
from inferdeck.model.target import Health, TargetState
from inferdeck.query import encode

SPOKEN_VERSION = "3.5.0"
"""The Prometheus whose interface this is; clients choose by it what they may ask."""
_NEVER = "0001-01-01T00:00:00Z"


class Status:
    """Handlers; see Prometheus' documentation of the same paths."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def targets(self, request: Request, parameters: Parameters) -> Response:
        """The watched targets."""
        wanted, pool = parameters.text("state").lower() or "any", parameters.text("scrapePool")
        shown = [
            _target(state) for state in self._site.targets() if wanted != "dropped" and pool in ("", state.key.job)
        ]
        data: dict[str, object] = {"activeTargets": shown, "droppedTargets": [], "droppedTargetCounts": {}}
        return await _answer(request, data)

    async def rules(self, request: Request, parameters: Parameters) -> Response:
        """The rule groups: none so far."""
        wanted = parameters.text("type")
        if wanted not in ("", "alert", "record"):
            raise BadDataError(f'invalid parameter "type": not supported value {quoted(wanted)}')
        return await _answer(request, {"groups": []})

    async def alerts(self, request: Request, _parameters: Parameters) -> Response:
        """The active alerts: none so far."""
        return await _answer(request, {"alerts": []})

    async def alertmanagers(self, request: Request, _parameters: Parameters) -> Response:
        """Where alerts are sent: nowhere so far."""
        return await _answer(request, {"activeAlertmanagers": [], "droppedAlertmanagers": []})

    async def build(self, request: Request, _parameters: Parameters) -> Response:
        """The version; without `features`, by which Grafana tells Prometheus from Mimir."""
        data = {
            "version": SPOKEN_VERSION,
            "revision": f"inferdeck-{__version__}",
            "branch": "inferdeck",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
        return await _answer(request, data)

    async def runtime(self, request: Request, _parameters: Parameters) -> Response:
        """The running process."""
        started = _date(self._site.started_ms())
        data = {
            "startTime": started,
            "CWD": self._site.directory(),
            "hostname": socket.gethostname(),
            "serverTime": _date(self._site.now_ms()),
            "reloadConfigSuccess": True,
            "lastConfigTime": started,
            "corruptionCount": 0,
            "goroutineCount": threading.active_count(),
            "GOMAXPROCS": os.cpu_count() or 1,
            "GOMEMLIMIT": 0,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": self._site.retention(),
        }
        return await _answer(request, data)

    async def flags(self, request: Request, _parameters: Parameters) -> Response:
        """Settings under the names of Prometheus' flags."""
        return await _answer(request, dict(self._site.flags()))

    async def config(self, request: Request, _parameters: Parameters) -> Response:
        """The effective configuration."""
        return await _answer(request, {"yaml": self._site.config_yaml()})

    async def tsdb(self, request: Request, _parameters: Parameters) -> Response:
        """The store: what its statistics hold; counts by name are not kept and so not told."""
        found = await self._site.head()
        head = {
            "numSeries": found.series,
            "numLabelPairs": 0,
            "chunkCount": 0,
            "minTime": found.oldest_ms,
            "maxTime": found.newest_ms,
        }
        return await _answer(
            request,
            {
                "headStats": head,
                "seriesCountByMetricName": [],
                "labelValueCountByLabelName": [],
                "memoryInBytesByLabelName": [],
                "seriesCountByLabelValuePair": [],
            },
        )

    async def replay(self, request: Request, _parameters: Parameters) -> Response:
        """The replay of a log at the start: there is none to wait for."""
        return await _answer(request, {"min": 0, "max": 0, "current": 0})


async def _answer(request: Request, data: object) -> Response:
    return await respond(request, success(encode.plain(data)))


def _target(state: TargetState) -> dict[str, object]:
    key, seconds = state.key, f"{state.interval_seconds:g}s"
    labels = {"environment": key.environment, "instance": key.instance, "job": key.job}
    return {
        "discoveredLabels": {"__address__": key.instance, "job": key.job, "__meta_inferdeck_origin": state.origin},
        "labels": labels,
        "scrapePool": key.job,
        "scrapeUrl": state.url,
        "globalUrl": state.url,
        "lastError": state.last_error if state.health is not Health.UP else "",
        "lastScrape": _date(state.last_attempt_ms) if state.last_attempt_ms else _NEVER,
        "lastScrapeDuration": state.last_duration_seconds,
        "health": state.health.value,
        "scrapeInterval": seconds,
        "scrapeTimeout": seconds,
    }


def _date(milliseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
