"""Every query of every dashboard, with its variables filled in, on inferdeck and on Debian's Prometheus 2.42.

Both have the same samples of the simulated company. What faces are given follows Prometheus 3; it is compared as the
rules of 2.42 have it, which differ in how far a rate reaches beyond a series' first sample.
"""

from __future__ import annotations

import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from inferdeck.dashboards.interpolation import Window
from inferdeck.model.labels import Labels, labels
from inferdeck.query.local import LocalQueryService
from inferdeck.query.promql.engine import Engine
from inferdeck.query.promql.result import Result
from inferdeck.query.windows import Semantics, has_value
from inferdeck.simulate import scenario
from inferdeck.store.interface import Matcher, MatchOp
from tests.differential.test_windows_prometheus import send
from tests.pipeline import panels
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.panels import Asked, Chosen, Emptiness
from tests.pipeline.test_scenarios import NINE_O_CLOCK
from tests.real.programs import prometheus

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

COLLECTIONS, STEP_SECONDS = 80, 15.0
SHOWN_SECONDS = COLLECTIONS * STEP_SECONDS / 2
"""Half of what there is, so that there is a span of the same length before."""
Points = dict[tuple[Labels, int], float]
_QUANTILE = re.compile(r"histogram_quantile\(([0-9.]+),")
EMPTY = {
    "cache/ttl-by-kind": "Keys are not sampled",
    "catalog/deprecations": "No model that is served has an end",
    "catalog/repositories": "No repository was read",  # this test does not tell the source which models there are
    "engines/gpu-memory-by-model": "The processes on the cards are not known",
    "gateway/cooldowns": "No deployment was ever set aside",
    "gateway/provider-headroom": "No provider told how much is left",
    "gpu/clock-events": "No card says what holds its clocks down",
    "gpu/ecc": "No card counts errors of its memory",
    "gpu/processes": "The processes on the cards are not known",
    "host/connections": "No host tells its connections",
}
"""Panels that the simulated company leaves empty, and what they say of it."""
WHOLE = ("llm-usage", "gateway-overview", "gateway-providers")
"""Dashboards of which no panel may be empty."""


@dataclass(frozen=True, slots=True)
class Both:
    """inferdeck and Prometheus with the same samples."""

    service: LocalQueryService
    older: Engine
    """inferdeck's evaluator with the rules of Prometheus 2."""
    url: str
    window: Window

    async def values(self, label: str, selector: str) -> list[str]:
        """Return the options of a variable."""
        found = await self.service.label_values(label, [selector], self.window.start_ms, self.window.end_ms)
        return list(found.items)

    async def shown(self, one: Asked) -> Points:
        """Return what faces are given."""
        window = self.window
        if one.query.instant:
            return _points(await self.service.instant(one.text, window.end_ms))
        return _points(await self.service.range(one.text, window.start_ms, window.end_ms, window.step_ms))

    def ours(self, one: Asked) -> Points:
        """Return what inferdeck answers by the rules of Prometheus 2."""
        window = self.window
        if one.query.instant:
            return _points(self.older.instant(one.text, window.end_ms))
        return _points(self.older.range(one.text, window.start_ms, window.end_ms, window.step_ms))

    def theirs(self, one: Asked) -> Points:
        """Return Prometheus' answer."""
        window = self.window
        form = {"query": one.text, "time": f"{window.end_ms / 1000:.3f}"}
        if not one.query.instant:
            ends = {"start": f"{window.start_ms / 1000:.3f}", "end": f"{window.end_ms / 1000:.3f}"}
            form = {"query": one.text, **ends, "step": f"{window.step_ms / 1000:g}"}
        path = "query" if one.query.instant else "query_range"
        try:
            with urllib.request.urlopen(
                f"{self.url}/api/v1/{path}", urllib.parse.urlencode(form).encode(), timeout=60
            ) as response:
                result = json.load(response)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{one.place}: {error.read().decode()[:500]}\n{one.text}") from error
        return {
            (labels(series["metric"]), round(at * 1000)): float(value)
            for series in result
            for at, value in series.get("values", [series.get("value")])
        }


@asynccontextmanager
async def both(directory: Path) -> AsyncIterator[tuple[Both, Stage]]:
    """Collect a part of a calm morning and give its samples to Prometheus too."""
    async with stage(scenario.named("calm-day"), directory) as found:
        for number in range(COLLECTIONS + 1):
            await found.go(NINE_O_CLOCK + number * STEP_SECONDS)
        with prometheus(directory / "prometheus", receive_remote_write=True) as running:
            for block in found.database.select([Matcher("__name__", MatchOp.MATCH, ".+")], 0, 2**53):
                send(running.url, block.series, block.timestamps_ms, block.values)
            end = round(found.clock.now() * 1000)
            window = Window(end - round(SHOWN_SECONDS * 1000), end, 30_000)
            service = LocalQueryService(found.database)
            try:
                older = Engine(found.database, semantics=Semantics.PROMETHEUS_2)
                yield Both(service, older, running.url, window), found
            finally:
                service.close()


async def test_both_answer_alike_and_what_is_empty_says_why(tmp_path: Path) -> None:
    async with both(tmp_path) as (found, _):
        asked = answered = ties = 0
        emptiness, at_first = Emptiness(), Emptiness()
        for dashboard in panels.dashboards():
            first = await panels.choose(dashboard, found.values, found.window)
            for chosen in [first] + [one async for one in _further(found, dashboard.uid, first)]:
                for one in panels.queries(dashboard, chosen, found.window):
                    shown, ours, theirs = await found.shown(one), found.ours(one), found.theirs(one)
                    wrong = _difference(ours, theirs)
                    if wrong and "histogram_quantile" in one.text:
                        wrong, ties = _beyond_ties(found, one, ours, theirs), ties + 1
                    assert not wrong, f"{one.place}: {wrong}\n{one.text}"
                    assert {series for series, _ in shown} == {series for series, _ in theirs}, one.place
                    asked, answered = asked + 1, answered + bool(shown)
                    emptiness.note(one, len(shown))
                    if chosen is first:
                        at_first.note(one, len(shown))
    empty = emptiness.empty()
    print(
        f"{asked} queries, {answered} with an answer, {ties} with a quantile on the edge of a bucket; "
        f"of {len(emptiness.panels)} panels {len(empty)} are empty:"
    )
    print("".join(f"  {place}: {reason}\n" for place, reason in sorted(empty.items())))
    assert {place: reason for place, reason in empty.items() if not reason.startswith(EMPTY.get(place, "?"))} == {}
    assert not [place for place in at_first.empty() if place.split("/")[0] in WHOLE]
    assert answered >= 0.8 * asked


async def _further(found: Both, uid: str, first: Chosen) -> AsyncIterator[Chosen]:
    """Yield choices beside the first one: each gateway, each span, one value of each variable that can be All."""
    dashboard = panels.dashboard(uid)
    for variable in dashboard.variables:
        number = 0
        async for chosen in panels.every(dashboard, found.values, found.window, variable.name):
            number += 1
            if chosen != first and (number <= 2 or variable.options):
                yield chosen


def _beyond_ties(found: Both, one: Asked, ours: Points, theirs: Points) -> str:
    """Return what differs where the quantile does not fall on the edge of a bucket.

    There the last bit of the counts' sum decides for one bucket or the next; a little less and a little more of the
    quantile give both.
    """
    near = []
    for aside in (-1e-9, 1e-9):
        text = _QUANTILE.sub(lambda match, by=aside: f"histogram_quantile({float(match[1]) + by!r},", one.text)  # type: ignore[misc]
        near.append(found.theirs(replace(one, text=text)))
    settled = dict(theirs)
    for key, value in ours.items():
        low, high = sorted(side.get(key, theirs.get(key, math.nan)) for side in near)
        if low * (1 - 1e-6) <= value <= high * (1 + 1e-6):
            settled[key] = value
    return _difference(ours, settled)


def _points(found: Result) -> Points:
    return dict(_each(found.series, found))


def _each(series: Sequence[Labels], found: Result) -> Iterator[tuple[tuple[Labels, int], float]]:
    for one, row in zip(series, found.values, strict=True):
        there = has_value(row)
        for at, value in zip(found.steps_ms[there], row[there], strict=True):
            yield (one, int(at)), float(value)


def _difference(ours: Points, theirs: Points) -> str:
    for key in sorted(ours.keys() ^ theirs.keys()):
        return f"only {'inferdeck' if key in ours else 'Prometheus'} has {key}"
    for key, value in ours.items():
        other = theirs[key]
        same = math.isnan(value) and math.isnan(other)
        if not same and not math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-12):
            return f"{key}: inferdeck has {value!r}, Prometheus {other!r}"
    return ""
