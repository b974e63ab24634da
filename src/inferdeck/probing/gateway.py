"""What a gateway says of itself before anything is sent to its models: models, deployments, fallbacks, prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inferdeck.errors import ForbiddenError, MalformedError, UnavailableError
from inferdeck.model.target import Fact
from inferdeck.probing.sender import Sender
from inferdeck.routing.interface import ANY_ERROR
from inferdeck.sources.litellm import inventory

TOO_LONG = "context window"
"""When context_window_fallbacks are tried, as the gateway's routes have it."""
SIMULATED = "x-inferdeck-simulated"
"""The header by which the simulator's gateway says what it is."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment as the running gateway has it."""

    id: str
    model: str
    provider: str = ""
    target: str = ""
    """What is asked there, such as openai/gpt-4o."""
    mode: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """api_base, weight, order, rpm, tpm, prices, supports, supports_not; as sources/litellm/inventory.py names them."""

    @property
    def api_base(self) -> str:
        return self.facts.get("api_base", "")

    def can(self, ability: str) -> bool | None:
        """Whether the gateway says that it can do something; None where it does not say."""
        for key, answer in (("supports", True), ("supports_not", False)):
            if ability in [word.strip() for word in self.facts.get(key, "").split(",")]:
                return answer
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway tells to this key; `deployments` is empty where the key may not see them."""

    url: str
    listed: tuple[str, ...] = ()
    """Names of /v1/models."""
    modes: Mapping[str, str] = field(default_factory=dict)
    """Public model -> mode, as far as one is told."""
    deployments: tuple[Deployed, ...] = ()
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For prompts that are too long."""
    strategy: str = ""
    """How it balances; "" where it does not say."""
    simulated: bool = False
    litellm: bool = True
    """Whether it is a LiteLLM, so that it knows LiteLLM's own parameters."""
    notes: tuple[str, ...] = ()

    def groups(self) -> dict[str, list[Deployed]]:
        """Return deployments by public model."""
        found: dict[str, list[Deployed]] = {}
        for one in self.deployments:
            found.setdefault(one.model, []).append(one)
        return found

    def mode(self, model: str, group: list[Deployed]) -> str:
        """Return what a model is for: chat, embedding, …; "" where nobody says."""
        return self.modes.get(model, "") or next((one.mode for one in group if one.mode), "")


async def learn(sender: Sender) -> Told:
    """Ask a gateway what it has; raises UnavailableError (MalformedError), ForbiddenError where it cannot be probed."""
    answer, body = await sender.get("/v1/models")
    if answer.cut == "garbage":
        raise MalformedError(f"{sender.url}/v1/models: {answer.error}; is this a gateway?")
    if answer.cut:
        raise UnavailableError(f"no gateway answers at {sender.url}: {answer.error}")
    if answer.status in (401, 403) or "No connected db" in answer.error:
        raise ForbiddenError(
            f"{sender.url} refuses the key ({answer.status}: {answer.error}); set LITELLM_API_KEY, or the key of this "
            "source in inferdeck.yaml"
        )
    if not answer.ok:
        raise UnavailableError(f"{sender.url}/v1/models: HTTP {answer.status}: {answer.error}")
    if not isinstance(answer.body, dict) or not isinstance(answer.body.get("data"), list):
        raise MalformedError(f"{sender.url}/v1/models: not a list of models; is this a gateway?")
    named = list(inventory.names(body))
    notes: list[str] = []
    info, info_body = await sender.get("/model/info")
    if not info.ok:
        notes.append(f"/model/info cannot be read (HTTP {info.status}), so which deployments there are is not known")
    routing, routing_body = await sender.get("/get/config/callbacks")
    if not routing.ok:
        notes.append(
            f"/get/config/callbacks cannot be read (HTTP {routing.status}), so the gateway's fallbacks are not known"
        )
    facts = inventory.routing(routing_body)[0] if routing.ok else ()
    return Told(
        sender.url,
        tuple(dict.fromkeys(one.name for one in named)),
        {one.name: mode for one in named if (mode := one.facts.get("mode", ""))},
        tuple(
            Deployed(one.id, one.model, one.provider, one.target, one.mode, one.facts)
            for one in (inventory.deployments(info_body) if info.ok else ())
        ),
        _chains(facts, ANY_ERROR),
        _chains(facts, TOO_LONG),
        next((one.name for one in facts if one.kind == "routing"), ""),
        answer.headers.get(SIMULATED) == "true",
        info.ok or info.status in (401, 403, 500),
        tuple(notes),
    )


def _chains(facts: Iterable[Fact], on: str) -> dict[str, tuple[str, ...]]:
    found = [one for one in facts if one.kind == "fallback" and one.facts.get("on", ANY_ERROR) == on]
    return {one.name: _names(one.facts.get("to", "")) for one in found}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
