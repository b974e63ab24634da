"""How each program writes a line: functions of a wall-clock time and of what happened.

Captured: vLLM 0.32 (its access and statistics lines), llama.cpp b11434, Redis 7.0.15. Read in source: LiteLLM 1.106's
JSON formatter and router lines, GIN's access line as Ollama prints it. As public logs of theirs show them: what SGLang,
TGI and vLLM on a GPU say while they load. Unverified: everything else of SGLang and TGI, Langfuse.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus

from inferdeck.simulate.events import FAULTS, Answered, AttemptEnded, Left

GIN_PATH = "/api/chat"


def at(wall: float) -> datetime:
    """Return a wall-clock time in UTC."""
    return datetime.fromtimestamp(wall, UTC)


def client(number: int) -> str:
    """Return an address from which a request with this number may have come."""
    return f"10.0.0.{number % 200 + 20}:{32768 + number * 13 % 28000}"


def access(wall: float, method: str, path: str, status: int, number: int) -> str:
    """Return uvicorn's access line."""
    del wall
    return f'INFO:     {client(number)} - "{method} {path} HTTP/1.1" {status} {HTTPStatus(status).phrase}'


def json_access(wall: float, method: str, path: str, status: int, number: int) -> str:
    """Return uvicorn's access line as LiteLLM writes it with json_logs."""
    message = f'{client(number)} - "{method} {path} HTTP/1.1" {status}'
    return json_line(wall, "INFO", message, "uvicorn.access", "httptools_impl.py:484")


def json_line(wall: float, level: str, message: str, component: str, logger: str) -> str:
    """Return a line of LiteLLM's JsonFormatter (litellm/_logging.py)."""
    stamp = at(wall).replace(tzinfo=None).isoformat()
    fields = {"message": message, "level": level, "timestamp": stamp, "component": component, "logger": logger}
    return json.dumps(fields)


def answered(wall: float, event: Answered, as_json: bool) -> str:
    """Return what a gateway writes of a request that it answered."""
    status = 200 if event.fault is None else FAULTS[event.fault][1]
    line = json_access if as_json else access
    return line(wall, "POST", event.request.route, status, event.request.id)


def attempted(wall: float, event: AttemptEnded, as_json: bool) -> str:
    """Return the router's line of an attempt."""
    what = f"litellm.acompletion(model={event.deployment})"
    if event.fault is None:
        text, place = f"{what}\x1b[32m 200 OK\x1b[0m", "router.py:3993"
    else:
        name = FAULTS[event.fault][0]
        text, place = f"{what}\x1b[31m Exception litellm.{name}: {event.fault.value}\x1b[0m", "router.py:4023"
    if as_json:
        return json_line(wall, "INFO", text, "LiteLLM Router", place)
    return f"\x1b[92m{at(wall):%H:%M:%S} - LiteLLM Router:INFO\x1b[0m: {place} - {text}"


def litellm_began(wall: float, version: str, pid: int) -> str:
    """Return what a gateway says when it is up."""
    del wall, version
    return f"INFO:     Started server process [{pid}]"


def vllm(wall: float, pid: int, place: str, text: str, level: str = "INFO") -> str:
    """Return a line of vLLM's own logger."""
    return f"(APIServer pid={pid}) {level} {at(wall):%m-%d %H:%M:%S} [{place}] {text}"


def vllm_began(wall: float, version: str, pid: int, name: str) -> str:
    """Return vLLM's first line."""
    return vllm(wall, pid, "api_utils.py:347", f"version {version} model {name}")


def vllm_loaded(wall: float, pid: int, seconds: float) -> str:
    """Return vLLM's line when the weights are read."""
    return vllm(wall, pid, "default_loader.py:501", f"Loading weights took {seconds:.2f} seconds")


def vllm_ready(wall: float, pid: int) -> str:
    """Return vLLM's line when it serves."""
    return vllm(wall, pid, "entry.py:140", "Starting vLLM server on http://0.0.0.0:8000")


def vllm_phase(wall: float, pid: int, phase: str, model: str, seconds: float) -> str:
    """Return vLLM's line as a phase of its loading begins; `seconds` is how long the one before took."""
    if phase == "weights":
        return vllm(wall, pid, "gpu_model_runner.py:4120", f"Starting to load model {model}...")
    if phase == "compile":
        return vllm_loaded(wall, pid, seconds)
    if phase == "warmup":
        return vllm(wall, pid, "gpu_model_runner.py:4891", f"Graph capturing finished in {seconds:.0f} secs")
    return vllm_ready(wall, pid)


def sglang_phase(wall: float, phase: str, seconds: float) -> str:
    """Return SGLang's line as a phase of its loading begins; `seconds` is how long the one before took."""
    text = {
        "weights": "Load weight begin. avail mem=78.19 GB",
        "compile": "Capture cuda graph begin. This can take up to several minutes. avail mem=15.30 GB",
        "warmup": f"Capture cuda graph end. Time elapsed: {seconds:.2f} s. mem usage=0.80 GB. avail mem=14.50 GB.",
    }.get(phase, "The server is fired up and ready to roll!")
    return f"[{at(wall):%Y-%m-%d %H:%M:%S}] {text}"


def tgi_phase(wall: float, phase: str, seconds: float) -> str:
    """Return TGI's line as a phase of its loading begins; `seconds` is how long the one before took."""
    text = {
        "weights": "shard-manager: text_generation_launcher: Starting shard rank=0",
        "compile": f"shard-manager: text_generation_launcher: Shard ready in {seconds:.9f}s rank=0",
        "warmup": "text_generation_router: router/src/main.rs:317: Warming up model",
    }.get(phase, "text_generation_router: router/src/main.rs:355: Connected")
    return f"{at(wall):%Y-%m-%dT%H:%M:%S.%f}Z  INFO {text}"


def vllm_statistics(
    wall: float, pid: int, prompt: float, output: float, running: int, waiting: int, kv: float, hits: float
) -> str:
    """Return vLLM's line of every ten seconds (tokens per second; shares 0..1)."""
    text = (
        f"Engine 000: Avg prompt throughput: {prompt:.1f} tokens/s, Avg generation throughput: {output:.1f} tokens/s, "
        f"Running: {running} reqs, Waiting: {waiting} reqs, GPU KV cache usage: {100 * kv:.1f}%, "
        f"Prefix cache hit rate: {100 * hits:.1f}%"
    )
    return vllm(wall, pid, "loggers.py:335", text)


def llamacpp(wall: float, elapsed: float, text: str) -> str:
    """Return a line of llama-server, which begins with the minutes, seconds, ms and µs since it began."""
    del wall
    micros = max(0, int(elapsed * 1e6))
    minutes, rest = divmod(micros, 60_000_000)
    return f"{minutes}.{rest // 1_000_000:02d}.{rest // 1000 % 1000:03d}.{rest % 1000:03d} I {text}"


def llamacpp_timing(wall: float, elapsed: float, event: Left) -> str:
    """Return the lines of a request that a llama-server has ended."""
    prompt, output = max(1, event.prompt_tokens - event.cached_tokens), max(1, event.output_tokens)
    reading, writing = max(event.prefill_seconds, 1e-6), max(event.decode_seconds, 1e-6)
    head = f"slot print_timing: id  0 | task {event.attempt} | "
    total = event.prompt_tokens + event.output_tokens
    lines = (
        f"{head}prompt eval time = {1000 * reading:10.2f} ms / {prompt:5d} tokens "
        f"({1000 * reading / prompt:8.2f} ms per token, {prompt / reading:8.2f} tokens per second)",
        f"{head}       eval time = {1000 * writing:10.2f} ms / {output:5d} tokens "
        f"({1000 * writing / output:8.2f} ms per token, {output / writing:8.2f} tokens per second)",
        f"{head}      total time = {1000 * (reading + writing):10.2f} ms / {total:5d} tokens",
        f"slot      release: id  0 | task {event.attempt} | stop processing: n_tokens = {total}, truncated = 0",
    )
    return "\n".join(llamacpp(wall, elapsed, line) for line in lines)


def gin(wall: float, status: int, seconds: float, number: int, path: str = GIN_PATH) -> str:
    """Return GIN's access line as Ollama prints it."""
    address = client(number).partition(":")[0]
    took = duration(seconds)
    return f'[GIN] {at(wall):%Y/%m/%d - %H:%M:%S} | {status:3d} | {took:>13s} | {address:>15s} | POST     "{path}"'


def duration(seconds: float) -> str:
    """Return a duration as Go prints it."""
    if seconds >= 60:
        minutes, rest = divmod(seconds, 60)
        return f"{int(minutes)}m{rest:.9g}s"
    if seconds >= 1:
        return f"{seconds:.9g}s"
    return f"{seconds * 1e3:.6g}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.6g}µs"


def ollama(wall: float, text: str) -> str:
    """Return a line of Ollama's own logger."""
    return f"time={at(wall).isoformat(timespec='milliseconds')} level=INFO source=routes.go:1297 msg={json.dumps(text)}"


def redis(wall: float, pid: int, text: str, level: str = "*") -> str:
    """Return a line of a Redis."""
    stamp = at(wall)
    return f"{pid}:M {stamp:%d %b %Y %H:%M:%S}.{stamp.microsecond // 1000:03d} {level} {text}"


def plain(wall: float, text: str, level: str = "INFO") -> str:
    """Return a line of a program without a format of its own."""
    return f"{at(wall).isoformat(timespec='milliseconds').replace('+00:00', 'Z')} {level.lower()} {text}"
