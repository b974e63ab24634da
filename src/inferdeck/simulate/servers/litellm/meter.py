"""What one worker of a proxy counts: LiteLLM's Prometheus callback (litellm/integrations/prometheus.py) as a fold.

Children are bound to their places once per label set (a `Plan`), so that an event costs additions, no formatting.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from inferdeck.simulate.servers.litellm import families
from inferdeck.simulate.servers.litellm.dialect import Dialect
from inferdeck.simulate.servers.litellm.errors import Failure
from inferdeck.simulate.servers.litellm.identity import ADMIN, HEALTH, NONE, Caller, Place
from inferdeck.simulate.table import Table

UNLIMITED = 9.223372036854776e18
PRE_CALL_SHARE = 0.25
"""The share of a gateway's overhead that LiteLLM calls queue time: authentication and hooks before the call begins."""
IDLE_BYTES = (1_502_285_824.0, 333_000_000.0)
"""Virtual and resident memory of an idle 1.106.2; the world knows no other."""
IDLE_FILES = 18.0
_TOTAL = "litellm_proxy_total_requests_metric_total"


@dataclass(slots=True)
class Plan:
    """A label set and where its children stand; -1: this dialect has no such family."""

    labels: dict[str, str]
    total: dict[str, str] = field(default_factory=dict)
    """What differs in the proxy's own request counter, which names the model that was asked for."""
    places: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a success took, in seconds."""

    total: float
    """From its arrival to its end."""
    overhead: float
    call: float | None
    """The call of the deployment; None for an answer from the cache."""
    first: float | None
    """From the begin of the call to the first token; None without streaming."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a success cost."""

    input: int
    output: int
    cached: int
    reasoning: int
    cost: float


class Meter:
    """One worker's table; a restart of the proxy makes a new one."""

    def __init__(self, dialect: Dialect, started: float, *, redis: bool) -> None:
        self.table = Table(python=True)
        self.table.now = started
        self.dialect = dialect
        self.values = self.table.values
        self._families = families.declare(self.table, dialect, redis=redis)
        self._bounds = {name: family.bounds for name, family in self._families.items()}
        self._plans: dict[tuple[object, ...], Plan] = {}
        self._start(started, redis=redis)

    def _start(self, started: float, *, redis: bool) -> None:
        for name in ("objects_collected", "objects_uncollectable", "collections"):
            for generation in "012":
                self._families[f"python_gc_{name}_total"].child((generation,))
        self._families["python_info"].set(1.0, ("CPython", "3", "11", "7", "3.11.7"))
        for name, value in zip(("virtual", "resident"), IDLE_BYTES, strict=True):
            self._families[f"process_{name}_memory_bytes"].set(value)
        self._families["process_start_time_seconds"].set(round(started, 2))
        self._families["process_max_fds"].set(1_048_576.0)
        for name, family in self._families.items():
            if not family.labels and not name.startswith(("python_", "process_")):
                family.child()
        if redis and self.dialect.new:
            for state, count in (("closed", 2.0), ("open", 0.0), ("half_open", 0.0)):
                self._families["litellm_redis_circuit_breaker_state"].set(count, (state,))
        self._cpu = self._families["process_cpu_seconds_total"].child()
        self._files = self._families["process_open_fds"].child()
        self._flying = self._families["litellm_in_flight_requests"].child() if self.dialect.new else -1
        self.flying(0)

    def configured(self, place: Place, requests: float | None, tokens: float | None) -> None:
        """Show a deployment's limits at the start, where LiteLLM leaves out its id and group."""
        self.limit(Plan(place.labels | {"api_base": place.base, "model_group": "", "model_id": NONE}), requests, tokens)

    def flying(self, count: int) -> None:
        """Say how many requests are being answered; whoever asks for the metrics is one more."""
        self.values[self._files] = IDLE_FILES + count
        if self._flying >= 0:
            self.values[self._flying] = 1.0 + count

    def busy(self, seconds: float) -> None:
        """Count processor time."""
        self.values[self._cpu] += seconds

    def success(self, who: Caller, place: Place, asked: str, route: str, *, stream: bool) -> Plan:
        """Return the plan of what the callback counts for an answer."""
        key = (who, place, asked, route, stream)
        plan = self._plans.get(key)
        return plan if plan is not None else self._keep(key, self._answer(who, place, asked, route, stream=stream))

    def _answer(self, who: Caller, place: Place, asked: str, route: str, *, stream: bool) -> Plan:
        labels = who.labels | place.labels | {"model_group": place.group, "requested_model": place.group}
        labels |= {"status_code": "200", "route": route}
        if who.key == HEALTH:
            return Plan(labels | {"model_group": "", "requested_model": "", "model_id": "", "route": NONE})
        # 1.80 counts streams where it logs them, under the model that served, and all else where it answers.
        return Plan(labels, {} if stream and not self.dialect.new else {"requested_model": asked})

    def count(self, plan: Plan, used: Tokens, took: Timing, *, stream: bool, hit: bool) -> None:
        """Count an answer."""
        add, observe = self.add, self.observe
        add(plan, "litellm_requests_metric_total", 1.0)
        add(plan, "litellm_spend_metric_total", 0.0 if hit else used.cost)
        add(plan, "litellm_total_tokens_metric_total", used.input + used.output)
        add(plan, "litellm_input_tokens_metric_total", used.input)
        add(plan, "litellm_output_tokens_metric_total", used.output)
        if used.cached:
            add(plan, "litellm_input_cached_tokens_metric_total", used.cached)
            add(plan, "litellm_provider_cache_read_input_tokens_metric_total", used.cached)
        if used.reasoning:
            add(plan, "litellm_output_reasoning_tokens_metric_total", used.reasoning)
        before = took.overhead * PRE_CALL_SHARE
        inside = took.total - before
        if took.first is not None:
            observe(plan, "litellm_llm_api_time_to_first_token_metric", took.first)
        if took.call is not None:
            observe(plan, "litellm_llm_api_latency_metric", took.call)
        observe(plan, "litellm_request_total_latency_metric", took.total if self.dialect.new else inside)
        observe(plan, "litellm_request_queue_time_seconds", before)
        if not stream:
            observe(plan, "litellm_overhead_latency_metric", took.overhead - before)
            observe(plan, "litellm_overhead_with_guardrails_latency_metric", took.overhead - before)
        self.put(plan, "litellm_deployment_state", 0.0)
        add(plan, "litellm_deployment_success_responses_total", 1.0)
        add(plan, "litellm_deployment_total_requests_total", 1.0)
        if used.output:
            shown = took.first if took.first is not None else inside
            observe(plan, families.PER_OUTPUT, shown / used.output)
        if hit:
            add(plan, "litellm_cache_hits_metric_total", 1.0)
            add(plan, "litellm_cached_tokens_metric_total", used.input + used.output)
        elif stream:
            add(plan, "litellm_cache_misses_metric_total", 1.0)
        self.put(plan, "litellm_remaining_api_key_requests_for_model", UNLIMITED)
        self.put(plan, "litellm_remaining_api_key_tokens_for_model", UNLIMITED)
        add(plan, _TOTAL, 1.0)

    def refused(self, who: Caller, place: Place | None, asked: str, route: str, failure: Failure) -> None:
        """Count a request that its client saw fail."""
        key = (who, place, asked, route, failure)
        plan = self._plans.get(key)
        if plan is None:
            labels = (
                who.labels | failure.labels | {"status_code": failure.code, "requested_model": asked, "route": route}
            )
            labels |= {"model_id": place.id, "api_provider": place.provider} if place else {}
            if failure.status == 401:
                labels["hashed_api_key"] = NONE
            plan = self._keep(key, Plan(labels))
        self.add(plan, "litellm_proxy_failed_requests_metric_total", 1.0)
        self.add(plan, _TOTAL, 1.0)

    def failed(self, who: Caller, place: Place, failure: Failure) -> None:
        """Count a call that failed."""
        key = (who, place, failure)
        plan = self._plans.get(key)
        if plan is None:
            labels = who.labels | place.labels | failure.labels
            plan = self._keep(key, Plan(labels | {"model_group": place.group, "requested_model": place.group}))
        self.add(plan, "litellm_llm_api_failed_requests_metric_total", 1.0)
        self.put(plan, "litellm_deployment_state", 1.0)
        self._unsuccessful(plan)

    def rejected(self, who: Caller, place: Place, failure: Failure) -> None:
        """Count a call that asked no deployment: the proxy itself refused it, or it was one of its health checks."""
        key, call = (who, place, failure, "rejected"), (who, place, failure, "call")
        plan, called = self._plans.get(key), self._plans.get(call)
        if plan is None or called is None:
            health = who.key == HEALTH
            labels = who.labels | failure.labels
            none = {"model_id": "", "litellm_model_name": "", "api_base": "", "api_provider": ""}
            group = {
                "model_group": "" if health else place.group,
                "requested_model": "other" if health else place.group,
            }
            plan = self._keep(key, Plan(labels | none | group))
            named = {"model_id": "", "model": place.model} if health else {"model_id": place.id, "model": place.group}
            called = self._keep(call, Plan(labels | named))
        self.add(called, "litellm_llm_api_failed_requests_metric_total", 1.0)
        self._unsuccessful(plan)

    def _unsuccessful(self, plan: Plan) -> None:
        self.add(plan, "litellm_deployment_failure_responses_total", 1.0)
        self.add(plan, "litellm_deployment_total_requests_total", 1.0)

    def fell_back(self, who: Caller, asked: str, to: str, failure: Failure, *, succeeded: bool) -> None:
        """Count a fallback."""
        key = (who, asked, to, failure, succeeded, "fallback")
        plan = self._plans.get(key)
        if plan is None:
            labels = who.labels | failure.labels | {"requested_model": asked, "fallback_model": to}
            plan = self._keep(key, Plan(labels))
        kind = "successful" if succeeded else "failed"
        self.add(plan, f"litellm_deployment_{kind}_fallbacks_total", 1.0)

    def cooled(self, place: Place, status: str) -> None:
        """Count a deployment that is left alone; LiteLLM names it by its public model here: a twin series."""
        key = (place, status, "cooldown")
        plan = self._plans.get(key)
        if plan is None:
            labels = place.labels | {"litellm_model_name": place.group, "api_base": place.base}
            plan = self._keep(key, Plan(labels | {"exception_status": status}))
        self.put(plan, "litellm_deployment_state", 2.0)
        if self.dialect.new:
            self.add(plan, "litellm_deployment_cooled_down_total", 1.0)
        # 1.80 raises here, since it gives the counter a label more than it has, and counts nothing.

    def budget(self, who: Caller, maximum: float | None, spent: float, hours: float | None) -> None:
        """Show what a key, its team and its user may still spend, as after each answer."""
        key = (who, "budget")
        plan = self._plans.get(key)
        if plan is None:
            labels = who.labels | {"api_key_alias": who.alias, "team_alias": who.team_alias}
            plan = self._keep(key, Plan(labels))
        self.put(plan, "litellm_remaining_api_key_budget_metric", float("inf"))
        if who.user == ADMIN:
            self.put(plan, "litellm_remaining_user_budget_metric", float("inf"))
        if not who.team:
            return
        self.put(plan, "litellm_remaining_team_budget_metric", float("inf") if maximum is None else maximum - spent)
        if maximum is not None:
            self.put(plan, "litellm_team_max_budget_metric", maximum)
        if hours is not None:
            self.put(plan, "litellm_team_budget_remaining_hours_metric", hours)

    def team_limit(self, who: Caller, kind: str, allowed: float, used: float) -> None:
        """Show a team's limit by the minute and what it used of it; `kind` is requests or tokens."""
        key = (who.team, kind, "limit")
        plan = self._plans.get(key)
        if plan is None:
            plan = self._keep(key, Plan(who.labels | {"rate_limit_type": kind}))
        self.put(plan, "litellm_team_rate_limit_allowed_metric", allowed)
        self.put(plan, "litellm_team_rate_limit_used_metric", used)

    def left(self, plan: Plan, requests: float | None, tokens: float | None) -> None:
        """Show what a deployment's group may still take in this minute."""
        names = self.dialect.remaining
        if requests is not None:
            self.put(plan, names[0], requests)
        if tokens is not None:
            self.put(plan, names[1], tokens)

    def limit(self, plan: Plan, requests: float | None, tokens: float | None) -> None:
        """Show a deployment's configured limits, as after each answer."""
        if requests is not None:
            self.put(plan, "litellm_deployment_rpm_limit", requests)
        if tokens is not None:
            self.put(plan, "litellm_deployment_tpm_limit", tokens)

    def add(self, plan: Plan, name: str, by: float) -> None:
        """Add to a child of the plan's label set; nothing where the dialect lacks the family."""
        place = plan.places.get(name)
        if place is None:
            place = self._bind(plan, name)
        if place >= 0:
            self.values[place] += by

    def put(self, plan: Plan, name: str, value: float) -> None:
        """Set a gauge of the plan's label set."""
        place = plan.places.get(name)
        if place is None:
            place = self._bind(plan, name)
        if place >= 0:
            self.values[place] = value

    def observe(self, plan: Plan, name: str, value: float) -> None:
        """Count a value into a histogram of the plan's label set."""
        place = plan.places.get(name)
        if place is None:
            place = self._bind(plan, name)
        if place < 0:
            return
        values, bounds = self.values, self._bounds[name]
        end = place + len(bounds) + 2
        for bucket in range(place + bisect_left(bounds, value), end):
            values[bucket] += 1.0
        values[end] += value

    def _bind(self, plan: Plan, name: str) -> int:
        family = self._families.get(name)
        if family is None:
            place = -1
        else:
            labels = plan.labels | plan.total if name == _TOTAL else plan.labels
            place = family.child(tuple(labels.get(label, NONE) for label in family.labels))
        plan.places[name] = place
        return place

    def _keep(self, key: tuple[object, ...], plan: Plan) -> Plan:
        self._plans[key] = plan
        return plan
