"""A real terminal (tmux) counts the cells of cleaned texts as we do: the cursor stands where we say."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from inferdeck.model import cells

HOSTILE = (
    "gpt-4o",
    "[bold]model[/]",
    "\x1b[31mred\x1b[0m\x07",
    "👩\u200d👩\u200d👧\u200d👦 family",
    "🇩🇪 flag",
    "👍🏽 ok ❤\ufe0f ⚠\ufe0f",
    "שלום عربى",
    "\u202eabc\u202c",
    "é́̂ combining " + "z" + "\u0316" * 40,
    "한국어 한 日本語 ｆｕｌｌ",
    "हिन्दी தமிழ் ไทย",
    "tab\tnew\nline\0nul",
)
# The cursor's column as the terminal itself reports it (DSR 6) after each text.
PROBE = """
import json, os, re, sys, termios, tty
tty.setcbreak(0)
found = []
for text in json.load(open(sys.argv[1])):
    os.write(1, b"\\r\\x1b[2K" + text.encode() + b"\\x1b[6n")
    answer = b""
    while not answer.endswith(b"R"):
        answer += os.read(0, 1)
    found.append(int(re.search(rb"\\[\\d+;(\\d+)R", answer)[1]) - 1)
os.rename(sys.argv[2] + ".new", sys.argv[2]) if open(sys.argv[2] + ".new", "w").write(json.dumps(found)) else None
"""


def letters() -> list[str]:
    """Return some letters of every block that are printed, cleaned; the same ones in every run."""
    chance = random.Random(4)
    codes = [code for code in range(0x20, 0x20000) if unicodedata.category(chr(code))[0] in "LNPS"]
    return [cells.clean(chr(code)) for code in chance.sample(codes, 1500)]


@pytest.mark.real
def test_the_cursor_stands_where_we_say(tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    texts = [cells.clean(text) for text in HOSTILE]
    texts += [text for text in letters() if text]
    given, answer, probe = tmp_path / "given", tmp_path / "answer", tmp_path / "probe.py"
    given.write_text(json.dumps(texts))
    probe.write_text(PROBE)
    tmux = ["tmux", "-u", "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    command = f"'{sys.executable}' '{probe}' '{given}' '{answer}'; sleep 60"
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "200", "-y", "5", "-e", "LANG=C.UTF-8", command], check=True, timeout=30
    )
    try:
        for _ in range(600):
            if answer.exists():
                break
            time.sleep(0.1)
        assert answer.exists(), "the terminal did not answer within 60 s"
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, timeout=30)
    counted = json.loads(answer.read_text())
    wrong = [
        (text, cells.width(text), was) for text, was in zip(texts, counted, strict=True) if cells.width(text) != was
    ]
    assert wrong == []
