"""Whether `inferdeck top` takes ever more memory: its resident memory while a past is played in front of it.

What it takes rises at first: caches fill, the range that charts show becomes whole, and the allocator finds its places.
That is the first third of a run. What it grows after that is the slope of a line through the other two thirds (least
squares), in MB in 30 minutes: the allocator takes steps of 0.1 MB now and then, and what an answer holds for a moment
may be among what is counted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from bench.terminals import Listener, Pane, Server, memory
from bench.top_replay import Replay

MINUTES = 30.0
SAMPLES = 60
EVERY_SECONDS = 10.0
Samples = list[tuple[float, float]]
"""Minutes that have been shown, resident MB (1,000,000 bytes)."""


def grown(samples: Samples) -> float:
    """Return by how many MB it grows in 30 minutes, after the first third."""
    late = [one for one in samples if one[0] >= samples[-1][0] / 3]
    middle, level = (sum(one[place] for one in late) / len(late) for place in (0, 1))
    spread = sum((minutes - middle) ** 2 for minutes, _ in late)
    return MINUTES * sum((minutes - middle) * (size - level) for minutes, size in late) / spread


def hurried(
    server: Server, command: Sequence[str], replay: Replay, refreshes: int, *, step: float, interval: float
) -> Samples:
    """Return samples of so many refreshes, each begun when the last was answered; they count as `interval` seconds.

    Between two of them `step` seconds of the past go by.
    """
    replay.begin(time.time() - refreshes * step - MINUTES * 60, 0.0)
    pane = server.start(command)
    pane.wait("Answered in")
    found: Samples = []
    with server.listening() as listener:
        for done in range(refreshes + 1):
            if done % max(1, refreshes // SAMPLES) == 0:
                found.append((done * interval / 60, memory(pane.pid)[0] / 1e6))
            _refreshed(listener, pane, replay, step)
    pane.close()
    return found


def _refreshed(listener: Listener, pane: Pane, replay: Replay, step: float) -> None:
    """Have it ask once more, and wait until it was answered and has drawn that."""
    before, end = replay.questions, time.monotonic() + 30.0
    replay.move(step)
    listener.press(pane, "r")
    listener.quiet(pane, 0.03)
    while replay.questions == before:
        if time.monotonic() > end:
            raise SystemExit(f"it asks no more:\n{pane.text()}")
        listener.quiet(pane, 0.03)


def unhurried(server: Server, programs: Mapping[str, tuple[Sequence[str], str]], minutes: float) -> dict[str, Samples]:
    """Return samples of programs that run side by side for so long; each: its command, words that it shows."""
    panes: dict[str, Pane] = {}
    for name, (command, words) in programs.items():
        panes[name] = server.start(command)
        panes[name].wait(words)
    found: dict[str, Samples] = {name: [] for name in panes}
    began = time.monotonic()
    while (passed := time.monotonic() - began) <= minutes * 60 + EVERY_SECONDS / 2:
        for name, pane in panes.items():
            found[name].append((passed / 60, memory(pane.pid)[0] / 1e6))
        time.sleep(EVERY_SECONDS - (time.monotonic() - began) % EVERY_SECONDS)
    for pane in panes.values():
        pane.close()
    return found


def told(name: str, samples: Samples, lines: int = 12) -> None:
    """Print some of the samples."""
    some = samples[:: max(1, len(samples) // lines)]
    some += [] if some[-1] == samples[-1] else [samples[-1]]
    print(f"{name}, resident MB after minutes: {'  '.join(f'{at:.0f}: {size:.1f}' for at, size in some)}", flush=True)
