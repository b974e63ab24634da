"""Why a request failed, most likely: read from its status and its message.

Messages as LiteLLM 1.106.2 answered them, and as its source (litellm/exceptions.py, litellm/llms/*) has them;
providers' own words as LiteLLM passes them on. The first rule that fits wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inferdeck.probing.values import Answer, Cause

_VARIABLE = re.compile(r"\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)*_(?:API_KEY|KEY|TOKEN))\b")
_MOCK_OFF = "Mock testing request params are disabled"


@dataclass(frozen=True, slots=True)
class _Rule:
    cause: Cause
    pattern: re.Pattern[str] | None
    statuses: frozenset[int] = frozenset()

    def fits(self, answer: Answer) -> bool:
        if self.statuses and answer.status not in self.statuses:
            return False
        return self.pattern is None or bool(self.pattern.search(answer.error))


def _rule(cause: Cause, pattern: str = "", *statuses: int) -> _Rule:
    return _Rule(cause, re.compile(pattern, re.IGNORECASE) if pattern else None, frozenset(statuses))


_RULES = (
    _rule(Cause.MODEL_ABSENT, r"invalid model name passed in|not allowed to access model|can only access models"),
    _rule(
        Cause.KEY_UNSET,
        r"missing credentials|missing \S{0,30} ?api[ _-]?key|api_key client option must be set|no key is set"
        r"|api key (?:is )?(?:missing|required|not (?:set|found|provided))|did(?:n't| not) provide an api key",
    ),
    _rule(Cause.GATEWAY_KEY, r"no api key passed|invalid proxy server token|no connected db|token_not_found", 400, 401),
    _rule(Cause.BUDGET, r"budget has been exceeded|budgetexceeded|exceeded budget|insufficient_quota"),
    _rule(Cause.KEY_REFUSED, r"authenticationerror|api key|x-api-key|unauthorized", 401),
    _rule(Cause.KEY_REFUSED, r"permission ?denied|forbidden", 403),
    _rule(Cause.KEY_REFUSED, r"authenticationerror|incorrect api key|invalid x-api-key"),
    _rule(Cause.COOLING, r"no deployments available|no healthy deployment"),
    _rule(
        Cause.BACKEND_MODEL,
        r"notfounderror|model .{0,200}(?:does not exist|not found)|model_not_found|no such model|not_found_error",
    ),
    _rule(
        Cause.CAPABILITY,
        r"not a multimodal model|does not support (?:image|vision|tool|function|response_format)"
        r"|image input is not supported|unsupportedparamserror|do(?:es)? not support parameters",
    ),
    _rule(Cause.TOO_SLOW, r"timeout|timed out", 408, 504),
    _rule(
        Cause.UNREACHABLE,
        r"connection error|connect(?:ion)? (?:refused|reset)|cannot connect|name or service not known|getaddrinfo"
        r"|no route to host|apiconnectionerror|connecterror|all connection attempts failed|server disconnected",
    ),
    _rule(Cause.TOO_SLOW, r"apitimeouterror|request timed out"),
    _rule(Cause.RATE_LIMITED, "", 429),
    _rule(Cause.PROVIDER_FAILS, "", 500, 502, 503, 504, 529),
    _rule(Cause.REFUSED, ""),
)
_ADVICE: Mapping[Cause, str] = {
    Cause.KEY_UNSET: "set {variable} in the gateway's environment",
    Cause.KEY_REFUSED: "the provider refuses the key{where}: it is wrong, expired or of elsewhere",
    Cause.MAPPING_MISSING: 'add "{model}" to the gateway, or take it out of the file',
    Cause.MODEL_ABSENT: '"{model}" is not among /v1/models: it was taken out, or this key may not use it',
    Cause.UNREACHABLE: "see that something listens{where}, and that the gateway can reach it",
    Cause.PROVIDER_FAILS: "the provider{where} answers with an error: look at its status and logs",
    Cause.BACKEND_MODEL: "the provider{where} does not have that model: compare its name there",
    Cause.RATE_LIMITED: "a limit was reached: wait a minute, or raise it",
    Cause.BUDGET: "a budget or quota is spent: raise it, or wait until it begins anew",
    Cause.COOLING: "the gateway leaves all its deployments alone after failures: wait, then look at them",
    Cause.TOO_SLOW: "the provider{where} is slow or loads the model: ask with a longer --timeout",
    Cause.GATEWAY_KEY: "set LITELLM_API_KEY, or the key of this source in inferdeck.yaml",
    Cause.GATEWAY_GONE: "the gateway went away while it was probed: see whether it runs",
    Cause.GARBAGE: "something else than the gateway answers, such as a proxy in front of it",
    Cause.REFUSED: "read the message; docs/probe-routing.md shows the requests",
    Cause.CAPABILITY: "route requests that need it to a model that has it",
}


def mock_off(answer: Answer) -> bool:
    """Return whether a gateway refused to let a model fail on demand."""
    return _MOCK_OFF in answer.error


def cause_of(answer: Answer) -> Cause:
    """Return the likely cause of a failure; NONE where there was none."""
    if answer.ok:
        return Cause.NONE
    if answer.cut:
        words = {"timeout": Cause.TOO_SLOW, "unreachable": Cause.GATEWAY_GONE, "garbage": Cause.GARBAGE}
        return words.get(answer.cut, Cause.REFUSED)
    if answer.streamed and answer.error.startswith("the stream broke off"):
        return Cause.STREAM_BROKEN
    return next(rule.cause for rule in _RULES if rule.fits(answer))


def advice(cause: Cause, answer: Answer, model: str, api_base: str, provider: str) -> str:
    """Return what to do, with the variable, address or provider that it is about where that is known."""
    where = f" at {api_base}" if api_base else f" {provider}" if provider else ""
    named = _VARIABLE.search(answer.error)
    usual = f"{provider.upper().replace('-', '_')}_API_KEY" if provider else "the key of its provider"
    text = _ADVICE.get(cause, "")
    return text.format(model=model, where=where, variable=named[1] if named else usual)
