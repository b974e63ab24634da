"""What redis_exporter makes of this Redis, as a table: its history can be had without asking for INFO at every moment.

Names and labels are redis_exporter's (github.com/oliver006/redis_exporter, exporter.go), values those of INFO.
"""

from __future__ import annotations

from inferdeck.simulate.servers.redis.info import Place, fields
from inferdeck.simulate.servers.redis.state import State
from inferdeck.simulate.table import Family, Table

_SECTIONS = ("server", "clients", "memory", "persistence", "stats", "cpu")
_GAUGES = (
    "uptime_in_seconds:uptime_in_seconds connected_clients:connected_clients maxclients:max_clients "
    "blocked_clients:blocked_clients used_memory:memory_used_bytes used_memory_rss:memory_used_rss_bytes "
    "used_memory_peak:memory_used_peak_bytes used_memory_dataset:memory_used_dataset_bytes "
    "used_memory_overhead:memory_used_overhead_bytes maxmemory:memory_max_bytes "
    "mem_fragmentation_ratio:mem_fragmentation_ratio mem_fragmentation_bytes:mem_fragmentation_bytes "
    "loading:loading_dump_file rdb_changes_since_last_save:rdb_changes_since_last_save"
)
_COUNTERS = (
    "total_connections_received:connections_received_total total_commands_processed:commands_processed_total "
    "rejected_connections:rejected_connections_total total_net_input_bytes:net_input_bytes_total "
    "total_net_output_bytes:net_output_bytes_total expired_keys:expired_keys_total evicted_keys:evicted_keys_total "
    "keyspace_hits:keyspace_hits_total keyspace_misses:keyspace_misses_total total_error_replies:total_error_replies "
    "used_cpu_sys:cpu_sys_seconds_total used_cpu_user:cpu_user_seconds_total"
)


class Series:
    """The table of one life of the server."""

    def __init__(self) -> None:
        self.table = Table()
        self._plain: dict[str, Family] = {}
        self._places: dict[str, list[tuple[int, int]]] = {}
        """Of each section: which of its fields stands where in the table."""
        for text, declare in ((_GAUGES, self.table.gauge), (_COUNTERS, self.table.counter)):
            for entry in text.split():
                field, _, name = entry.partition(":")
                self._plain[field] = declare(f"redis_{name}", f"{name} metric")
        database = ("db",)
        self._keys = self.table.gauge("redis_db_keys", "Total number of keys by DB", database)
        self._expiring = self.table.gauge("redis_db_keys_expiring", "Total number of expiring keys by DB", database)
        self._ttl = self.table.gauge("redis_db_avg_ttl_seconds", "Avg TTL in seconds", database)
        self._calls = self.table.counter("redis_commands_total", "Total number of calls per command", ("cmd",))
        self._seconds = self.table.counter(
            "redis_commands_duration_seconds_total", "Total amount of time in seconds spent per command", ("cmd",)
        )

    def refresh(self, state: State, place: Place, now: float) -> None:
        """Write the present values."""
        values = self.table.values
        for section in _SECTIONS:
            found = fields(state, place, now, section)
            places = self._places.get(section)
            if places is None:
                shown = [(number, self._plain.get(field)) for number, (field, _) in enumerate(found)]
                places = [(number, family.child()) for number, family in shown if family is not None]
                self._places[section] = places
            for number, slot in places:
                values[slot] = float(found[number][1])
        count, database = len(state.keys.entries), ("db0",)
        if count:
            self._keys.set(float(count), database)
            self._expiring.set(float(count), database)
            self._ttl.set(state.keys.average_ttl(now) * 1e-3, database)
        else:
            for family in (self._keys, self._expiring, self._ttl):
                family.clear()
        for command, stat in state.stats.items():
            self._calls.set(float(stat.calls), (command,))
            self._seconds.set(stat.microseconds() * 1e-6, (command,))
