"""What `inferdeck top` costs beside Glances, btop and other monitors in the terminal, all in one run in tmux at 200×50.

    python -m bench.top [--short] [--only cost,frames,keys,growth,lasting] [--refreshes N]

The stack is a demo of its own with six hours of past. All programs run at the same time in panes of one private tmux
server, each asked to refresh every 2 s: CPU is user and system time of a program with its children over the same
window, memory is theirs at its end, and bytes are what the program writes to its terminal. `top` runs three times: the
overview and six panels as a user of the demo has them, which has something new every 5 s; and the six over a past that
is played 2.5 times as fast (`bench/top_replay.py`), so that all of them get new values every 2 s. The goal for CPU is
not for the last.

Then CPU up to the first frame beside an empty Textual app, in turns; how long a key takes until the whole picture that
it changes has left the program, through tmux; and memory while 1,800 refreshes, as many as an hour has at 2 s, show 150
minutes of the past, each begun when the one before was answered (`bench/top_growth.py` says what growth is). All of it
takes about twelve minutes, two with --short. Only when asked for: `lasting`, memory over 30 minutes of the clock.

Glances and btop: `apt-get install glances btop`. vllm-mon and vllmstat, which watch a vLLM server of the demo:
`for one in vllm-mon vllmstat; do uv venv ~/.cache/inferdeck-bench/$one; uv pip install --compile-bytecode --python
~/.cache/inferdeck-bench/$one/bin/python $one; done`. What is not there is left out by name.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import top_growth
from bench.terminals import HEIGHT, Pane, Server, Share, cpu_seconds, share
from bench.top_replay import Replay, served
from inferdeck.client.tiny import Address, Client

COMMAND = str(Path(sys.executable).parent / "inferdeck")
PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "inferdeck-bench"
DAYS, PAST_SECONDS = 0.25, 7200.0
INTERVAL_SECONDS, STEP_SECONDS = 2.0, 5.0
PACE = STEP_SECONDS / INTERVAL_SECONDS
"""At it a step of the past passes in one refresh."""
FASTER = "the six, a past"
GOAL_CPU, GOAL_MB, GOAL_KB, GOAL_FRAME, GOAL_GROWTH_MB = 0.02, 70.0, 25.0, 3.0, 0.3
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready")
Empty().run()
"""
_RATE = "rate({}[$__rate_interval])"
_BUCKETS = "sum by (le, model) (" + _RATE.format("llm_request_duration_seconds_bucket") + ")"
PANELS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("Requests by model", "timeseries", "rate", (f"sum by (model) ({_RATE.format('llm_requests_total')})",)),
    ("Tokens by model", "timeseries", "rate", (f"sum by (model) ({_RATE.format('llm_tokens_used_total')})",)),
    ("Load of cards", "timeseries", "percent", ("max by (Hostname, gpu) (DCGM_FI_DEV_GPU_UTIL) / 100",)),
    ("Memory of cards", "bar", "bytes", ("1048576 * max by (Hostname, gpu) (DCGM_FI_DEV_FB_USED)",)),
    (
        "CPU of hosts",
        "timeseries",
        "percent",
        ("1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[1m]))",),
    ),
    ("Answered in", "table", "seconds", ("max by (job, instance) (scrape_duration_seconds)",)),
)
"""Title, kind, unit and queries; each changes with every scrape."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is compared. words: they stand in its pane once it shows something."""

    name: str
    command: Sequence[str]
    words: str
    textual: bool = False
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Goals:
    """What is to be met, and whether it was."""

    missed: int = 0

    def told(self, what: str, measured: float, most: float, unit: str) -> None:
        """Print a goal and whether it is met."""
        good = measured <= most
        self.missed += not good
        print(f"goal: {what} at most {most:g} {unit}: {measured:.2f}, {'met' if good else 'missed'}", flush=True)


def dashboard() -> str:
    """Return six panels that fill 200×50, as YAML."""
    panels = []
    for title, kind, unit, queries in PANELS:
        lines = [f"- {{id: {title.lower().replace(' ', '-')}, title: {title}, kind: {kind}, unit: {unit},"]
        lines.append(" width: 8, height: 18, queries: [")
        instant = "false" if kind == "timeseries" else "true"
        lines.append(",".join(f'{{expr: "{query}", instant: {instant}}}' for query in queries) + "]}")
        panels.append("      " + "".join(lines))
    return "uid: bench\ntitle: Bench\nrange: 30m\nrows:\n  - panels:\n" + "\n".join(panels) + "\n"


def write_dashboard(place: Path) -> None:
    """Put the six panels beside a configuration file."""
    (place / "dashboards").mkdir(exist_ok=True)
    (place / "dashboards" / "bench.yaml").write_text(dashboard())


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[Path]:
    """Run a demo until its past is there; yields its configuration file."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [COMMAND, "demo", "--days", str(DAYS)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if not any(line.startswith("all ") for line in process.stdout):
            raise SystemExit("the demo has ended")
        (config,) = folder.glob("inferdeck/demo-*/inferdeck.yaml")
        yield config
    finally:
        process.terminate()
        process.wait(60)


def top(where: Sequence[str], view: str) -> list[str]:
    """Return the command of our own program; where: how it finds its daemon."""
    return [COMMAND, "top", *where, "--screen", view, "--interval", f"{INTERVAL_SECONDS:g}s", "--range", "30m"]


def programs(config: Path, played: str, vllm: str, folder: Path) -> list[Program]:
    """Return what is there, and say what is not."""
    every = f"{INTERVAL_SECONDS:g}"
    wanted = [
        ("glances", ["-t", every, "--disable-check-update"], "CPU", False, "apt-get install glances"),
        ("btop", ["--utf-force"], "cpu", False, "apt-get install btop"),
        (
            "vllmtop",
            ["--url", vllm, "--interval", every, "--db", str(folder / "vllm.db")],
            "Connected",
            True,
            "vllm-mon",
        ),
        ("vllmstat", ["--url", vllm, "--interval", every], "vllm", True, "vllmstat"),
    ]
    found = [
        Program("inferdeck top, overview", top(["--config", str(config)], "overview"), "healthy", True),
        Program("inferdeck top, six panels", top(["--config", str(config)], "bench"), "Answered in", True),
        Program(f"{FASTER} {PACE:g} times as fast", top(["--url", played], "bench"), "Answered in", True),
        Program("an empty Textual app", [sys.executable, "-c", EMPTY], "ready"),
    ]
    for name, words, said, textual, package in wanted:
        own = PEERS / package.split()[-1] / "bin" / name
        path = str(own) if own.exists() else shutil.which(name)
        if path is None:
            print(f"{name} is left out: it is not installed ({package})")
            continue
        place = folder / name
        place.mkdir()
        found.append(Program(name, [path, *words], said, textual, {"XDG_CONFIG_HOME": str(place), "HOME": str(place)}))
    return found


def costs(server: Server, compared: Sequence[Program], replay: Replay, seconds: float, goals: Goals) -> None:
    """Print what each program costs while all of them run."""
    panes = [(one, server.start(one.command, one.environment)) for one in compared]
    running = []
    for one, pane in panes:
        try:
            pane.wait(one.words)
            running.append((one, pane))
        except SystemExit as error:
            print(f"{one.name} is left out: {str(error)[:300]}")
    time.sleep(10.0)
    before, answers = [pane.cost() for _, pane in running], replay.questions
    time.sleep(seconds)
    answers = replay.questions - answers
    found = {one.name: share(cost, pane.cost()) for (one, pane), cost in zip(running, before, strict=True)}
    print(f"\nover {seconds:g} s                      CPU of a core   RSS MB   PSS MB   grown   to the terminal kB/s")
    for name, used in found.items():
        print(
            f"{name:34} {used.cpu:8.2%} {used.resident_mb:13.1f} {used.proportional_mb:8.1f} {used.grown_mb:+7.1f}"
            f" {used.written_kb_per_second:12.2f}",
            flush=True,
        )
    print(f"{FASTER} {PACE:g} times as fast: {answers} answers, one every {seconds / max(1, answers):.2f} s")
    for _, pane in panes:
        pane.close()
    _judged(found, compared, goals)


def _judged(found: dict[str, Share], compared: Sequence[Program], goals: Goals) -> None:
    others = [
        found[one.name].cpu
        for one in compared
        if one.textual and one.name in found and not one.name.startswith(("inferdeck", FASTER))
    ]
    for name in (one.name for one in compared if one.name.startswith(("inferdeck", FASTER)) and one.name in found):
        one = found[name]
        if not name.startswith(FASTER):
            goals.told(f"{name}: CPU", one.cpu * 100, GOAL_CPU * 100, "%")
        if others:
            goals.told(f"{name}: CPU beside the cheapest other Textual program", one.cpu / min(others), 1.0, "×")
        goals.told(f"{name}: resident", one.resident_mb, GOAL_MB, "MB")
        goals.told(f"{name}: to the terminal", one.written_kb_per_second, GOAL_KB, "kB/s")


def frames(server: Server, config: Path, runs: int, goals: Goals) -> None:
    """Print CPU up to the first frame, and up to all figures, beside an empty app."""
    ways: dict[str, tuple[list[str], tuple[bytes, ...]]] = {
        "empty": ([sys.executable, "-c", EMPTY], (b"ready",)),
        "top": (top(["--config", str(config)], "overview"), (b"inferdeck", b"healthy")),
    }
    cpu: dict[str, list[float]] = {}
    wall: dict[str, list[float]] = {}
    for _ in range(runs + 1):
        for name, (command, marks) in ways.items():
            for place, (used, passed) in enumerate(first_frame(server, command, marks)):
                cpu.setdefault(f"{name} {place}", []).append(used)
                wall.setdefault(f"{name} {place}", []).append(passed)
    # The first run of each compiles modules and fills caches.
    told = {name: (statistics.median(cpu[name][1:]), statistics.median(wall[name][1:])) for name in cpu}
    labels = {"empty 0": "an empty Textual app", "top 0": "inferdeck top: first frame", "top 1": "all its figures"}
    print(f"\nup to the first frame, median of {runs} runs in turns")
    for name, label in labels.items():
        used, passed = told[name]
        print(f"{label:28} {used * 1e3:7.0f} ms CPU {used / told['empty 0'][0]:6.2f} × {passed * 1e3:7.0f} ms")
    goals.told("CPU up to the first frame", told["top 0"][0] / told["empty 0"][0], GOAL_FRAME, "×")


def first_frame(server: Server, command: Sequence[str], marks: Sequence[bytes]) -> list[tuple[float, float]]:
    """Return CPU and time of the clock in seconds until each of the words has been written."""
    found: list[tuple[float, float]] = []
    with server.listening() as listener:
        began = time.monotonic()
        pane = server.start(command)
        written = b""
        while len(found) < len(marks):
            part = listener.heard(pane, 30.0)
            if part is None:
                raise SystemExit(f"{command[0]} does not write {marks[len(found)]!r}: {pane.text()}")
            written += part
            while len(found) < len(marks) and marks[len(found)] in written:
                found.append((cpu_seconds(pane.pid), time.monotonic() - began))
        pane.close()
    return found


def keys(server: Server, url: str, replay: Replay, times: int) -> None:
    """Print how long keys take until the picture is whole; times: an even number."""
    print(f"\nfrom a key to the whole picture, through tmux, ms{'':13} median    90 %   longest")
    pane = server.start(top(["--url", url], "bench"))
    pane.wait("Answered in")
    with server.listening() as listener:

        def told(what: str, *pressed: str, shown: Sequence[str] = ()) -> None:
            found = []
            for number in range(times):
                found.append(listener.painted(pane, pressed[number % len(pressed)]))
                if shown:
                    # What was heard may have been the clock's: the next key comes when this one has done its work.
                    listener.wait(pane, shown[number % len(pressed)])
            some = sorted(one * 1e3 for one in found if one is not None)
            if not some:
                print(f"{what:60} nothing was drawn")
                return
            middle, most = statistics.median(some), some[min(len(some) - 1, int(len(some) * 0.9))]
            print(f"{what:60} {middle:8.1f} {most:7.1f} {some[-1]:9.1f}", flush=True)

        told("six panels: the next one is selected (tab)", "Tab")
        listener.painted(pane, "1")
        told("six panels: the cursor reads the moment before (left)", "Left")
        told("six panels: one of them alone, and all again (m)", "m")
        told("six panels: help, and away again (? and esc)", "?", "Escape", shown=("everywhere", "Answered in"))
        replay.rows = True
        listener.wait(pane, "Answered in")
        listener.press(pane, ":")
        listener.wait(pane, "a view: overview")
        for key in (*"models", "Enter"):
            listener.painted(pane, key)
        listener.wait(pane, "model-010")
        told("500 rows: another one is selected (down, up)", "Down", "Up")
        listener.painted(pane, "End")
        listener.painted(pane, "Home")
        for _ in range(HEIGHT):
            listener.painted(pane, "Down")
        told("500 rows: scrolled by a line (down)", "Down")
        told("500 rows: scrolled by a page (page down, page up)", "NPage", "PPage")
        told("500 rows: to the end and to the beginning (end, home)", "End", "Home")
        listener.painted(pane, "Home")
    held(pane, 400)
    with server.listening() as listener:
        told("500 rows: sorted by the next column (s)", "s")
    replay.rows = False
    pane.close()


def held(pane: Pane, rows: int) -> None:
    """Print what it costs to go down row by row with a key for each, as fast as the program takes them."""
    pane.wait("model-000")
    before, began = pane.cost(), time.monotonic()
    pane.press(*["Down"] * rows)
    pane.wait(f"model-{rows:03}", pause=0.02)
    took = time.monotonic() - began
    after = pane.cost()
    used, written = after.cpu_seconds - before.cpu_seconds, after.written - before.written
    print(
        f"500 rows: a key for each of {rows}: {took:.2f} s, {rows / took:.0f} rows/s, {used * 1e3 / rows:.1f} ms CPU "
        f"and {written / rows:.0f} bytes a row",
        flush=True,
    )


def growth(server: Server, url: str, replay: Replay, refreshes: int, goals: Goals) -> None:
    """Print memory while so many refreshes show what has happened since."""
    began = time.monotonic()
    command = top(["--url", url], "bench")
    samples = top_growth.hurried(server, command, replay, refreshes, step=STEP_SECONDS, interval=INTERVAL_SECONDS)
    print(f"\n{refreshes} refreshes in {time.monotonic() - began:.0f} s, as many as {samples[-1][0]:.0f} minutes have")
    top_growth.told("six panels", samples)
    goals.told("growth in 30 minutes, after the first third", top_growth.grown(samples), GOAL_GROWTH_MB, "MB")


def lasting(server: Server, url: str, minutes: float, goals: Goals) -> None:
    """Print memory over so many minutes in which the past goes on faster than it was."""
    print(f"\n{minutes:g} minutes in which {minutes * PACE:g} of the past are shown")
    compared = {"six panels": (top(["--url", url], "bench"), "Answered in")}
    compared["overview"] = (top(["--url", url], "overview"), "healthy")
    for name, samples in top_growth.unhurried(server, compared, minutes).items():
        top_growth.told(name, samples)
        goals.told(
            f"{name}: growth in 30 minutes, after the first third", top_growth.grown(samples), GOAL_GROWTH_MB, "MB"
        )


def main() -> int:
    """Print everything; exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--short", action="store_true", help="shorter windows, to see that all works; growth is that of a start"
    )
    parser.add_argument("--only", default="cost,frames,keys,growth")
    parser.add_argument("--refreshes", type=int, default=1800, help="in which growth is measured, at most 3,500")
    parser.add_argument("--config", help="the configuration file of a demo that runs already")
    options = parser.parse_args()
    if shutil.which("tmux") is None:
        raise SystemExit("tmux is not installed: apt-get install tmux")
    goals = Goals()
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        folder = Path(name)
        running = contextlib.nullcontext(Path(options.config)) if options.config else demo(folder)
        with running as config:
            parts = options.only.split(",")
            run(config, folder, parts, short=bool(options.short), refreshes=int(options.refreshes), goals=goals)
    return 1 if goals.missed else 0


def run(config: Path, folder: Path, parts: Sequence[str], *, short: bool, refreshes: int, goals: Goals) -> None:
    """Print the parts that are wanted."""
    write_dashboard(config.parent)
    live = str(json.loads((config.parent / "data" / "daemon.json").read_text())["url"])
    status = Client(Address(url=live), 30.0).status()
    vllm = next((one.url for one in status.services if one.kind == "vllm"), "")
    replay, server = Replay(live), Server(folder, {"XDG_RUNTIME_DIR": str(folder)})
    works: dict[str, Callable[[str], None]] = {
        "cost": lambda url: costs(server, programs(config, url, vllm, folder), replay, 20.0 if short else 60.0, goals),
        "frames": lambda url: frames(server, config, 3 if short else 10, goals),
        "keys": lambda url: keys(server, url, replay, 8 if short else 30),
        "growth": lambda url: growth(server, url, replay, 120 if short else refreshes, goals),
        "lasting": lambda url: lasting(server, url, 3.0 if short else top_growth.MINUTES, goals),
    }
    try:
        with served(replay) as url:
            for part, work in works.items():
                if part in parts:
                    replay.live() if part == "keys" else replay.begin(time.time() - PAST_SECONDS, PACE)
                    work(url)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
