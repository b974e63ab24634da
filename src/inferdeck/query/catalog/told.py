"""Several sources say something about one thing: which is believed, and who says otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from inferdeck.model.answers import Number, number
from inferdeck.model.model_catalog import NO, YES, Capability, Known, Said

_SAME = 0.01
"""Two numbers that differ by less are the same one, told with fewer digits."""

CAPABILITIES = (
    "vision",
    "tools",
    "parallel_tools",
    "json",
    "reasoning",
    "streaming",
    "prompt_caching",
    "pdf",
    "audio_input",
    "audio_output",
    "video",
    "web_search",
    "computer_use",
    "system_messages",
    "embedding",
    "completion",
    "insert",
)
_NAMES = {"thinking": "reasoning", "function_calling": "tools", "embeddings": "embedding", "response_schema": "json"}
TYPES = {
    "chat": "LLM",
    "completion": "LLM",
    "responses": "LLM",
    "llm": "LLM",
    "text-generation": "LLM",
    "image-text-to-text": "LLM",
    "any-to-any": "LLM",
    "conversational": "LLM",
    "embedding": "Embedding",
    "embeddings": "Embedding",
    "feature-extraction": "Embedding",
    "sentence-similarity": "Embedding",
    "rerank": "Reranker",
    "reranker": "Reranker",
    "text-ranking": "Reranker",
    "image_generation": "Image",
    "image_edit": "Image",
    "text-to-image": "Image",
    "audio_transcription": "Transcription",
    "automatic-speech-recognition": "Transcription",
    "audio_speech": "Speech",
    "text-to-speech": "Speech",
    "moderation": "Moderation",
    "video_generation": "Video",
    "realtime": "Realtime",
    "ocr": "OCR",
    "search": "Search",
}
"""LiteLLM's modes, engines' types and the Hub's tasks, and our word."""


def kind_of(text: str) -> str:
    """Return our word for a mode, type or task; one that we do not know as it is written."""
    return TYPES.get(text.casefold(), text)


def quantization(text: str) -> str:
    """Return a quantization as file names write it: llama.cpp says "Q4_K - Medium" for Q4_K_M, "all F32" for F32."""
    short = text.removesuffix(" (guessed)").removeprefix("(guessed) ").removeprefix("all ").removeprefix("mostly ")
    name, dash, size = short.partition(" - ")
    if not dash:
        return short
    return f"{name}_{size[0]}" if size in ("Small", "Medium", "Large") else name


def known(said: Iterable[Said]) -> Known:
    """Return the first value, most trusted first, and those of others that differ from it."""
    told = [one for one in said if one.value]
    if not told:
        return Known()
    best = told[0]
    others = tuple(dict.fromkeys(one for one in told[1:] if not same(one.value, best.value)))
    return Known(best.value, best.source, best.age_seconds, others)


def same(one: str, other: str) -> bool:
    """Return whether two values mean the same."""
    if one.casefold() == other.casefold():
        return True
    first, second = amount(one), amount(other)
    return first is not None and second is not None and abs(first - second) <= _SAME * max(abs(first), abs(second))


def amount(text: str) -> float | None:
    """Return the finite number that a text is."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def figure(found: Known, unit: str) -> Number:
    """Return a known value as a number."""
    return number(amount(found.value), unit, source=found.source, age_seconds=found.age_seconds)


def names(text: str) -> list[str]:
    """Return the items of a comma list."""
    return [item for part in text.split(",") if (item := part.strip())]


def capabilities(yes: Iterable[tuple[str, str]], no: Iterable[tuple[str, str]]) -> tuple[Capability, ...]:
    """Return every capability: those known of in general, then those that only a source names.

    yes, no: (capability, source). Where sources contradict each other it is a yes, with those against beside it.
    """
    can, cannot = _by_name(yes), _by_name(no)
    order: Sequence[str] = (*CAPABILITIES, *sorted({*can, *cannot} - set(CAPABILITIES)))
    return tuple(_capability(name, tuple(can.get(name, ())), tuple(cannot.get(name, ()))) for name in order)


def _capability(name: str, can: tuple[str, ...], cannot: tuple[str, ...]) -> Capability:
    if can:
        return Capability(name, YES, can, cannot)
    return Capability(name, NO, cannot) if cannot else Capability(name)


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = {}
    for name, source in pairs:
        found.setdefault(_NAMES.get(name, name), {})[source] = None
    return found
