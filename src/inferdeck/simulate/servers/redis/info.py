"""INFO as Redis 7.0.15 prints it: every section and field in its order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from inferdeck.simulate.servers.redis.state import STARTUP_BYTES, State

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Place:
    """What INFO says of where the server stands."""

    name: str
    port: int
    host_memory_bytes: float
    max_memory_bytes: int
    clock_offset: float


def info(state: State, place: Place, now: float, sections: Iterable[str]) -> str:
    """Return the answer to INFO with these sections; none means the default ones."""
    wanted = {section.lower() for section in sections} or {"default"}
    if wanted & {"all", "everything"}:
        chosen = list(SECTIONS)
    else:
        usual = set(SECTIONS) - {"commandstats", "latencystats"} if "default" in wanted else set()
        chosen = [name for name in SECTIONS if name in wanted or name in usual]
    state.settle(now)
    state.keys.expire(now)
    return "\r\n".join(_section(name, fields(state, place, now, name)) for name in chosen)


def fields(state: State, place: Place, now: float, section: str) -> Fields:
    """Return the fields of one section."""
    return SECTIONS[section](state, place, now)


def human(size: float) -> str:
    """Return a size as Redis writes it for people."""
    for unit, scale in (("B", 1.0), ("K", 2.0**10), ("M", 2.0**20), ("G", 2.0**30)):
        if size < scale * 1024 or unit == "G":
            return f"{int(size)}B" if unit == "B" else f"{size / scale:.2f}{unit}"
    return ""


@lru_cache(maxsize=64)
def digest(text: str) -> str:
    """Return 40 hex digits that stand for a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _section(name: str, found: Fields) -> str:
    title = {"cpu": "CPU"}.get(name, name.capitalize())
    return f"# {title}\r\n" + "".join(f"{field}:{value}\r\n" for field, value in found)


@cache
def _table(text: str) -> Fields:
    pairs = (entry.partition(":") for entry in text.split())
    return [(field, value) for field, _, value in pairs]


def _server(state: State, place: Place, now: float) -> Fields:
    wall, up = now + place.clock_offset, int(now - state.started)
    return [
        ("redis_version", state.version),
        *_table("redis_git_sha1:00000000 redis_git_dirty:0 redis_build_id:ae4d7c971a948f0 redis_mode:standalone"),
        ("os", "Linux 6.1.0-28-amd64 x86_64"),
        ("arch_bits", "64"),
        ("monotonic_clock", "POSIX clock_gettime"),
        *_table("multiplexing_api:epoll atomicvar_api:c11-builtin gcc_version:12.2.0"),
        ("process_id", str(state.pid)),
        ("process_supervised", "no"),
        ("run_id", digest(f"{place.name} {state.started}")),
        ("tcp_port", str(place.port)),
        ("server_time_usec", str(int(wall * 1e6))),
        ("uptime_in_seconds", str(up)),
        ("uptime_in_days", str(up // 86_400)),
        *_table("hz:10 configured_hz:10"),
        ("lru_clock", str(int(wall) & 0xFFFFFF)),
        ("executable", "/data/redis-server"),
        ("config_file", ""),
        ("io_threads_active", "0"),
    ]


def _clients(state: State, _place: Place, _now: float) -> Fields:
    return [
        ("connected_clients", str(state.connected())),
        *_table("cluster_connections:0 maxclients:10000 client_recent_max_input_buffer:20480"),
        *_table("client_recent_max_output_buffer:0 blocked_clients:0 tracking_clients:0 clients_in_timeout_table:0"),
    ]


def sizes(state: State) -> dict[str, int]:
    """Return the sizes that MEMORY STATS and INFO share."""
    used, peak, resident = state.used_bytes(), state.peak_bytes(), state.resident_bytes()
    overhead = STARTUP_BYTES + 200 + sum(state.table_bytes())
    allocated = used + 407_216
    active = int(allocated * 1.05) + 258_048
    return {
        "used": used,
        "peak": peak,
        "resident": max(resident, active + 5_000_000),
        "overhead": overhead,
        "dataset": used - overhead,
        "allocated": allocated,
        "active": active,
        "allocator_resident": active + 2_793_472,
    }


def _memory(state: State, place: Place, _now: float) -> Fields:
    size = sizes(state)
    used, resident, peak, overhead = size["used"], size["resident"], size["peak"], size["overhead"]
    allocated, active, kept = size["allocated"], size["active"], size["allocator_resident"]
    net = max(1, used - STARTUP_BYTES)
    return [
        ("used_memory", str(used)),
        ("used_memory_human", human(used)),
        ("used_memory_rss", str(resident)),
        ("used_memory_rss_human", human(resident)),
        ("used_memory_peak", str(peak)),
        ("used_memory_peak_human", human(peak)),
        ("used_memory_peak_perc", f"{100 * used / peak:.2f}%"),
        ("used_memory_overhead", str(overhead)),
        ("used_memory_startup", str(STARTUP_BYTES)),
        ("used_memory_dataset", str(size["dataset"])),
        ("used_memory_dataset_perc", f"{100 * size['dataset'] / net:.2f}%"),
        ("allocator_allocated", str(allocated)),
        ("allocator_active", str(active)),
        ("allocator_resident", str(kept)),
        ("total_system_memory", str(int(place.host_memory_bytes))),
        ("total_system_memory_human", human(place.host_memory_bytes)),
        *_table("used_memory_lua:32768 used_memory_vm_eval:32768 used_memory_lua_human:32.00K"),
        *_table("used_memory_scripts_eval:0 number_of_cached_scripts:0 number_of_functions:0 number_of_libraries:0"),
        *_table("used_memory_vm_functions:33792 used_memory_vm_total:66560 used_memory_vm_total_human:65.00K"),
        *_table("used_memory_functions:200 used_memory_scripts:200 used_memory_scripts_human:200B"),
        ("maxmemory", str(place.max_memory_bytes)),
        ("maxmemory_human", human(place.max_memory_bytes)),
        ("maxmemory_policy", "allkeys-lru"),
        ("allocator_frag_ratio", f"{active / allocated:.2f}"),
        ("allocator_frag_bytes", str(active - allocated)),
        ("allocator_rss_ratio", f"{kept / active:.2f}"),
        ("allocator_rss_bytes", str(kept - active)),
        ("rss_overhead_ratio", f"{resident / kept:.2f}"),
        ("rss_overhead_bytes", str(resident - kept)),
        ("mem_fragmentation_ratio", f"{resident / used:.2f}"),
        ("mem_fragmentation_bytes", str(resident - used)),
        *_table("mem_not_counted_for_evict:0 mem_replication_backlog:0 mem_total_replication_buffers:0"),
        *_table("mem_clients_slaves:0 mem_clients_normal:0 mem_cluster_links:0 mem_aof_buffer:0"),
        *_table("mem_allocator:jemalloc-5.3.0 active_defrag_running:0 lazyfree_pending_objects:0 lazyfreed_objects:0"),
    ]


def _persistence(state: State, place: Place, _now: float) -> Fields:
    return [
        *_table("loading:0 async_loading:0 current_cow_peak:0 current_cow_size:0 current_cow_size_age:0"),
        *_table("current_fork_perc:0.00 current_save_keys_processed:0 current_save_keys_total:0"),
        ("rdb_changes_since_last_save", str(state.keys.changes - state.changes_before)),
        ("rdb_bgsave_in_progress", "0"),
        ("rdb_last_save_time", str(int(state.started + place.clock_offset))),
        *_table("rdb_last_bgsave_status:ok rdb_last_bgsave_time_sec:-1 rdb_current_bgsave_time_sec:-1 rdb_saves:0"),
        *_table("rdb_last_cow_size:0 rdb_last_load_keys_expired:0"),
        *_table("rdb_last_load_keys_loaded:0 aof_enabled:0 aof_rewrite_in_progress:0 aof_rewrite_scheduled:0"),
        ("aof_last_rewrite_time_sec", "-1"),
        *_table("aof_current_rewrite_time_sec:-1 aof_last_bgrewrite_status:ok aof_rewrites:0"),
        *_table("aof_rewrites_consecutive_failures:0 aof_last_write_status:ok aof_last_cow_size:0"),
        *_table("module_fork_in_progress:0 module_fork_last_cow_size:0"),
    ]


def _stats(state: State, _place: Place, now: float) -> Fields:
    operations, received, sent = state.rates(now)
    return [
        ("total_connections_received", str(state.connections)),
        ("total_commands_processed", str(state.commands)),
        ("instantaneous_ops_per_sec", str(int(operations))),
        ("total_net_input_bytes", str(state.input_bytes)),
        ("total_net_output_bytes", str(state.output_bytes)),
        *_table("total_net_repl_input_bytes:0 total_net_repl_output_bytes:0"),
        ("instantaneous_input_kbps", f"{received / 1024:.2f}"),
        ("instantaneous_output_kbps", f"{sent / 1024:.2f}"),
        *_table("instantaneous_input_repl_kbps:0.00 instantaneous_output_repl_kbps:0.00 rejected_connections:0"),
        *_table("sync_full:0 sync_partial_ok:0 sync_partial_err:0"),
        ("expired_keys", str(state.keys.expired - state.expired_before)),
        *_table("expired_stale_perc:0.00 expired_time_cap_reached_count:0 expire_cycle_cpu_milliseconds:0"),
        ("evicted_keys", str(state.keys.evicted - state.evicted_before)),
        *_table("evicted_clients:0 total_eviction_exceeded_time:0 current_eviction_exceeded_time:0"),
        ("keyspace_hits", str(state.hits)),
        ("keyspace_misses", str(state.misses)),
        *_table("pubsub_channels:0 pubsub_patterns:0 pubsubshard_channels:0 latest_fork_usec:0 total_forks:0"),
        *_table("migrate_cached_sockets:0 slave_expires_tracked_keys:0 active_defrag_hits:0"),
        *_table("active_defrag_misses:0 active_defrag_key_hits:0 active_defrag_key_misses:0"),
        *_table("total_active_defrag_time:0 current_active_defrag_time:0 tracking_total_keys:0"),
        *_table("tracking_total_items:0 tracking_total_prefixes:0 unexpected_error_replies:0"),
        ("total_error_replies", str(sum(state.errors.values()))),
        ("dump_payload_sanitizations", "0"),
        ("total_reads_processed", str(state.commands + state.connections)),
        ("total_writes_processed", str(state.commands)),
        *_table("io_threaded_reads_processed:0 io_threaded_writes_processed:0"),
        *_table("reply_buffer_shrinks:0 reply_buffer_expands:0"),
    ]


def _replication(_state: State, place: Place, _now: float) -> Fields:
    return [
        *_table("role:master connected_slaves:0 master_failover_state:no-failover"),
        ("master_replid", digest(f"replication {place.name}")),
        ("master_replid2", "0" * 40),
        *_table("master_repl_offset:0 second_repl_offset:-1 repl_backlog_active:0 repl_backlog_size:1048576"),
        *_table("repl_backlog_first_byte_offset:0 repl_backlog_histlen:0"),
    ]


def _cpu(state: State, _place: Place, _now: float) -> Fields:
    system, user = 0.45 * state.cpu_seconds, 0.55 * state.cpu_seconds
    return [
        ("used_cpu_sys", f"{system:.6f}"),
        ("used_cpu_user", f"{user:.6f}"),
        *_table("used_cpu_sys_children:0.000000 used_cpu_user_children:0.000000"),
        ("used_cpu_sys_main_thread", f"{system:.6f}"),
        ("used_cpu_user_main_thread", f"{user:.6f}"),
    ]


def _modules(_state: State, _place: Place, _now: float) -> Fields:
    return []


def _commandstats(state: State, _place: Place, _now: float) -> Fields:
    return [
        (
            f"cmdstat_{name}",
            f"calls={stat.calls},usec={stat.microseconds()},"
            f"usec_per_call={stat.microseconds() / stat.calls if stat.calls else 0:.2f},"
            f"rejected_calls={stat.rejected},failed_calls={stat.failed}",
        )
        for name, stat in state.stats.items()
    ]


def _errorstats(state: State, _place: Place, _now: float) -> Fields:
    return [(f"errorstat_{code}", f"count={count}") for code, count in state.errors.items()]


def _latencystats(state: State, _place: Place, _now: float) -> Fields:
    return [
        (
            f"latency_percentiles_usec_{name}",
            ",".join(f"p{percent:g}={stat.percentile(percent):.3f}" for percent in (50, 99, 99.9)),
        )
        for name, stat in state.stats.items()
        if stat.calls
    ]


def _cluster(_state: State, _place: Place, _now: float) -> Fields:
    return [("cluster_enabled", "0")]


def _keyspace(state: State, _place: Place, now: float) -> Fields:
    count = len(state.keys.entries)
    return [("db0", f"keys={count},expires={count},avg_ttl={state.keys.average_ttl(now)}")] if count else []


SECTIONS: dict[str, Callable[[State, Place, float], Fields]] = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "cpu": _cpu,
    "modules": _modules,
    "commandstats": _commandstats,
    "errorstats": _errorstats,
    "latencystats": _latencystats,
    "cluster": _cluster,
    "keyspace": _keyspace,
}
