"""Every kind of panel, in every state and size: exact widths, nothing raw, nothing lost that must be said."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rich.cells
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inferdeck.faces.terminal.drawing import panel as drawing
from inferdeck.faces.terminal.drawing.glyphs import SETS, Look
from inferdeck.faces.terminal.drawing.picture import STYLES, Picture
from inferdeck.model.dashboard import NATIVE_KINDS, Empty, Level, PanelKind, Threshold
from inferdeck.model.dashboard_answers import PanelData, QueryData, Series
from tests.unit.faces.terminal.panels import MOMENT, SAMPLES, instant

SIZES = [(1, 1), (1, 30), (2, 2), (5, 3), (12, 4), (20, 5), (39, 8), (80, 24), (300, 1), (300, 100)]
LOOKS = [Look(glyphs, colour) for glyphs in SETS.values() for colour in (True, False)]
HOSTILE = st.text(st.characters(), max_size=300) | st.text(
    st.sampled_from("a[]{}\\\x1b\u200d\ufe0f\u202e👩🔬🇩🇪é́̂שلห한界\t\n\0"), max_size=300
)
VALUES = st.none() | st.floats(allow_nan=False) | st.sampled_from([0.0, 1.0, -0.0, 5e-324, 1.7e308, -1.7e308, 1e-300])


def check(picture: Picture, width: int, height: int, look: Look) -> None:
    assert picture.height == height
    for row in picture.rows:
        text = "".join(part for part, _ in row)
        assert rich.cells.cell_len(text) == width, text
        assert text.isprintable()
        assert text.isascii() or not look.glyphs.ascii_only
        for _, style in row:
            assert set(style.split()) <= set(STYLES)


def test_every_kind_has_a_sample() -> None:
    assert {found.kind for found, _ in SAMPLES.values()} >= set(PanelKind) - NATIVE_KINDS


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("size", SIZES)
def test_sizes(name: str, size: tuple[int, int]) -> None:
    panel, data = SAMPLES[name]
    for look in LOOKS:
        for titled in (True, False):
            picture = drawing.draw(panel, data, MOMENT, *size, look, titled=titled)
            check(picture, *size, look)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_any_data_at_any_size(data: st.DataObject) -> None:
    panel, sample = SAMPLES[data.draw(st.sampled_from(sorted(SAMPLES)))]
    text = data.draw(HOSTILE)
    other = data.draw(HOSTILE)
    width, height = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 60))
    queries = []
    for query in sample.queries:
        length = 1 if query.instant else data.draw(st.integers(1, 130))
        values = data.draw(st.lists(VALUES, min_size=1, max_size=9))
        series = [
            Series(
                {name: text if place == 0 and name != "le" else value for name, value in one.labels.items()},
                text if place == 0 else one.name,
                tuple(values[step % len(values)] for step in range(length)),
            )
            for place, one in enumerate(query.series)
        ]
        queries.append(QueryData(query.ref, query.instant, tuple(series * data.draw(st.integers(1, 12)))))
    look = data.draw(st.sampled_from(LOOKS))
    changed = replace(
        panel,
        title=other,
        content=other,
        unit=data.draw(st.sampled_from(["seconds", "percent", "bytes", "money", "timestamp", panel.unit])),
    )
    moment = replace(MOMENT, cursor=data.draw(st.none() | st.floats(MOMENT.start, MOMENT.end)))
    found = replace(sample, queries=tuple(queries), warnings=data.draw(st.sampled_from([(), (other,), (text, other)])))
    check(drawing.draw(changed, found, moment, width, height, look), width, height, look)


@given(HOSTILE, st.integers(1, 120), st.integers(1, 12), st.sampled_from(["error", "empty", "needs", "native"]))
def test_states_with_any_words(text: str, width: int, height: int, status: str) -> None:
    panel = replace(SAMPLES["timeseries"][0], empty=Empty(text, text))
    data = PanelData("p", status, None, "missing", error=text, next=text, needs=text, question=text, warnings=(text,))
    for look in LOOKS:
        check(drawing.draw(panel, data, MOMENT, width, height, look), width, height, look)


def test_a_gauge_without_an_end_has_its_thresholds_on_its_scale() -> None:
    panel, found = SAMPLES["gauge"]
    open_ended = replace(panel, unit="count", maximum=None, thresholds=(Threshold(1, Level.WARN),))
    found = replace(found, queries=(instant({"": 0.01}),))
    bar, marks = drawing.draw(open_ended, found, MOMENT, 40, 4).text().splitlines()[-2:]
    assert bar.count("█") < 4 and "▲" in marks


def said(status: str, **more: object) -> str:
    panel, fresh = SAMPLES["timeseries"]
    fields: dict[str, object] = {"age": None, "quality": "missing", **more}
    data = fresh if status == "ok" else PanelData("p", status, None, "missing")
    return drawing.draw(panel, replace(data, **fields), replace(MOMENT, retry=12.0), 60, 16).text()  # type: ignore[arg-type]


def test_the_states_say_what_is_known() -> None:
    panel, fresh = SAMPLES["timeseries"]
    assert "loading" in drawing.draw(panel, None, MOMENT, 60, 10).text()
    assert drawing.draw(panel, fresh, MOMENT, 60, 16).text().splitlines()[0] == "Latency p95"
    assert said("ok", quality="stale", age=312.0).splitlines()[0].endswith("stale, 5 min ago")
    assert said("ok", quality="estimated").splitlines()[0].endswith("~ estimated")
    error = said("error", error="The query took longer than 25 s.", next="Choose a shorter range.")
    assert "longer than 25 s" in error and "Choose a shorter range. Next try in 12 s." in error
    assert "No request was timed." in said("empty") and "run inferdeck doctor" in said("empty")
    assert said("needs", needs="records").splitlines()[0].endswith("needs records")
    assert "! one rank did not answer (+1)" in said("ok", quality="measured", warnings=("one rank did not answer", "x"))
    logs, native = SAMPLES["native"]
    assert "run inferdeck logs" in drawing.draw(logs, native, MOMENT, 60, 3).text()
