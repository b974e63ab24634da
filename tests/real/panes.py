"""What a command draws in a real tmux pane, as a picture to look at.

python -m tests.real.panes OUT.png [--size 120x36] [--wait 2] [--light] -- COMMAND …: runs it in a pane of a tmux server
of its own, captures the pane with its colours and lets Chromium paint it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
import time
from html import escape
from pathlib import Path

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_BASE = ("#1d1f21", "#d0675f", "#7fae6b", "#c9a24a", "#5c93d6", "#b07cc6", "#4faeb0", "#c9cdd4")
_BRIGHT = ("#6b7280", "#f0807a", "#a3d18b", "#ecc667", "#82b4f5", "#d29ee8", "#72d2d3", "#ffffff")
_LEVELS = (0, 95, 135, 175, 215, 255)
CELL_WIDTH, CELL_HEIGHT, FONT = 9, 19, 15


def pane(command: list[str], width: int, height: int, wait: float) -> str:
    """Return the pane's text with escape codes after this many seconds."""
    with tempfile.TemporaryDirectory(prefix="pane-") as folder:
        tmux = ["tmux", "-S", f"{folder}/socket", "-f", "/dev/null"]
        size = ["-x", str(width), "-y", str(height)]
        shown = " ".join(f"'{word}'" for word in command)
        environment = ["-e", "LANG=C.UTF-8", "-e", "COLORTERM=truecolor"]
        subprocess.run(
            [*tmux, "-u", "new-session", "-d", *size, *environment, f"{shown}; sleep 600"], check=True, timeout=30
        )
        try:
            subprocess.run([*tmux, "set", "-g", "status", "off"], check=True, timeout=30)
            subprocess.run([*tmux, "resize-window", *size], check=True, timeout=30)
            time.sleep(wait)
            captured = subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, timeout=30)
            return captured.stdout.decode()
        finally:
            subprocess.run([*tmux, "kill-server"], check=False, timeout=30)


def html(text: str, width: int, height: int, *, light: bool = False) -> str:
    """Return the captured text as a page: every cell at its own place, so that fonts cannot shift it."""
    paper, ink = ("#fbfbf8", "#24272e") if light else ("#16181d", "#d6d9e0")
    cells: list[str] = []
    # tmux goes on from the last line's state.
    codes: list[str] = []
    for row, line in enumerate(text.splitlines()):
        codes = _line(line, row, (ink, paper), codes, cells)
    style = (
        f"body{{margin:0;background:{paper};width:{width * CELL_WIDTH + 24}px;height:{height * CELL_HEIGHT + 24}px;"
        f"position:relative;font:{FONT}px/{CELL_HEIGHT}px 'DejaVu Sans Mono','DejaVu Sans',monospace}}"
        f"i{{position:absolute;font-style:normal;white-space:pre;height:{CELL_HEIGHT}px}}"
    )
    return f"<!doctype html><meta charset=utf-8><style>{style}</style><body>{''.join(cells)}</body>"


def png(page: str, out: Path, width: int, height: int) -> None:
    """Paint the page with Chromium."""
    with tempfile.TemporaryDirectory(prefix="pane-") as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        program = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
        size = f"--window-size={width * CELL_WIDTH + 24},{height * CELL_HEIGHT + 24}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/c"]
        subprocess.run(
            [program, *options, size, f"--screenshot={out}", source.as_uri()],
            check=True,
            capture_output=True,
            timeout=120,
        )


def _line(line: str, row: int, ground: tuple[str, str], codes: list[str], out: list[str]) -> list[str]:
    """Add the line's cells and return the codes that hold at its end."""
    ink, paper = ground
    column = 0
    for place, part in enumerate(_ESCAPE.split(line)):
        if place % 2:
            codes = _codes(codes, part)
            continue
        front, back, weight = _look(codes, ink, paper)
        for letter in part:
            wide = 2 if ord(letter) > 0x1100 and not 0x2000 <= ord(letter) < 0x2E80 and letter.isprintable() else 1
            if letter != " " or back != paper:
                place_style = f"left:{12 + column * CELL_WIDTH}px;top:{12 + row * CELL_HEIGHT}px"
                box = f"width:{wide * CELL_WIDTH}px;color:{front};{weight}"
                behind = f"background:{back};" if back != paper else ""
                out.append(f'<i style="{place_style};{box}{behind}">{escape(letter)}</i>')
            column += wide
    return codes


def _codes(before: list[str], new: str) -> list[str]:
    parts = new.split(";") if new else ["0"]
    return parts[1:] if parts[0] in ("", "0") else [*before, *parts]


def _look(codes: list[str], ink: str, paper: str) -> tuple[str, str, str]:
    front, back, weight, dim, turned = ink, paper, "", False, False
    rest = iter([int(code or 0) for code in codes])
    for code in rest:
        if code in (38, 48):
            kind = next(rest, 0)
            colour = _indexed(next(rest, 0)) if kind == 5 else "#%02x%02x%02x" % tuple(next(rest, 0) for _ in range(3))  # noqa: UP031
            front, back = (colour, back) if code == 38 else (front, colour)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            front = _BASE[code - 30] if code < 90 else _BRIGHT[code - 90]
        elif 40 <= code <= 47 or 100 <= code <= 107:
            back = _BASE[code - 40] if code < 100 else _BRIGHT[code - 100]
        front, back = (ink if code == 39 else front), (paper if code == 49 else back)
        if code == 22:
            weight, dim = "", False
        weight = "font-weight:bold;" if code == 1 else "text-decoration:underline;" if code == 4 else weight
        dim, turned = dim or code == 2, turned or code == 7
    if dim:
        weight += "opacity:.6;"
    return (back, front, weight) if turned else (front, back, weight)


def _indexed(number: int) -> str:
    if number < 16:
        return (*_BASE, *_BRIGHT)[number]
    if number >= 232:
        return f"#{8 + (number - 232) * 10:02x}" + f"{8 + (number - 232) * 10:02x}" * 2
    number -= 16
    return "#" + "".join(f"{_LEVELS[part]:02x}" for part in (number // 36, number // 6 % 6, number % 6))


def main() -> None:
    """Run the command and write the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", default="120x36")
    parser.add_argument("--wait", type=float, default=2.0)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    width, height = (int(one) for one in options.size.split("x"))
    text = pane(options.command, width, height, options.wait)
    png(html(text, width, height, light=options.light), options.out, width, height)
    print(options.out)


if __name__ == "__main__":
    main()
