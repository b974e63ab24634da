"""The keys that a fleet or scenario file may have, taken from the dataclasses: type, unit, bounds, default.

The reader, the checker and docs/simulator.md all go by this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from inferdeck.simulate.fleet import Price, Spread

_DURATIONS = {
    "down",
    "after",
    "adopt",
    "download",
    "weights",
    "compile",
    "warmup",
    "at",
    "seconds",
    "load_seconds",
    "for_",
    "from_",
    "until",
    "duration",
}
_UNITS = {
    "_bytes": "bytes",
    "_watts": "W",
    "_celsius": "°C",
    "_mhz": "MHz",
    "_usd": "USD",
    "_per_minute": "per minute",
    "_per_watt": "°C per W",
    "_tokens": "tokens",
    "_speed": "tokens/s",
}
_UNIT_OF = {
    ("Price", "input"): "USD per 1M tokens",
    ("Price", "output"): "USD per 1M tokens",
    ("Price", "cached_input"): "USD per 1M tokens",
    ("PriceChange", "input"): "USD per 1M tokens",
    ("PriceChange", "output"): "USD per 1M tokens",
    ("PriceChange", "cached_input"): "USD per 1M tokens",
    ("Heat", "celsius"): "°C",
    ("EngineModel", "context"): "tokens",
    ("Engine", "decode_batch"): "sequences",
    ("Engine", "max_sequences"): "sequences",
}
_CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("Engine", "kind"): ("vllm", "llamacpp", "ollama", "sglang", "tgi"),
    ("Agent", "rhythm"): ("office", "evening", "steady", "night"),
    ("Application", "metrics"): ("llm", "llm_gateway"),
    ("EngineModel", "mode"): ("chat", "completion", "embedding", "rerank"),
    ("Reachable", "mode"): ("ok", "refused", "hanging", "garbage", "error", "slow"),
    ("Engine", "load_seconds"): ("download", "weights", "compile", "warmup"),
}
_SHARES = {"share", "stream", "repeat", "reasoning", "quality", "feedback", "error_share", "drop"}
_POSITIVE = {
    "cores", "memory_bytes", "disk_bytes", "max_memory_bytes", "workers", "turns", "max_tokens", "context",
    "parameters",
    "weights_bytes", "kv_token_bytes", "prefill_speed", "decode_speed", "decode_batch", "max_sequences", "kv_tokens",
    "limit_watts", "heat_seconds", "clock_mhz", "celsius_per_watt", "budget_seconds", "timeout_seconds", "after",
    "requests_per_minute", "tokens_per_minute", "users", "median", "duration", "load",
}  # fmt: skip
_SIGNED = {("ClockSkew", "seconds"), ("Heat", "celsius"), ("Gpu", "ambient_celsius"), ("Scenario", "seed")}
_POSITIVE_OF = {
    ("Lengths", "prompt"),
    ("Lengths", "output"),
    ("EngineSlow", "factor"),
    ("ProviderSlow", "factor"),
}
_ZERO_TOO = {("Agent", "requests_per_minute"), ("TeamLimit", "requests_per_minute")}
_LARGEST = {"status": 599.0, "code": 255.0}
_SMALLEST = {"status": 400.0}

REFERS: dict[tuple[str, str], str] = {
    ("Agent", "team"): "team",
    ("Agent", "use_case"): "use case",
    ("Agent", "gateway"): "gateway",
    ("Deployment", "target"): "engine or provider",
    ("Gateway", "host"): "host",
    ("Gateway", "cache"): "cache",
    ("Engine", "host"): "host",
    ("Engine", "gpus"): "gpu",
    ("Gpu", "host"): "host",
    ("Cache", "host"): "host",
    ("Application", "host"): "host",
    ("Application", "agents"): "agent",
    ("Langfuse", "host"): "host",
    ("ProviderOutage", "provider"): "provider",
    ("ProviderSlow", "provider"): "provider",
    ("Load", "agents"): "agent",
    ("Load", "teams"): "team",
    ("Lengths", "agents"): "agent",
    ("Runaway", "agent"): "agent",
    ("TeamLimit", "team"): "team",
    ("Heat", "gpus"): "gpu",
    ("Heat", "hosts"): "host",
    ("Restart", "process"): "process",
    ("Crash", "process"): "process",
    ("CrashLoop", "process"): "process",
    ("ColdLoad", "engine"): "engine",
    ("CacheFlush", "cache"): "cache",
    ("Reachable", "processes"): "process",
    ("EngineSlow", "engine"): "engine",
    ("GatewayChange", "gateway"): "gateway",
    ("GatewayChange", "weights"): "deployment",
    ("PriceChange", "served"): "served model",
    ("RenameModel", "gateway"): "gateway",
    ("RenameModel", "model"): "public model",
    ("Upgrade", "process"): "process",
    ("ClockSkew", "host"): "host",
    ("Quality", "model"): "public model",
}
"""Which keys hold names of things of the fleet, and of which kind."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: `kind` is text, whole number, number, true or false, list, map, spread, object or objects."""

    owner: str
    field: str
    name: str
    """As it stands in a file: the field without a trailing underscore (`for_` is `for`)."""
    kind: str
    of: type | None
    """The dataclass of an object or of each of objects."""
    item: str
    """What a list or the values of a map hold: text, number or list."""
    unit: str
    optional: bool
    """null may stand."""
    required: bool
    default: Any
    choices: tuple[str, ...]
    lowest: float | None
    above: bool
    """`lowest` itself is too low."""
    highest: float | None
    signed: bool
    """Negative values are right too."""

    @property
    def is_duration(self) -> bool:
        return self.unit == "duration"

    @property
    def is_size(self) -> bool:
        return self.unit == "bytes"


def keys_of(owner: type) -> Mapping[str, Key]:
    """Return the keys of a dataclass by name, in their order."""
    return _keys(owner)


@cache
def _keys(owner: type) -> Mapping[str, Key]:
    hints = get_type_hints(owner)
    found = {}
    for one in fields(owner):
        default = one.default if one.default is not MISSING else None
        if one.default_factory is not MISSING:
            default = one.default_factory()
        required = one.default is MISSING and one.default_factory is MISSING
        found[one.name.rstrip("_")] = _key(owner.__name__, one.name, hints[one.name], default, required)
    return found


def _key(owner: str, name: str, hint: Any, default: Any, required: bool) -> Key:
    optional = False
    if get_origin(hint) is UnionType:
        inner = [part for part in get_args(hint) if part is not NoneType]
        optional = len(inner) < len(get_args(hint))
        hint = inner[0]
    kind, of, item = _kind(hint)
    number = kind in ("whole number", "number", "spread") or item == "number"
    place = (owner, name)
    lowest = _SMALLEST.get(name, 0.0) if number and place not in _SIGNED else None
    return Key(
        owner=owner,
        field=name,
        name=name.rstrip("_"),
        kind=kind,
        of=of,
        item=item,
        unit=_unit(owner, name) if number else "",
        optional=optional,
        required=required,
        default=default,
        choices=_CHOICES.get(place, ()),
        lowest=lowest,
        above=(name in _POSITIVE and place not in _ZERO_TOO) or place in _POSITIVE_OF,
        highest=1.0 if name in _SHARES else _LARGEST.get(name),
        signed=place in _SIGNED,
    )


def _kind(hint: Any) -> tuple[str, type | None, str]:
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if hint in plain:
        return plain[hint], None, ""
    if hint is Spread:
        return "spread", Spread, ""
    if is_dataclass(hint):
        return "object", hint if isinstance(hint, type) else None, ""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is tuple and is_dataclass(parts[0]):
        return "objects", parts[0] if isinstance(parts[0], type) else None, ""
    if origin is tuple and get_origin(parts[0]) is tuple:
        return "pairs", None, "number"
    if origin is tuple:
        return "list", None, "text"
    return "map", None, "number" if parts[1] is float else "list"


def _unit(owner: str, name: str) -> str:
    if (owner, name) in _UNIT_OF:
        return _UNIT_OF[owner, name]
    if owner == Price.__name__:
        return "USD per 1M tokens"
    if name.endswith("_seconds") or (name in _DURATIONS and (owner, name) != ("GatewayChange", "weights")):
        return "duration"
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "0..1" if name in _SHARES else "")
