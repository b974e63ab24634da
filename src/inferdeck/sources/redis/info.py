"""The INFO reply of Redis and Valkey as samples under redis_exporter's names.

Format: https://redis.io/docs/latest/commands/info/ (lines `field:value`, sections as comments). What the reply leaves
out has no sample; a value that is no number is left out too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from inferdeck.sources.columns import Pairs, Sample
from inferdeck.sources.redis.fields import COUNTERS, GAUGES, INFO_LABELS, SCALES, WORDS

_METRICS = {field: f"redis_{metric}" for field, metric in {**GAUGES, **COUNTERS}.items()}
_DATABASE = re.compile(r"db\d+")
_REPLICA = re.compile(r"slave\d+")


def parse(reply: str) -> dict[str, str]:
    """Return field to value of an INFO reply; comments and lines without a colon are left out."""
    pairs = (line.partition(":") for line in reply.splitlines() if not line.startswith("#"))
    return {field: value for field, colon, value in pairs if colon}


def samples(fields: Mapping[str, str]) -> Iterator[Sample]:
    """Yield every sample that redis_exporter makes of these fields."""
    for field, value in fields.items():
        if metric := _METRICS.get(field):
            if (number := _number(value)) is not None:
                yield metric, (), number * SCALES.get(field, 1.0)
        elif field.startswith("cmdstat_"):
            yield from _command(field.removeprefix("cmdstat_"), _parts(value))
        elif field.startswith("latency_percentiles_usec_"):
            yield from _latency(field.removeprefix("latency_percentiles_usec_"), _parts(value), fields)
        elif field.startswith("errorstat_"):
            yield from _named(
                "redis_errors_total", (("err", field.removeprefix("errorstat_")),), _parts(value), "count"
            )
        elif _DATABASE.fullmatch(field):
            yield from _database(field, _parts(value))
        elif _REPLICA.fullmatch(field):
            yield from _replica(_parts(value))
    yield from _primary(fields)
    yield "redis_instance_info", _identity(fields), 1.0


def version(fields: Mapping[str, str]) -> str:
    """Return "Valkey 9.1.2" or "Redis 7.0.15"; "" where INFO names neither."""
    if own := fields.get("valkey_version"):
        return f"Valkey {own}"
    return f"Redis {fields['redis_version']}" if "redis_version" in fields else ""


def _parts(value: str) -> dict[str, str]:
    return {key: part for key, equals, part in (item.partition("=") for item in value.split(",")) if equals}


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    if value in WORDS:
        return WORDS[value]
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _named(metric: str, own: Pairs, parts: Mapping[str, str], part: str, scale: float = 1.0) -> Iterator[Sample]:
    number = _number(parts.get(part))
    if number is not None:
        yield metric, own, number * scale


def _command(command: str, parts: Mapping[str, str]) -> Iterator[Sample]:
    own = (("cmd", command),)
    yield from _named("redis_commands_total", own, parts, "calls")
    yield from _named("redis_commands_duration_seconds_total", own, parts, "usec", 1e-6)
    yield from _named("redis_commands_rejected_calls_total", own, parts, "rejected_calls")
    yield from _named("redis_commands_failed_calls_total", own, parts, "failed_calls")


def _latency(command: str, parts: Mapping[str, str], fields: Mapping[str, str]) -> Iterator[Sample]:
    stats = _parts(fields.get(f"cmdstat_{command}", ""))
    own = (("cmd", command),)
    for part in parts:
        labelled = (*own, ("quantile", part.removeprefix("p")))
        yield from _named("redis_latency_percentiles_usec", labelled, parts, part)
    yield from _named("redis_latency_percentiles_usec_sum", own, stats, "usec")
    yield from _named("redis_latency_percentiles_usec_count", own, stats, "calls")


def _database(name: str, parts: Mapping[str, str]) -> Iterator[Sample]:
    own = (("db", name),)
    yield from _named("redis_db_keys", own, parts, "keys")
    yield from _named("redis_db_keys_expiring", own, parts, "expires")
    yield from _named("redis_db_avg_ttl_seconds", own, parts, "avg_ttl", 1e-3)
    for field in ("subexpiry", "keys_with_volatile_items"):
        yield from _named("redis_db_keys_with_expiring_items", own, parts, field)


def _replica(parts: Mapping[str, str]) -> Iterator[Sample]:
    own = tuple((f"slave_{key}", parts.get(key, "")) for key in ("ip", "port", "state"))
    yield from _named("redis_connected_slave_offset_bytes", own, parts, "offset")
    yield from _named("redis_connected_slave_lag_seconds", own, parts, "lag")


def _primary(fields: Mapping[str, str]) -> Iterator[Sample]:
    """Yield what a replica says of the primary that it follows."""
    if "master_link_status" not in fields:
        return
    own = (("master_host", fields.get("master_host", "")), ("master_port", fields.get("master_port", "")))
    yield "redis_master_link_up", own, float(fields["master_link_status"] == "up")
    for field in ("master_last_io_seconds_ago", "master_sync_in_progress", "slave_repl_offset"):
        yield from _named(f"redis_{field}", own, fields, field)
    yield "redis_slave_info", (*own, ("read_only", fields.get("slave_read_only", ""))), 1.0


def _identity(fields: Mapping[str, str]) -> Pairs:
    known = {"redis_mode": fields.get("server_mode", ""), **fields}
    return tuple((label, known.get(label, "")) for label in INFO_LABELS)
