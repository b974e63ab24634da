"""What Ollama's JSON answers say, as values (api/types.go of ollama/ollama); what they leave out is None or ""."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

MOST_MODELS = 2000
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMBT]?)", re.IGNORECASE)
_FACTORS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_HUB = ("hf.co/", "huggingface.co/")
_FAR_SECONDS = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of /api/tags or /api/ps; parameters as a rounded text says them ("8.2B")."""

    name: str
    digest: str = ""
    size_bytes: int | None = None
    family: str = ""
    format: str = ""
    parameters: int | None = None
    quantization: str = ""
    context: int | None = None
    remote: str = ""
    """The host that runs a cloud model."""
    capabilities: tuple[str, ...] = ()

    @property
    def root(self) -> str:
        """The Hugging Face repository that it was pulled from, "" where the name does not say."""
        for start in _HUB:
            if self.name.lower().startswith(start):
                return self.name[len(start) :].partition(":")[0]
        return ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; expires in Unix seconds, None while it loads and where it stays for ever."""

    model: Model
    memory_bytes: int | None = None
    vram_bytes: int | None = None
    expires: float | None = None
    loading: bool = False
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What /api/show adds; context is the longest that the model was trained for."""

    parameters: int | None = None
    context: int | None = None
    capabilities: tuple[str, ...] = ()
    licence: str = ""


def version(body: bytes) -> str:
    """Read /api/version."""
    return _text(_mapping(body).get("version"))


def models(body: bytes) -> tuple[Model, ...] | None:
    """Read /api/tags; None where the body is not its JSON."""
    found = _mapping(body).get("models", False)
    # Go writes an empty list as null where nobody made one.
    return None if found is False else tuple(_model(entry) for entry in _entries(found))


def loaded(body: bytes, now: float) -> tuple[Loaded, ...] | None:
    """Read /api/ps at `now` (Unix seconds); None where the body is not its JSON."""
    found = _mapping(body).get("models", False)
    return None if found is False else tuple(_loaded(entry, now) for entry in _entries(found))


def shown(body: bytes) -> Shown:
    """Read /api/show."""
    found = _mapping(body)
    info = _inner(found, "model_info")
    architecture = _text(info.get("general.architecture"))
    return Shown(
        parameters=_whole(info.get("general.parameter_count")),
        context=_whole(info.get(f"{architecture}.context_length")),
        capabilities=_texts(found.get("capabilities")),
        licence=_licence(found.get("license"), info),
    )


def _model(entry: Mapping[str, Any]) -> Model:
    details = _inner(entry, "details")
    return Model(
        name=_text(entry.get("name")) or _text(entry.get("model")),
        digest=_text(entry.get("digest")).removeprefix("sha256:"),
        size_bytes=_whole(entry.get("size")),
        family=_text(details.get("family")),
        format=_text(details.get("format")),
        parameters=_counted(_text(details.get("parameter_size"))),
        quantization=_text(details.get("quantization_level")).replace("unknown", ""),
        context=_whole(details.get("context_length")),
        remote=_host(_text(entry.get("remote_host"))),
        capabilities=_texts(entry.get("capabilities")),
    )


def _loaded(entry: Mapping[str, Any], now: float) -> Loaded:
    moment = _moment(_text(entry.get("expires_at")))
    # No context yet is written as 0.
    context = entry.get("context_length") or None
    return Loaded(
        model=_model({**entry, "details": {**_inner(entry, "details"), "context_length": context}}),
        memory_bytes=_whole(entry.get("size")),
        vram_bytes=_whole(entry.get("size_vram")),
        expires=moment if moment is not None and 0 < moment < now + _FAR_SECONDS else None,
        # The scheduler sets the time when the model can answer; the zero time of Go lies before 1970.
        loading=moment is not None and moment <= 0,
        stays=moment is not None and moment >= now + _FAR_SECONDS,
    )


def _entries(found: Any) -> Iterator[Mapping[str, Any]]:
    seen = set()
    for entry in (found if isinstance(found, list) else [])[:MOST_MODELS]:
        name = (_text(entry.get("name")) or _text(entry.get("model"))) if isinstance(entry, dict) else ""
        if name and name not in seen:
            seen.add(name)
            yield entry


def _licence(text: Any, info: Mapping[str, Any]) -> str:
    """Return the licence's short name, else the first line of its text."""
    if short := _text(info.get("general.license")):
        return short
    lines = text[:4000].splitlines() if isinstance(text, str) else []
    return next((line.strip()[:80] for line in lines if line.strip()), "")


def _counted(text: str) -> int | None:
    """Return 8200000000 for "8.2B"."""
    match = _SIZE.fullmatch(text)
    return round(float(match[1]) * _FACTORS[match[2].upper()]) if match else None


def _moment(text: str) -> float | None:
    """Return Unix seconds of an RFC 3339 time; None where there is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _host(url: str) -> str:
    """Return a remote host's name without what else a URL may hold."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition("?")[0] if "://" in url else url


def _mapping(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _inner(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for one in value[:50] if (text := _text(one))) if isinstance(value, list) else ()


def _text(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None
