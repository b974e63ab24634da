"""Which series, labels and metric families there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api.prometheus.answers import BadDataError, respond, success
from inferdeck.api.prometheus.parameters import EARLIEST_MS, LATEST_MS, Parameters, label_name, quoted
from inferdeck.api.prometheus.site import Site
from inferdeck.query import encode
from inferdeck.query.interface import FamilyFacts, Listing, QueryService, T

TRUNCATED = "results truncated due to limit"


class Knowledge:
    """Handlers for names; see Prometheus' documentation of the same paths."""

    def __init__(self, service: QueryService, site: Site) -> None:
        self._service = service
        self._site = site

    async def series(self, request: Request, parameters: Parameters) -> Response:
        """The series that match one of the selectors."""
        if not parameters.all("match[]"):
            raise BadDataError("no match[] parameter provided")
        limit, (start, end) = parameters.limit(), _times(parameters)
        found = await self._service.series(parameters.all("match[]"), start, end, limit)
        data = b"[" + b",".join([encode.metric(series) for series in found.items]) + b"]"
        return await respond(request, success(data, _warnings(found)))

    async def labels(self, request: Request, parameters: Parameters) -> Response:
        """The names of labels."""
        limit, (start, end) = parameters.limit(), _times(parameters)
        found = await self._service.label_names(parameters.all("match[]"), start, end, limit)
        return await respond(request, success(encode.plain(list(found.items)), _warnings(found)))

    async def values(self, request: Request, parameters: Parameters) -> Response:
        """The values of one label."""
        name = label_name(request.path_params["name"])
        if not name:
            raise BadDataError(f"invalid label name: {quoted(name)}")
        limit, (start, end) = parameters.limit(), _times(parameters)
        found = await self._service.label_values(name, parameters.all("match[]"), start, end, limit)
        return await respond(request, success(encode.plain(list(found.items)), _warnings(found)))

    async def metadata(self, request: Request, parameters: Parameters) -> Response:
        """Type, help and unit of metric families."""
        most, most_each = _count(parameters, "limit"), _count(parameters, "limit_per_metric")
        known = await self._service.metadata(parameters.text("metric"))
        names = list(known) if most is None else list(known)[:most]
        data = {name: [_facts(facts) for facts in _first(known[name], most_each)] for name in names}
        return await respond(request, success(encode.plain(data)))

    async def target_metadata(self, request: Request, parameters: Parameters) -> Response:
        """The families that each target told of."""
        metric, most = parameters.text("metric"), _count(parameters, "limit")
        found = [
            {"target": {"instance": state.key.instance, "job": state.key.job}, "metric": name, **_facts(facts)}
            for state, families in self._site.target_families()
            for name, facts in families.items()
            if metric in ("", name)
        ]
        return await respond(request, success(encode.plain(found if most is None else found[:most])))


def _times(parameters: Parameters) -> tuple[int, int]:
    start, end = parameters.time("start", EARLIEST_MS), parameters.time("end", LATEST_MS)
    if end < start:
        raise BadDataError('invalid parameter "end": end timestamp must not be before start timestamp')
    return start, end


def _warnings(found: Listing[T]) -> Iterable[str]:
    return (*found.warnings, TRUNCATED) if found.truncated else found.warnings


def _count(parameters: Parameters, name: str) -> int | None:
    text = parameters.text(name)
    if not text:
        return None
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise BadDataError(f"{name} must be a number")
    return int(text) if int(text) >= 0 else None


def _first(facts: Sequence[FamilyFacts], most: int | None) -> Sequence[FamilyFacts]:
    return facts if not most else facts[:most]


def _facts(facts: FamilyFacts) -> Mapping[str, str]:
    return {"type": facts.type, "help": facts.help, "unit": facts.unit}
