"""What the programs of a host use of it: constants that turn events into processor time, memory, traffic and log bytes.

Nothing is drawn: a process's share of the processors is constant between two of its events, its memory follows what it
holds, its traffic and its logs follow its requests. The figures are plausible for the programs named and unverified:
measured on none.
"""

from __future__ import annotations

from inferdeck.simulate.fleet import Engine

MIB = 2.0**20
GIB = 2.0**30

# Processors, in cores.
SYSTEM_CORES = 0.06
"""The kernel and the daemons of a host."""
IDLE_CORES = {
    "gateway": 0.01,
    "engine": 0.03,
    "cache": 0.002,
    "application": 0.005,
    "langfuse": 0.02,
    "node": 0.001,
    "dcgm": 0.004,
}
GATEWAY_CORES_PER_REQUEST = 0.03
CACHE_CORES_PER_REQUEST = 0.001
ENGINE_LOOP_CORES = 1.0
"""The scheduler's loop turns as long as anything runs."""
ENGINE_CORES_PER_REQUEST = 0.02
UNACCELERATED_CORES = 8.0
"""What an engine without a card computes on."""
LOADING_CORES = {"download": 0.6, "weights": 1.5, "compile": 6.0, "warmup": 1.0}
LOADING_WAIT_CORES = {"download": 0.1, "weights": 0.8}
"""Cores that wait for the disk meanwhile."""
USER_SHARE, SYSTEM_SHARE, SOFTIRQ_SHARE = 0.84, 0.13, 0.03
"""How busy time divides into modes."""

# Memory, in bytes.
SYSTEM_MEMORY = 1.4 * GIB
RESIDENT = {
    "gateway": 350 * MIB,
    "engine": 3.2 * GIB,
    "cache": 12_349_440.0,
    "application": 90 * MIB,
    "langfuse": 620 * MIB,
    "node": 20 * MIB,
    "dcgm": 320 * MIB,
}
GATEWAY_MEMORY_PER_REQUEST = 0.4 * MIB
ENGINE_MEMORY_PER_REQUEST = 1.5 * MIB
KV_BYTES_PER_TOKEN = 131_072.0
"""Of an engine whose key-value memory is in the host's memory."""
THREADS = {"gateway": 12, "engine": 48, "cache": 5, "application": 6, "langfuse": 23, "node": 9, "dcgm": 26}

# Network, in bytes.
HEADER_BYTES = 1100
BYTES_PER_TOKEN = 4
STREAMED_BYTES_PER_TOKEN = 230
"""A server-sent event holds one token and 226 bytes around it."""
BYTES_PER_PACKET = 1200

# Disk, in bytes.
GATEWAY_LOG_BYTES = 420
GATEWAY_ERROR_LOG_BYTES = 2600
"""A failed attempt leaves a traceback."""
ENGINE_LOG_BYTES = 180
DISK_BYTES_PER_SECOND = 2.0e9
DISK_OPERATION_BYTES = 262_144

BOOTED_BEFORE_SECONDS = 90.0
"""A host was up for this long when the first of its programs began."""


def answer_bytes(output_tokens: int, stream: bool) -> int:
    """Return the size of an answer on the wire."""
    return HEADER_BYTES + output_tokens * (STREAMED_BYTES_PER_TOKEN if stream else BYTES_PER_TOKEN)


def question_bytes(prompt_tokens: int) -> int:
    """Return the size of a request on the wire."""
    return HEADER_BYTES + prompt_tokens * BYTES_PER_TOKEN


def engine_cores(engine: Engine, running: int) -> float:
    """Return the cores that a loaded engine uses with `running` sequences in its batch."""
    if not running:
        return IDLE_CORES["engine"]
    return (ENGINE_LOOP_CORES if engine.gpus else UNACCELERATED_CORES) + ENGINE_CORES_PER_REQUEST * running


def engine_memory(engine: Engine, loaded: bool, running: int, kv_tokens: float) -> float:
    """Return the memory of the host that an engine uses: with cards, weights and key-value memory are on them."""
    memory = RESIDENT["engine"] + ENGINE_MEMORY_PER_REQUEST * running
    if not engine.gpus:
        memory += (engine.model.weights_bytes if loaded else 0.0) + KV_BYTES_PER_TOKEN * kv_tokens
    return memory


def gateway_memory(workers: int, in_flight: int) -> float:
    """Return the memory of a gateway's workers."""
    return RESIDENT["gateway"] * workers + GATEWAY_MEMORY_PER_REQUEST * in_flight
