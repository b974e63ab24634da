"""The same questions answered by a Prometheus-compatible server: Prometheus, VictoriaMetrics, Mimir, Thanos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from inferdeck.config.schema import QueryConfig
from inferdeck.errors import UnavailableError
from inferdeck.model.labels import Labels, labels
from inferdeck.model.scrape import ABSENT_BITS
from inferdeck.query import encode
from inferdeck.query.interface import DEFAULT_OPTIONS, FamilyFacts, Listing, QueryOptions
from inferdeck.query.prometheus_http import Field, PrometheusHttp
from inferdeck.query.promql.result import Result, ResultType

T = TypeVar("T")
TRUNCATED = "results truncated due to limit"
_GRACE_SECONDS = 5.0


class RemoteQueryService:
    """Implements QueryService over HTTP; one session, made inside the event loop."""

    def __init__(self, config: QueryConfig) -> None:
        self._config = config
        self._http = PrometheusHttp(config)

    def at_once(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result | None:
        return None

    async def instant(self, text: str, time_ms: int, options: QueryOptions = DEFAULT_OPTIONS) -> Result:
        fields = [("query", text), ("time", encode.timestamp(time_ms)), *self._options(options)]
        return self._read(await self._http.ask("query", fields, self._seconds(options)), time_ms)

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, options: QueryOptions = DEFAULT_OPTIONS
    ) -> Result:
        times = zip(("start", "end", "step"), map(encode.timestamp, (start_ms, end_ms, step_ms)), strict=True)
        fields = [("query", text), *times, *self._options(options)]
        return self._read(await self._http.ask("query_range", fields, self._seconds(options)), start_ms)

    async def series(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[Labels]:
        return await self._list("series", selectors, start_ms, end_ms, limit, labels)

    async def label_names(self, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0) -> Listing[str]:
        return await self._list("labels", selectors, start_ms, end_ms, limit, str)

    async def label_values(
        self, name: str, selectors: Sequence[str], start_ms: int, end_ms: int, limit: int = 0
    ) -> Listing[str]:
        path = f"label/{escaped(name)}/values"
        return await self._list(path, selectors, start_ms, end_ms, limit, str, post=False)

    async def metadata(self, metric: str = "") -> Mapping[str, Sequence[FamilyFacts]]:
        fields = [("metric", metric)] if metric else []
        found = await self._http.ask("metadata", fields, self._config.timeout, post=False)
        try:
            return {
                str(name): [FamilyFacts(*(str(one.get(key, "")) for key in ("type", "help", "unit"))) for one in facts]
                for name, facts in found["data"].items()
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._odd(error) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _list(
        self,
        path: str,
        selectors: Sequence[str],
        start_ms: int,
        end_ms: int,
        limit: int,
        read: Callable[[Any], T],
        *,
        post: bool = True,
    ) -> Listing[T]:
        fields = [("match[]", selector) for selector in selectors]
        fields += _bounds(start_ms, end_ms)
        if limit:
            # One more than is wanted tells whether there are more; servers that know no limit send all.
            fields.append(("limit", str(limit + 1)))
        found = await self._http.ask(path, fields, self._config.timeout, post=post)
        try:
            items = sorted(read(one) for one in found["data"] or [])  # type: ignore[type-var]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._odd(error) from error
        warnings = tuple(str(text) for text in found.get("warnings", ()) if text != TRUNCATED)
        return Listing(tuple(items[:limit] if limit else items), bool(limit) and len(items) > limit, warnings)

    def _options(self, options: QueryOptions) -> list[Field]:
        fields = [("timeout", f"{self._timeout(options):g}s")]
        if options.lookback_ms is not None:
            fields.append(("lookback_delta", f"{options.lookback_ms}ms"))
        return fields

    def _timeout(self, options: QueryOptions) -> float:
        wanted = options.timeout_seconds
        return self._config.timeout if wanted is None else min(wanted, self._config.timeout)

    def _seconds(self, options: QueryOptions) -> float:
        """Its own timeout shall come first, since its message says more."""
        return self._timeout(options) + _GRACE_SECONDS

    def _read(self, found: dict[str, Any], time_ms: int) -> Result:
        try:
            remarks = {key: tuple(str(text) for text in found.get(key, ())) for key in ("warnings", "infos")}
            return _result(found["data"], time_ms, remarks["warnings"], remarks["infos"])
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise self._odd(error) from error

    def _odd(self, error: Exception) -> UnavailableError:
        return UnavailableError(f"{self._http.name}: an answer that cannot be read: {type(error).__name__}: {error}")


def escaped(name: str) -> str:
    """Return a label name for a URL's path: classic names as they are, others as U__ (prometheus/common)."""
    if name and all(part.isascii() and (part.isalnum() or part == "_") for part in name) and not name[0].isdigit():
        return name
    body = "".join(
        "__" if part == "_" else part if part.isascii() and part.isalnum() else f"_{ord(part):x}_" for part in name
    )
    return f"U__{body}"


def _bounds(start_ms: int, end_ms: int) -> list[Field]:
    """Times far outside of any data are left out: servers differ in how far they can count."""
    ends = (("start", start_ms), ("end", end_ms))
    return [(name, encode.timestamp(value)) for name, value in ends if 0 <= value < 10**14]


def _result(data: dict[str, Any], time_ms: int, warnings: tuple[str, ...], infos: tuple[str, ...]) -> Result:
    kind, found = ResultType(data["resultType"]), data["result"]
    if kind is ResultType.STRING:
        stamps, none = _stamps([found[0]]), np.empty((0, 1))
        return Result(kind, (), stamps, none, text=str(found[1]), warnings=warnings, infos=infos)
    if kind is ResultType.SCALAR:
        value = np.array([[float(found[1])]])
        return Result(kind, ((),), _stamps([found[0]]), value, warnings=warnings, infos=infos)
    floats = [one for one in found if "value" in one or "values" in one]
    if len(floats) < len(found):
        warnings = (*warnings, f"{len(found) - len(floats)} series hold native histograms and were left out")
    if kind is ResultType.VECTOR:
        series = tuple(labels(one["metric"]) for one in floats)
        values = np.array([float(one["value"][1]) for one in floats], dtype=np.float64).reshape(-1, 1)
        stamps = _stamps([floats[0]["value"][0]] if floats else [time_ms / 1000])
        return Result(kind, series, stamps, values, ordered=True, warnings=warnings, infos=infos)
    return _matrix(floats, warnings, infos)


def _matrix(found: list[dict[str, Any]], warnings: tuple[str, ...], infos: tuple[str, ...]) -> Result:
    rows = sorted(((labels(one["metric"]), one["values"]) for one in found), key=lambda row: row[0])
    own = [_stamps([point[0] for point in points]) for _, points in rows]
    steps = np.unique(np.concatenate(own)) if own else np.empty(0, dtype=np.int64)
    values = np.full((len(rows), steps.size), ABSENT_BITS, dtype=np.uint64).view(np.float64)
    for place, (_, points) in enumerate(rows):
        values[place, np.searchsorted(steps, own[place])] = [float(point[1]) for point in points]
    series = tuple(series for series, _ in rows)
    return Result(ResultType.MATRIX, series, steps, values, warnings=warnings, infos=infos)


def _stamps(seconds: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.rint(np.array(seconds, dtype=np.float64) * 1000).astype(np.int64)
