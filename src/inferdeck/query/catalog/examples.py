"""How to ask for a model, in three languages; names come from outside and are quoted as each language wants it."""

from __future__ import annotations

import json
from shlex import quote
from typing import Any

from inferdeck.model.model_catalog import Example

GATEWAY_KEY = "LITELLM_API_KEY"
NO_KEY = "none"
"""What the clients send where no key is needed; they insist on one."""
_CHAT = {"messages": [{"role": "user", "content": "Say hello."}]}
_EMBEDDING = {"input": "Say hello."}
_RERANK = {"query": "capital of France", "documents": ["Paris", "Berlin"]}
_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "LLM": ("chat/completions", _CHAT),
    "": ("chat/completions", _CHAT),
    "Embedding": ("embeddings", _EMBEDDING),
    "Reranker": ("rerank", _RERANK),
}


def examples(model: str, kind: str, address: str, key_variable: str) -> tuple[Example, ...]:
    """Return curl, Python and JavaScript; () for kinds that are asked in ways of their own, or without an address.

    address: where the OpenAI interface begins, such as http://127.0.0.1:4000/v1. key_variable: the name of an
    environment variable, "" where no key is needed.
    """
    if kind not in _BODIES or not address:
        return ()
    path, rest = _BODIES[kind]
    body = {"model": model, **rest}
    return (
        Example("curl", _curl(f"{address}/{path}", body, key_variable), key_variable),
        Example("python", _python(address, path, body, key_variable), key_variable),
        Example("javascript", _javascript(address, path, body, key_variable), key_variable),
    )


def _curl(url: str, body: dict[str, Any], key_variable: str) -> str:
    lines = [f"curl {quote(url)}"]
    if key_variable:
        lines.append(f'-H "Authorization: Bearer ${key_variable}"')
    lines += ["-H 'Content-Type: application/json'", f"-d {quote(json.dumps(body))}"]
    return " \\\n  ".join(lines)


def _python(address: str, path: str, body: dict[str, Any], key_variable: str) -> str:
    key = f'os.environ["{key_variable}"]' if key_variable else ascii(NO_KEY)
    call, shown = {
        "chat/completions": ("client.chat.completions.create", "print(answer.choices[0].message.content)"),
        "embeddings": ("client.embeddings.create", "print(len(answer.data[0].embedding))"),
        "rerank": ("client.post", "print(answer)"),
    }[path]
    given = ", ".join(f"{name}={value!a}" for name, value in body.items())
    if path == "rerank":
        given = f'"/rerank", body={body!a}, cast_to=object'
    head = ["import os", ""] if key_variable else []
    client = f"client = OpenAI(base_url={address!a}, api_key={key})"
    return "\n".join([*head, "from openai import OpenAI", "", client, f"answer = {call}({given})", shown])


def _javascript(address: str, path: str, body: dict[str, Any], key_variable: str) -> str:
    key = f"process.env.{key_variable}" if key_variable else json.dumps(NO_KEY)
    call, shown = {
        "chat/completions": ("client.chat.completions.create", "console.log(answer.choices[0].message.content);"),
        "embeddings": ("client.embeddings.create", "console.log(answer.data[0].embedding.length);"),
        "rerank": ("client.post", "console.log(answer);"),
    }[path]
    given = f'"/rerank", {{ body: {_script(body)} }}' if path == "rerank" else _script(body)
    client = f"const client = new OpenAI({{ baseURL: {_script(address)}, apiKey: {key} }});"
    return "\n".join(['import OpenAI from "openai";', "", client, f"const answer = await {call}({given});", shown])


def _script(value: Any) -> str:
    """Return a JavaScript literal that also holds inside a page: no < that could end a script element."""
    return json.dumps(value).replace("<", "\\u003c")
