"""Which commands this Redis knows, and how a line of words becomes an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferdeck.simulate.servers.redis import contents, refusals, reports, sessions
from inferdeck.simulate.servers.redis.wire import Flags, Refusal, Reply

if TYPE_CHECKING:
    from inferdeck.simulate.servers.redis.server import Client, Redis


Run = Callable[["Redis", "Client", Sequence[bytes]], Reply]


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how many words it takes (negative: at least), its flags and where its keys stand."""

    arity: int
    run: Run
    flags: tuple[str, ...] = ()
    keys: tuple[int, int, int] = (0, 0, 0)


def run(redis: Redis, client: Client, words: Sequence[bytes]) -> tuple[str, Reply]:
    """Return the full name of a command, "" where there is none such, and what it answers."""
    name = words[0].decode("latin-1").lower()
    found = COMMANDS.get(name)
    if found is None:
        if name in FORBIDDEN:
            return name, refusals.forbidden(name)
        tail = "".join(f"'{word.decode('latin-1')[:128]}' " for word in words[1:])
        spelled = words[0].decode("latin-1")[:128]
        return "", Refusal(f"ERR unknown command '{spelled}', with args beginning with: {tail}")
    if isinstance(found, Mapping):
        if len(words) < 2:
            return name, refusals.arity(name)
        inner = found.get(words[1].decode("latin-1").lower())
        if inner is None:
            return "", refusals.unknown_subcommand(words[0].decode("latin-1").upper(), words[1])
        name, found = f"{name}|{words[1].decode('latin-1').lower()}", inner
    if name == "command" and len(words) > 1:
        name = f"command|{words[1].decode('latin-1').lower()}"
        inner = SUBCOMMANDS_OF_COMMAND.get(words[1].lower())
        if inner is None:
            return "", refusals.unknown_subcommand("COMMAND", words[1])
        found = inner
    if (found.arity > 0 and len(words) != found.arity) or len(words) < -found.arity:
        return name, refusals.arity(name)
    return name, found.run(redis, client, words)


def full_name(words: Sequence[bytes]) -> str:
    """Return what CLIENT LIST calls a command: `get`, `client|list`; NULL where there is none such."""
    name = words[0].decode("latin-1").lower()
    if name in NAMES and len(words) == 1:
        return name
    longer = f"{name}|{words[1].decode('latin-1').lower()}" if len(words) > 1 else name
    return longer if longer in NAMES else name if name in NAMES else "NULL"


def command(_redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """COMMAND: what this server knows."""
    return [_entry(name) for name in COMMANDS]


def command_count(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """COMMAND COUNT."""
    return len(COMMANDS)


def command_info(_redis: Redis, _client: Client, words: Sequence[bytes]) -> Reply:
    """COMMAND INFO [command ...]."""
    names = [word.decode("latin-1").lower() for word in words[2:]] or list(COMMANDS)
    return [_entry(name) if name in COMMANDS else None for name in names]


def command_docs(_redis: Redis, _client: Client, _words: Sequence[bytes]) -> Reply:
    """COMMAND DOCS: none are kept here."""
    return {}


def _entry(name: str) -> Reply:
    found = COMMANDS[name]
    if isinstance(found, Mapping):
        return [name.encode(), -2, Flags(()), 0, 0, 0, Flags(()), [], [], [_sub(name, sub) for sub in found]]
    return [name.encode(), found.arity, Flags(found.flags), *found.keys, Flags(()), [], [], []]


def _sub(name: str, sub: str) -> Reply:
    return [f"{name}|{sub}".encode(), -2, Flags(()), 0, 0, 0, Flags(()), [], [], []]


def _key(arity: int, run: Run, *flags: str) -> Command:
    return Command(arity, run, ("readonly", *flags), (1, 1, 1))


COMMANDS: dict[str, Command | Mapping[str, Command]] = {
    "acl": {"whoami": Command(2, sessions.acl_whoami, ("loading", "stale", "fast"))},
    "auth": Command(-2, sessions.auth, ("noscript", "loading", "stale", "fast", "no_auth")),
    "client": {
        "getname": Command(2, sessions.client_getname),
        "id": Command(2, sessions.client_id),
        "info": Command(2, sessions.client_info),
        "list": Command(-2, sessions.client_list),
        "no-evict": Command(3, reports.well),
        "setinfo": Command(4, sessions.client_setinfo),
        "setname": Command(3, sessions.client_setname),
    },
    "command": Command(-1, command, ("loading", "stale")),
    "config": {"get": Command(-3, reports.config_get), "resetstat": Command(2, reports.config_resetstat)},
    "dbsize": Command(1, contents.dbsize, ("readonly", "fast")),
    "echo": Command(2, sessions.echo, ("fast",)),
    "exists": Command(-2, contents.exists, ("readonly", "fast"), (1, -1, 1)),
    "expiretime": _key(2, contents.expiry(1, True), "fast"),
    "get": _key(2, contents.get, "fast"),
    "hello": Command(-1, sessions.hello, ("noscript", "loading", "stale", "fast", "no_auth")),
    "info": Command(-1, reports.information, ("loading", "stale")),
    "keys": Command(2, contents.keys, ("readonly",)),
    "latency": {
        "doctor": Command(2, reports.latency_doctor),
        "histogram": Command(-2, reports.latency_histogram),
        "history": Command(3, reports.nothing),
        "latest": Command(2, reports.latency_latest),
        "reset": Command(-2, reports.latency_reset),
    },
    "memory": {
        "doctor": Command(2, reports.memory_doctor),
        "stats": Command(2, reports.memory_stats),
        "usage": Command(-3, contents.memory_usage, ("readonly",), (2, 2, 1)),
    },
    "mget": Command(-2, contents.mget, ("readonly", "fast"), (1, -1, 1)),
    "module": {"list": Command(2, reports.nothing)},
    "object": {
        "encoding": Command(3, contents.object_, ("readonly",), (2, 2, 1)),
        "freq": Command(3, contents.object_, ("readonly",), (2, 2, 1)),
        "idletime": Command(3, contents.object_, ("readonly",), (2, 2, 1)),
        "refcount": Command(3, contents.object_, ("readonly",), (2, 2, 1)),
    },
    "pexpiretime": _key(2, contents.expiry(1000, True), "fast"),
    "ping": Command(-1, sessions.ping, ("fast",)),
    "pttl": _key(2, contents.expiry(1000, False), "fast"),
    "quit": Command(-1, sessions.quit_, ("noscript", "loading", "stale", "fast", "no_auth")),
    "randomkey": Command(1, contents.randomkey, ("readonly",)),
    "reset": Command(1, sessions.reset, ("noscript", "loading", "stale", "fast", "no_auth")),
    "role": Command(1, reports.role, ("noscript", "loading", "stale", "fast")),
    "scan": Command(-2, contents.scan, ("readonly",)),
    "select": Command(2, sessions.select, ("loading", "stale", "fast")),
    "slowlog": {
        "get": Command(-2, reports.slowlog_get),
        "len": Command(2, reports.zero),
        "reset": Command(2, reports.well),
    },
    "strlen": _key(2, contents.strlen, "fast"),
    "time": Command(1, reports.time_, ("loading", "stale", "fast")),
    "ttl": _key(2, contents.expiry(1, False), "fast"),
    "type": _key(2, contents.type_, "fast"),
}
FORBIDDEN = frozenset(
    [
        "append",
        "bgrewriteaof",
        "bgsave",
        "copy",
        "decr",
        "decrby",
        "del",
        "eval",
        "evalsha",
        "expire",
        "expireat",
        "failover",
        "flushall",
        "flushdb",
        "getdel",
        "getex",
        "getset",
        "hdel",
        "hincrby",
        "hset",
        "incr",
        "incrby",
        "incrbyfloat",
        "lpop",
        "lpush",
        "lset",
        "ltrim",
        "migrate",
        "monitor",
        "move",
        "mset",
        "msetnx",
        "multi",
        "exec",
        "persist",
        "pexpire",
        "pexpireat",
        "psetex",
        "psubscribe",
        "publish",
        "rename",
        "renamenx",
        "replicaof",
        "restore",
        "rpop",
        "rpush",
        "sadd",
        "save",
        "set",
        "setex",
        "setnx",
        "setrange",
        "shutdown",
        "slaveof",
        "spop",
        "srem",
        "subscribe",
        "swapdb",
        "touch",
        "unlink",
        "xadd",
        "zadd",
        "zincrby",
        "zrem",
    ]
)
"""What a client may not do here: all that would change the world, or wait for it."""
SUBCOMMANDS_OF_COMMAND = {
    b"count": Command(2, command_count),
    b"docs": Command(-2, command_docs),
    b"info": Command(-2, command_info),
}
NAMES = frozenset(
    name if isinstance(found, Command) else f"{name}|{sub}"
    for name, found in COMMANDS.items()
    for sub in ([""] if isinstance(found, Command) else found)
) | {f"command|{name.decode()}" for name in SUBCOMMANDS_OF_COMMAND}
"""The names under which statistics are kept."""
