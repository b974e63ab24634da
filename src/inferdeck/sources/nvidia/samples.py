"""From a reading of the cards to samples under dcgm-exporter's names, and to facts for joins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferdeck.model.target import Fact
from inferdeck.sources import gpus
from inferdeck.sources.columns import Pairs, Sample
from inferdeck.sources.nvidia.processes import Owner, Processes
from inferdeck.sources.nvidia.reading import Holder, Memory
from inferdeck.sources.nvidia.session import Instance, Reading, Seen

PROCESS_MEMORY = "gpu_process_memory_bytes"
EVENT_SECONDS = "gpu_clock_event_seconds_total"


class Described:
    """The samples and facts of one reading, with each process looked up once."""

    def __init__(self, instance: str, seen: Seen, processes: Processes) -> None:
        pids = {holder.pid for holder in _all_holders(seen.readings)}
        self._owners = {pid: processes.owner(pid) for pid in sorted(pids)}
        self._instance = instance
        self._seen = seen

    def samples(self) -> Iterator[Sample]:
        """Yield all samples of all cards."""
        for reading in self._seen.readings:
            yield from self._card(reading)

    def facts(self) -> Iterator[Fact]:
        """Yield the driver, the cards, their MIG instances and the processes on both."""
        yield Fact("service", self._instance, self._service())
        for reading in self._seen.readings:
            total = reading.memory.total if reading.memory else None
            yield gpus.fact(reading.card, total, reading.mig)
            yield from self._process_facts(reading.card.uuid, reading.holders)
            for instance in reading.instances:
                yield _instance_fact(reading, instance)
                yield from self._process_facts(instance.uuid, instance.holders)

    def _service(self) -> dict[str, str]:
        seen = self._seen
        facts = {"version": seen.driver, "cuda": seen.cuda, "gpus": str(seen.count)}
        status = {"status": "degraded"} if len(seen.readings) < seen.count else {"status": "healthy"}
        return {name: value for name, value in {**facts, **status}.items() if value}

    def _card(self, reading: Reading) -> Iterator[Sample]:
        own = reading.card.labels
        yield gpus.info(reading.card)
        for name, value in reading.values.items():
            yield name, own, value
        if gpus.REASONS in reading.values:
            yield from gpus.clock_events(own, int(reading.values[gpus.REASONS]))
        for reason, seconds in reading.event_seconds.items():
            yield EVENT_SECONDS, (*own, ("clock_event", reason)), seconds
        # As dcgm-exporter has it: the memory of a card that is split is that of its instances, so that sums are right.
        if not reading.instances:
            yield from _memory(own, reading.memory)
        yield from self._process_samples(own, reading.holders)
        for instance in reading.instances:
            part = (*own, ("GPU_I_PROFILE", instance.profile), ("GPU_I_ID", instance.number))
            yield from _memory(part, instance.memory)
            yield from self._process_samples(part, instance.holders)

    def _process_samples(self, own: Pairs, holders: Sequence[Holder]) -> Iterator[Sample]:
        """Yield the memory by program, container and unit: numbers of processes would make series without end."""
        held: dict[Owner, int] = {}
        for holder in holders:
            if holder.memory_bytes is not None:
                owner = self._owners[holder.pid]
                held[owner] = held.get(owner, 0) + holder.memory_bytes
        for owner, size in held.items():
            names = (("process", owner.process), ("container", owner.container), ("unit", owner.unit))
            yield PROCESS_MEMORY, (*own, *((name, value) for name, value in names if value)), float(size)

    def _process_facts(self, uuid: str, holders: Sequence[Holder]) -> Iterator[Fact]:
        for holder in holders:
            owner = self._owners[holder.pid]
            facts = {
                "gpu": uuid,
                "pid": str(holder.pid),
                "process": owner.process,
                "memory_bytes": "" if holder.memory_bytes is None else str(holder.memory_bytes),
                "container": owner.container,
                "unit": owner.unit,
            }
            found = {name: value for name, value in facts.items() if value}
            yield Fact("gpu_process", f"{uuid}/{holder.pid}", found)


def _all_holders(readings: Sequence[Reading]) -> Iterator[Holder]:
    for reading in readings:
        yield from reading.holders
        for instance in reading.instances:
            yield from instance.holders


def _memory(own: Pairs, memory: Memory | None) -> Iterator[Sample]:
    if memory is not None:
        for name, value in memory.values():
            yield name, own, float(value)


def _instance_fact(reading: Reading, instance: Instance) -> Fact:
    card = reading.card
    part = gpus.Card(
        index=f"{card.index}:{instance.number}" if instance.number else card.index,
        uuid=instance.uuid,
        bus=card.bus,
        model=card.model,
        host=card.host,
        driver=card.driver,
        cuda=card.cuda,
    )
    total = instance.memory.total if instance.memory else None
    return gpus.fact(part, total, instance.profile or "instance", parent=card.uuid)
