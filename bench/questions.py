"""The questions about the stack beside a plain `GET /api/status`, over HTTP, on the largest scenario.

    .venv/bin/python -m bench.questions

200 targets and 500 models (the scenario huge-fleet), read 21 times at 15 s by the real sources into the real store;
then each question with its largest page. "first" is the first time that it is asked, with the joins to be made;
"median" and "longest" are of 30 more, "cpu" is their mean processor time (asking and answering), which a busy machine
does not change. A ratio is the median beside that of /api/status in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from inferdeck.daemon.surroundings import NAMES_WINDOW_MS, claimed, known_versions, names_of  # noqa: E402
from inferdeck.query.evidence import Facts  # noqa: E402
from inferdeck.query.local import LocalQuestions  # noqa: E402
from inferdeck.query.stack.local import LocalStackQuestions  # noqa: E402
from inferdeck.simulate import scenario  # noqa: E402
from tests.pipeline.collecting import stage  # noqa: E402
from tests.pipeline.stack import surroundings  # noqa: E402
from tests.unit.api.place import served  # noqa: E402

COLLECTIONS, STEP_SECONDS, RUNS = 21, 15.0, 30
STATUS = "/api/status"
QUESTIONS = (
    "/api/services?limit=1000",
    "/api/containers?limit=1000",
    "/api/gpus?limit=1000",
    "/api/chains?limit=1000",
    "/api/routes?limit=1000",
    "/api/routes",
    "/api/chains?model=g-model-001",
    "/api/doctor",
)
MOST_MS = 100.0


def timed(ask: Callable[[], bytes]) -> tuple[float, list[float], float, int]:
    """Return the milliseconds of the first time, of the others, their mean CPU time, and the size of the answer."""
    took, size, cpu = [], 0, 0.0
    for number in range(RUNS + 1):
        cpu = time.process_time() if number == 1 else cpu
        began = time.perf_counter()
        size = len(ask())
        took.append((time.perf_counter() - began) * 1000)
    return took[0], took[1:], (time.process_time() - cpu) * 1000 / RUNS, size


def asking(url: str) -> Callable[[], bytes]:
    def ask() -> bytes:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read())

    return ask


async def main() -> None:
    chosen = scenario.named("huge-fleet")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with stage(chosen, place / "world") as found:
            for number in range(COLLECTIONS):
                await found.go(60.0 + number * STEP_SECONDS)
            around = surroundings(found)
            names: dict[str, tuple[str, ...]] = {}

            def facts() -> Facts:
                """Return what doctor is told in a daemon, which keeps the names of metrics for a minute."""
                if not names:
                    now = int(around.now * 1000)
                    names.update(names_of(found.database.series([], now - NAMES_WINDOW_MS, now), around.states))
                return Facts(names=names, claimed=claimed, versions=known_versions())

            plain = LocalQuestions(found.database, lambda: around, facts)
            stacked = LocalStackQuestions(found.database, lambda: around)
            (place / "api").mkdir()
            await asyncio.to_thread(serve, place / "api", plain, stacked, len(around.states))


def serve(folder: Path, plain: LocalQuestions, stacked: LocalStackQuestions, targets: int) -> None:
    with served(folder, stacked=stacked, plain=plain) as at:
        report(at.url, targets)


def report(url: str, targets: int) -> None:
    print(f"{targets} targets; {RUNS} times each, over HTTP, in milliseconds")
    print(f"{'question':36} {'first':>8} {'median':>8} {'longest':>8} {'cpu':>7} {'ratio':>6} {'KiB':>8}")
    base = 0.0
    for path in (STATUS, *QUESTIONS):
        first, rest, cpu, size = timed(asking(url + path))
        median = statistics.median(rest)
        base = base or median
        late = "  over 100 ms" if median > MOST_MS else ""
        row = f"{path:36} {first:8.1f} {median:8.1f} {max(rest):8.1f} {cpu:7.1f} {median / base:6.2f}"
        print(f"{row} {size / 1024:8.0f}{late}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
