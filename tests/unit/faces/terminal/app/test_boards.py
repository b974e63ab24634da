"""Dashboards without a terminal: where panels stand, what stands in them, and what two answers give together."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing.glyphs import SETS, Look
from inferdeck.faces.terminal.exporting import panel_csv
from inferdeck.faces.terminal.views.joined import joined
from inferdeck.faces.terminal.views.layout import NARROW, WIDE, Slot, alone, arrange, layout_name
from inferdeck.faces.terminal.views.panels import Answer, Panels, boxed
from inferdeck.model.dashboard import Dashboard, Panel, PanelKind, Query, Row
from inferdeck.model.dashboard_answers import DashboardData, PanelData, QueryData, Series
from tests.unit.faces.terminal.app.anything import HOSTILE, check, words
from tests.unit.faces.terminal.panels import MOMENT, SAMPLES

PATIENT = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = [PanelKind.STAT, PanelKind.GAUGE, PanelKind.TIMESERIES, PanelKind.TABLE, PanelKind.TEXT]
panels = st.tuples(st.sampled_from(KINDS), st.integers(1, 24), st.integers(1, 20), HOSTILE)
rows = st.lists(st.tuples(st.lists(panels, min_size=1, max_size=6), HOSTILE, st.booleans()), min_size=1, max_size=4)


@st.composite
def dashboards(draw: st.DrawFn) -> Dashboard:
    found = []
    for number, (mine, title, collapsed) in enumerate(draw(rows)):
        there = tuple(
            Panel(f"p{number}.{place}", name, kind, width=width, height=height)
            for place, (kind, width, height, name) in enumerate(mine)
        )
        found.append(Row(title, there, collapsed=collapsed))
    return Dashboard("d", "D", rows=tuple(found))


def apart(slots: tuple[Slot, ...], width: int) -> None:
    for slot in slots:
        assert slot.x >= 0 and slot.width >= 1 and slot.x + slot.width <= width and slot.height >= 1
    cells = [(x, y) for one in slots for x in range(one.x, one.x + one.width) for y in range(one.y, one.bottom)]
    assert len(cells) == len(set(cells)), "panels cover each other"


@PATIENT
@given(dashboards(), st.integers(1, 250), st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)))
def test_panels_stand_apart_in_their_order(found: Dashboard, width: int, opened: set[int], shut: set[int]) -> None:
    slots = arrange(found, width, opened, shut)
    apart(slots, width)
    there = [slot.panel.id for slot in slots if slot.panel]
    wanted = [
        panel.id
        for number, row in enumerate(found.rows)
        if number in opened or not (row.collapsed or number in shut)
        for panel in row.panels
    ]
    assert there == wanted
    assert [slot.number for slot in slots if slot.panel][:9] == list(range(1, min(9, len(there)) + 1))
    assert all(slot.closed for slot in slots if slot.panel is None and slot.row not in {int(one[1]) for one in there})


def test_three_layouts_by_width() -> None:
    names = [layout_name(width) for width in (20, NARROW - 1, NARROW, WIDE - 1, WIDE, 400)]
    assert names == ["narrow", "narrow", "middle", "middle", "wide", "wide"]
    two = tuple(Panel(name, name, PanelKind.TIMESERIES, width=12, height=8) for name in "ab")
    found = Dashboard("d", "D", rows=(Row("", two),))
    assert [slot.x for slot in arrange(found, 80, (), ())] == [0, 0]
    assert [slot.x for slot in arrange(found, 120, (), ())] == [0, 60]
    assert [slot.width for slot in arrange(found, 200, (), ())] == [100, 100]
    assert alone(two[0], 33, 2)[0].height == 3


@PATIENT
@given(st.data())
def test_rows_of_panels_keep_their_width_whatever_the_names(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(SAMPLES)), min_size=1, max_size=4))
    title, error = data.draw(HOSTILE), data.draw(HOSTILE)
    there = tuple(replace(SAMPLES[name][0], id=f"p{place}", title=title) for place, name in enumerate(names))
    width = data.draw(st.integers(1, 220))
    found = Panels(
        arrange(Dashboard("d", title, rows=(Row(title, there),)), width, (), ()),
        Look(data.draw(st.sampled_from(list(SETS.values())))),
    )
    found.selected = "p0"
    found.cursor = data.draw(st.none() | st.just(MOMENT.end))
    answers = [
        Answer(replace(SAMPLES[names[0]][1], id="p0", title=title), MOMENT, data.draw(st.none() | st.just(99.0))),
        Answer(None, MOMENT, None, error, 5.0),
    ]
    found.answer({f"p{place}": answers[place % 2] for place in range(len(names) - 1)})
    for number in range(found.height(width)):
        check(found.row(number, width), width)


def test_a_panel_says_how_old_it_is_and_why_there_is_none() -> None:
    panel, data = SAMPLES["timeseries"]
    found = Panels(alone(panel, 70, 14), Look())
    found.answer({"p": Answer(data, MOMENT, 40.0)})
    assert "stale, 40 s ago" in words([found.row(0, 70)])
    narrow = Panels(alone(replace(panel, title="Cost (24 h)"), 27, 3), Look())
    narrow.answer({"p": Answer(replace(data, title="", quality="estimated"), MOMENT, 40.0)})
    assert " stale " in words([narrow.row(0, 27)])
    found.answer({"p": Answer(None, MOMENT, None, "no daemon answers", 7.0)})
    told = words([found.row(number, 70) for number in range(14)])
    assert "error" in told.splitlines()[0] and "no daemon answers" in told and "Next try in 7 s" in told
    found.answer({})
    assert "loading" in words([found.row(number, 70) for number in range(14)])


def test_a_panel_says_how_far_its_rates_look_back() -> None:
    panel, data = SAMPLES["timeseries"]
    rates = replace(panel, queries=(Query("rate(x[$__rate_interval])"),))
    fixed = replace(panel, queries=(Query("rate(x[5m]) / rate(y[5m])"),))
    several = replace(panel, queries=(Query("rate(x[5m]) / rate(y[$__rate_interval])"),))
    for one, rate, width, said in (
        (rates, 60.0, 60, " 1m ─╮"),
        (rates, 5400.0, 60, " 90m ─╮"),
        (rates, 905.0, 60, " 15m5s ─╮"),
        (rates, 0.0, 60, "──╮"),
        (fixed, 60.0, 60, " 5m ─╮"),
        (several, 60.0, 60, "──╮"),
        (rates, 60.0, 8, ""),
    ):
        slot = Slot(one, 0, 0, width, 10, 1)
        upper = boxed(slot, one, Answer(data, replace(MOMENT, rate=rate)), Look(), selected=False, cursor=None)[0]
        assert "".join(text for text, _ in upper).endswith(said)
        assert "1m" not in "".join(text for text, _ in upper) or said == " 1m ─╮"


@pytest.mark.parametrize(("width", "said"), [(60, " 1m ~ estimated ─╮"), (29, " 1m ~ ─╮"), (26, " ~ ─╮")])
def test_how_far_rates_look_back_stands_beside_what_they_are_worth(width: int, said: str) -> None:
    panel, data = SAMPLES["timeseries"]
    rates = replace(panel, title="Latency of all", queries=(Query("rate(x[$__rate_interval])"),))
    about = replace(data, title="", quality="estimated")
    slot = Slot(rates, 0, 0, width, 10, 1)
    upper = boxed(slot, rates, Answer(about, replace(MOMENT, rate=60.0)), Look(), selected=False, cursor=None)[0]
    assert "".join(text for text, _ in upper).endswith(said)
    stale = Answer(about, replace(MOMENT, rate=60.0), 40.0)
    assert "1m" not in "".join(text for text, _ in boxed(slot, rates, stale, Look(), selected=False, cursor=None)[0])


def test_a_panel_as_csv_says_what_it_is_of() -> None:
    found = answer(0.0, STEP, {"=x": [1.5, -2.0]}, None)
    assert panel_csv(found.panels[0], "+1 Load", found) == (
        "dashboard,panel,title,query,series,time,value\n"
        "d,p,'+1 Load,A,'=x,0.000,1.5\n"
        "d,p,'+1 Load,A,'=x,15.000,-2.0\n"
        "d,p,'+1 Load,B,now,15.000,15.0\n"
    )


# Two answers together.

STEP = 15.0
VALUES = st.none() | st.floats(0, 9)


def cut(name: str, values: list[float | None]) -> Series:
    return Series({"model": name}, name, tuple(values))


def answer(start: float, end: float, lines: dict[str, list[float | None]], since: float | None) -> DashboardData:
    known = tuple(cut(name, values) for name, values in lines.items() if any(value is not None for value in values))
    now = QueryData("B", True, (Series({}, "now", (end,)),))
    panel = PanelData("p", "ok", 1.0, "measured", queries=(QueryData("A", False, known), now))
    return DashboardData("d", "1", start, end, STEP, end, since, STEP, {}, (panel,))


def as_values(found: DashboardData) -> dict[tuple[str, float], float]:
    """Return every value by its series and its time: the slow obvious form."""
    return {
        (series.name, found.start + place * found.step): value
        for query in found.panels[0].queries
        if not query.instant
        for series in query.series
        for place, value in enumerate(series.values)
        if value is not None
    }


@given(st.data())
def test_joined_is_the_whole_answer(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    seen = data.draw(st.integers(1, size - 1))
    kept = data.draw(st.integers(1, size + 5))
    lines: dict[str, list[float | None]] = {
        name: data.draw(st.lists(VALUES, min_size=size, max_size=size)) for name in ("a", "b", "c")
    }
    # One has ended before the second answer, one begins with it.
    lines["b"] = [*lines["b"][:seen], *[None] * (size - seen)]
    lines["c"] = [*[None] * seen, *lines["c"][seen:]]
    end = 1000.0 * STEP
    start = end - (size - 1) * STEP
    middle = start + (seen - 1) * STEP
    before = answer(start, middle, {name: values[:seen] for name, values in lines.items()}, None)
    news = answer(middle + STEP, end, {name: values[seen:] for name, values in lines.items()}, middle)
    found = joined(before, news, kept * STEP)
    first = max(start, end - kept * STEP)
    assert (found.start, found.end, found.since, found.at) == (first, end, None, end)
    count = round((found.end - found.start) / STEP) + 1
    for series in found.panels[0].queries[0].series:
        assert len(series.values) == count
    whole = as_values(answer(start, end, lines, None))
    assert as_values(found) == {key: value for key, value in whole.items() if key[1] >= first - 1e-6}
    assert found.panels[0].queries[1] == news.panels[0].queries[1]
    assert math.isclose(found.start % STEP, 0.0, abs_tol=1e-9)
