"""Pages of several streams become one, and going on from it gives every line once."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.log_lines import LogLine, LogPage, LogQuery
from inferdeck.model.log_merging import merge

Streams = Mapping[str, list[float]]


def ask(streams: Streams, query: LogQuery) -> LogPage:
    """Answer each stream the obvious way (a position is a count of lines), and merge."""
    pages = []
    for name, times in streams.items():
        lines = [LogLine(time, "info", name, "", f"{name}{n}", position=str(n)) for n, time in enumerate(times)]
        if query.newer:
            start = query.newer[name]
            first = int(start[1:]) if start.startswith("e") else int(start) + 1
            wanted = lines[first : first + query.limit]
            end = first + len(wanted)
            pages.append(LogPage(tuple(wanted), end < len(lines), {}, {name: f"e{end}"}))
            continue
        end = int(query.older[name].lstrip("e")) if query.older.get(name) else len(lines)
        if name in query.older and not query.older[name]:
            end = 0
        wanted = lines[max(0, end - query.limit) : end]
        older = wanted[0].position if wanted and wanted[0].position != "0" else ""
        pages.append(LogPage(tuple(wanted), bool(older), {name: older}, {name: f"e{len(lines)}"}))
    return merge(pages, query)


STREAMS = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 30).map(float), max_size=15).map(sorted), min_size=1
)


@given(STREAMS, st.integers(1, 6))
def test_going_back_gives_every_line_once_and_in_order(streams: Streams, limit: int) -> None:
    page = ask(streams, LogQuery(limit=limit))
    seen = list(page.lines)
    while page.truncated:
        page = ask(streams, LogQuery(limit=limit, older=page.older))
        seen = [*page.lines, *seen]
    assert [line.time for line in seen] == sorted(time for times in streams.values() for time in times)
    assert len({line.text for line in seen}) == len(seen)


@given(STREAMS, st.integers(1, 6))
def test_going_on_gives_every_line_once(streams: Streams, limit: int) -> None:
    page = ask(streams, LogQuery(limit=limit, newer=dict.fromkeys(streams, "e0")))
    seen = list(page.lines)
    while page.truncated:
        page = ask(streams, LogQuery(limit=limit, newer=page.newer))
        seen += page.lines
    assert sorted(line.text for line in seen) == sorted(f"{k}{n}" for k, v in streams.items() for n in range(len(v)))


def test_around_keeps_the_nearest_lines() -> None:
    lines = tuple(LogLine(float(n), "", "ab"[n % 2], "", str(n), position=str(n)) for n in range(20))
    pages = [LogPage(lines[0::2], newer={"a": "x"}, older={"a": ""}), LogPage(lines[1::2], newer={"b": "y"})]
    page = merge(pages, LogQuery(around=10.0, before=2, after=3))
    assert [line.text for line in page.lines] == ["8", "9", "10", "11", "12"]
    assert page.truncated
    assert page.older == {"a": "8", "b": "9"}
    assert page.newer == {"a": "12", "b": "11"}
