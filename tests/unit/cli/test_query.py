"""`inferdeck query`: errors with a caret, test scripts with counts, charts and tables of an answer."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from inferdeck.cli import main, query_shown
from inferdeck.faces.terminal.drawing.glyphs import ASCII, Look
from inferdeck.faces.terminal.drawing.picture import wide

VECTOR = {
    "resultType": "vector",
    "result": [
        {"metric": {"__name__": "up", "job": "a"}, "value": [1700000000, "1"]},
        {"metric": {"__name__": "up", "zone": "x\u001b[2J"}, "value": [1700000000.5, "NaN"]},
    ],
}
MATRIX = {
    "resultType": "matrix",
    "result": [{"metric": {"job": "a"}, "values": [[1700000000, "1"], [1700000015, "3"]]}],
}


def test_a_query_that_cannot_be_read_shows_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "rat(foo[5m])"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "inferdeck: 1:1: parse error: unknown function `rat`, did you mean `rate`?",
        "  rat(foo[5m])",
        "  ^^^",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["a", "b"],
        ["a", "--format", "chart"],
        ["a", "--step", "15s"],
        ["a", "--range", "soon"],
        ["a", "--range", "0s"],
        ["a", "--at", "noon"],
        ["a", "--at", "inf"],
    ],
)
def test_wrong_use(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["query", *arguments, "--data-dir", str(tmp_path)])
    error = capsys.readouterr().err
    assert code == 2 or (code == 3 and "--range" in arguments and "no daemon" in error)


SCRIPT = """
load 1m
  up 1 2 3
  native {{count:1}}

eval instant at 1m up
  up 2

eval instant at 1m up
  up 3

eval instant at 0 native
  native {{count:1}}
"""


def test_scripts_are_counted_and_failures_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "some.test"
    file.write_text(SCRIPT)
    assert main(["query", "test", str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:9: failed: up",
        "    expected 3 for up, got 2",
        f"{file}: 1 passed, 1 failed, 1 skipped",
    ]


def test_scripts_that_pass_exit_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "some.test"
    file.write_text("eval instant at 0 1 + 1\n  2\n")
    assert main(["query", "test", str(file), str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 1 passed, 0 failed, 0 skipped\n" * 2


@pytest.mark.parametrize(
    "words", [("test", "FILE", "--skipped"), ("test", "--skipped", "FILE"), ("--skipped", "test", "FILE")]
)
def test_what_was_skipped_is_listed_wherever_the_option_stands(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.test"
    file.write_text("load 1m\n  native {{count:1}}\n\neval instant at 0 native\n  native {{count:1}}\n")
    assert main(["query", *(str(file) if word == "FILE" else word for word in words)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:4: skipped: native",
        "    the expected result holds a native histogram",
        f"{file}: 0 passed, 0 failed, 1 skipped",
    ]


def test_an_option_with_a_slip_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "test", "--skiped", "some.test"]) == 2
    assert "unknown argument --skiped" in capsys.readouterr().err


def test_a_script_that_cannot_be_read_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "some.test"
    file.write_text("\nnonsense\n")
    assert main(["query", "test", str(file)]) == 2
    assert f"{file}: line 2: " in capsys.readouterr().err


def test_tables_show_labels_as_columns_and_nothing_raw() -> None:
    lines = query_shown.table(VECTOR).splitlines()
    assert lines[0].split() == ["METRIC", "job", "zone", "VALUE"]
    assert lines[1].split() == ["up", "a", "1"]
    assert "\x1b" not in "".join(lines)
    assert query_shown.table(MATRIX).splitlines()[1].split() == ["a", "2", "1", "3", "3"]
    assert query_shown.table({"resultType": "scalar", "result": [0, "4"]}) == "4\n"
    assert query_shown.table({"resultType": "vector", "result": []}) == "no data\n"


def test_csv_has_a_row_per_sample() -> None:
    out = io.StringIO()
    query_shown.csv(MATRIX, out)
    assert out.getvalue().splitlines() == [
        "time,value,__name__,job",
        "2023-11-14T22:13:20Z,1,,a",
        "2023-11-14T22:13:35Z,3,,a",
    ]


def matrix(*series: list[tuple[float, float]]) -> dict[str, object]:
    values = [[[stamp, str(value)] for stamp, value in one] for one in series]
    return {"resultType": "matrix", "result": [{"metric": {"n": str(n)}, "values": v} for n, v in enumerate(values)]}


def test_a_chart_fills_its_width_and_names_its_lines() -> None:
    rising = matrix([(15.0 * step, float(step)) for step in range(100)])
    picture = query_shown.chart(rising, query_shown.Grid(0.0, 99 * 15.0, 15.0), 80, Look())
    lines = picture.text().splitlines()
    assert all(wide(row) == 80 for row in picture.rows)
    assert lines[0].strip().startswith("100┤")
    assert lines[-1].split() == ["●", '{n="0"}', "99", "min", "0", "max", "99"]
    assert query_shown.chart(rising, query_shown.Grid(0.0, 99 * 15.0, 15.0), 80, Look(ASCII)).text().isascii()


def test_a_chart_leaves_gaps_open_and_bad_values_out() -> None:
    gap = matrix([(0.0, 1.0), (15.0, 1.0), (30.0, float("nan")), (45.0, float("inf")), (150.0, 1.0)])
    lines = query_shown.chart(gap, query_shown.Grid(0.0, 150.0, 15.0), 60, Look(ASCII)).text().splitlines()
    drawn = next(line.partition("+")[2] for line in lines if "*" in line)
    assert len(drawn.split()) == 2
    nothing = matrix([(0.0, float("nan"))])
    assert query_shown.chart(nothing, query_shown.Grid(0.0, 15.0, 15.0), 60, Look()).text() == "no data\n"
    assert query_shown.chart(matrix(), query_shown.Grid(0.0, 15.0, 15.0), 60, Look()).text() == "no data\n"


def test_a_chart_counts_what_it_does_not_draw() -> None:
    many = matrix(*[[(0.0, 1.0), (1.0, float(index))] for index in range(50)])
    lines = query_shown.chart(many, query_shown.Grid(0.0, 1.0, 1.0), 80, Look()).text().splitlines()
    assert lines[-1].strip() == "10 more not drawn"
