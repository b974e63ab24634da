"""The terminal's line chart beside textual-plotext: three series of 500 points, from values to ready strips.

    .venv/bin/python -m bench.charts [--rounds 5]

Each round runs our drawing and plotext's in turn, each in a process of its own, 25 times on the same values, and takes
the median processor time (a busy machine does not change it). textual-plotext is installed into a scratch environment
with uv, and skipped by name where that fails. "rows" is what is needed to print the chart, "strips" what Textual needs.
The grid's row: 500 rows of 8 columns, one screen of 40 of them at 160 cells, each a new place.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = ((60, 15), (100, 30), (190, 48))
SHAPES = ("smooth", "jagged")
PEER = ("textual-plotext==1.0.1", "plotext<6", "textual>=8.2,<9")
_DATA = """
import json, math, random, statistics, sys, time
def series(shape):
    random.seed(5)
    if shape == "jagged":
        return [[random.random() * 3 for _ in range(500)] for _ in range(3)]
    return [[base + size * math.sin(place / 40) + random.random() * size / 9 for place in range(500)]
            for base, size in ((2.0, 1.0), (1.0, 0.4), (0.5, 0.1))]
def median(work):
    took = []
    for _ in range(27):
        began = time.process_time()
        work()
        took.append((time.process_time() - began) * 1000)
    return statistics.median(took[2:])
found = {}
for shape in %r:
    values = series(shape)
    for width, height in %r:
        found[f"{shape} {width}x{height}"] = measure(values, width, height)
print(json.dumps({**found, **more()}))
"""
_OURS = """
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from inferdeck.faces.terminal.drawing import grid
from inferdeck.faces.terminal.drawing.glyphs import BRAILLE
from inferdeck.faces.terminal.drawing.lines import Chart, Line, draw
STYLES = {}
def strips(rows, width):
    return [Strip([Segment(text, STYLES.setdefault(style, Style())) for text, style in row], width) for row in rows]
def measure(values, width, height):
    chart = Chart([Line(f"series {n}", one) for n, one in enumerate(values)], 1_790_000_000.0, 15.0, unit="seconds")
    return {"rows": median(lambda: draw(chart, width, height)),
            "strips": median(lambda: strips(draw(chart, width, height).rows, width))}
def more():
    columns = [grid.Column(f"column {n}", right=n > 3, drop=8 - n) for n in range(8)]
    rows = [[grid.Field(f"value {n} of {place}") for n in range(8)] for place in range(500)]
    made = grid.Grid(columns, 500, lambda place: rows[place], grid.measured(columns, rows[:50]), 1, selected=3)
    place = 0
    def screen():
        nonlocal place
        place = (place + 7) % 460
        return grid.rows(made, place, 40, 160, BRAILLE)
    return {"grid": median(screen)}
"""
_THEIRS = """
from rich.text import Text
from textual_plotext.plot import Plot
def measure(values, width, height):
    def build():
        plot = Plot()
        for n, one in enumerate(values):
            plot.plot(one, marker="braille", label=f"series {n}")
        plot.plotsize(width, height)
        return plot.build()
    return {"rows": median(build), "strips": median(lambda: Text.from_ansi(build()).split())}
def more():
    return {}
"""


def _program(body: str) -> str:
    return (_DATA % (SHAPES, SIZES)).replace("\nfound = {}", f"\n{body}\nfound = {{}}")


def _run(python: Path, body: str) -> dict[str, dict[str, float]]:
    done = subprocess.run([python, "-c", _program(body)], check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def _environment(folder: Path) -> Path | None:
    """Return the Python of a scratch environment with the peer, None where it cannot be installed."""
    python = folder / "bin" / "python"
    try:
        subprocess.run(["uv", "venv", "-q", "--python", sys.executable, folder], check=True, timeout=120)
        subprocess.run(["uv", "pip", "install", "-q", "--python", python, *PEER], check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"skipped: textual-plotext could not be installed ({error})")
        return None
    return python


def main() -> None:
    """Print a line for each size and shape."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="charts-") as folder:
        peer = _environment(Path(folder))
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(_run(Path(sys.executable), _OURS))
            theirs.append(_run(peer, _THEIRS) if peer else {})
    print(f"{'ms of CPU':18}{'ours: rows':>12}{'strips':>9}{'plotext: rows':>15}{'strips':>9}{'times as much':>15}")
    for name in (f"{shape} {width}x{height}" for shape in SHAPES for width, height in SIZES):
        mine = {key: statistics.median(one[name][key] for one in ours) for key in ("rows", "strips")}
        line = f"{name:18}{mine['rows']:12.2f}{mine['strips']:9.2f}"
        if peer:
            other = {key: statistics.median(one[name][key] for one in theirs) for key in ("rows", "strips")}
            ratio = statistics.median(b[name]["strips"] / a[name]["strips"] for a, b in zip(ours, theirs, strict=True))
            line += f"{other['rows']:15.1f}{other['strips']:9.1f}{ratio:15.1f}"
        print(line)
    print(f"{'grid 160x40 of 500':18}{statistics.median(float(str(one['grid'])) for one in ours):12.2f}")


if __name__ == "__main__":
    main()
