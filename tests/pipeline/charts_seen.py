"""The charts and panels that stand on a screen, with what was asked for them, held to the world's own series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inferdeck.client.tiny import Client
from inferdeck.dashboards.interpolation import Window
from inferdeck.faces.terminal.drawing.glyphs import Look
from inferdeck.faces.terminal.screens.board import BoardView
from inferdeck.faces.terminal.views.charts import Charts
from inferdeck.model.dashboard import Panel
from inferdeck.model.dashboard_answers import DashboardData, PanelData, QueryData
from inferdeck.model.labels import Labels
from inferdeck.store.interface import Matcher, MatchOp
from tests.pipeline import panels
from tests.pipeline.oracle import IDENTIFIER, Oracle, bucket
from tests.pipeline.playing import Played
from tests.pipeline.screens import Watcher, watching
from tests.pipeline.snapshots import SIZES

WHOLE = (200, 320)
"""A window that has room for all of a dashboard."""
EVERY = 5
"""Of the steps of a range one in so many is compared, beside those that stand in a legend."""


@dataclass(frozen=True)
class Recorder(Client):
    """The client of the view, which remembers what was charted."""

    asked: list[dict[str, str]] = field(default_factory=list)

    def prometheus(self, path: str, parameters: dict[str, str]) -> dict[str, object]:
        self.asked.append(parameters)
        return super().prometheus(path, parameters)


@dataclass(frozen=True, slots=True)
class Chart:
    """One panel: its definition, what was answered, and the PromQL of each query by its ref; times in Unix seconds."""

    place: str
    panel: Panel
    data: PanelData
    texts: Mapping[str, str]
    start: float
    step: float
    at: float

    @property
    def title(self) -> str:
        """What stands over it."""
        return self.data.title or self.panel.title


def seen(watcher: Watcher, place: str, recorder: Recorder) -> list[Chart]:
    """Return what is charted on the screen that is shown now."""
    view = watcher.app.view
    if isinstance(view, BoardView):
        return list(_of_board(view, place))
    assert view is not None
    found = next((held.value for held in view.held.values() if isinstance(held.value, Charts)), None)
    if found is None:
        return []
    asked = recorder.asked[-len(found.panels) :]
    moment = found.moment
    return [
        Chart(place, panel, data, {"A": fields["query"]}, moment.start, moment.step, moment.end)
        for (panel, data), fields in zip(found.panels, asked, strict=True)
    ]


def _of_board(view: BoardView, place: str) -> Iterator[Chart]:
    data = view._whole
    assert isinstance(data, DashboardData)
    dashboard = panels.dashboard(view.uid)
    window = Window(*(round(one * 1000) for one in (data.start, data.end, data.step)))
    texts: dict[str, dict[str, str]] = {}
    for one in panels.queries(dashboard, dict(data.variables), window):
        texts.setdefault(one.panel.id, {})[one.query.ref] = one.text
    for panel in data.panels:
        found = dashboard.panel(panel.id)
        assert found is not None
        yield Chart(place, found, panel, texts.get(panel.id, {}), data.start, data.step, data.at)


def compare(oracle: Oracle, chart: Chart) -> int:
    """Hold what a chart was answered to the world; returns how many numbers are equal."""
    return sum(_compare(oracle, chart, query) for query in chart.data.queries)


def _compare(oracle: Oracle, chart: Chart, query: QueryData) -> int:
    text = chart.texts[query.ref]
    places = [0] if query.instant else sorted(_places(query))
    moments = [chart.at if query.instant else chart.start + chart.step * place for place in places]
    size = max((len(one.values) for one in query.series), default=1)
    every = oracle.answers(text, moments, chart.start, chart.start + chart.step * (size - 1), chart.step)
    done = 0
    for place, answer in zip(places, every, strict=True):
        wanted = {labels: value for labels, value in answer.items() if not math.isnan(value)}
        told = {_labels(one.labels): one.values[place] for one in query.series if one.values[place] is not None}
        said = (chart.place, chart.panel.id, query.ref, place, text)
        # A chart of a view draws the largest series alone; a histogram's bounds may be those of the common ladder.
        few = chart.panel.id.startswith("chart-") or any("le" in dict(labels) for labels in told)
        assert few or told.keys() == wanted.keys(), (*said, told.keys() ^ wanted.keys())
        for labels, value in told.items():
            assert value is not None
            if "histogram_quantile" in text:
                apart = _apart(oracle, text, labels, value, wanted[labels])
                assert apart == 0, (*said, labels, value, wanted[labels], apart)
            elif "le" not in dict(labels) or labels in wanted:
                assert math.isclose(value, wanted[labels], rel_tol=1e-9, abs_tol=1e-12), (*said, labels, value)
            done += 1
    return done


def _places(query: QueryData) -> set[int]:
    """Return the steps at which a range is compared: the last, the least and the most of each series among them."""
    found: set[int] = set()
    for one in query.series:
        known = [(value, place) for place, value in enumerate(one.values) if value is not None]
        if known:
            found |= {known[-1][1], min(known)[1], max(known)[1]}
            found |= set(range(len(one.values) - 1, 0, -EVERY))
    return found


def _labels(given: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in given.items() if value))


def _apart(oracle: Oracle, text: str, labels: Labels, seen: float, exact: float) -> int:
    """Return by how many buckets two percentiles differ: of the program's own histogram, or of the one it became."""
    own = dict(labels).get("instance", "")
    ladders = (oracle.bounds(text, own), ladder(oracle, text, own))
    return min(abs(bucket(bounds, seen) - bucket(bounds, exact)) for bounds in ladders)


def ladder(oracle: Oracle, text: str, instance: str = "") -> list[float]:
    """Return the bounds of the stored histogram that a question is about."""
    found: set[str] = set()
    for name in set(IDENTIFIER.findall(text)):
        if name.endswith("_bucket"):
            for block in oracle.world.stage.database.select([Matcher("__name__", MatchOp.EQUAL, name)], 0, 2**53):
                every = [dict(series) for series in block.series]
                found |= {one["le"] for one in every if not instance or one["instance"] == instance}
    return sorted(float(one) for one in found if one != "+Inf")


@dataclass(slots=True)
class Charted:
    """Screens by place, and the charts on them."""

    texts: dict[str, str] = field(default_factory=dict)
    charts: dict[str, list[Chart]] = field(default_factory=dict)


async def look_at_all(found: Played, every: Sequence[str], *, range_seconds: float) -> Charted:
    """Look at these places: dashboards as high as they are, the others as in their largest snapshot."""
    charted = Charted()
    dashboards = {one.uid for one in panels.dashboards()}
    recorder = Recorder(found.client.address, found.client.timeout_seconds)
    for size, of_dashboards in ((SIZES[0], False), (WHOLE, True)):
        async with watching(found, size, range_seconds=range_seconds, look=Look(big=False), client=recorder) as watcher:
            for place in every:
                if (place.removeprefix("dashboard ") in dashboards) is of_dashboards:
                    charted.texts[place] = await watcher.show(place)
                    charted.charts[place] = seen(watcher, place, recorder)
    return charted
