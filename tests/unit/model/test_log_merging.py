"""Pages of several streams become one, and going on from it gives every line once."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.log_lines import LogLine, LogPage, LogQuery
from inferdeck.model.log_merging import Merging, merge

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


@given(STREAMS, st.integers(1, 6), st.permutations("abc"))
def test_the_order_in_which_pages_come_changes_nothing(streams: Streams, limit: int, order: list[str]) -> None:
    pages = {}
    for turn, (name, times) in enumerate(streams.items()):
        lines = [LogLine(time, "", name, "", f"{name}{n}", position=str(n)) for n, time in enumerate(times)]
        pages[name] = turn, LogPage(tuple(lines), older={name: ""}, newer={name: "e"}, warnings=(name,))
    for query in (LogQuery(limit=limit), LogQuery(limit=limit, newer={"a": "0"}), LogQuery(around=9.0, before=limit)):
        merging = Merging(query)
        for name in order:
            if name in pages:
                merging.add(pages[name][1], pages[name][0])
        assert merging.page() == merge([page for _, page in pages.values()], query)


def test_no_more_lines_are_held_than_are_wanted() -> None:
    merging = Merging(LogQuery(limit=20))
    for turn in range(200):
        name = f"s{turn}"
        lines = tuple(LogLine(float(n), "", name, "", f"{n}", position=str(n)) for n in range(20))
        merging.add(LogPage(lines, older={name: ""}, newer={name: "e"}), turn)
        assert sum(isinstance(one, LogLine) for one in _reached(merging)) <= 20
    page = merging.page()
    assert [line.text for line in page.lines] == ["19"] * 20
    assert page.older["s0"] == "e"
    assert page.older["s199"] == "19"


def _reached(thing: object) -> list[object]:
    found, left = [], [thing]
    while left:
        one = left.pop()
        found.append(one)
        if isinstance(one, Merging):
            left += vars(one).values()
        elif isinstance(one, list | tuple | set):
            left += one
        elif isinstance(one, dict):
            left += one.values()
    return found
