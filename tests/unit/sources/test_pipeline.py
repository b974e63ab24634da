"""From collected to stored: limits, the target's own series, stale marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inferdeck.model.labels import Labels, labels, metric_name
from inferdeck.model.scrape import STALE_BITS, Layout, Scrape
from inferdeck.model.target import TargetKey
from inferdeck.sources.own_times import OwnTimes
from inferdeck.sources.pipeline import META, Passed, Pipeline, target_labels

KEY = TargetKey("job", "host:1", "test")
EXTRA = target_labels(KEY, {"site": "x", "job": "ignored"})
A, B, C = (labels(EXTRA, name) for name in "abc")
AB, BC = Layout((A, B)), Layout((B, C))


def pipeline(max_series: int = 100) -> Pipeline:
    return Pipeline(KEY, EXTRA, max_series=max_series, repair=None, mapper=None)


def passed(line: Pipeline, layout: Layout, values: list[float], stamp: int, dropped: int = 0) -> Passed:
    return line.success(layout, np.array(values), stamp, duration=0.25, dropped=dropped, carry=lambda _: None)


def shown(scrape: Scrape) -> dict[str, float | str]:
    marks = scrape.values.view(np.uint64) == STALE_BITS
    return {
        metric_name(series): "stale" if stale else value
        for series, value, stale in zip(scrape.layout.series, scrape.values.tolist(), marks.tolist(), strict=True)
    }


def test_the_identity_wins_over_configured_labels() -> None:
    assert labels({"job": "job", "instance": "host:1", "environment": "test", "site": "x"}) == EXTRA


def test_a_scrape_carries_what_prometheus_writes_about_it() -> None:
    line = pipeline()
    first = passed(line, AB, [1.0, 2.0], 1000, dropped=3)
    assert shown(first.scrape) == {
        "a": 1.0,
        "b": 2.0,
        "up": 1.0,
        "scrape_duration_seconds": 0.25,
        "scrape_samples_scraped": 5.0,
        "scrape_samples_post_metric_relabeling": 2.0,
        "scrape_series_added": 7.0,
    }
    assert all(dict(series)["site"] == "x" for series in first.scrape.layout.series)
    line.kept()
    second = passed(line, AB, [1.0, 2.0], 2000)
    assert second.scrape.layout is first.scrape.layout
    assert shown(second.scrape)["scrape_series_added"] == 0.0


def test_a_vanished_series_is_marked_stale_once() -> None:
    line = pipeline()
    passed(line, AB, [1.0, 2.0], 1000)
    line.kept()
    changed = shown(passed(line, BC, [2.0, 3.0], 2000).scrape)
    assert (changed["a"], changed["b"], changed["c"], changed["scrape_series_added"]) == ("stale", 2.0, 3.0, 1.0)
    line.kept()
    assert "a" not in shown(passed(line, BC, [2.0, 3.0], 3000).scrape)


@given(steps=st.lists(st.tuples(st.lists(st.sampled_from("abcdef"), unique=True), st.booleans()), max_size=12))
def test_what_comes_and_goes_is_what_the_store_lacks_and_has(steps: list[tuple[list[str], bool]]) -> None:
    line, alive = pipeline(), set[str]()
    known = {name: labels(EXTRA, name) for name in "abcdef"}
    for at, (names, kept) in enumerate(steps, start=1):
        found = shown(passed(line, Layout(tuple(known[name] for name in names)), [1.0] * len(names), at * 1000).scrape)
        assert {name for name, value in found.items() if value == "stale"} == alive - {*names, *META}
        assert found["scrape_series_added"] == len({*names, *META} - alive)
        if kept:
            line.kept()
            alive = {*names, *META}


def test_a_failure_ends_every_series_once_and_keeps_up_at_0() -> None:
    line = pipeline()
    passed(line, AB, [1.0, 2.0], 1000)
    line.kept()
    down = shown(line.failure(2000, 0.5))
    assert (down["a"], down["b"], down["up"], down["scrape_duration_seconds"]) == ("stale", "stale", 0.0, 0.5)
    line.kept()
    assert tuple(shown(line.failure(3000, 0.0))) == META
    line.kept()
    assert shown(passed(line, AB, [1.0, 2.0], 4000).scrape)["scrape_series_added"] == 2.0


def test_a_scrape_that_the_store_refused_owes_its_stale_marks() -> None:
    line = pipeline()
    passed(line, AB, [1.0, 2.0], 1000)
    line.kept()
    assert shown(passed(line, BC, [2.0, 3.0], 2000).scrape)["a"] == "stale"
    again = shown(passed(line, BC, [2.0, 3.0], 3000).scrape)
    assert (again["a"], again["scrape_series_added"]) == ("stale", 1.0)


def test_a_target_no_longer_watched_ends_every_series() -> None:
    line = pipeline()
    assert line.ended(500) is None
    passed(line, AB, [1.0, 2.0], 1000)
    line.kept()
    ended = line.ended(2000)
    assert ended is not None
    assert set(shown(ended)) == {"a", "b", *META}
    assert set(shown(ended).values()) == {"stale"}
    line.kept()
    assert line.ended(3000) is None


def test_series_over_the_limit_are_dropped_and_counted() -> None:
    line = pipeline(max_series=1)
    for stamp in (1000, 2000):
        over = passed(line, AB, [1.0, 2.0], stamp, dropped=4)
        assert (over.native, over.dropped) == (1, 5)
        assert "b" not in shown(over.scrape)
        assert shown(over.scrape)["scrape_samples_scraped"] == 6.0


def test_a_target_cannot_speak_for_the_collector() -> None:
    liar = Layout((A, labels(EXTRA, "up")))
    result = passed(pipeline(), liar, [1.0, 0.0], 1000).scrape
    assert len(set(result.layout.series)) == len(result.layout.series)
    assert shown(result)["up"] == 1.0


@dataclass
class Folded:
    layout: Layout
    values: NDArray[np.float64]
    carry: bytes | None
    estimated: frozenset[str]


class Fold:
    """A repair stage that drops the last series and counts its scrapes in what it carries."""

    def __init__(self, carry: bytes | None) -> None:
        self._count = int(carry or b"0")
        self._layout: tuple[Layout, Layout] = (AB, Layout((A,)))

    def apply(self, layout: Layout, values: NDArray[np.float64]) -> Folded:
        self._count += 1
        assert layout is self._layout[0]
        return Folded(self._layout[1], values[:-1], str(self._count).encode(), frozenset({"fam"}))


@dataclass
class Doubled:
    layout: Layout
    values: NDArray[np.float64]


class Double:
    """A mapping stage that appends one canonical series."""

    def __init__(self) -> None:
        self._layouts: dict[Layout, Layout] = {}

    def apply(self, layout: Layout, values: NDArray[np.float64]) -> Doubled:
        canonical: Labels = labels(EXTRA, "llm_a")
        joined = self._layouts.setdefault(layout, Layout((*layout.series, canonical)))
        return Doubled(joined, np.append(values, values[0] * 2))


def test_the_stages_run_in_order_and_the_repair_state_goes_with_the_scrape() -> None:
    line = Pipeline(KEY, EXTRA, max_series=100, repair=Fold, mapper=Double())
    first = line.success(AB, np.array([1.0, 2.0]), 1000, duration=0.1, carry=lambda _: b"41")
    assert (first.native, first.canonical, first.scrape.carry) == (1, 1, b"42")
    values = shown(first.scrape)
    assert (values["a"], values["llm_a"], values["inferdeck_quality"]) == (1.0, 2.0, 1.0)
    quality = next(one for one in first.scrape.layout.series if metric_name(one) == "inferdeck_quality")
    assert {"family": "fam", "quality": "estimated", "reason": "workers_in_turn"}.items() <= dict(quality).items()
    line.kept()
    second = line.success(AB, np.array([3.0, 2.0]), 2000, duration=0.1, carry=lambda _: b"never asked again")
    assert second.scrape.layout is first.scrape.layout
    assert second.scrape.carry == b"43"
    assert line.failure(3000, 0.0).carry is None


def test_samples_with_their_own_time_are_kept_apart() -> None:
    split = OwnTimes("id")
    values = np.array([1.0, 2.0])
    rest, left, groups = split.split(AB, values, np.array([-1, 500]), 10_000)
    assert (rest.series, left.tolist()) == ((A,), [1.0])
    (group,) = groups
    assert (group.target, group.layout.series) == ("id#own-times", (B,))
    assert (group.timestamps_ms.tolist(), group.values.tolist()) == ([500], [[2.0]])
    assert split.split(AB, values, np.array([-1, 600]), 10_000)[0] is rest
    assert split.split(AB, values, np.array([-1, 10_000_000]), 10_000)[2] == []
    assert split.split(AB, values, np.array([-1, -1]), 10_000)[0] is AB
