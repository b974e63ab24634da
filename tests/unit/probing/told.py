"""Gateways and answers for tests."""

from __future__ import annotations

from typing import Any

from inferdeck.probing.gateway import Deployed, Told
from inferdeck.probing.values import Answer


def deployed(name: str, model: str, **facts: str) -> Deployed:
    mode = facts.pop("mode", "chat")
    return Deployed(name, model, facts.pop("provider", "openai"), facts.pop("target", f"openai/{model}"), mode, facts)


def told(*deployments: Deployed, **values: Any) -> Told:
    listed = tuple(dict.fromkeys(one.model for one in deployments))
    return Told("http://gateway:4000", **{"listed": listed, "deployments": deployments, **values})


def answer(deployment: str = "", group: str = "", fallbacks: str = "0", **values: Any) -> Answer:
    """Return a good answer by a deployment, changed as said."""
    headers = {"x-litellm-model-id": deployment, "x-litellm-model-group": group}
    headers["x-litellm-attempted-fallbacks"] = fallbacks
    body = {"choices": [{"message": {"role": "assistant", "content": "ok"}}]}
    return Answer(200, {name: text for name, text in headers.items() if text}, **{"body": body, **values})


def failed(status: int, error: str, **values: Any) -> Answer:
    return Answer(status, error=error, **values)
