"""What a container of each kind of program looks like: image, command, environment, ports, cards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from inferdeck.simulate import fleet as things

HEALTH_INTERVAL_SECONDS = 30.0
HEALTH_RETRIES = 3
_VLLM_TAGS = ("vllm/vllm-openai", 8000)
IMAGES: dict[str, tuple[str, int]] = {
    "gateway": ("ghcr.io/berriai/litellm", 4000),
    "vllm": _VLLM_TAGS,
    "sglang": ("lmsysorg/sglang", 30000),
    "tgi": ("ghcr.io/huggingface/text-generation-inference", 80),
    "llamacpp": ("ghcr.io/ggml-org/llama.cpp", 8080),
    "ollama": ("ollama/ollama", 11434),
    "cache": ("redis", 6379),
    "application": ("registry.example/application", 8000),
    "langfuse": ("langfuse/langfuse", 3000),
    "node": ("quay.io/prometheus/node-exporter", 9100),
    "dcgm": ("nvcr.io/nvidia/k8s/dcgm-exporter", 9400),
}
IMAGE_BYTES = {"vllm": 9.6e9, "sglang": 13.1e9, "tgi": 6.2e9, "llamacpp": 1.9e9, "ollama": 1.8e9, "gateway": 1.45e9}
SMALL_IMAGE_BYTES = 1.2e8
_HEALTH = {
    "gateway": "curl -f http://localhost:4000/health/liveliness || exit 1",
    "vllm": "curl -f http://localhost:8000/health || exit 1",
    "sglang": "curl -f http://localhost:30000/health || exit 1",
    "tgi": "curl -f http://localhost:80/health || exit 1",
    "llamacpp": "curl -f http://localhost:8080/health || exit 1",
    "cache": "redis-cli ping || exit 1",
    "langfuse": "wget -q -O- http://localhost:3000/api/public/health || exit 1",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What stays of a container as long as its image's version does."""

    process: str
    kind: str
    """A kind of engine where it is one."""
    name: str
    image: str
    command: tuple[str, ...]
    environment: tuple[str, ...]
    port: int
    health: str
    """The command that looks at its health; "" where none does."""
    gpus: tuple[str, ...]
    memory_limit: int
    labels: tuple[tuple[str, str], ...]


def facts(process: str, kind: str, version: str, host: things.Host, fleet: things.Fleet) -> Facts:
    """Return the facts of a process' container."""
    engine = next((one for one in fleet.engines if one.name == process), None)
    look = engine.kind if engine is not None else kind
    repository, port = IMAGES.get(look, IMAGES["application"])
    name = container_name(process, kind)
    indices = [gpu.index for gpu in fleet.gpus if engine is not None and gpu.name in engine.gpus]
    if kind == "dcgm":
        indices = [gpu.index for gpu in fleet.gpus if gpu.host == host.name]
    cache = next((one for one in fleet.caches if one.name == process), None)
    return Facts(
        process=process,
        kind=look,
        name=name,
        image=f"{repository}:{_tag(look, version)}",
        command=_command(look, engine, cache, port),
        environment=_environment(indices),
        port=port,
        health=_HEALTH.get(look, ""),
        gpus=tuple(map(str, indices)),
        memory_limit=0,
        labels=(("com.docker.compose.project", fleet.name or "fleet"), ("com.docker.compose.service", name)),
    )


def container_name(process: str, kind: str) -> str:
    """Return a name that Docker allows: [a-zA-Z0-9][a-zA-Z0-9_.-]+."""
    plain = {"node": "node-exporter", "dcgm": "dcgm-exporter"}.get(kind, process)
    text = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in plain)
    return text if len(text) > 1 and text[0].isalnum() else f"c{text}"


def digest(*parts: object) -> str:
    """Return 64 hex digits that stand for these."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def _tag(kind: str, version: str) -> str:
    match kind:
        case "gateway":
            return f"main-v{version}-stable"
        case "vllm" | "sglang":
            return f"v{version}"
        case "llamacpp":
            return f"server-cuda-{version}"
        case "node":
            return f"v{version}"
        case "dcgm":
            return f"{version}-ubuntu22.04"
        case _:
            return version or "latest"


def _command(kind: str, engine: things.Engine | None, cache: things.Cache | None, port: int) -> tuple[str, ...]:
    if engine is None:
        size = f"{int(cache.max_memory_bytes)}" if cache is not None else ""
        redis = ("redis-server", "--save", "", "--maxmemory", size, "--maxmemory-policy", "allkeys-lru")
        gateway = ("litellm", "--config", "/app/config.yaml", "--port", str(port))
        return {"gateway": gateway, "cache": redis}.get(kind, (f"/bin/{kind}",))
    model, context = engine.model, str(engine.model.context)
    cards, name = str(max(1, len(engine.gpus))), model.repository or model.name
    match kind:
        case "vllm":
            quantization = ("--quantization", model.quantization) if model.quantization else ()
            options = ("--served-model-name", model.name, "--tensor-parallel-size", cards, "--max-model-len", context)
            return ("vllm", "serve", name, *options, "--max-num-seqs", str(engine.max_sequences), *quantization)
        case "sglang":
            return ("python3", "-m", "sglang.launch_server", "--model-path", name, "--tp", cards, "--enable-metrics")
        case "tgi":
            return ("text-generation-launcher", "--model-id", name, "--num-shard", cards)
        case "llamacpp":
            slots = str(engine.max_sequences)
            return ("/app/llama-server", "-m", f"/models/{model.name}.gguf", "-np", slots, "-c", context, "--metrics")
        case _:
            return ("/bin/ollama", "serve")


def _environment(cards: list[int]) -> tuple[str, ...]:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if not cards:
        return (path,)
    return (path, "CUDA_VERSION=12.8.1", f"NVIDIA_VISIBLE_DEVICES={','.join(map(str, cards))}", "HF_HOME=/models")
