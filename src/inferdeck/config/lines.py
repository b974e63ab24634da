"""The lines of configuration that messages tell a user to write."""

from __future__ import annotations

KEY_VARIABLES = {
    "huggingface": "HF_TOKEN",
    "litellm": "LITELLM_MASTER_KEY",
    "llamacpp": "LLAMA_API_KEY",
    "ollama": "OLLAMA_API_KEY",
    "redis": "REDIS_PASSWORD",
    "vllm": "VLLM_API_KEY",
}


def with_key(kind: str, url: str) -> str:
    """Return the line that gives a target its key (a Redis calls it password, a Langfuse wants two)."""
    if kind == "langfuse":
        keys = "public_key: pk-lf-…, secret_key: {env: LANGFUSE_SECRET_KEY}"
        return f"sources: {{langfuse: [{{url: {url}, {keys}}}]}}"
    name = "password" if kind == "redis" else "key"
    variable = KEY_VARIABLES.get(kind, f"{kind.upper()}_KEY")
    return f"sources: {{{kind}: [{{url: {url}, {name}: {{env: {variable}}}}}]}}"


def plain(kind: str, url: str) -> str:
    """Return the line that adds a target."""
    return f"sources: {{{kind}: [{{url: {url}}}]}}"
