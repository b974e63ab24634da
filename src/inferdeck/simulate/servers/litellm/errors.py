"""How a proxy's failures look: exception class, HTTP status and the body that a client is answered.

Bodies as captured from 1.106.2; what a timeout, a refused connection and a broken stream become is as captured too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from inferdeck.simulate.events import Fault
from inferdeck.simulate.servers.litellm.dialect import Dialect
from inferdeck.simulate.servers.litellm.identity import NONE

_CLASSES: dict[Fault, tuple[str, int, str]] = {
    Fault.RATE_LIMIT: ("RateLimitError", 429, "throttling_error"),
    Fault.OUTAGE: ("ServiceUnavailableError", 503, "internal_server_error"),
    Fault.UNREACHABLE: ("InternalServerError", 500, "internal_server_error"),
    Fault.TIMEOUT: ("Timeout", 408, "invalid_request_error"),
    Fault.CONTEXT: ("ContextWindowExceededError", 400, "invalid_request_error"),
    Fault.AUTH: ("AuthenticationError", 401, "authentication_error"),
    Fault.ABORTED: ("InternalServerError", 500, "internal_server_error"),
    Fault.NO_KEY: ("AuthenticationError", 401, "authentication_error"),
    Fault.UNSUPPORTED: ("BadRequestError", 400, "invalid_request_error"),
    Fault.MOCKED: ("InternalServerError", 500, "internal_server_error"),
}
_SAYINGS: dict[Fault, str] = {
    Fault.RATE_LIMIT: "RateLimitError: {who} - Rate limit reached for requests",
    Fault.OUTAGE: "ServiceUnavailableError: {who} - The server is overloaded or not ready yet",
    Fault.UNREACHABLE: "InternalServerError: {who} - Connection error.",
    Fault.TIMEOUT: "APITimeoutError - Request timed out. Error_str: Request timed out.",
    Fault.CONTEXT: "litellm.BadRequestError: ContextWindowExceededError: {who} - This model's maximum context length "
    "was exceeded by your messages.",
    Fault.AUTH: "AuthenticationError: {who} - Incorrect API key provided",
    Fault.ABORTED: "InternalServerError: {who} - Server disconnected",
    Fault.NO_KEY: "Missing {name} API Key - A call is being made to {provider} but no key is set either in the "
    "environment variables or via params. Please set `{variable}` in your environment vars",
    Fault.UNSUPPORTED: "{who} - The model is not a multimodal model",
}


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """One failure as metrics and clients see it; `status` 0 is LiteLLM's `None`."""

    name: str
    status: int
    type: str
    answer: int
    """The HTTP status that the client sees."""

    @property
    def labels(self) -> dict[str, str]:
        """As metrics name it."""
        return {"exception_class": self.name, "exception_status": str(self.status) if self.status else NONE}

    @property
    def code(self) -> str:
        """The label `status_code`."""
        return str(self.status) if self.status else NONE


@cache
def of(fault: Fault, provider: str, dialect: Dialect, *, begun: bool = False) -> Failure:
    """Return what a fault of a provider ("" where none was asked) becomes; `begun`: its stream had begun."""
    if fault is Fault.BUDGET:
        status = dialect.budget_status if dialect.new else 0
        return Failure("BudgetExceededError", status, "budget_exceeded", dialect.budget_status)
    if fault is Fault.UNKNOWN_MODEL:
        return Failure("ProxyModelNotFoundError" if dialect.new else "HTTPException", 400, "invalid_request_error", 400)
    if fault is Fault.NO_DEPLOYMENT:
        return Failure("RouterRateLimitError", 429 if dialect.new else 0, "None", 429)
    if fault is Fault.RATE_LIMIT and not provider:
        return Failure("HTTPException", 429, "throttling_error" if dialect.new else "None", 429)
    name, status, kind = _CLASSES[fault]
    if fault is Fault.ABORTED and begun:
        name = "APIConnectionError"
    who = provider[:1].upper() + provider[1:]
    return Failure(f"{who}.{name}" if who else name, status, kind, status)


def body(failure: Failure, message: str, param: str | None = None) -> dict[str, Any]:
    """Return the body of an answer."""
    return {"error": {"message": message, "type": failure.type, "param": param, "code": str(failure.answer)}}


def message(fault: Fault, provider: str, model: str, fallbacks: Mapping[str, tuple[str, ...]]) -> str:
    """Return what the client reads after a model failed, with LiteLLM's remark on fallbacks."""
    if fault is Fault.NO_DEPLOYMENT:
        return f"No deployments available for selected model, Try again in 5 seconds. Passed model={model}."
    if fault is Fault.MOCKED:
        shown = [{name: list(others)} for name, others in fallbacks.items()]
        return (
            f"litellm.InternalServerError: This is a mock exception for model={model}, to trigger a fallback. "
            f"Fallbacks={shown}"
        )
    name = f"{provider[:1].upper()}{provider[1:]}"
    who = f"{name}Exception"
    if provider == "openai":
        who = "OpenAIException"
    words = {"who": who, "name": name, "provider": provider, "variable": f"{provider.upper()}_API_KEY"}
    text = f"litellm.{_CLASSES[fault][0]}: {_SAYINGS[fault].format(**words)}"
    if model in fallbacks:
        return f"{text}. Received Model Group={model}\nAvailable Model Group Fallbacks={list(fallbacks[model])}"
    named = f" Fallbacks are configured for: {', '.join(fallbacks)}." if fallbacks else ""
    return (
        f"{text}\n\nLiteLLM: model group '{model}' failed with the error above and no fallback model group was found "
        f"for it, so the request was not retried on another model.{named} Add a fallbacks entry for that model group "
        "(Router fallbacks or proxy router_settings.fallbacks) to retry on another model."
    )
