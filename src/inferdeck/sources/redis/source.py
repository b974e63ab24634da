"""The Redis and Valkey source: PING, INFO everything, SLOWLOG, LATENCY LATEST, and CONFIG GET once a minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inferdeck.model.clock import Clock
from inferdeck.model.labels import Labels
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import Fact, TargetKey
from inferdeck.sources.columns import Columns, Sample
from inferdeck.sources.interface import Collected, Probe
from inferdeck.sources.redis import info, keys
from inferdeck.sources.redis.config import RedisConfig
from inferdeck.sources.redis.session import Command, Refused, Reply, Session

CONFIG_SECONDS = 60.0
SAMPLE_SECONDS = 30.0
_READINGS: tuple[Command, ...] = (
    ("INFO", "everything"),
    ("SLOWLOG", "LEN"),
    ("SLOWLOG", "GET", "1"),
    ("LATENCY", "LATEST"),
)
_SETTINGS: tuple[Command, ...] = tuple(
    ("CONFIG", "GET", name) for name in ("maxmemory", "maxclients", "io-threads", "databases")
)


def probes(config: RedisConfig) -> tuple[Probe, ...]:
    """Return what the source sends; only the key sample has a side effect."""
    return (
        Probe("ping", "PING", SideEffect.NONE, "round trip, as redis_exporter -ping-on-connect", required=True),
        Probe("info", "INFO everything", SideEffect.NONE, required=True),
        Probe("slowlog", "SLOWLOG LEN, SLOWLOG GET 1", SideEffect.NONE, "the command's words are thrown away"),
        Probe("latency", "LATENCY LATEST", SideEffect.NONE),
        Probe("settings", "CONFIG GET maxmemory|maxclients|io-threads|databases", SideEffect.NONE, "once a minute"),
        Probe(
            "sample",
            f"SCAN COUNT {keys.BATCH}, TTL and MEMORY USAGE of {config.sample_limit} keys",
            SideEffect.POLLUTES_COUNTERS,
            "adds to keyspace_hits; every 30 s, not while loading or busy",
            enabled_by="sample_keys",
        ),
    )


class RedisSource:
    """One Redis or Valkey server; a command that an ACL refuses is a warning, not a failure."""

    kind = "redis"

    def __init__(self, config: RedisConfig, clock: Clock, target: TargetKey, extra: Labels) -> None:
        self.instance = target.instance
        self.probes: Sequence[Probe] = probes(config)
        self._config = config
        self._clock = clock
        self._session = Session(config, target.instance)
        self._columns = Columns(extra)
        self._settings: dict[str, str] = {}
        self._settings_due = 0.0
        self._settings_warning: tuple[str, ...] = ()
        self._keys: list[Sample] = []
        self._keys_due = 0.0
        self._keys_warning: tuple[str, ...] = ()
        self._start = 0.0

    async def collect(self, now: float) -> Collected:
        """Read the server once; raises CollectError where it cannot be talked to."""
        ping, seconds = await self._ping()
        replies = await self._session.ask(_READINGS)
        fields = _fields(replies[0])
        due = self._clock.monotonic() >= self._settings_due
        if due:
            await self._read_settings()
        sampled = await self._sample_keys(fields)
        layout, values = self._columns.collect(self._samples(now, fields, replies, seconds))
        return Collected(
            layout,
            values,
            inventory=_inventory(self.instance, fields),
            version=info.version(fields),
            warnings=(
                *_warnings((("PING",), *_READINGS), (ping, *replies)),
                *self._settings_warning,
                *self._keys_warning,
                *(("loading its data set: other commands are refused meanwhile",) if _flag(fields, "loading") else ()),
            ),
            response_bytes=len(replies[0]) if isinstance(replies[0], bytes) else 0,
            requests=1 + len(_READINGS) + due * len(_SETTINGS) + sampled,
        )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._session.aclose()

    async def _ping(self) -> tuple[Reply, float | None]:
        """Return PING's reply and its seconds, None where it was refused; connecting is not counted."""
        await self._session.connect()
        begun = self._clock.monotonic()
        [reply] = await self._session.ask([("PING",)])
        return reply, None if isinstance(reply, Refused) else self._clock.monotonic() - begun

    async def _read_settings(self) -> None:
        replies = await self._session.ask(_SETTINGS)
        self._settings_due = self._clock.monotonic() + CONFIG_SECONDS
        self._settings_warning = tuple(_warnings(_SETTINGS[:1], replies[:1]))
        self._settings = {}
        for reply in replies:
            if isinstance(reply, list) and len(reply) == 2:
                name, value = (_text(part) for part in reply)
                self._settings[name] = value

    async def _sample_keys(self, fields: Mapping[str, str]) -> int:
        """Renew the sample of keys where it is wanted, due and harmless; return how many commands that took."""
        if not self._config.sample_keys or self._clock.monotonic() < self._keys_due:
            return 0
        self._keys_due = self._clock.monotonic() + SAMPLE_SECONDS
        busy = float(fields.get("instantaneous_ops_per_sec", "0")) > self._config.sample_below_ops
        if busy or _flag(fields, "loading"):
            self._keys, self._keys_warning = [], ("no sample of keys: the server is busy or loading",)
            return 0
        before = self._session.commands
        try:
            self._keys = await keys.sample(self._session, self._session.database, self._config.sample_limit)
            self._keys_warning = ()
        except keys.NotPermittedError as error:
            self._keys, self._keys_warning = [], (f"no sample of keys: {error}",)
        return self._session.commands - before

    def _samples(
        self, now: float, fields: Mapping[str, str], replies: Sequence[Reply], seconds: float | None
    ) -> Iterator[Sample]:
        yield "redis_up", (), 1.0
        if seconds is not None:
            yield "redis_exporter_last_scrape_ping_time_seconds", (), seconds
        if fields:
            yield from info.samples(fields)
        if "uptime_in_seconds" in fields:
            yield "redis_start_time_seconds", (), self._started(now, float(fields["uptime_in_seconds"]))
        yield from _slowlog(replies[1], replies[2])
        yield from _latency_spikes(replies[3])
        yield from self._settings_samples(fields)
        yield from self._keys

    def _settings_samples(self, fields: Mapping[str, str]) -> Iterator[Sample]:
        for name in ("maxmemory", "maxclients", "io-threads"):
            if self._settings.get(name, "").isdigit():
                yield f"redis_config_{name.replace('-', '_')}", (), float(self._settings[name])
        databases = self._settings.get("databases", "")
        if databases.isdigit() and fields:
            # INFO lists only databases that hold keys: the others hold none.
            for name in (f"db{number}" for number in range(min(int(databases), 1024))):
                if name not in fields:
                    yield "redis_db_keys", (("db", name),), 0.0
                    yield "redis_db_keys_expiring", (("db", name),), 0.0

    def _started(self, now: float, uptime: float) -> float:
        """Return the start in whole Unix seconds, unmoved by the second of rounding in both numbers."""
        start = float(int(now)) - uptime
        if abs(start - self._start) > 1:
            self._start = start
        return self._start


def _fields(reply: Reply) -> dict[str, str]:
    return info.parse(reply.decode("utf-8", "replace")) if isinstance(reply, bytes) else {}


def _flag(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "0") == "1"


def _text(reply: Reply) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""


def _slowlog(length: Reply, newest: Reply) -> Iterator[Sample]:
    if isinstance(length, int):
        yield "redis_slowlog_length", (), float(length)
    if isinstance(newest, list):
        entry = newest[0] if newest else [0, 0, 0]
        if isinstance(entry, list) and len(entry) > 2 and isinstance(entry[0], int) and isinstance(entry[2], int):
            yield "redis_slowlog_last_id", (), float(entry[0])
            yield "redis_last_slow_execution_duration_seconds", (), entry[2] / 1e6


def _latency_spikes(reply: Reply) -> Iterator[Sample]:
    """LATENCY LATEST: name, Unix seconds of the last spike, its milliseconds, the longest ever."""
    for event in reply if isinstance(reply, list) else ():
        if isinstance(event, list) and len(event) > 2 and isinstance(event[1], int) and isinstance(event[2], int):
            own = (("event_name", _text(event[0])),)
            yield "redis_latency_spike_last", own, float(event[1])
            yield "redis_latency_spike_duration_seconds", own, event[2] / 1e3


def _warnings(commands: Sequence[Command], replies: Sequence[Reply]) -> Iterator[str]:
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, Refused):
            cause = "not permitted" if reply.not_permitted else "refused"
            words = " ".join(str(word) for word in command)
            yield f"{words}: {cause}: {reply.message}"


def _inventory(instance: str, fields: Mapping[str, str]) -> list[Fact]:
    shown = ("role", "redis_mode", "server_mode", "os", "maxmemory", "maxmemory_policy", "uptime_in_seconds")
    facts = {name: fields[name] for name in shown if name in fields}
    found = [Fact("service", instance, {"version": info.version(fields), **facts})]
    for field, value in fields.items():
        if field[:2] == "db" and field[2:].isdigit():
            found.append(Fact("database", field, dict(part.split("=", 1) for part in value.split(",") if "=" in part)))
    return found


def make(config: RedisConfig, http: object, clock: Clock, target: TargetKey, extra: Labels) -> RedisSource:
    """Return the source of one target; `http` is not used, since Redis has its own protocol."""
    return RedisSource(config, clock, target, extra)
