"""The graph of routes: public model -> fallbacks, deployments -> engine -> container -> card; with state and load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from inferdeck.model.answers import Number
from inferdeck.model.stack import DeploymentEdge, FallbackEdge, Route, RouteSource, RouteTarget
from inferdeck.model.target import Health, TargetState
from inferdeck.query.figures import Figures, ratio, total
from inferdeck.query.rows import Group
from inferdeck.query.stack.joins import Joins

REQUESTS, ATTEMPTS, FALLBACKS, STATUS, COOLED = (
    "llm_requests_total",
    "llm_provider_attempts_total",
    "llm_fallbacks_total",
    "llm_model_status",
    "litellm_deployment_cooled_down_total",
)
METRICS = (REQUESTS, ATTEMPTS, FALLBACKS, STATUS, COOLED)
BY_MODEL = ("environment", "gateway", "model")
BY_DEPLOYMENT = ("environment", "gateway", "deployment")
BY_FALLBACK = ("environment", "gateway", "from_model", "to_model")
ACTIVE, DEGRADED, DOWN, COOLDOWN, UNKNOWN, INACTIVE = (
    "active",
    "degraded",
    "down",
    "cooldown",
    "unknown",
    "inactive",
)
STATES = (ACTIVE, DEGRADED, INACTIVE, UNKNOWN)
_WORDS = {"available": ACTIVE, "degraded": DEGRADED, "error": DOWN}
_ENGINE_TROUBLE = ("error", "loading")


class Graph:
    """The routes of one moment; `states` are the targets as they are then, the joins may hold earlier ones."""

    def __init__(self, joins: Joins, figures: Figures, states: Iterable[TargetState]) -> None:
        self._joins = joins
        self._health = {state.key.id: state.health for state in states}
        self._figures = figures
        requests = figures.rate(REQUESTS)
        self._of_model = total(requests, BY_MODEL)
        self._failed_model = total(requests, BY_MODEL, status="error")
        self._of_deployment = total(requests, BY_DEPLOYMENT)
        self._failed_deployment = total(requests, BY_DEPLOYMENT, status="error")
        fallbacks = figures.rate(FALLBACKS)
        self._fell = total(fallbacks, BY_FALLBACK, status="success")
        self._fell_in_vain = total(fallbacks, BY_FALLBACK, status="error")
        self._words: dict[Group, str] = {}
        for row in figures.last(STATUS):
            if row.value == 1 and row.labels.get("deployment"):
                key = tuple(row.labels.get(name, "") for name in BY_DEPLOYMENT)
                self._words[key] = row.labels.get("status", "")
        attempts = figures.rate(ATTEMPTS)
        self._attempts = total(attempts, BY_DEPLOYMENT)
        self._failed_attempts = total(attempts, BY_DEPLOYMENT, status="error")
        self._cooled = self._cooled_down(figures)

    def _cooled_down(self, figures: Figures) -> dict[Group, float]:
        """Return how often deployments were put aside; a gateway's own series do not always carry its name."""
        names = {
            (state.key.environment, state.key.job, state.key.instance): state.gateway or state.key.instance
            for state in self._joins.inventory.states
        }
        found: dict[Group, float] = {}
        for row in figures.increase(COOLED):
            labels = row.labels
            reader = (labels.get("environment", ""), labels.get("job", ""), labels.get("instance", ""))
            key = (reader[0], names.get(reader, reader[2]), labels.get("model_id", ""))
            found[key] = found.get(key, 0.0) + row.value
        return found

    def routes(self, sources: Iterable[RouteSource]) -> list[Route]:
        """Return the routes of these sources, by environment, gateway and model."""
        found = [route for source in sources for route in self._routes(source)]
        return sorted(found, key=lambda one: (one.environment, one.gateway, one.model, one.origin))

    def _routes(self, source: RouteSource) -> Iterable[Route]:
        targets: dict[str, list[RouteTarget]] = defaultdict(list)
        for target in source.targets:
            targets[target.model].append(target)
        reached: dict[str, list[str]] = defaultdict(list)
        for fallback in source.fallbacks:
            for to in fallback.to:
                reached[to].append(fallback.model)
        for model in sorted({*targets, *(fallback.model for fallback in source.fallbacks)}):
            edges = tuple(self._deployment(source, one) for one in targets.get(model, ()) if one.id)
            key = (source.environment, source.gateway, model)
            yield Route(
                environment=source.environment,
                gateway=source.gateway,
                model=model,
                origin=source.origin,
                strategy=source.strategy,
                state=state_of(edges),
                load=self._figures.number(self._of_model.get(key), "requests/s", REQUESTS, BY_MODEL, key),
                errors=self._share(self._failed_model, self._of_model, BY_MODEL, key),
                deployments=edges,
                fallbacks=self._fallbacks(source, model, targets),
                reached_from=tuple(dict.fromkeys(reached.get(model, ()))),
            )

    def _deployment(self, source: RouteSource, target: RouteTarget) -> DeploymentEdge:
        key = (source.environment, source.gateway, target.id)
        chain = self._joins.chain_of(source, target)
        state, why = self._state(key, chain.engine.id)
        return DeploymentEdge(
            id=target.id,
            provider=target.provider,
            litellm_model=target.litellm_model,
            api_base=target.api_base,
            order=target.order,
            weight=target.weight,
            origin=target.origin,
            state=state,
            why=why,
            load=self._figures.number(self._of_deployment.get(key), "requests/s", REQUESTS, BY_DEPLOYMENT, key),
            errors=self._errors(key),
            chain=chain,
        )

    def _state(self, key: Group, engine: str) -> tuple[str, str]:
        """Return how a deployment is: its engine's own state where that is worse than what the gateway says."""
        joined = self._joins.targets.get(engine)
        health = self._health.get(engine)
        if joined is not None and health is Health.DOWN:
            return DOWN, f"the engine {joined.state.name} does not answer"
        served = self._joins.inventory.served.get(engine, ())
        words = [word for fact in served if (word := fact.facts.get("status", "")) in _ENGINE_TROUBLE]
        if joined is not None and words and len(words) == len(served):
            return DOWN, f"the engine {joined.state.name} says: {words[0]}"
        word = self._words.get(key, "")
        cooled = self._cooled.get(key)
        if word == "error":
            if cooled:
                return COOLDOWN, "the gateway leaves it alone for a while after failures"
            return DOWN, "the gateway says that it fails"
        if word:
            return _WORDS.get(word, UNKNOWN), f"the gateway says: {word}"
        if self._of_deployment.get(key) or self._attempts.get(key):
            failed = self._failed_attempts.get(key) or self._failed_deployment.get(key)
            return (DEGRADED if failed else ACTIVE), "it answers requests" + (", and fails some" if failed else "")
        if joined is not None and health is Health.UP:
            return ACTIVE, f"the engine {joined.state.name} answers; the gateway says nothing of it"
        return UNKNOWN, "neither its gateway nor an engine says how it is"

    def _errors(self, key: Group) -> Number:
        """Return the share of attempts that failed; where attempts are not counted, that of requests."""
        if key in self._attempts:
            value = ratio(self._failed_attempts.get(key), self._attempts[key])
            return self._figures.number(value, "ratio", ATTEMPTS, BY_DEPLOYMENT, key)
        return self._share(self._failed_deployment, self._of_deployment, BY_DEPLOYMENT, key)

    def _fallbacks(
        self, source: RouteSource, model: str, targets: dict[str, list[RouteTarget]]
    ) -> tuple[FallbackEdge, ...]:
        found = []
        for fallback in source.fallbacks:
            if fallback.model != model:
                continue
            for position, to in enumerate(fallback.to, 1):
                key = (source.environment, source.gateway, model, to)
                found.append(
                    FallbackEdge(
                        fallback.on,
                        to,
                        position,
                        to in targets,
                        self._fallen(self._fell, key),
                        self._fallen(self._fell_in_vain, key),
                    )
                )
        return tuple(found)

    def _fallen(self, values: dict[Group, float], key: Group) -> Number:
        return self._figures.number(values.get(key), "requests/s", FALLBACKS, BY_FALLBACK, key)

    def _share(self, parts: dict[Group, float], wholes: dict[Group, float], by: Sequence[str], key: Group) -> Number:
        return self._figures.number(ratio(parts.get(key), wholes.get(key)), "ratio", REQUESTS, by, key)


def state_of(deployments: Sequence[DeploymentEdge]) -> str:
    """Return the state of a public model from those of its deployments."""
    states = [one.state for one in deployments]
    if not states or all(state == UNKNOWN for state in states):
        return UNKNOWN
    if all(state == ACTIVE for state in states):
        return ACTIVE
    if all(state in (DOWN, COOLDOWN) for state in states):
        return INACTIVE
    return DEGRADED if any(state != UNKNOWN and state != ACTIVE for state in states) else ACTIVE
