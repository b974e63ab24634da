"""Draws docs/pictures: what `inferdeck status` really says, run on a terminal.

python -m tests.real.picture [status | demo]: beside a whole real stack, or beside the simulated fleet of the demo.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from html import escape
from pathlib import Path

from tests.real import gateway
from tests.real.daemon import COMMAND, Place, all_up
from tests.real.stack import Stack, whole_stack
from tests.real.traffic import Call, Generator

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
COLUMNS = 110
CALLS = [*[Call("good")] * 5, *[Call("good", stream=True)] * 3, *[Call("thinking", stream=True)] * 2, Call("err429")]
WARM_SECONDS = 75.0
FONT, LINE_HEIGHT, CHARACTER, MARGIN = 13, 18, 7.82, 16
PAPER, INK = "#16181d", "#d6d9e0"
COLOURS = {"2": "#8a909c", "31": "#f0716b", "32": "#7fc97a", "33": "#e3b04b", "34": "#6ca8f0", "36": "#5fc4c4"}
_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


async def main() -> None:
    """Run the programs, let some history grow, and draw."""
    with tempfile.TemporaryDirectory(prefix="inferdeck-picture-") as folder:
        directory = Path(folder)
        async with whole_stack(directory) as stack:
            place = Place.of(directory / "daemon", stack.sources(), interval="5s")
            with place.up():
                await asyncio.to_thread(place.status_when, all_up)
                await _traffic(stack)
                text = await asyncio.to_thread(on_terminal, place.environment)
    _write("status.svg", text)


def demo() -> None:
    """Run the demo until its past is there and its engines have been watched for a while, and draw."""
    with tempfile.TemporaryDirectory(prefix="d-") as folder:
        environment = {"XDG_CACHE_HOME": folder, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            [COMMAND, "demo", "--days", "1"], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if line.startswith("all "))
            time.sleep(WARM_SECONDS)
            (config,) = Path(folder).glob("inferdeck/demo-*/inferdeck.yaml")
            text = on_terminal({"INFERDECK_CONFIG": str(config), "INFERDECK_URL": None})
            board = _board(config)
            process.terminate()
    _write("demo.svg", text)
    (PICTURES / "board.svg").write_text(board)


def _board(config: Path) -> str:
    """Return the shipped board beside the demo."""
    command = [COMMAND, "board", "--once", "--size", "110x34", "--format", "svg"]
    variables = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "INFERDECK_URL")}
    environment = {**variables, "INFERDECK_CONFIG": str(config)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout


def _write(name: str, text: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / name).write_text(svg(text.splitlines()))
    print(PICTURES / name)


async def _traffic(stack: Stack) -> None:
    gateways, engine = Generator(stack.litellm.url, gateway.KEY), Generator(stack.llama.url, "none")
    end = time.monotonic() + WARM_SECONDS
    while time.monotonic() < end:
        await asyncio.gather(
            gateways.send(CALLS, 4), engine.send([Call("tiny", body={"max_tokens": 48})] * 2, 1), asyncio.sleep(1.0)
        )


def on_terminal(variables: Mapping[str, str | None]) -> str:
    """Return what the command writes to a terminal, with these environment variables (None: without)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    environment = {key: value for key, value in {**os.environ, **variables}.items() if value is not None}
    environment["TERM"] = "xterm-256color"
    environment.pop("NO_COLOR", None)
    with subprocess.Popen([COMMAND, "status"], env=environment, stdout=theirs) as process:
        os.close(theirs)
        parts = []
        with contextlib.suppress(OSError):
            while part := os.read(ours, 65536):
                parts.append(part)
        process.wait(30)
    os.close(ours)
    return b"".join(parts).decode().replace("\r", "")


def svg(lines: list[str]) -> str:
    """Return lines with terminal colours as an SVG image."""
    width = round(COLUMNS * CHARACTER + 2 * MARGIN)
    height = len(lines) * LINE_HEIGHT + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + FONT + number * LINE_HEIGHT}">{_spans(line)}</text>'
        for number, line in enumerate(lines)
    )
    font = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>\n'
        f'<g font-family="{font}" font-size="{FONT}" fill="{INK}" xml:space="preserve">\n{rows}\n</g>\n</svg>\n'
    )


def _spans(line: str) -> str:
    """Return one line as tspans, each at the column where it stands, so that columns align in any font."""
    spans, column, codes = [], 0, set[str]()
    for position, part in enumerate(_ESCAPE.split(line)):
        if position % 2:
            new = {code for code in part.split(";") if code.strip("0")}
            codes = new if not new or part.startswith("0") else codes | new
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part):
            colour = next((COLOURS[code] for code in sorted(codes) if code in COLOURS), "")
            style = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if "1" in codes else "")
            x = MARGIN + (column + word.start()) * CHARACTER
            spans.append(f'<tspan x="{x:.1f}"{style}>{escape(word[0])}</tspan>')
        column += len(part)
    return "".join(spans)


if __name__ == "__main__":
    if sys.argv[1:] == ["demo"]:
        demo()
    else:
        asyncio.run(main())
