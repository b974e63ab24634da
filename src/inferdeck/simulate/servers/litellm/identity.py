"""Who asked and what answered, as LiteLLM's labels name them.

With a database every agent has a key of its own in its team; without one all use the master key, so that the proxy
cannot tell them apart but by their `user_agent`. That is what the real one knows, too.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import sha256

from inferdeck.simulate.events import Request
from inferdeck.simulate.fleet import Agent, Deployment, Fleet, Gateway
from inferdeck.simulate.servers.litellm.dialect import Dialect

MASTER_KEY = "sk-inferdeck-demo"
MASTER = "litellm_proxy_master_key"
ADMIN = "default_user_id"
HEALTH = "litellm-internal-health-check"
NONE = "None"
"""How LiteLLM writes a label that it has no value for."""
CLIENT = "127.0.0.1"
_PORTS = {"vllm": 8000, "sglang": 30000, "tgi": 8080, "llamacpp": 8080, "ollama": 11434}
_ENGINES = {"vllm": "hosted_vllm", "ollama": "ollama_chat"}
"""LiteLLM's provider for an engine; the others are spoken to as `openai` with an api_base."""
_BASES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "mistral": "https://api.mistral.ai/v1",
    "groq": "https://api.groq.com/openai/v1",
    "deepseek": "https://api.deepseek.com/beta",
    "gemini": "https://generativelanguage.googleapis.com",
    "azure": "https://inferdeck.openai.azure.com",
    "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "vertex_ai": "https://us-central1-aiplatform.googleapis.com",
    "openrouter": "https://openrouter.ai/api/v1",
    "together_ai": "https://api.together.xyz/v1",
    "fireworks_ai": "https://api.fireworks.ai/inference/v1",
    "cohere": "https://api.cohere.ai",
    "xai": "https://api.x.ai/v1",
}


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """A key with its team; `alias`, `team` and `user` are "" where there is none."""

    key: str
    """Its hash, as everything shows it."""
    alias: str = ""
    team: str = ""
    team_alias: str = ""
    user: str = ""
    client: str = CLIENT
    agent: str = ""
    """The user agent that its requests carry."""

    @property
    def labels(self) -> dict[str, str]:
        """As metrics name it."""
        return {
            "hashed_api_key": self.key,
            "api_key_alias": self.alias or NONE,
            "team": self.team or NONE,
            "team_alias": self.team_alias or NONE,
            "user": self.user or NONE,
            "client_ip": self.client,
            "user_agent": self.agent or NONE,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A deployment as metrics name it."""

    id: str
    group: str
    model: str
    provider: str
    base: str
    """Its api_base as configured."""
    called: str
    """Its api_base as a call reports it."""

    @property
    def full(self) -> str:
        """Provider and model, as the configuration writes them."""
        return f"{self.provider}/{self.model}"

    @property
    def labels(self) -> dict[str, str]:
        """As metrics name it, but for the model group."""
        return {
            "model": self.model,
            "litellm_model_name": self.model,
            "model_id": self.id,
            "api_provider": self.provider,
            "api_base": self.called,
        }


class Callers:
    """Who may ask a gateway."""

    def __init__(self, gateway: Gateway, fleet: Fleet, dialect: Dialect) -> None:
        self._agents = {agent.name: agent for agent in fleet.agents}
        self._database = gateway.database
        first = fleet.gateways[0].name if fleet.gateways else gateway.name
        self.agents = tuple(agent for agent in fleet.agents if (agent.gateway or first) == gateway.name)
        self._master = MASTER if dialect.new else hashed(MASTER_KEY)
        self._known: dict[tuple[str, str, bool], Caller] = {}
        self.keys = {token(agent): agent for agent in self.agents} if gateway.database else {}
        """Virtual keys in the clear -> whose they are."""

    def of(self, request: Request) -> Caller:
        """Return who sent a request."""
        key = (request.agent, request.user if request.outside else "", request.outside)
        found = self._known.get(key)
        return found if found is not None else self._learn(key)

    def _learn(self, key: tuple[str, str, bool]) -> Caller:
        name, user, outside = key
        agent = self._agents.get(user if outside else name)
        if outside and user == HEALTH:
            caller = Caller(HEALTH, HEALTH, HEALTH, HEALTH, "", NONE, NONE)
        elif agent is None or not self._database:
            caller = Caller(self._master, user=ADMIN, agent=f"{(agent.name if agent else user) or 'client'}/1.0")
        else:
            caller = self.caller(agent)
        self._known[key] = caller
        return caller

    def caller(self, agent: Agent) -> Caller:
        """Return an agent's key."""
        team = agent.team
        return Caller(hashed(token(agent)), agent.name, team_id(team) if team else "", team, agent=f"{agent.name}/1.0")

    def master(self) -> Caller:
        """Return the master key."""
        return Caller(self._master, user=ADMIN, agent="client/1.0")


def token(agent: Agent) -> str:
    """Return an agent's key in the clear."""
    return "sk-" + sha256(f"inferdeck key of {agent.name}".encode()).hexdigest()[:22]


def hashed(key: str) -> str:
    """Return a key's hash."""
    return sha256(key.encode()).hexdigest()


def team_id(name: str) -> str:
    """Return a team's id."""
    return str(uuid.UUID(bytes=sha256(f"inferdeck team {name}".encode()).digest()[:16], version=4))


def places(gateway: Gateway, fleet: Fleet) -> dict[str, Place]:
    """Return a gateway's deployments by id."""
    return {one.id: _place(one, fleet) for one in gateway.deployments}


def _place(one: Deployment, fleet: Fleet) -> Place:
    engine = next((engine for engine in fleet.engines if engine.name == one.target), None)
    if engine is None:
        cloud = next((cloud for cloud in fleet.providers if cloud.name == one.target), None)
        provider = _provider(one.target)
        base = (cloud.api_base if cloud else "") or _BASES.get(provider, "")
        return Place(one.id, one.model, one.served, provider, base, base)
    provider = _ENGINES.get(engine.kind, "openai")
    root = f"http://{engine.name}:{_PORTS.get(engine.kind, 8000)}"
    base = root if provider == "ollama_chat" else f"{root}/v1"
    called = {"ollama_chat": f"{root}/api/chat", "hosted_vllm": f"{root}/v1/chat/completions"}.get(provider, base)
    return Place(one.id, one.model, one.served, provider, base, called)


def _provider(name: str) -> str:
    """Return LiteLLM's name of a cloud provider; one that it does not know is spoken to as OpenAI is."""
    known = name.replace("-", "_")
    return known if known in _BASES else first if (first := name.partition("-")[0]) in _BASES else "openai"
