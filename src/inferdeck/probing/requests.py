"""The requests of a probe: short, each prompt used once, so that no response cache answers in a deployment's place."""

from __future__ import annotations

import secrets
import struct
import zlib
from base64 import b64encode
from typing import Any

from inferdeck.probing.values import Ask, Case, Kind

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
SHORT, LONG = 16, 256
"""Tokens of an answer; LONG where a model must think first or call a tool."""
IMAGE_TOKENS = 1600
"""More than any provider counts for a picture of 32 x 32 pixels."""
MESSAGE_TOKENS = 400
"""What a provider may add to a message, its tools included."""
TESTED = ("vision", "tools", "json", "reasoning", "streaming", "embedding")
SAME = {
    "function_calling": "tools",
    "function-calling": "tools",
    "tool_use": "tools",
    "tool-use": "tools",
    "json_mode": "json",
    "response_schema": "json",
    "structured_output": "json",
    "embeddings": "embedding",
    "multimodal": "vision",
    "image": "vision",
    "thinking": "reasoning",
}
"""Other words that people write for the same."""


def ability(word: str) -> str:
    """Return the name of a capability that can be tested, "" where no request would show it."""
    name = word.strip().lower()
    name = SAME.get(name, name)
    return name if name in TESTED else ""


def ask(case: Case, *, litellm: bool = True) -> Ask:
    """Return one request of a case, with a prompt of its own; only those about fallbacks may be answered by one.

    litellm: whether LiteLLM's own parameters are sent, which others may refuse.
    """
    if case.embeds:
        body: dict[str, Any] = {"model": case.model, "input": f"inferdeck probe {_nonce()}"}
        made = Ask(EMBEDDINGS, body, len(body["input"]), 0)
    else:
        made = _chat(case)
    if not litellm:
        return made
    alone = {} if case.kind is Kind.FALLBACK else {"num_retries": 0, "disable_fallbacks": True}
    return Ask(made.path, {**made.body, "cache": {"no-cache": True}, **alone}, made.tokens_in, made.tokens_out)


def failing(asked: Ask, *, too_long: bool = False) -> Ask:
    """Return the same request with LiteLLM's wish that its model fails, or finds the prompt too long."""
    wish = "mock_testing_context_fallbacks" if too_long else "mock_testing_fallbacks"
    return Ask(asked.path, {**asked.body, wish: True}, asked.tokens_in, asked.tokens_out)


def _chat(case: Case) -> Ask:
    name = ability(case.capability)
    text, most = f"Probe {_nonce()}. Answer with the one word: ok", SHORT
    body: dict[str, Any] = {"model": case.model}
    content: Any = text
    if name == "vision":
        text = f"Probe {_nonce()}. Which colour fills this picture? Answer with one word."
        content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": RED}}]
    elif name == "tools":
        text, most = f"Probe {_nonce()}. Call the tool report_ready now, with ready set to true.", LONG
        content, body = text, {**body, "tools": [_TOOL]}
    elif name == "json":
        text, most = f'Probe {_nonce()}. Answer with this JSON object and nothing else: {{"ok": true}}', 64
        content, body = text, {**body, "response_format": {"type": "json_object"}}
    elif name == "reasoning":
        text, most = f"Probe {_nonce()}. Which is larger, 9.11 or 9.9? Think, then answer with the number.", LONG
        content = text
    body |= {"messages": [{"role": "user", "content": content}], "max_tokens": most}
    if case.kind is Kind.STREAM or name == "streaming":
        body["stream"] = True
    image = IMAGE_TOKENS if name == "vision" else 0
    return Ask(CHAT, body, len(text) + MESSAGE_TOKENS + image, most)


def _nonce() -> str:
    return secrets.token_hex(6)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _red(side: int = 32) -> str:
    rows = (b"\x00" + b"\xff\x00\x00" * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return "data:image/png;base64," + b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


RED = _red()
_TOOL = {
    "type": "function",
    "function": {
        "name": "report_ready",
        "description": "Reports whether the caller is ready.",
        "parameters": {"type": "object", "properties": {"ready": {"type": "boolean"}}, "required": ["ready"]},
    },
}
