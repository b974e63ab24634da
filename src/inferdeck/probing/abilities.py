"""What an answer shows of a model's abilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from inferdeck.probing.values import Answer


def message(answer: Answer) -> Mapping[str, Any]:
    """Return the message of the first choice, {} where there is none."""
    choices = answer.body.get("choices") if isinstance(answer.body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, dict) else {}


def text_of(answer: Answer) -> str:
    """Return the text of the first choice."""
    content = message(answer).get("content")
    return content if isinstance(content, str) else ""


def vector_of(body: Any) -> Sequence[float]:
    """Return the first vector of an answer, () where there is none of numbers."""
    data = body.get("data") if isinstance(body, dict) else None
    first = data[0].get("embedding") if isinstance(data, list) and data and isinstance(data[0], dict) else None
    right = isinstance(first, list) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in first)
    return first if right and isinstance(first, list) else ()


def _saw(answer: Answer) -> str:
    return "the colour of a picture was seen" if "red" in text_of(answer).lower() else ""


def _called(answer: Answer) -> str:
    calls = message(answer).get("tool_calls")
    return "a tool was called" if isinstance(calls, list) and calls else ""


def _json(answer: Answer) -> str:
    try:
        return "a JSON object" if isinstance(orjson.loads(text_of(answer).strip()), dict) else ""
    except orjson.JSONDecodeError:
        return ""


def _thought(answer: Answer) -> str:
    usage = answer.body.get("usage") if isinstance(answer.body, dict) else None
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    tokens = details.get("reasoning_tokens") if isinstance(details, dict) else None
    thought = (isinstance(tokens, int) and tokens > 0) or bool(message(answer).get("reasoning_content"))
    return "it thought first" if thought else ""


SHOWN: Mapping[str, Callable[[Answer], str]] = {"vision": _saw, "tools": _called, "json": _json, "reasoning": _thought}
"""By ability: what an answer shows of it in words, "" where it shows nothing."""
WANTED = {
    "vision": "the colour of the picture",
    "tools": "calling the tool",
    "json": "a JSON object",
    "reasoning": "reasoning tokens or reasoning_content",
}
