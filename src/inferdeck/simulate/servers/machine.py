"""What a host's programs use of it: a fold of events with the constants of `physics`.

Processor shares are constant between events, so that their integrals are exact at any moment; where the programs want
more cores than the host has, each gets its part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import exp

from inferdeck.simulate import fleet as things
from inferdeck.simulate.events import (
    Answered,
    Arrived,
    Attempted,
    AttemptEnded,
    BatchChanged,
    ClockShifted,
    Ended,
    Left,
    Phase,
    Queued,
    Started,
)
from inferdeck.simulate.servers import physics
from inferdeck.simulate.servers.program import Handler

Key = tuple[type, str]


@dataclass(slots=True)
class Process:
    """One process (with its children): what it is, what it uses now and what it has used since it began."""

    name: str
    kind: str
    """gateway, engine, cache, application, langfuse, node or dcgm."""
    version: str = ""
    pid: int = 0
    running: bool = False
    started: float = 0.0
    cores: float = 0.0
    waiting: float = 0.0
    """Cores that wait for the disk."""
    cpu_seconds: float = 0.0
    mark: float = 0.0
    """The machine's `granted` when `cpu_seconds` was last brought up."""
    memory_bytes: float = 0.0
    peak_bytes: float = 0.0
    received_bytes: int = 0
    sent_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    in_flight: set[int] = field(default_factory=set)
    phase: str = ""
    kv_tokens: float = 0.0


@dataclass(slots=True)
class Totals:
    """A host's integrals and counters since it was booted."""

    busy: float = 0.0
    waiting: float = 0.0
    received_bytes: int = 0
    sent_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    stored_bytes: int = 0
    """What the programs added to the disk: logs and downloaded weights."""
    killed: int = 0
    forks: int = 0


class Machine:
    """One host."""

    def __init__(self, host: things.Host, fleet: things.Fleet) -> None:
        self.host = host
        self.processes = {process.name: process for process in _processes(host, fleet)}
        self.totals = Totals()
        self.clock_offset = 0.0
        self.booted: float | None = None
        self.now = 0.0
        self.cores = physics.SYSTEM_CORES
        """What all programs want."""
        self.waiting = 0.0
        self.granted = 0.0
        """Seconds since the boot, each weighted with the part of their wishes that the programs got."""
        self.loads = (0.0, 0.0, 0.0)
        self._fleet = fleet

    def handlers(self) -> dict[Key, Handler]:
        """Return what to call for which events."""
        found: dict[Key, list[Handler]] = {}

        def add(event: type, subject: str, handler: Handler) -> None:
            found.setdefault((event, subject), []).append(handler)

        add(ClockShifted, self.host.name, self._clock)
        for name in self.processes:
            add(Started, name, self._started)
            add(Ended, name, self._ended)
        for gateway in self._fleet.gateways:
            _Gateway(self, gateway, self._fleet).register(add)
        for engine in self._fleet.engines:
            if engine.name in self.processes:
                _Engine(self, engine, self._fleet).register(add)
        return {key: together(handlers) for key, handlers in found.items()}

    def settle(self, now: float) -> None:
        """Bring the host's integrals to this moment; the time never goes back."""
        passed = now - self.now
        if passed <= 0 or self.booted is None:
            self.now = max(self.now, now)
            return
        wanted, cores = self.cores, self.host.cores
        part = 1.0 if wanted <= cores else cores / wanted
        self.granted += passed * part
        self.totals.busy += passed * wanted * part
        if self.waiting:
            self.totals.waiting += passed * min(self.waiting, max(0.0, cores - wanted))
        queue = wanted + self.waiting
        one, five, fifteen = self.loads
        self.loads = (
            queue + (one - queue) * exp(-passed / 60.0),
            queue + (five - queue) * exp(-passed / 300.0),
            queue + (fifteen - queue) * exp(-passed / 900.0),
        )
        self.now = now

    def cpu_seconds(self, process: Process) -> float:
        """Return the processor time of a process up to the moment that the machine was last settled at."""
        return process.cpu_seconds + process.cores * (self.granted - process.mark)

    def want(self, process: Process, cores: float, now: float, waiting: float = 0.0) -> None:
        """Let a process use this many cores from now on."""
        if now != self.now:
            self.settle(now)
        process.cpu_seconds += process.cores * (self.granted - process.mark)
        process.mark = self.granted
        self.cores += cores - process.cores
        self.waiting += waiting - process.waiting
        process.cores, process.waiting = cores, waiting

    def hold(self, process: Process, memory: float) -> None:
        """Let a process hold this much memory from now on."""
        memory = float(int(memory))
        process.memory_bytes = memory
        if memory > process.peak_bytes:
            process.peak_bytes = memory

    def memory_bytes(self) -> float:
        """Return what all programs hold, at most all that there is."""
        held = sum(process.memory_bytes for process in self.processes.values())
        return min(float(int(physics.SYSTEM_MEMORY)) + held, self.host.memory_bytes)

    def stored_bytes(self) -> float:
        """Return what is on the disk; a full one takes no more."""
        return min(self.host.disk_used_bytes + self.totals.stored_bytes, self.host.disk_bytes)

    def write(self, process: Process, size: int) -> None:
        """Append to the disk, as logs do."""
        process.written_bytes += size
        self.totals.written_bytes += size
        self.totals.stored_bytes += size

    def _clock(self, event: ClockShifted) -> None:
        self.clock_offset = event.seconds

    def _started(self, event: Started) -> None:
        if self.booted is None:
            self.booted = self.now = event.time - physics.BOOTED_BEFORE_SECONDS
            self.settle(event.time)
        process = self.processes[event.process]
        self.want(process, 0.0, event.time)
        process.version, process.pid, process.running, process.started = event.version, event.pid, True, event.time
        process.cpu_seconds, process.peak_bytes, process.phase, process.kv_tokens = 0.0, 0.0, "", 0.0
        process.received_bytes = process.sent_bytes = process.read_bytes = process.written_bytes = 0
        process.in_flight.clear()
        self.want(process, physics.IDLE_CORES[process.kind], event.time)
        self.hold(process, physics.RESIDENT[process.kind])
        self.totals.forks += physics.THREADS[process.kind]

    def _ended(self, event: Ended) -> None:
        process = self.processes[event.process]
        self.want(process, 0.0, event.time)
        self.hold(process, 0.0)
        process.running = False
        process.in_flight.clear()
        self.totals.killed += event.code == 137


class _Gateway:
    """What the requests of a gateway do to the host of the gateway and to the host of its cache."""

    def __init__(self, machine: Machine, gateway: things.Gateway, fleet: things.Fleet) -> None:
        self.machine, self.gateway = machine, gateway
        self.process = machine.processes.get(gateway.name)
        self.cache = machine.processes.get(gateway.cache)
        here = {engine.name for engine in fleet.engines if engine.host == machine.host.name}
        self.near = {deployment.id for deployment in gateway.deployments if deployment.target in here}

    def register(self, add: Callable[[type, str, Handler], None]) -> None:
        name = self.gateway.name
        if self.process is not None:
            add(Arrived, name, self.arrived)
            add(Attempted, name, self.attempted)
            add(AttemptEnded, name, self.attempt_ended)
            add(Answered, name, self.answered)
        if self.cache is not None:
            add(Arrived, name, self.cache_arrived)
            add(Answered, name, self.cache_answered)

    def arrived(self, event: Arrived) -> None:
        process = self.process
        if process is None or not process.running:
            return
        process.in_flight.add(event.request.id)
        size = physics.question_bytes(event.request.prompt_tokens)
        process.received_bytes += size
        self.machine.totals.received_bytes += size
        self.changed(process, event.time)

    def attempted(self, event: Attempted) -> None:
        if self.process is not None:
            self.sent(self.process, physics.question_bytes(event.request.prompt_tokens), event.deployment)

    def attempt_ended(self, event: AttemptEnded) -> None:
        process = self.process
        if process is None:
            return
        size = physics.answer_bytes(event.usage.output, event.request.stream)
        process.received_bytes += size
        if event.deployment not in self.near:
            self.machine.totals.received_bytes += size
        if event.fault is not None:
            self.machine.write(process, physics.GATEWAY_ERROR_LOG_BYTES)

    def answered(self, event: Answered) -> None:
        process = self.process
        if process is None:
            return
        self.sent(process, physics.answer_bytes(event.usage.output, event.request.stream), "")
        self.machine.write(process, physics.GATEWAY_LOG_BYTES)
        if event.request.id in process.in_flight:
            process.in_flight.remove(event.request.id)
            self.changed(process, event.time)

    def sent(self, process: Process, size: int, deployment: str) -> None:
        process.sent_bytes += size
        if deployment not in self.near:
            self.machine.totals.sent_bytes += size

    def changed(self, process: Process, now: float) -> None:
        count = len(process.in_flight)
        cores = physics.IDLE_CORES["gateway"] + physics.GATEWAY_CORES_PER_REQUEST * count
        self.machine.want(process, min(cores, float(self.gateway.workers)), now)
        self.machine.hold(process, physics.gateway_memory(self.gateway.workers, count))

    def cache_arrived(self, event: Arrived) -> None:
        if self.cache is not None and self.cache.running:
            self.cache.in_flight.add(event.request.id)
            self.cache_changed(self.cache, event.time)

    def cache_answered(self, event: Answered) -> None:
        if self.cache is not None and event.request.id in self.cache.in_flight:
            self.cache.in_flight.remove(event.request.id)
            self.cache_changed(self.cache, event.time)

    def cache_changed(self, process: Process, now: float) -> None:
        self.machine.want(process, cache_cores(len(process.in_flight)), now)


class _Engine:
    """What an engine does to its host."""

    def __init__(self, machine: Machine, engine: things.Engine, fleet: things.Fleet) -> None:
        self.machine, self.engine = machine, engine
        self.process = machine.processes[engine.name]
        callers = [
            gateway.host for gateway in fleet.gateways for place in gateway.deployments if place.target == engine.name
        ]
        self.far = any(caller != engine.host for caller in callers) or not callers

    def register(self, add: Callable[[type, str, Handler], None]) -> None:
        name = self.engine.name
        add(Queued, name, self.queued)
        add(Left, name, self.left)
        add(BatchChanged, name, self.batch)
        add(Phase, name, self.phase)

    def queued(self, event: Queued) -> None:
        size = physics.question_bytes(event.prompt_tokens)
        self.process.received_bytes += size
        if self.far:
            self.machine.totals.received_bytes += size

    def left(self, event: Left) -> None:
        size = physics.answer_bytes(event.output_tokens, True)
        self.process.sent_bytes += size
        if self.far:
            self.machine.totals.sent_bytes += size
        self.machine.write(self.process, physics.ENGINE_LOG_BYTES)

    def batch(self, event: BatchChanged) -> None:
        process = self.process
        if not process.running or process.phase in physics.LOADING_CORES:
            return
        process.kv_tokens = event.kv_tokens
        self.machine.want(process, physics.engine_cores(self.engine, event.running), event.time)
        loaded = process.phase != "sleeping"
        self.machine.hold(process, physics.engine_memory(self.engine, loaded, event.running, event.kv_tokens))

    def phase(self, event: Phase) -> None:
        process, machine, size = self.process, self.machine, int(self.engine.model.weights_bytes)
        if process.phase == "download":
            process.received_bytes += size
            process.written_bytes += size
            machine.totals.received_bytes += size
            machine.totals.written_bytes += size
            machine.totals.stored_bytes += size
        elif process.phase == "weights":
            process.read_bytes += size
            machine.totals.read_bytes += size
        process.phase = event.phase
        cores = physics.LOADING_CORES.get(event.phase, physics.IDLE_CORES["engine"])
        machine.want(process, cores, event.time, physics.LOADING_WAIT_CORES.get(event.phase, 0.0))
        loaded = event.phase in ("compile", "warmup", "ready")
        machine.hold(process, physics.engine_memory(self.engine, loaded, 0, 0.0))


def cache_cores(in_flight: int) -> float:
    """Return the cores of a Redis while its gateways have this many requests in flight."""
    return physics.IDLE_CORES["cache"] + physics.CACHE_CORES_PER_REQUEST * in_flight


def together(handlers: list[Handler]) -> Handler:
    """Return one handler that calls all of these in their order."""
    if len(handlers) == 1:
        return handlers[0]

    def call(event: object) -> None:
        for handler in handlers:
            handler(event)

    return call


def _processes(host: things.Host, fleet: things.Fleet) -> list[Process]:
    groups: tuple[
        tuple[str, tuple[things.Gateway | things.Engine | things.Cache | things.Application | things.Langfuse, ...]],
        ...,
    ]
    groups = (
        ("gateway", fleet.gateways),
        ("engine", fleet.engines),
        ("cache", fleet.caches),
        ("application", fleet.applications),
        ("langfuse", fleet.langfuse),
    )
    found = [Process(thing.name, kind) for kind, these in groups for thing in these if thing.host == host.name]
    found.append(Process(f"{host.name}/node", "node"))
    if any(gpu.host == host.name for gpu in fleet.gpus):
        found.append(Process(f"{host.name}/dcgm", "dcgm"))
    return found
