"""/federate: the newest samples of some series in the text format, for another Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.prometheus.answers import respond
from inferdeck.api.prometheus.parameters import Parameters
from inferdeck.api.prometheus.site import Site
from inferdeck.model.labels import NAME, Labels, escape, get, metric_name
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import encode
from inferdeck.query.interface import QueryService

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CLASSIC = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
Sample = tuple[float, int]


class Federation:
    """Asks for the living series and for their newest samples, so that it works over every QueryService."""

    def __init__(self, service: QueryService, site: Site) -> None:
        self._service = service
        self._site = site

    async def answer(self, request: Request, parameters: Parameters) -> Response:
        """The newest sample of each series that matches; without selectors nothing."""
        newest: dict[Labels, Sample] = {}
        for selector in parameters.all("match[]"):
            newest.update(await self._newest(selector))
        body = "".join(_lines(newest)).encode("utf-8", "replace")
        return await respond(request, body, TEXT_TYPE)

    async def _newest(self, selector: str) -> dict[Labels, Sample]:
        now = self._site.now_ms()
        living = set((await self._service.instant(selector, now)).series)
        # A series that has ended has samples in the window too, but no value now.
        found = await self._service.instant(f"{selector}[5m]", now)
        there = np.ascontiguousarray(found.values).view(np.uint64) != np.uint64(ABSENT_BITS)
        last = there.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1) if found.series else []
        return {
            series: (float(found.values[row, column]), int(found.steps_ms[column]))
            for row, (series, column) in enumerate(zip(found.series, last, strict=True))
            if series in living
        }


def _lines(newest: dict[Labels, Sample]) -> Iterator[str]:
    family = None
    for series in sorted(newest, key=lambda one: (metric_name(one), one)):
        name, (value, stamp) = metric_name(series), newest[series]
        if not name:
            continue
        if name != family:
            family = name
            yield f"# TYPE {_name(name)} untyped\n"
        yield f"{_series(series, name)} {encode.number(value)} {stamp}\n"


def _series(series: Labels, name: str) -> str:
    # A series without an instance says so, lest the scraper puts its own address there.
    pairs = [pair for pair in series if pair[0] != NAME]
    if not get(series, "instance"):
        pairs.append(("instance", ""))
    body = ",".join(f'{_name(key)}="{escape(value)}"' for key, value in pairs)
    return f"{name}{{{body}}}" if _is_classic(name) else f"{{{_name(name)},{body}}}"


def _name(name: str) -> str:
    return name if _is_classic(name) else f'"{escape(name)}"'


def _is_classic(name: str) -> bool:
    return not name[:1].isdigit() and _CLASSIC.issuperset(name.replace(":", "_"))
