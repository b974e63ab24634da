"""Which INFO field is which metric, under redis_exporter's names (github.com/oliver006/redis_exporter, exporter.go).

An entry without ":" keeps the field's name; every metric gets the prefix `redis_`. `UNUSED` holds every other field
that Redis 6.2 to 7.0 and Valkey 9.1 send, with the reason why it is no metric; a test holds both tables complete.
"""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    pairs = (entry.partition(":") for entry in text.split())
    return {field: name or field for field, _, name in pairs}


GAUGES = _table("""
uptime_in_seconds process_id io_threads_active hz configured_hz
connected_clients active_clients blocked_clients maxclients:max_clients tracking_clients clients_in_timeout_table
pubsub_clients watching_clients total_watched_keys total_blocking_keys total_blocking_keys_on_nokey
client_longest_output_list client_biggest_input_buf
client_recent_max_output_buffer:client_recent_max_output_buffer_bytes
client_recent_max_input_buffer:client_recent_max_input_buffer_bytes
allocator_active:allocator_active_bytes allocator_allocated:allocator_allocated_bytes
allocator_resident:allocator_resident_bytes allocator_frag_ratio allocator_frag_bytes
allocator_muzzy:allocator_muzzy_bytes allocator_rss_ratio allocator_rss_bytes
used_memory:memory_used_bytes used_memory_rss:memory_used_rss_bytes used_memory_peak:memory_used_peak_bytes
used_memory_lua:memory_used_lua_bytes used_memory_vm_eval:memory_used_vm_eval_bytes
used_memory_scripts_eval:memory_used_scripts_eval_bytes used_memory_overhead:memory_used_overhead_bytes
used_memory_startup:memory_used_startup_bytes used_memory_dataset:memory_used_dataset_bytes
number_of_cached_scripts number_of_functions number_of_libraries
used_memory_vm_functions:memory_used_vm_functions_bytes used_memory_scripts:memory_used_scripts_bytes
used_memory_functions:memory_used_functions_bytes used_memory_vm_total:memory_used_vm_total
maxmemory:memory_max_bytes
mem_fragmentation_ratio mem_fragmentation_bytes mem_clients_slaves mem_clients_normal
mem_cluster_links:mem_cluster_links_bytes mem_aof_buffer:mem_aof_buffer_bytes
mem_replication_backlog:mem_replication_backlog_bytes mem_replicas_repl_buffer:mem_replicas_repl_buffer_bytes
mem_not_counted_for_evict:mem_not_counted_for_eviction_bytes
mem_total_replication_buffers:mem_total_replication_buffers_bytes
mem_overhead_db_hashtable_rehashing:mem_overhead_db_hashtable_rehashing_bytes
lazyfree_pending_objects lazyfreed_objects active_defrag_running
active_defrag_hits:defrag_hits active_defrag_misses:defrag_misses
active_defrag_key_hits:defrag_key_hits active_defrag_key_misses:defrag_key_misses
expired_stale_perc:expired_stale_percentage
expired_keys_with_volatile_items_stale_perc:expired_keys_with_volatile_items_stale_percentage
loading:loading_dump_file async_loading rdb_changes_since_last_save rdb_bgsave_in_progress
rdb_last_save_time:rdb_last_save_timestamp_seconds rdb_last_bgsave_status
rdb_last_bgsave_time_sec:rdb_last_bgsave_duration_sec rdb_current_bgsave_time_sec:rdb_current_bgsave_duration_sec
rdb_last_cow_size:rdb_last_cow_size_bytes rdb_last_load_keys_expired:rdb_last_load_expired_keys
rdb_last_load_keys_loaded:rdb_last_load_loaded_keys
aof_enabled aof_rewrite_in_progress aof_rewrite_scheduled
aof_last_rewrite_time_sec:aof_last_rewrite_duration_sec
aof_current_rewrite_time_sec:aof_current_rewrite_duration_sec
aof_last_cow_size:aof_last_cow_size_bytes aof_current_size:aof_current_size_bytes aof_base_size:aof_base_size_bytes
aof_pending_rewrite aof_buffer_length aof_rewrite_buffer_length aof_pending_bio_fsync aof_delayed_fsync
aof_last_bgrewrite_status aof_last_write_status module_fork_in_progress module_fork_last_cow_size
current_eviction_exceeded_time:current_eviction_exceeded_time_ms
pubsub_channels pubsub_patterns pubsubshard_channels latest_fork_usec:latest_fork_seconds
tracking_total_keys tracking_total_items tracking_total_prefixes
instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec
connected_slaves repl_backlog_size:replication_backlog_bytes repl_backlog_active:repl_backlog_is_active
repl_backlog_first_byte_offset repl_backlog_histlen:repl_backlog_history_bytes master_repl_offset second_repl_offset
slave_expires_tracked_keys slave_priority sync_full:replica_resyncs_full
sync_partial_ok:replica_partial_resync_accepted sync_partial_err:replica_partial_resync_denied
replicas_waiting_psync
cluster_enabled cluster_connections
tls_server_cert_expires_in_seconds tls_client_cert_expires_in_seconds tls_ca_cert_expires_in_seconds
engines_count:scripting_engines_count engines_total_used_memory:scripting_engines_memory_used_bytes
engines_total_memory_overhead:scripting_engines_memory_overhead_bytes
""")

COUNTERS = _table("""
total_connections_received:connections_received_total total_commands_processed:commands_processed_total
rejected_connections:rejected_connections_total
total_net_input_bytes:net_input_bytes_total total_net_output_bytes:net_output_bytes_total
total_net_repl_input_bytes:net_repl_input_bytes_total total_net_repl_output_bytes:net_repl_output_bytes_total
expired_subkeys:expired_subkeys_total expired_fields:expired_fields_total expired_keys:expired_keys_total
expired_time_cap_reached_count:expired_time_cap_reached_total
expire_cycle_cpu_milliseconds:expire_cycle_cpu_time_ms_total
evicted_keys:evicted_keys_total evicted_clients:evicted_clients_total evicted_scripts:evicted_scripts_total
total_eviction_exceeded_time:eviction_exceeded_time_ms_total
keyspace_hits:keyspace_hits_total keyspace_misses:keyspace_misses_total
eventloop_cycles:eventloop_cycles_total eventloop_duration_sum:eventloop_duration_sum_usec_total
eventloop_duration_cmd_sum:eventloop_duration_cmd_sum_usec_total
used_cpu_sys:cpu_sys_seconds_total used_cpu_user:cpu_user_seconds_total
used_cpu_sys_children:cpu_sys_children_seconds_total used_cpu_user_children:cpu_user_children_seconds_total
used_cpu_sys_main_thread:cpu_sys_main_thread_seconds_total
used_cpu_user_main_thread:cpu_user_main_thread_seconds_total
used_active_time_main_thread:active_time_main_thread_seconds_total
unexpected_error_replies total_error_replies dump_payload_sanitizations total_reads_processed total_writes_processed
io_threaded_reads_processed io_threaded_writes_processed
client_query_buffer_limit_disconnections:client_query_buffer_limit_disconnections_total
client_output_buffer_limit_disconnections:client_output_buffer_limit_disconnections_total
reply_buffer_shrinks:reply_buffer_shrinks_total reply_buffer_expands:reply_buffer_expands_total
acl_access_denied_auth:acl_access_denied_auth_total acl_access_denied_cmd:acl_access_denied_cmd_total
acl_access_denied_key:acl_access_denied_key_total acl_access_denied_channel:acl_access_denied_channel_total
acl_access_denied_tls_cert:acl_access_denied_tls_cert_total acl_access_denied_db:acl_access_denied_db_total
migrate_cached_sockets:migrate_cached_sockets_total rdb_saves:rdb_saves_total
""")

WORDS = {"ok": 1.0, "true": 1.0, "err": 0.0, "fail": 0.0, "false": 0.0}
"""Fields that say a status instead of a number."""

SCALES = {"latest_fork_usec": 1e-6}

INFO_LABELS = (
    "role",
    "redis_version",
    "redis_build_id",
    "redis_mode",
    "os",
    "maxmemory_policy",
    "tcp_port",
    "run_id",
    "process_id",
    "master_replid",
    "valkey_version",
    "valkey_release_stage",
    "availability_zone",
)
"""Fields that are labels of redis_instance_info; server_mode (Valkey) stands in for redis_mode."""

UNUSED = {
    "identity that redis_instance_info does not carry either (build, host, process)": """
        redis_git_sha1 redis_git_dirty server_name server_mode arch_bits monotonic_clock multiplexing_api
        atomicvar_api gcc_version process_supervised executable config_file listener0 mem_allocator
        master_failover_state master_replid2 paused_reason paused_actions engine_0 module tls_server_cert_serial
        tls_client_cert_serial tls_ca_cert_serial""",
    "the same number again, in another unit or rounded for people": """
        uptime_in_days used_memory_human used_memory_rss_human used_memory_peak_human used_memory_peak_perc
        used_memory_dataset_perc total_system_memory_human used_memory_lua_human used_memory_vm_total_human
        used_memory_scripts_human maxmemory_human""",
    "a momentary rate; the counters beside it give it exactly": """
        instantaneous_ops_per_sec instantaneous_input_kbps instantaneous_output_kbps instantaneous_input_repl_kbps
        instantaneous_output_repl_kbps""",
    "a fact of the machine, which the host source gives": "total_system_memory server_time_usec lru_clock clients_hz",
    "redis_exporter has no name for it": """
        rss_overhead_ratio rss_overhead_bytes current_cow_peak current_cow_size current_cow_size_age
        current_fork_perc current_save_keys_processed current_save_keys_total aof_rewrites
        aof_rewrites_consecutive_failures total_forks total_active_defrag_time current_active_defrag_time
        master_sync_left_bytes paused_timeout_milliseconds mem_cluster_slot_import mem_cluster_slot_export
        slot_migration_fork_in_progress total_net_cluster_slot_import_bytes total_net_cluster_slot_export_bytes
        io_threaded_freed_objects io_threaded_accept_processed io_threaded_poll_processed
        io_threaded_total_prefetch_batches io_threaded_total_prefetch_entries""",
}
"""Reason to field names."""
