"""Pages of several streams as one: lines in the order of their times, and where each stream is to be gone on with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from inferdeck.model.log_lines import LogLine, LogPage, LogQuery


def merge(pages: Sequence[LogPage], query: LogQuery) -> LogPage:
    """Return one page with as many lines as the query wants; no stream may be in two pages."""
    older = {stream: position for page in pages for stream, position in page.older.items()}
    newer = {stream: position for page in pages for stream, position in page.newer.items()}
    lines = _in_order(pages)
    if query.newer:
        kept, late = lines[: query.limit], lines[query.limit :]
        early: list[LogLine] = []
    elif query.around is not None:
        moment = query.around
        before = [line for line in lines if line.time is not None and line.time < moment]
        after = [line for line in lines if line.time is not None and line.time >= moment]
        first = max(0, len(before) - query.before)
        early, kept, late = before[:first], before[first:] + after[: query.after], after[query.after :]
    else:
        first = max(0, len(lines) - query.limit)
        early, kept, late = lines[:first], lines[first:], []
    starts = {**newer, **query.older}
    for line in early:
        older[line.stream] = next(
            (one.position for one in kept if one.stream == line.stream), starts.get(line.stream, "")
        )
    ends = {**older, **query.newer}
    for line in late:
        last = [one.position for one in kept if one.stream == line.stream]
        newer[line.stream] = last[-1] if last else ends.get(line.stream, "")
    return LogPage(
        tuple(kept),
        bool(early or late) or any(page.truncated for page in pages),
        older,
        newer,
        tuple(dict.fromkeys(text for page in pages for text in page.warnings)),
    )


def joined(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """Return lines without their positions, which only cursors need."""
    return tuple(replace(line, position="") for line in lines)


def _in_order(pages: Sequence[LogPage]) -> list[LogLine]:
    """A line without a time stays behind the one before it in its stream."""
    keyed: list[tuple[float, LogLine]] = []
    for page in pages:
        last: dict[str, float] = {}
        for line in page.lines:
            time = line.time if line.time is not None else last.get(line.stream, -math.inf)
            # Within a stream the order of writing holds.
            last[line.stream] = max(time, last.get(line.stream, -math.inf))
            keyed.append((last[line.stream], line))
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0])]
