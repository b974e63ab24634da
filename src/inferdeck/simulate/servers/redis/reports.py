"""Commands with which an observer asks how the server does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from inferdeck.simulate.servers.redis import info, refusals
from inferdeck.simulate.servers.redis.state import STARTUP_BYTES
from inferdeck.simulate.servers.redis.wire import Refusal, Reply, Verbatim

if TYPE_CHECKING:
    from inferdeck.simulate.servers.redis.server import Client, Redis


NO_DOCTOR = (
    "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these "
    "conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to "
    "our programming as soon as I finished rebooting.\n"
)
WELL_DOCTOR = (
    "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on this base.\n"
)
DOCTOR_BYTES = 5 * 1024 * 1024


def information(redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """INFO [section ...]."""
    sections = [word.decode("latin-1") for word in words[1:]]
    return Verbatim(info.info(redis.state, redis.place, redis.now, sections).encode())


def config_get(redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """CONFIG GET parameter [parameter ...]."""
    matches = [refusals.glob(word.lower()).match for word in words[2:]]
    values = redis.configuration
    return {
        name.encode(): values[name].encode() for name in values if any(matcher(name.encode()) for matcher in matches)
    }


def config_resetstat(redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """CONFIG RESETSTAT would change what others see; this Redis refuses it, as one whose ACL forbids it."""
    return refusals.forbidden("config|resetstat")


def memory_stats(redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """MEMORY STATS."""
    size, state = info.sizes(redis.state), redis.state
    main, expires = state.table_bytes()
    count = len(redis.keys.entries)
    used, net = size["used"], max(1, size["used"] - STARTUP_BYTES)
    found: dict[bytes, Reply] = {
        b"peak.allocated": size["peak"],
        b"total.allocated": used,
        b"startup.allocated": STARTUP_BYTES,
    }
    for name in ("replication.backlog", "clients.slaves", "clients.normal", "cluster.links", "aof.buffer"):
        found[name.encode()] = 0
    found |= {b"lua.caches": 0, b"functions.caches": 200}
    if count:
        found[b"db.0"] = {
            b"overhead.hashtable.main": main,
            b"overhead.hashtable.expires": expires,
            b"overhead.hashtable.slot-to-keys": 0,
        }
    return found | {
        b"overhead.total": size["overhead"],
        b"keys.count": count,
        b"keys.bytes-per-key": net // count if count else 0,
        b"dataset.bytes": size["dataset"],
        b"dataset.percentage": 100.0 * size["dataset"] / net,
        b"peak.percentage": 100.0 * used / size["peak"],
        b"allocator.allocated": size["allocated"],
        b"allocator.active": size["active"],
        b"allocator.resident": size["allocator_resident"],
        b"allocator-fragmentation.ratio": size["active"] / size["allocated"],
        b"allocator-fragmentation.bytes": size["active"] - size["allocated"],
        b"allocator-rss.ratio": size["allocator_resident"] / size["active"],
        b"allocator-rss.bytes": size["allocator_resident"] - size["active"],
        b"rss-overhead.ratio": size["resident"] / size["allocator_resident"],
        b"rss-overhead.bytes": size["resident"] - size["allocator_resident"],
        b"fragmentation": size["resident"] / used,
        b"fragmentation.bytes": size["resident"] - used,
    }


def memory_doctor(redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """MEMORY DOCTOR."""
    return Verbatim((NO_DOCTOR if redis.state.used_bytes() < DOCTOR_BYTES else WELL_DOCTOR).encode())


def latency_latest(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """LATENCY LATEST: the monitor is off (latency-monitor-threshold 0)."""
    return []


def latency_reset(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """LATENCY RESET [event ...]: there is none to reset."""
    return 0


def latency_doctor(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """LATENCY DOCTOR."""
    return Verbatim(
        b"I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use "
        b'"CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it.\n'
    )


def latency_histogram(redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """LATENCY HISTOGRAM [command ...]."""
    wanted = {word.decode("latin-1").lower() for word in words[2:]}
    return {
        name.encode(): {b"calls": stat.calls, b"histogram_usec": {str(at).encode(): n for at, n in stat.powers()}}
        for name, stat in redis.state.stats.items()
        if stat.calls and (not wanted or name in wanted)
    }


def slowlog_get(redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """SLOWLOG GET [count]: none took 10 ms."""
    number = refusals.integer(words[2]) if len(words) > 2 else 10
    return [] if number is not None and number >= -1 else Refusal("ERR count should be greater than or equal to -1")


def nothing(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """A list that is always empty."""
    return []


def zero(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """A number that is always 0."""
    return 0


def well(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """Something that has no effect here."""
    return "OK"


def time_(redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """TIME."""
    wall = redis.now + redis.clock_offset
    return [str(int(wall)).encode(), str(int(wall % 1 * 1e6)).encode()]


def role(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """ROLE."""
    return [b"master", 0, []]


@cache
def configuration() -> dict[str, str]:
    """Return what CONFIG GET * answered on the captured server, with Redis' defaults where it had been changed."""
    text = files("inferdeck.simulate.servers.redis").joinpath("configuration.txt").read_text("utf-8")
    lines = text.split("\n")
    found = dict(zip(lines[::2], lines[1::2], strict=False))
    own = {"dir": "/data", "slowlog-log-slower-than": "10000", "save": "", "bind": "* -::*"}
    return found | own
