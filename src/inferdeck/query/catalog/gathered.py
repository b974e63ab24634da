"""What the targets tell of models, brought together by name: one draft per model and environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inferdeck.model.model_catalog import Said
from inferdeck.model.stack import Chain, Link, LinkState
from inferdeck.model.target import Fact, TargetState
from inferdeck.pricing.matching import reference, self_hosted

GATEWAY_KINDS = frozenset({"litellm"})
Key = tuple[str, str]
"""Environment and name."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One model as one engine serves it."""

    state: TargetState
    fact: Fact


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a gateway, and the engine behind it where that is known."""

    state: TargetState
    fact: Fact
    engine: Engine | None = None
    evidence: str = ""

    @property
    def gateway(self) -> str:
        """The gateway's name."""
        return gateway_name(self.state)

    @property
    def provider(self) -> str:
        """LiteLLM's name of the provider."""
        return self.fact.facts.get("provider", "")

    @property
    def target(self) -> str:
        """What the gateway asks there for."""
        return self.fact.facts.get("litellm_model", "")

    @property
    def endpoint(self) -> str:
        """Where the gateway sends requests, "" where that is the provider's own place."""
        return self.fact.facts.get("api_base", "")

    @property
    def runs_here(self) -> bool:
        """Whether it runs on somebody's own machines."""
        return self.engine is not None or self_hosted(self.provider, self.endpoint)


@dataclass(slots=True)
class Draft:
    """One model while it is put together."""

    environment: str
    name: str
    groups: list[tuple[TargetState, Fact]] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    engines: list[Engine] = field(default_factory=list)
    repositories: list[Engine] = field(default_factory=list)
    """What the Hub says, as the target that looked it up."""
    fallbacks: list[tuple[TargetState, Fact]] = field(default_factory=list)

    @property
    def states(self) -> list[TargetState]:
        """The gateways that offer it, each once."""
        every = [state for state, _ in self.groups] + [one.state for one in self.deployments]
        return list({state.key.id: state for state in every}.values())


def gateway_name(state: TargetState) -> str:
    """Return the value of the label `gateway` on its series."""
    return state.gateway or state.key.instance


class _Engines:
    """All models of all engines, by the name under which they are served and by target."""

    def __init__(self, states: Iterable[TargetState]) -> None:
        self.named: dict[Key, list[Engine]] = defaultdict(list)
        self.of: dict[str, list[Engine]] = defaultdict(list)
        for state in states:
            if state.source_kind in GATEWAY_KINDS:
                continue
            for fact in state.inventory:
                if fact.kind == "model":
                    self.named[state.key.environment, fact.name].append(Engine(state, fact))
                    self.of[state.key.id].append(Engine(state, fact))


def gather(states: Sequence[TargetState], chains: Iterable[Chain]) -> list[Draft]:
    """Return every model, sorted by environment and name.

    An engine's model that a gateway offers under another name is that gateway's model; only one that no gateway leads
    to stands for itself. chains: which engine an address leads to.
    """
    drafts: dict[Key, Draft] = {}
    engines = _Engines(states)
    links = {
        (one.environment, one.gateway, one.deployment): one.engine
        for one in chains
        if one.gateway and one.engine.state == LinkState.KNOWN.value
    }
    for state in states:
        if state.source_kind in GATEWAY_KINDS:
            _offered(state, drafts, engines, links)
    reached = {(one.state.key.id, one.fact.name) for draft in drafts.values() for one in draft.engines}
    for every in engines.of.values():
        for one in every:
            if (one.state.key.id, one.fact.name) not in reached:
                _draft(drafts, one.state.key.environment, one.fact.name).engines.append(one)
    hub = _repositories(states)
    for draft in drafts.values():
        draft.repositories = [hub[name] for name in repositories(draft) if name in hub][:1]
    return sorted(drafts.values(), key=lambda draft: (draft.environment, draft.name))


def _draft(drafts: dict[Key, Draft], environment: str, name: str) -> Draft:
    return drafts.setdefault((environment, name), Draft(environment, name))


def _offered(
    state: TargetState, drafts: dict[Key, Draft], engines: _Engines, links: Mapping[tuple[str, str, str], Link]
) -> None:
    """Add what one gateway offers."""
    environment, gateway = state.key.environment, gateway_name(state)
    for fact in state.inventory:
        if fact.kind == "model_group":
            _draft(drafts, environment, fact.name).groups.append((state, fact))
        elif fact.kind == "deployment" and fact.facts.get("model"):
            draft = _draft(drafts, environment, fact.facts["model"])
            _deploy(draft, Deployment(state, fact), engines, links.get((environment, gateway, fact.name)))
    for fact in state.inventory:
        # A chain for a name that nobody offers is no model.
        if fact.kind == "fallback" and (environment, fact.name) in drafts:
            drafts[environment, fact.name].fallbacks.append((state, fact))


def _deploy(draft: Draft, one: Deployment, engines: _Engines, link: Link | None) -> None:
    """Add a deployment with the engine behind it: the one that its address leads to, else the only one of that name."""
    name = target_name(one)
    linked = engines.of.get(link.id, []) if link is not None else []
    if linked and link is not None:
        found = [engine for engine in linked if engine.fact.name == name] or linked[:1]
        evidence = "; ".join(link.evidence)
    else:
        found = engines.named.get((draft.environment, name), []) if self_hosted(one.provider, one.endpoint) else []
        serves = ", ".join(engine.state.name for engine in found)
        alone = f"only {serves} serves {name} in this environment; the address does not tell"
        evidence = alone if len(found) == 1 else f"one of {serves}, which serve {name}" if found else ""
    draft.engines += [engine for engine in found if engine not in draft.engines]
    draft.deployments.append(Deployment(one.state, one.fact, found[0] if len(found) == 1 else None, evidence))


def target_name(one: Deployment) -> str:
    """Return what the provider itself calls the model, as it is written."""
    lowered = reference(one.provider, one.target)
    return one.target[len(one.target) - len(lowered) :] if one.target.lower().endswith(lowered) else one.target


def _repositories(states: Iterable[TargetState]) -> dict[str, Engine]:
    """Return what the Hub says, by the name of the repository in lower case."""
    return {
        fact.name.casefold(): Engine(state, fact)
        for state in states
        for fact in state.inventory
        if fact.kind == "repository"
    }


def repositories(draft: Draft) -> list[str]:
    """Return the names under which the Hub may know a model, the surest first, in lower case."""
    found = [engine.fact.facts.get("repository", "") for engine in draft.engines]
    found += [engine.fact.facts.get("root", "") for engine in draft.engines]
    found += [engine.fact.name for engine in draft.engines]
    found += [target_name(one) for one in draft.deployments if one.runs_here]
    return list(dict.fromkeys(name.casefold() for name in [*found, draft.name] if name.count("/") == 1))


def age_of(state: TargetState, now: float, what: str = "") -> float | None:
    """Return the seconds since a target told its facts; `what` is a reading of its own, such as an inventory.

    What was read after `now`, which then is a moment of the past, has no age.
    """
    for fact in state.inventory:
        if what and fact.kind == "reading" and fact.name == what:
            age = now - float(fact.facts.get("time", now))
            return age if age >= 0.0 else None
    return max(0.0, now - state.last_success_ms / 1000) if state.last_success_ms else None


def said(state: TargetState, fact: Fact, key: str, source: str, age: float | None) -> Said:
    """Return what one fact says."""
    return Said(fact.facts.get(key, ""), source, age)
