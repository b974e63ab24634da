"""What llama-server's JSON answers say, as values; what they leave out is None or "" (tools/server/README.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Props:
    """GET /props: what is served, and whether it sleeps."""

    model: str = ""
    version: str = ""
    file_type: str = ""
    context: int | None = None
    slots: int | None = None
    sleeping: bool = False


def props(body: bytes) -> Props | None:
    """Read /props; None where the body is not its JSON."""
    found = _mapping(body)
    if found is None:
        return None
    settings = found.get("default_generation_settings")
    path = _text(found.get("model_path")).rpartition("/")[2]
    return Props(
        model=_text(found.get("model_alias")) or path,
        version=_text(found.get("build_info")),
        file_type=_text(found.get("model_ftype")),
        context=_whole(settings.get("n_ctx")) if isinstance(settings, dict) else None,
        slots=_whole(found.get("total_slots")),
        sleeping=found.get("is_sleeping") is True,
    )


def first_model(body: bytes) -> str:
    """Return the first model's id of /v1/models, "" where there is none."""
    found = _mapping(body)
    models = found.get("data") if found is not None else None
    if isinstance(models, list) and models and isinstance(models[0], dict):
        return _text(models[0].get("id"))
    return ""


def kv_ratio(body: bytes) -> float | None:
    """Return the used share of all slots' context in /slots, 0 to 1; None where the body does not say.

    A slot that was never used lacks n_prompt_tokens and holds none; prompt text, where debugging adds it, is not read.
    """
    slots = _json(body)
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        return None
    sizes = [_whole(slot.get("n_ctx")) for slot in slots]
    used = [_whole(slot.get("n_prompt_tokens", 0)) for slot in slots]
    if not slots or None in sizes or None in used:
        return None
    total = sum(size for size in sizes if size is not None)
    return min(1.0, sum(count for count in used if count is not None) / total) if total > 0 else None


def error_message(body: bytes) -> str:
    """Return the message of an error answer, "" where there is none."""
    found = _mapping(body)
    error = found.get("error") if found is not None else None
    return _text(error.get("message")) if isinstance(error, dict) else ""


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _mapping(body: bytes) -> dict[str, Any] | None:
    found = _json(body)
    return found if isinstance(found, dict) else None


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
