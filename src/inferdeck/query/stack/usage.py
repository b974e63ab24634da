"""What containers, units and processes use, from the series that their sources write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inferdeck.model.answers import Number
from inferdeck.query.figures import Figures, total
from inferdeck.query.rows import Group

CONTAINER_CPU = "container_cpu_usage_seconds_total"
CONTAINER_MEMORY = "container_memory_working_set_bytes"
CONTAINER_MEMORY_ALL = "container_memory_usage_bytes"
PROCESS_CPU = "process_cpu_seconds_total"
PROCESS_MEMORY = "process_resident_memory_bytes"
PROCESS_START = "process_start_time_seconds"
UNIT_CPU = "inferdeck_unit_cpu_seconds_total"
UNIT_MEMORY = "inferdeck_unit_memory_bytes"
UNIT_CONNECTIONS = "inferdeck_unit_connections"
REDIS_CLIENTS = "redis_connected_clients"
METRICS = (
    CONTAINER_CPU,
    CONTAINER_MEMORY,
    CONTAINER_MEMORY_ALL,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_START,
    UNIT_CPU,
    UNIT_MEMORY,
    UNIT_CONNECTIONS,
    REDIS_CLIENTS,
)
BY_TARGET = ("environment", "job", "instance")
BY_NAME = (*BY_TARGET, "name")
BY_UNIT = (*BY_NAME, "manager")


@dataclass(frozen=True, slots=True)
class _Table:
    """Values of one family by group; one that is not there has no value."""

    figures: Figures
    name: str
    unit: str
    by: tuple[str, ...]
    values: Mapping[Group, float]

    def get(self, key: Group) -> Number:
        return self.figures.number(self.values.get(key), self.unit, self.name, self.by, key)


class Usage:
    """Figures of one moment; asked by target and, where it tells of several things, by their name.

    Each family is evaluated when it is first asked for: where all runs in containers, nobody needs the processes'.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._tables: dict[str, _Table] = {}

    def container_cpu(self, key: Group) -> Number:
        """Return the processors that a container uses."""
        return self._rate(CONTAINER_CPU, BY_NAME).get(key)

    def container_memory(self, key: Group) -> Number:
        """Return a container's working set; all that is charged to it where that is not told."""
        found = self._last(CONTAINER_MEMORY, BY_NAME, "bytes").get(key)
        return found if found.value is not None else self._last(CONTAINER_MEMORY_ALL, BY_NAME, "bytes").get(key)

    def process_cpu(self, key: Group) -> Number:
        """Return the processors that a target's own process says it uses."""
        return self._rate(PROCESS_CPU, BY_TARGET).get(key)

    def process_memory(self, key: Group) -> Number:
        """Return the resident memory that a target's own process tells."""
        return self._last(PROCESS_MEMORY, BY_TARGET, "bytes").get(key)

    def process_start(self, key: Group) -> Number:
        """Return when a target's process says it started, Unix seconds."""
        return self._last(PROCESS_START, BY_TARGET, "unix").get(key)

    def clients(self, key: Group) -> Number:
        """Return the connections that a Redis counts."""
        return self._last(REDIS_CLIENTS, BY_TARGET, "count").get(key)

    def unit(self, what: str, key: Group) -> Number:
        """Return cpu, memory or connections of a systemd unit."""
        if what == "cpu":
            return self._rate(UNIT_CPU, BY_UNIT).get(key)
        name, unit = {"memory": (UNIT_MEMORY, "bytes"), "connections": (UNIT_CONNECTIONS, "count")}[what]
        return self._last(name, BY_UNIT, unit).get(key)

    def _last(self, name: str, by: tuple[str, ...], unit: str) -> _Table:
        if name not in self._tables:
            self._tables[name] = _Table(self._figures, name, unit, by, total(self._figures.last(name), by))
        return self._tables[name]

    def _rate(self, name: str, by: tuple[str, ...]) -> _Table:
        """Processors used: per-processor series are added up, a total beside them wins."""
        if name not in self._tables:
            rows = self._figures.rate(name)
            whole = total([row for row in rows if row.labels.get("cpu", "total") == "total"], by)
            parts = total([row for row in rows if row.labels.get("cpu", "total") != "total"], by)
            self._tables[name] = _Table(self._figures, name, "cores", by, {**parts, **whole})
        return self._tables[name]


def first(*asked: Callable[[], Number]) -> Number:
    """Return the first figure that is known, else the last; those after it are not asked for."""
    for ask in asked[:-1]:
        found = ask()
        if found.value is not None:
            return found
    return asked[-1]()
