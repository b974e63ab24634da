"""Panels of one number, or a few: stat and gauge."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.faces.terminal.drawing import bars, figures, values
from inferdeck.faces.terminal.drawing.frame import Amount, Frame, amounts, ends
from inferdeck.faces.terminal.drawing.picture import Row, Span
from inferdeck.model import cells
from inferdeck.model.dashboard import Panel


def stat(frame: Frame) -> list[Row]:
    """Return one number large, with its trend; or several, a row for each."""
    shown = amounts(frame)
    if len(shown) > 1:
        return _stats(frame, shown)
    one = shown[0]
    style = f"{one.style} strong".lstrip()
    word = _level_word(frame.panel, one.value)
    trend = () if frame.data.queries[0].instant else values.pairs(frame.data)[0][1].values
    big = figures.big(one.text, style, frame.look.glyphs) if frame.look.big and frame.height >= figures.BIG_ROWS else []
    if not big or max(sum(cells.width(part) for part, _ in row) for row in big) > frame.width:
        big = [((one.text, style),)]
    said = " · ".join(part for part in (word, one.name if one.name != frame.panel.title else "") if part)
    rows: list[Row] = list(big)
    if said and frame.height > len(rows):
        rows.append(((said, "dim"),))
    room = frame.height - len(rows)
    if room > 0:
        rows += figures.spark(trend, frame.width, min(room, 3), frame.look.glyphs, "series1")
    return rows


def _stats(frame: Frame, shown: Sequence[Amount]) -> list[Row]:
    """Return several numbers: a row for each, with its name and its trend."""
    all_series = values.pairs(frame.data)
    kept = shown if len(shown) <= frame.height else shown[: max(1, frame.height - 1)]
    figure = max(cells.width(one.text) for one in kept)
    named = min(max(cells.width(one.name) for one in kept), max(0, frame.width - figure - 2))
    rows: list[Row] = []
    for one, (query, series) in zip(kept, all_series, strict=False):
        trend = frame.width - named - figure - 4
        spark = (
            () if query.instant or trend < 6 else figures.spark(series.values, trend, 1, frame.look.glyphs, "series1")
        )
        last: tuple[Span, ...] = (("  ", ""), *spark[0]) if spark else ()
        head = (cells.fit(one.name, named, more=frame.look.glyphs.more), "")
        rows.append((head, ("  ", ""), (cells.fit(one.text, figure, right=True), one.style or "strong"), *last))
    if len(kept) < len(shown) and frame.height > 1:
        rows.append(((f"and {len(shown) - len(kept)} more", "dim"),))
    return rows


def _level_word(panel: Panel, value: float | None) -> str:
    """Return what the value means in a word: colour never says something alone."""
    found = values.meaning(panel, value)
    return found.value if found and panel.thresholds else ""


def gauge(frame: Frame) -> list[Row]:
    """Return the number and how far it is on its scale, with the places of the thresholds."""
    shown = amounts(frame)
    # Without its thresholds on it, a scale would end at the value, and every value would look like much.
    low, high = ends(frame, shown, [one.value for one in frame.panel.thresholds])
    drawn = [
        bars.Bar(one.name, None if one.value is None else (one.value - low) / (high - low), one.text, one.style)
        for one in shown
    ]
    if len(drawn) > 1:
        return bars.rows(drawn, frame.width, frame.height, frame.look)
    one = drawn[0]
    marks = [
        ((threshold.value - low) / (high - low), values.LEVEL_STYLES[threshold.level])
        for threshold in frame.panel.thresholds
        if low < threshold.value <= high
    ]
    if frame.height < 2:
        return bars.rows(drawn, frame.width, frame.height, frame.look)
    rows = bars.gauge(one, marks, frame.width, frame.look.glyphs)
    room = frame.height - len(rows)
    style = f"{one.style} strong".lstrip()
    big = figures.big(one.text, style, frame.look.glyphs) if frame.look.big and room >= figures.BIG_ROWS else []
    if not big or sum(cells.width(text) for text, _ in big[-1]) > frame.width:
        big = [((one.text, style),)]
    word = _level_word(frame.panel, shown[0].value)
    said = " · ".join(part for part in (word, one.name if one.name != frame.panel.title else "") if part)
    if said and room > len(big):
        rows.append(((said, "dim"),))
    elif said:
        big[-1] = (*big[-1], (f"  {said}", "dim"))
    return [*big, *rows] if room > 0 else rows
