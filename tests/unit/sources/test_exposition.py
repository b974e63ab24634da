"""The exposition parser: what it reads, what it refuses, and that its cache never changes an answer."""

from __future__ import annotations

import asyncio
import gzip
import math
import random
import re
from pathlib import Path

import numpy as np
import prometheus_client.openmetrics.parser as openmetrics
import prometheus_client.parser as text_format
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferdeck.errors import MalformedError
from inferdeck.model.labels import Labels, escape, labels
from inferdeck.model.metric import MetricType
from inferdeck.model.scrape import NAN_BITS
from inferdeck.sources import exposition
from inferdeck.sources.exposition import Exposition, ExpositionParser

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SOURCES = Path(exposition.__file__).parent
SAMPLES = sorted(SOURCES.glob("*/samples/*metrics*.txt*"))


def read(body: bytes | str, content_type: str = "", extra: Labels = ()) -> Exposition:
    return ExpositionParser(extra).parse_sync(body.encode() if isinstance(body, str) else body, content_type)


def found(result: Exposition) -> dict[Labels, float]:
    assert len(result.layout) == len(result.values) == len(set(result.layout.series))
    return dict(zip(result.layout.series, result.values.tolist(), strict=True))


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def sample_text(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def bits(result: Exposition) -> list[int]:
    numbers: list[int] = result.values.view(np.uint64).tolist()
    return numbers


# What it reads


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a 1", (labels({}, "a"), 1.0)),
        ("a{} 1", (labels({}, "a"), 1.0)),
        ("a:b_c1 -1.5e-3", (labels({}, "a:b_c1"), -0.0015)),
        ("a\t2", (labels({}, "a"), 2.0)),
        ("  a   3  ", (labels({}, "a"), 3.0)),
        ("a 4\r", (labels({}, "a"), 4.0)),
        ('a{x="1"}5', (labels({"x": "1"}, "a"), 5.0)),
        ('a { x = "1" , y="2" , } 6', (labels({"x": "1", "y": "2"}, "a"), 6.0)),
        ('a{z="1",b="2"} +7', (labels({"z": "1", "b": "2"}, "a"), 7.0)),
        (r'a{x="q\"b\\n\n,}"} 8', (labels({"x": 'q"b\\n\n,}'}, "a"), 8.0)),
        ('a{x=""} 9', (labels({}, "a"), 9.0)),
        ('a{x="[bold]\x1b[31m"} 10', (labels({"x": "[bold]\x1b[31m"}, "a"), 10.0)),
        ('a{x="é 世"} .5', (labels({"x": "é 世"}, "a"), 0.5)),
        ('{"my.metric",x="1"} 11', (labels({"x": "1"}, "my.metric"), 11.0)),
        ('a{"my.label"="1"} 12', (labels({"my.label": "1"}, "a"), 12.0)),
        ("a +Inf", (labels({}, "a"), math.inf)),
        ("a -inf", (labels({}, "a"), -math.inf)),
        ("a 13 1700000000000", (labels({}, "a"), 13.0)),
        ('a{x="} 1"} 14 # {trace_id="} 9"} 0.5 1.5', (labels({"x": "} 1"}, "a"), 14.0)),
    ],
)
def test_reads_one_line(line: str, expected: tuple[Labels, float]) -> None:
    result = read(line + "\n")
    assert found(result) == dict([expected])
    assert result.warnings == ()


def test_every_nan_is_stored_as_the_same_bits() -> None:
    parser = ExpositionParser(())
    parser.parse_sync(b"a 1\nb NaN\n")
    again = parser.parse_sync(b"a nan\nb NaN\n")
    assert bits(again) == [NAN_BITS, NAN_BITS]


def test_the_target_s_own_labels_win_and_the_series_keep_theirs_under_another_name() -> None:
    extra = labels({"job": "vllm", "instance": "gpu1:8000"})
    clash = labels({"job": "vllm", "instance": "gpu1:8000", "exported_job": "theirs"}, "a")
    assert list(found(read('a{job="theirs"} 1\n', extra=extra))) == [clash]
    honoured = ExpositionParser(extra, honor_labels=True).parse_sync(b'a{job="theirs"} 1\n')
    assert honoured.layout.series == (labels({"job": "theirs", "instance": "gpu1:8000"}, "a"),)


def test_families_carry_type_help_and_unit() -> None:
    families = read(
        "# TYPE w_seconds histogram\n# UNIT w_seconds seconds\n# HELP w_seconds a \\\\ b\n"
        'w_seconds_bucket{le="+Inf"} 1\nw_seconds_count 1\nw_seconds_sum 2\n'
        "# TYPE c counter\nc_total 3\nplain 4\n# EOF\n",
        OPENMETRICS,
    ).families
    assert set(families) == {"w_seconds", "c_total", "plain"}
    assert families["w_seconds"].type is MetricType.HISTOGRAM
    assert (families["w_seconds"].unit, families["w_seconds"].help) == ("seconds", "a \\ b")
    assert families["c_total"].type is MetricType.COUNTER
    assert families["plain"].type is MetricType.UNTYPED


def test_own_timestamps_are_read_only_where_they_are_honoured() -> None:
    body = b"a 1 1700000000123\nb 2\n"
    assert read(body).timestamps_ms is None
    parser = ExpositionParser((), honor_timestamps=True)
    for _ in range(2):
        times = parser.parse_sync(body).timestamps_ms
        assert times is not None
        assert times.tolist() == [1700000000123, -1]
    in_seconds = ExpositionParser((), honor_timestamps=True).parse_sync(b"a 1 1700000000.123\n# EOF\n", OPENMETRICS)
    assert in_seconds.timestamps_ms is not None
    assert in_seconds.timestamps_ms.tolist() == [1700000000123]


# What it refuses, line by line


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("b 1_000", "'1_000' is not a number"),
        ("b 0x10", "'0x10' is not a number"),
        ("b 0x1p-2", "'0x1p-2' is not a number"),
        ("b 1e400", "'1e400' is outside the range of a 64-bit float"),
        ("b -1e400", "'-1e400' is outside the range of a 64-bit float"),
        ("b abc", "'abc' is not a number"),
        ("b", "not a sample: 'b'"),
        ("b ", "no value"),
        ('b{x="1"', "bad label syntax at ''"),
        ("b{x=1} 1", "bad label syntax at 'x=1} 1'"),
        ('b{1x="1"} 1', "bad label syntax at '1x=\"1\"} 1'"),
        ('b{x="1",x="2"} 1', "label 'x' is given twice"),
        ('b{x="1"} 1 2 3', "unexpected text after the value: '3'"),
        ("a 2", "the series is given twice: 'a '"),
        ('{x="1"} 1', "no metric name: '{x=\"1\"} 1'"),
        ("\x1b[31mred 1", "not a sample: '\\x1b[31mred 1'"),
        ("b[0] 1", "not a sample: 'b[0] 1'"),
        ("b" * 70_000 + " 1", "longer than 65536 bytes"),
    ],
)
def test_a_bad_line_is_dropped_and_named_and_the_others_stay(line: str, cause: str) -> None:
    result = read(f"a 1\n{line}\nc 3\n")
    assert set(found(result)) == {labels({}, "a"), labels({}, "c")}
    assert result.warnings == (f"line 2 dropped: {cause}",)


def test_invalid_utf_8_costs_its_own_line() -> None:
    result = read(b'a 1\nb{x="\xff\xfe"} 2\n# HELP a \xff\nc 3\n')
    assert [dict(one)["__name__"] for one in result.layout.series] == ["a", "c"]
    assert result.warnings == ("line 2 dropped: not UTF-8 at byte 5",)


def test_many_bad_lines_are_counted_not_listed() -> None:
    result = read("a 1\n" + "oops\n" * 1000)
    assert len(result.warnings) == 6
    assert result.warnings[-1] == "995 more lines dropped"


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"<html><body>hi</body></html>\n", "text/html; charset=utf-8", "answers text/html, not metrics"),
        (b"{}\n", "application/json", "answers application/json, not metrics"),
        (b"\x00\x01\x02\xff\n" * 9, "", "no readable metric: line 1 dropped"),
        (b"a 1\n", OPENMETRICS, "cut off: OpenMetrics must end with '# EOF'"),
    ],
)
def test_an_answer_of_which_nothing_can_be_read_is_an_error(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        read(body, content_type)


def test_a_line_cut_off_by_the_end_of_the_answer_is_not_half_a_number() -> None:
    parser = ExpositionParser(())
    parser.parse_sync(b"a 1\nb 12345\n")
    for one in (parser, ExpositionParser(())):
        result = one.parse_sync(b"a 1\nb 123")
        assert list(found(result)) == [labels({}, "a")]
        assert result.warnings == ("line 2 dropped: the answer ends inside it, without a line feed",)


def test_an_empty_answer_has_no_series() -> None:
    assert len(read(b"").layout) == 0
    assert len(read(b"# EOF", OPENMETRICS).layout) == 0


def test_series_past_the_limit_are_counted_and_the_first_ones_kept() -> None:
    parser = ExpositionParser((), max_series=3)
    body = "".join(f"# HELP m{i} x\nm{i} {{}}\n\n" for i in range(10))
    first = parser.parse_sync(body.replace("{}", "1").encode())
    second = parser.parse_sync(body.replace("{}", "22").encode())
    assert first.dropped == second.dropped == 7
    assert second.layout is first.layout
    assert second.values.tolist() == [22.0, 22.0, 22.0]
    fewer = parser.parse_sync(b"m0 1\nm1 1\nm2 1\n")
    assert (fewer.dropped, fewer.layout) == (0, first.layout)


# The cache


def test_the_layout_is_the_same_object_while_the_series_are() -> None:
    parser = ExpositionParser(())
    first = parser.parse_sync(b"# HELP a x\na 1\nb 2\n")
    changed = parser.parse_sync(b"# HELP a x\na 7\nb 8\n")
    help_changed = parser.parse_sync(b"# HELP a other\n# TYPE a gauge\na 7\nb 8\n")
    assert changed.layout is first.layout
    assert help_changed.layout is first.layout
    assert help_changed.families["a"].help == "other"
    assert parser.parse_sync(b"b 8\na 7\n").layout is not first.layout
    assert first.values.tolist() == [1.0, 2.0]


def test_lines_that_come_and_go_take_no_memory() -> None:
    parser = ExpositionParser(())
    for start in range(0, 100_000, 2_000):
        parser.parse_sync("".join(f'a{{x="{start + i}"}} 1\n' for i in range(1_000)).encode())
    assert len(parser._known.by_prefix) < 5_000
    assert len(parser._known.labels) < 5_000


LINES = st.sampled_from(
    [
        *(f'm{{x="{i}"}} ' for i in range(6)),
        *("# HELP m text ", "", "bad{ ", 'm{x="ü"}  ', "n\t", "# TYPE m counter", 'm{x="5",} ', "# EOF", "nan"),
    ]
)
VALUES = st.sampled_from(
    ["1", "2.5", "NaN", "1e400", "1_0", "+Inf", "7 1700000000", '3 # {t="} 4"} 1', "", "1 ", "inf"]
)
BODIES = st.lists(st.lists(st.tuples(LINES, VALUES), max_size=8), min_size=1, max_size=6)


@given(BODIES, st.booleans(), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_a_parser_with_a_past_answers_as_a_fresh_one(
    bodies: list[list[tuple[str, str]]], ended: bool, max_series: int
) -> None:
    old = ExpositionParser((), max_series=max_series)
    for lines in bodies:
        body = "\n".join(line + value for line, value in lines).encode() + b"\n" * ended
        try:
            expected = ExpositionParser((), max_series=max_series).parse_sync(body)
        except MalformedError as error:
            with pytest.raises(MalformedError, match=re.escape(str(error))):
                old.parse_sync(body)
            continue
        result = old.parse_sync(body)
        assert result.layout.series == expected.layout.series
        assert bits(result) == bits(expected)
        assert (result.warnings, result.dropped) == (expected.warnings, expected.dropped)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_bytes_break_it(data: st.DataObject) -> None:
    parser = ExpositionParser(labels({"job": "x"}))
    body = b'# TYPE a counter\na_total{x="1",y="\\n"} 1 # {t="1"} 2 3\nb 2 1700000000\n# EOF\n'
    for _ in range(3):
        mutated = bytearray(body)
        for _ in range(data.draw(st.integers(0, 4))):
            at = data.draw(st.integers(0, len(mutated)))
            mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        try:
            parser.parse_sync(bytes(mutated), data.draw(st.sampled_from(["", OPENMETRICS])))
        except MalformedError:
            continue


# The second witness


NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not name.startswith("__")  # reserved
)
LABEL_VALUES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e")
)
SERIES = st.dictionaries(
    st.tuples(NAMES, st.dictionaries(LABEL_NAMES, LABEL_VALUES, max_size=4).map(lambda found: tuple(found.items()))),
    st.floats(allow_nan=True, allow_infinity=True),
    min_size=1,
    max_size=8,
)


@given(SERIES)
@settings(max_examples=100, deadline=None)
def test_reads_what_was_written_and_what_prometheus_client_reads(
    series: dict[tuple[str, tuple[tuple[str, str], ...]], float],
) -> None:
    truth = {labels(pairs, name): value for (name, pairs), value in series.items()}
    lines = {}
    for (name, pairs), value in series.items():
        inner = ",".join(f'{key}="{escape(text)}"' for key, text in pairs)
        lines[labels(pairs, name)] = f"{name}{{{inner}}} {value!r}\n"
    result = found(read("".join(lines.values())))
    assert set(result) == set(truth)
    theirs = {
        labels(sample.labels, sample.name): sample.value
        for line in lines.values()
        for family in text_format.text_string_to_metric_families(line)
        for sample in family.samples
    }
    assert set(theirs) == set(truth)
    last = {labels(pairs, name): value for (name, pairs), value in series.items()}
    assert all(same(theirs[one], last[one]) for one in last)
    unique = [one for one in truth if sum(labels(pairs, name) == one for name, pairs in series) == 1]
    assert all(same(result[one], truth[one]) for one in unique)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_captured_answers_read_as_prometheus_client_reads_them(path: Path) -> None:
    body = sample_text(path)
    # Without the types, of which prometheus_client makes names that are not on the wire.
    untyped = "".join(line for line in body.decode().splitlines(keepends=True) if not line.startswith("# TYPE"))
    theirs = {
        labels(sample.labels, sample.name): sample.value
        for family in text_format.text_string_to_metric_families(untyped)
        for sample in family.samples
    }
    parser = ExpositionParser(())
    for _ in range(2):
        result = parser.parse_sync(body)
        ours = found(result)
        assert result.warnings == ()
        assert set(ours) == set(theirs)
        assert all(same(ours[one], theirs[one]) for one in theirs)


def test_openmetrics_reads_as_prometheus_client_reads_it() -> None:
    body = (
        '# TYPE r counter\n# HELP r served\nr_total{a="1"} 3 1700000000.5 # {trace_id="x"} 0.7 1700000000.1\n'
        'r_created{a="1"} 1700000000 1700000000.5\n# TYPE h histogram\nh_bucket{le="1.0"} 1 # {t="} 5"} 0.2\n'
        'h_bucket{le="+Inf"} 2\nh_count 2\nh_sum 1.5\n# TYPE s stateset\ns{s="on"} 1\ns{s="off"} 0\n'
        '# TYPE i info\ni_info{v="1"} 1\n# EOF\n'
    )
    theirs = {
        labels(sample.labels, sample.name): sample.value
        for family in openmetrics.text_string_to_metric_families(body)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }
    parser = ExpositionParser(())
    assert found(parser.parse_sync(body.encode(), OPENMETRICS)) == theirs
    moved = body.replace("} 3 1700000000.5", "} 4 1700000015.5")
    again = parser.parse_sync(moved.encode(), OPENMETRICS)
    assert found(again) == {**theirs, labels({"a": "1"}, "r_total"): 4.0}


# Giving way


async def test_first_sight_of_50_000_series_gives_way_to_the_event_loop_every_few_lines() -> None:
    draw = random.Random(1)
    body = "".join(f'a_{i % 40}{{x="{i}",model="m{i % 7}"}} {draw.random()}\n' for i in range(50_000)).encode()
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(other_work())
    parser = ExpositionParser(())
    first = await parser.parse(body)
    assert len(first.layout) == 50_000
    assert turns > 50_000 / 100
    turns = 0
    assert (await parser.parse(body)).layout is first.layout
    assert turns >= len(body) // (512 * 1024)
    other.cancel()
