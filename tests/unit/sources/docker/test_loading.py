"""Phases read off captured logs, and off lines that engines on GPUs are known to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.sources import catalog
from inferdeck.sources.docker.loading import Timeline, phase_of
from inferdeck.sources.dockerd import Line

SAMPLES = Path(catalog.FOLDER) / "docker/samples"


def heard(engine: str, text: list[str]) -> dict[str, float]:
    timeline = Timeline("c", 0.0)
    lines = [Line((number + 1) * 10**9, "stdout", line) for number, line in enumerate(text)]
    assert list(timeline.hear(engine, lines)) == list(timeline.began)
    return timeline.began


@pytest.mark.parametrize(
    ("engine", "name", "phases"),
    [
        ("vllm", "vllm-0.32.0-log.txt", ["weights", "compile", "warmup", "ready"]),
        ("llamacpp", "llamacpp-b10434-log.txt", ["weights", "ready"]),
    ],
)
def test_captured_logs(engine: str, name: str, phases: list[str]) -> None:
    began = heard(engine, (SAMPLES / name).read_text().splitlines())
    assert list(began) == phases
    assert list(began.values()) == sorted(began.values())


@pytest.mark.parametrize(
    ("engine", "line", "phase"),
    [
        ("vllm", "INFO 05-01 10:00:00 [gpu_model_runner.py:1] Starting to load model Qwen/Qwen3-8B...", "weights"),
        ("vllm", "INFO 05-01 model_runner.py:1 Loading model weights took 14.9888 GB", "compile"),
        ("vllm", "Capturing CUDA graph shapes:  50%|#####     | 17/35", "compile"),
        ("vllm", "INFO [gpu_model_runner.py:1] Graph capturing finished in 21 secs, took 0.51 GiB", "warmup"),
        ("vllm", "INFO:     Application startup complete.", "ready"),
        ("vllm", "INFO [api_server.py:1] Starting vLLM API server 0 on http://0.0.0.0:8000", "ready"),
        ("vllm", "INFO [api_server.py:1] vLLM API server version 0.9.0", ""),
        ("sglang", "[2025-05-02 16:14:30] Load weight begin. avail mem=78.19 GB", "weights"),
        (
            "sglang",
            "[2025-05-02 16:14:33 TP0] Capture cuda graph begin. This can take up to several minutes.",
            "compile",
        ),
        ("sglang", "[2025-05-02 16:14:40 TP0] Capture cuda graph end. Time elapsed: 8.04 s.", "warmup"),
        ("sglang", "[2025-05-02 16:14:44] The server is fired up and ready to roll!", "ready"),
        (
            "tgi",
            "2024-05-07T12:39:10.1Z  INFO shard-manager: text_generation_launcher: Starting shard rank=0",
            "weights",
        ),
        (
            "tgi",
            "2024-05-07T12:39:20.5Z  INFO shard-manager: text_generation_launcher: Shard ready in 10.3s rank=0",
            "compile",
        ),
        (
            "tgi",
            "2024-05-07T12:39:21.2Z  INFO text_generation_router: router/src/main.rs:317: Warming up model",
            "warmup",
        ),
        ("tgi", "2024-05-07T12:39:22.1Z  INFO text_generation_router: router/src/main.rs:355: Connected", "ready"),
        ("tgi", '{"level":"INFO","message":"Connected","target":"text_generation_router"}', "ready"),
        ("ollama", 'time=2026-01-01T00:00:00Z level=INFO msg="Listening on [::]:11434 (version 0.12.0)"', "ready"),
        ("nginx", "ready", ""),
    ],
)
def test_lines_of_engines(engine: str, line: str, phase: str) -> None:
    assert phase_of(engine, line) == phase


def test_no_phase_is_entered_twice_or_backwards() -> None:
    lines = [
        "Starting to load model a...",
        "Loading weights took 1 s",
        "Starting to load model b...",
        "Graph capturing finished",
    ]
    assert list(heard("vllm", lines)) == ["weights", "compile", "warmup"]


def test_reading_goes_on_behind_the_last_line() -> None:
    timeline = Timeline("c", 0.0)
    first = [Line(1, "stdout", "Starting to load model a..."), Line(2, "stdout", "x")]
    assert list(timeline.hear("vllm", first)) == ["weights"]
    assert list(timeline.hear("vllm", [*first, Line(3, "stdout", "Application startup complete.")])) == ["ready"]
    assert timeline.over
