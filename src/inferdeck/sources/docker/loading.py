"""How far an engine has come with loading its model, read off the lines it writes while it does.

The daemon stamps every line, so only the words matter here. They are those of vLLM 0.6 to 0.32, SGLang, TGI 2 and 3,
llama.cpp and Ollama; a phase begins with its first word and none is entered twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from inferdeck.model.happening import Happening
from inferdeck.sources.docker.container import Container
from inferdeck.sources.dockerd import Line

PHASES = ("starting", "download", "weights", "compile", "warmup", "ready")
"""In the order in which they come; an engine leaves out those that it has no need of."""
_LONGEST = 2000
_WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "vllm": (
        ("ready", r"Application startup complete|Starting vLLM (?:API )?server(?: \d+)? on http"),
        (
            "warmup",
            r"Graph capturing finished|init engine \(profile, create kv cache, warmup",
        ),
        ("compile", r"Loading (?:model )?weights took|Model loading took|Capturing (?:the model for )?CUDA ?graphs?"),
        ("weights", r"Starting to load model|Loading (?:safetensors|pt) checkpoint shards|Loading model weights\b"),
        ("download", r"Downloading (?:weights|model)|Time spent downloading weights"),
    ),
    "sglang": (
        ("ready", r"The server is fired up and ready to roll"),
        ("warmup", r"Capture (?:\w+ )?graph end|Uvicorn running on|Application startup complete"),
        ("compile", r"Load weight end|Capture (?:\w+ )?graph begin|Tuning |autotun"),
        ("weights", r"Load weight begin|Loading safetensors checkpoint shards"),
        ("download", r"Downloading (?:weights|model)"),
    ),
    "tgi": (
        ("ready", r"(?:router[^ ]*:\d+: |\"message\":\")Connected\b"),
        ("warmup", r"Warming up model"),
        ("compile", r"Shard ready in|Starting Webserver"),
        ("weights", r"Starting shard|Successfully downloaded weights|Files are already present"),
        ("download", r"Starting (?:check and )?download process|Downloading? file"),
    ),
    "llamacpp": (
        ("ready", r"model loaded|server is listening on|all slots are idle"),
        ("warmup", r"warming up the model"),
        ("weights", r"load_model: loading model|llama_model_load|load_tensors:|loading model"),
        ("download", r"(?:common_download_file|download)[^:]*: (?:trying to )?download"),
    ),
    "ollama": (("ready", r"Listening on \S+ \(version"),),
}
_COMPILED = {
    kind: tuple((phase, re.compile(words, re.IGNORECASE)) for phase, words in table) for kind, table in _WORDS.items()
}


def phase_of(engine: str, text: str) -> str:
    """Return the phase that begins with this line, "" where none does."""
    head = text[:_LONGEST]
    return next((phase for phase, words in _COMPILED.get(engine, ()) if words.search(head)), "")


@dataclass(slots=True)
class Timeline:
    """The loading of one life of one container; `began` maps each phase to the Unix seconds of its first line."""

    container: str
    started: float
    since: float = 0.0
    """From when on its log is this life's: a moment before the start, which the daemon notes a little late."""
    began: dict[str, float] = field(default_factory=dict)
    last_ns: int = 0
    read_bytes: int = 0
    due: float = 0.0
    """When to read on, in Unix seconds."""
    over: bool = False
    """Nothing more is read: it is ready, or its beginning is no longer to be had."""

    @property
    def phase(self) -> str:
        """The phase that it is in, as far as it is known."""
        return next((phase for phase in reversed(PHASES) if phase in self.began), "")

    def hear(self, engine: str, lines: Iterable[Line]) -> Iterator[str]:
        """Yield each phase that these lines begin."""
        heard = self.last_ns
        for line in lines:
            if line.time_ns <= heard:
                continue
            self.last_ns = line.time_ns
            self.read_bytes += len(line.text) + line.cut
            phase = phase_of(engine, line.text)
            if phase and PHASES.index(phase) > PHASES.index(self.phase or "starting"):
                self.began[phase] = line.time_ns / 1e9
                yield phase
            if phase == "ready":
                self.over = True
                return

    def seconds(self, phase: str) -> float:
        """Return how long the phases before this one took together, from the start on."""
        return max(0.0, self.began[phase] - self.started)

    def facts(self) -> dict[str, str]:
        """Return the phase and when each began, in Unix seconds."""
        times = {"started": self.started, **self.began}
        return {"phase": self.phase or "starting"} | {key: f"{value:.3f}" for key, value in times.items()}

    def happening(self, phase: str, container: Container, source: str) -> Happening:
        """Return what is told when a phase begins."""
        words = "is ready" if phase == "ready" else f"began to load ({phase})"
        said = f"{container.name} {words}, {self.seconds(phase):.1f} s after it started"
        facts = {"phase": phase, "engine": container.engine, "id": container.id[:12], "model": container.model}
        facts["seconds"] = f"{self.seconds(phase):.3f}"
        shown = {key: value for key, value in facts.items() if value}
        return Happening(self.began[phase], "load_phase", container.name, said, source, shown)
