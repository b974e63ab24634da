"""Log lines of the fleet's programs: their own formats, from events, bounded."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from inferdeck.simulate.events import Answered, Ended, Event, Left, Phase, Started
from inferdeck.simulate.servers.logs import Journal, LogFiles, build, files, formats
from inferdeck.simulate.servers.logs.journal import KEPT
from inferdeck.simulate.world import World
from tests.unit.simulate.fleets import MONDAY_TEN, small

PATTERNS = {
    "litellm": r'\{"message": "10\.0\.0\.\d+:\d+ - \\"POST /v1/chat/completions HTTP/1\.1\\" 200", "level": "INFO", ',
    "vllm-a": r"\(APIServer pid=\d+\) INFO 11-23 10:0\d:\d\d \[loggers\.py:335\] Engine 000: Avg prompt throughput: "
    r"\d+\.\d tokens/s, Avg generation throughput: \d+\.\d tokens/s, Running: \d+ reqs, Waiting: \d+ reqs, "
    r"GPU KV cache usage: \d+\.\d%, Prefix cache hit rate: \d+\.\d%",
    "llamacpp": r"\d+\.\d\d\.\d{3}\.\d{3} I slot print_timing: id  0 \| task \d+ \| "
    r"prompt eval time = +\d+\.\d\d ms / +\d+ tokens",
    "redis": r"\d+:M 23 Nov 2026 10:00:00\.000 \* Ready to accept connections",
}


class Logged:
    """A world, its journal and what happened."""

    def __init__(self, seconds: float, folder: Path) -> None:
        fleet = small(60.0)
        self.world = World(fleet, seed=4, start=MONDAY_TEN)
        self.files: LogFiles = build(folder, fleet)
        self.journal: Journal = self.files.journal
        self.events: list[Event] = []
        self.world.subscribe(self.files.handlers())
        self.world.kernel.watch(self.events.append)
        self.world.run_until(MONDAY_TEN + seconds)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    return Logged(120.0, tmp_path_factory.mktemp("logs"))


@pytest.mark.parametrize("process", PATTERNS)
def test_lines_are_in_the_programs_format(logged: Logged, process: str) -> None:
    lines = [line.text for line in logged.journal.since(process, 0)]
    assert any(re.match(PATTERNS[process], line) for line in lines), lines[-3:]


def test_every_answer_has_its_line(logged: Logged) -> None:
    answered = sum(isinstance(event, Answered) for event in logged.events)
    lines = [line.text for line in logged.journal.since("litellm", 0)]
    assert sum("POST /v1/" in line for line in lines) == answered
    assert all(json.loads(line)["component"] for line in lines if line.startswith("{"))
    left = [event for event in logged.events if isinstance(event, Left) and event.engine == "vllm-a"]
    served = [line.text for line in logged.journal.since("vllm-a", 0) if "200 OK" in line.text]
    assert len(served) == sum(event.finish in ("stop", "length") for event in left)


def test_an_older_gateway_writes_plain_text() -> None:
    fleet = small(60.0, version="1.80.0")
    world = World(fleet, seed=4, start=MONDAY_TEN)
    journal = Journal(fleet, "app-1")
    world.subscribe(journal.handlers())
    world.run_until(MONDAY_TEN + 60)
    assert set(journal.lines) == {"litellm", "redis"}
    lines = [line.text for line in journal.since("litellm", 0)]
    assert any(re.fullmatch(r'INFO:     [\d.:]+ - "POST /v1/chat/completions HTTP/1.1" 200 OK', line) for line in lines)
    assert any("LiteLLM Router:INFO\x1b[0m: router.py" in line for line in lines)


def test_files_grow_with_what_is_written(logged: Logged) -> None:
    logged.files.refresh(logged.world.now)
    path = logged.files.path("litellm")
    before = path.read_text().splitlines()
    assert before == [line.text for line in logged.journal.since("litellm", 0)]
    logged.files.refresh(logged.world.now)
    assert path.read_text().splitlines() == before
    logged.world.run_until(logged.world.now + 60)
    logged.files.refresh(logged.world.now)
    assert path.read_text().splitlines()[: len(before)] == before
    assert len(path.read_text().splitlines()) > len(before)


def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_BYTES", 4000)
    logged = Logged(0.0, tmp_path)
    for step in range(1, 60):
        logged.world.run_until(MONDAY_TEN + 2 * step)
        logged.files.refresh(logged.world.now)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert "litellm.log.1" in sizes
    assert all(size < 12_000 for size in sizes.values())
    assert all(len(lines) <= KEPT for lines in logged.journal.lines.values())


def test_a_killed_process_has_no_last_word_and_a_strange_name_no_strange_file(tmp_path: Path) -> None:
    fleet = small()
    journal = Journal(fleet)
    handlers = journal.handlers()
    handlers[Started, "vllm-a"](Started(10.0, "vllm-a", "0.33.0", 7, "start"))
    handlers[Ended, "vllm-a"](Ended(20.0, "vllm-a", 137, "crash"))
    assert [line.time for line in journal.since("vllm-a", 0)] == [10.0]
    log = LogFiles(tmp_path, fleet)
    assert log.path("../../etc/passwd").parent == tmp_path
    assert log.path("gpu-1/node").name == "gpu-1_node.log"
    assert log.path("a b/ü\n").name.startswith("a_b_ü_-") and log.path("a b/ü\n") != log.path("a b/ü\t")
    assert len(log.path("ü" * 300).name.encode()) < 120 and log.path("ü" * 300) != log.path("ü" * 301)
    assert log.path("").name == "_.log"


def test_durations_are_gos() -> None:
    texts = {0.000512345: "512.345µs", 0.0125: "12.5ms", 1.3560275: "1.3560275s", 75.5: "1m15.5s"}
    assert {seconds: formats.duration(seconds) for seconds in texts} == texts


def test_an_engine_says_when_each_phase_of_its_loading_begins(logged: Logged) -> None:
    lines = list(logged.journal.since("vllm-a", 0))
    words = ("Starting to load model", "Loading weights took", "Graph capturing finished", "Starting vLLM server on")
    said = [next(line.time for line in lines if word in line.text) for word in words]
    phases = [one.time for one in logged.events if isinstance(one, Phase) and one.engine == "vllm-a"]
    assert said[-1] == MONDAY_TEN
    assert said == sorted(said)
    assert phases == [] or set(phases) <= set(said)


def test_sglang_and_tgi_have_words_of_their_own() -> None:
    assert re.fullmatch(
        r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] Load weight begin\..*", formats.sglang_phase(0.0, "weights", 0.0)
    )
    assert formats.sglang_phase(0.0, "ready", 0.0).endswith("The server is fired up and ready to roll!")
    assert formats.tgi_phase(0.0, "warmup", 0.0).endswith("router/src/main.rs:317: Warming up model")
    assert formats.tgi_phase(0.0, "ready", 0.0).endswith(": Connected")
