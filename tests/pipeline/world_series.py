"""What a fleet's programs themselves have counted at each collection, as series: a second witness of what is shown.

The values are read off the simulated programs and hosts, never over the network: nothing of what collects, repairs,
maps, stores or answers has touched them. What inferdeck's own vocabulary calls a program's families is written down
here once more, by hand.
"""

from __future__ import annotations

import math
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from inferdeck.model.labels import NAME, Labels
from inferdeck.simulate.servers.docker.server import Docker
from inferdeck.simulate.servers.hub.program import Hub
from inferdeck.simulate.servers.node import Node
from inferdeck.simulate.servers.redis.server import Redis
from inferdeck.simulate.table import Table
from inferdeck.store.interface import Matcher, MatchOp
from tests.pipeline.collecting import Stage, Watched
from tests.unit.query.naive_windows import bits

Points = list[tuple[int, int]]
"""(Unix ms, the value's bits), rising."""
Called = tuple[str, Labels, Callable[[float], float]]
"""What a series is called, its labels with that name, and what its value becomes."""
PERSONAL = ("user", "user_email", "end_user", "hashed_api_key", "api_key_alias", "client_ip", "user_agent")
"""Labels of LiteLLM that grow with its users: what they tell apart is one series."""
TOKENS = {
    "litellm_input_tokens_metric_total": "input",
    "litellm_output_tokens_metric_total": "output",
    "litellm_input_cached_tokens_metric_total": "cached_input",
    "litellm_input_cache_creation_tokens_metric_total": "cache_creation",
    "litellm_output_reasoning_tokens_metric_total": "reasoning",
}
LITELLM = {
    **dict.fromkeys(TOKENS, "llm_tokens_used_total"),
    "litellm_proxy_total_requests_metric_total": "llm_requests_total",
    "litellm_proxy_failed_requests_metric_total": "llm_errors_total",
    "litellm_spend_metric_total": "llm_cost_total",
    "litellm_cache_hits_metric_total": "llm_cache_hits_total",
    "litellm_request_total_latency_metric_bucket": "llm_request_duration_seconds_bucket",
    "litellm_request_total_latency_metric_sum": "llm_request_duration_seconds_sum",
    "litellm_llm_api_time_to_first_token_metric_bucket": "llm_time_to_first_token_seconds_bucket",
    "litellm_in_flight_requests": "llm_active_requests",
    "litellm_deployment_successful_fallbacks_total": "llm_fallbacks_total",
    "litellm_deployment_failed_fallbacks_total": "llm_fallbacks_total",
    "litellm_deployment_success_responses_total": "llm_provider_attempts_total",
    "litellm_deployment_failure_responses_total": "llm_provider_attempts_total",
}
STATUS = {"successful": "success", "success": "success", "failed": "error", "failure": "error"}
STATES = ("available", "degraded", "error")
"""Of a deployment, by LiteLLM's number."""
VLLM = {
    "vllm:num_requests_running": "requests_running",
    "vllm:num_requests_waiting": "requests_waiting",
    "vllm:kv_cache_usage_perc": "kv_cache_usage_ratio",
    "vllm:prompt_tokens_total": "prompt_tokens_total",
    "vllm:generation_tokens_total": "generation_tokens_total",
    "vllm:num_preemptions_total": "preemptions_total",
    "vllm:prefix_cache_hits_total": "prefix_cache_hits_total",
    "vllm:prefix_cache_queries_total": "prefix_cache_queries_total",
    "vllm:time_to_first_token_seconds": "time_to_first_token_seconds",
    "vllm:inter_token_latency_seconds": "inter_token_latency_seconds",
    "vllm:e2e_request_latency_seconds": "e2e_latency_seconds",
    "vllm:request_queue_time_seconds": "queue_time_seconds",
    "vllm:iteration_tokens_total": "iteration_tokens",
}
SGLANG = {
    "sglang:num_running_reqs": "requests_running",
    "sglang:num_queue_reqs": "requests_waiting",
    "sglang:token_usage": "kv_cache_usage_ratio",
    "sglang:prompt_tokens_total": "prompt_tokens_total",
    "sglang:generation_tokens_total": "generation_tokens_total",
    "sglang:num_retracted_requests_total": "preemptions_total",
    "sglang:cached_tokens_total": "prefix_cache_hits_total",
    "sglang:time_to_first_token_seconds": "time_to_first_token_seconds",
    "sglang:inter_token_latency_seconds": "inter_token_latency_seconds",
    "sglang:e2e_request_latency_seconds": "e2e_latency_seconds",
    "sglang:queue_time_seconds": "queue_time_seconds",
}
TGI = {
    "tgi_batch_current_size": "requests_running",
    "tgi_queue_size": "requests_waiting",
    "tgi_request_input_length_sum": "prompt_tokens_total",
    "tgi_request_generated_tokens_sum": "generation_tokens_total",
    "tgi_request_duration": "e2e_latency_seconds",
    "tgi_request_queue_duration": "queue_time_seconds",
}
LLAMACPP = {
    "llamacpp:prompt_tokens_total": "prompt_tokens_total",
    "llamacpp:tokens_predicted_total": "generation_tokens_total",
    "llamacpp:prompt_tokens_cached_total": "prefix_cache_hits_total",
    "llamacpp:requests_processing": "requests_running",
    "llamacpp:requests_deferred": "requests_waiting",
    "llamacpp:kv_cache_usage_ratio": "kv_cache_usage_ratio",
}
ENGINES = {"vllm": VLLM, "sglang": SGLANG, "tgi": TGI, "llamacpp": LLAMACPP}
PARTS = ("_bucket", "_count", "_sum")
WORDS = (
    "container_info",
    "container_state_status",
    "container_state_health_status",
    "gpu_info",
    "huggingface_repository_info",
    "llm_engine_load_phase",
    "llm_model_info",
    "llm_model_status",
)
"""Families whose values are 0 or 1 and stand for a word: they are taken over, since they put no figure on a screen."""


@dataclass(slots=True)
class WorldSeries:
    """By metric name: each series with its points. `note` is called while the world stands still, before it is read.

    wanted: the names that anything shown is made of.
    """

    stage: Stage
    wanted: frozenset[str]
    names: dict[str, dict[Labels, Points]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    _plans: dict[int, tuple[Table, list[tuple[Called, ...]]]] = field(default_factory=dict)
    """What each series of a table is called, by the table's identity, for which it is kept."""

    def note(self) -> None:
        """Read every program off as it is now."""
        now = self.stage.world.now
        seen: dict[tuple[str, Labels], float] = {}
        for process, one in self.stage.watched.items():
            up = not self.stage.hindered(process)
            for name, value in (("up", float(up)), ("scrape_duration_seconds", 0.0)):
                seen[name, _with(one, {NAME: name})] = value
            if up:
                self._read(process, one, seen, now)
        for (name, labels), value in seen.items():
            self.names[name][labels].append((round(now * 1000), bits(value)))

    def told(self) -> None:
        """Take over what is a word; add what is asked for once in a while: the world's answer of that moment."""
        for name in WORDS:
            for series, points in self._stored(name):
                self.names[name][series] = points
        hub = self.stage.site.programs.get("hub")
        if isinstance(hub, Hub):
            for name, labels, value in repositories(hub):
                series = _with(self.stage.watched["hub"], {NAME: name, **labels})
                self.names[name][series] = [(round(at * 1000), bits(value)) for at in self.stage.watched["hub"].read]
        for span, seconds in (("last_hour", 3600.0), ("last_day", 86_400.0)):
            for told, points in self._stored(f"langfuse_{span}_end_timestamp_seconds"):
                for at, raw in points:
                    for family, more, value in traced(self.stage, value_of(raw), seconds):
                        name = f"langfuse_{span}_{family}"
                        key = tuple(sorted({**dict(told), **more, NAME: name}.items()))
                        self.names[name][key].append((at, bits(value)))

    def _stored(self, name: str) -> Iterator[tuple[Labels, Points]]:
        for block in self.stage.database.select([Matcher(NAME, MatchOp.EQUAL, name)], 0, 2**53):
            for series, row in zip(block.series, block.values, strict=True):
                pairs = zip(block.timestamps_ms.tolist(), row.tolist(), strict=True)
                yield series, [(at, bits(value)) for at, value in pairs if value == value]

    def _read(self, process: str, one: Watched, seen: dict[tuple[str, Labels], float], now: float) -> None:
        program = self.stage.site.programs[process]
        program.refresh(now)
        for table in getattr(program, "tables", ()):
            _, plan = self._plans.setdefault(id(table), (table, []))
            plan += [self._called(process, one, series) for series in table.series[len(plan) :]]
            for called, value in zip(plan, table.values, strict=True):
                for name, labels, of in called:
                    if value == value:
                        key, found = (name, labels), of(value)
                        # Of several deployments one that is well is enough; all else of one name is a sum.
                        seen[key] = max(seen.get(key, 0.0), found) if of is not _same else seen.get(key, 0.0) + found
        if isinstance(program, Docker):
            for name, own, value in containers(self.stage, process.partition("/")[0]):
                seen[name, _with(one, {NAME: name, **own})] = value

    def _called(self, process: str, one: Watched, series: Labels) -> tuple[Called, ...]:
        labels = {name: value for name, value in series if value and value != "None"}
        kind = one.target.source.kind
        if kind in ("tgi", "llamacpp"):
            # They do not say in their metrics what they serve; it is asked of them beside.
            served = {engine.name: engine.model.name for engine in self.stage.scenario.fleet.engines}
            labels["model"] = served[process]
        return tuple(
            (name, _with(one, {**kept, NAME: name}), of)
            for name, kept, of in _names(kind, process, labels)
            if name in self.wanted
        )


def _names(
    kind: str, process: str, labels: dict[str, str]
) -> Iterator[tuple[str, dict[str, str], Callable[[float], float]]]:
    """Yield what a program's series is called by inferdeck: its own name, and that of the common vocabulary."""
    name = labels.pop(NAME)
    if name.endswith("_created"):
        return
    if kind == "dcgm":
        labels = {"Hostname" if key == "hostname" else key: value for key, value in labels.items()}
    if kind == "litellm":
        own = {key: value for key, value in labels.items() if key not in PERSONAL}
        yield name, own, _same
        yield from _litellm(process, name, own)
        return
    yield name, labels, _same
    for own_name, family in ENGINES.get(kind, {}).items():
        part = next((part for part in PARTS if name == own_name + part), "")
        if name == own_name or part:
            kept = {key: value for key, value in labels.items() if key == "le"}
            model = labels.get("model_name", labels.get("model", ""))
            kept |= {"engine": kind} | ({"model": model} if model else {})
            yield f"llm_engine_{family}{part}", kept, _same
            taken = {"sglang": ("prompt_tokens_total",), "llamacpp": ("prompt_tokens_total", "prefix_cache_hits_total")}
            if family in taken.get(kind, ()):
                # What was looked up in the prefix cache: all that was taken in, computed or found.
                yield "llm_engine_prefix_cache_queries_total", kept, _same


def _litellm(
    process: str, name: str, labels: dict[str, str]
) -> Iterator[tuple[str, dict[str, str], Callable[[float], float]]]:
    base = {"gateway": process}
    if name == "litellm_deployment_state":
        provider = labels["api_provider"]
        yield "llm_provider_health", {**base, "provider": provider}, _differs(2.0)
        return
    family = LITELLM.get(name)
    if family is None:
        return
    asked = labels.get("requested_model", "") or labels.get("model_group", "")
    kept = {
        "model": labels.get("model", "") if family == "llm_cache_hits_total" else asked,
        "provider": labels.get("api_provider", ""),
        "team": labels.get("team_alias", ""),
        "deployment": labels.get("model_id", ""),
    }
    if name in TOKENS:
        kept["token_type"] = TOKENS[name]
    elif family == "llm_requests_total":
        kept["status"] = "success" if labels["status_code"].startswith("2") else "error"
    elif family == "llm_errors_total":
        kept["error_type"] = labels["exception_class"].rpartition(".")[2]
    elif family == "llm_fallbacks_total":
        kept = {"from_model": asked, "to_model": labels["fallback_model"], "team": kept["team"]}
        kept["status"] = STATUS[name.split("_")[2]]
    elif family == "llm_provider_attempts_total":
        kept |= {"model": labels.get("model_group", asked), "status": STATUS[name.split("_")[2]]}
    elif family.endswith(("_bucket", "_sum")):
        del kept["deployment"]
        kept["le"] = labels.get("le", "")
    elif family == "llm_active_requests":
        kept = {}
    yield family, {**base, **{key: value for key, value in kept.items() if value}}, _same


def containers(stage: Stage, host: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield what the containers of a host use: their programs' shares of the host's own integrals."""
    node, docker = stage.site.programs[f"{host}/node"], stage.site.programs[f"{host}/docker"]
    assert isinstance(node, Node)
    assert isinstance(docker, Docker)
    machine = node.machine
    machine.settle(stage.world.now)
    for container in docker.containers.all.values():
        process = machine.processes[container.facts.process]
        if not process.running:
            continue
        labels = {"name": container.facts.name, "id": f"/docker/{container.id}"}
        program = stage.site.programs.get(process.name)
        memory = program.resident_bytes() if isinstance(program, Redis) else process.memory_bytes
        begun = [*stage.ledger.beginnings(float("-inf"), stage.world.now, process.name)]
        yield "container_cpu_usage_seconds_total", labels, int(machine.cpu_seconds(process) * 1e9) / 1e9
        yield "container_memory_working_set_bytes", labels, float(int(memory))
        yield "container_start_time_seconds", labels, process.started + machine.clock_offset
        yield "container_restartcount", labels, float(len(begun) - 1)


def repositories(hub: Hub) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield what the Hub knows of each repository that an engine's model comes from."""
    for one in hub.repositories.values():
        if one.model.name != one.id:
            # Nobody serves it under its own name: it is not asked for.
            continue
        labels = {"repository": one.id}
        yield "huggingface_repository_parameters", labels, float(int(one.model.parameters))
        yield "huggingface_repository_size_bytes", labels, float(int(one.model.weights_bytes))
        changed = datetime.fromisoformat(one.dates()[1]).timestamp()
        yield "huggingface_repository_updated_timestamp_seconds", labels, changed


def traced(stage: Stage, until: float, seconds: float) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield what the gateways told a Langfuse of the requests and attempts that began in the time before a moment."""
    answers = [one for one in stage.ledger.answers.between(-math.inf, until) if one.request.time >= until - seconds]
    yield "traces", {}, float(len(answers))
    served = {one.id: one.served for gateway in stage.scenario.fleet.gateways for one in gateway.deployments}
    known = {one.request.id for one in answers}
    costs: dict[str, list[float]] = defaultdict(list)
    tokens: Counter[str] = Counter()
    levels: Counter[tuple[str, str]] = Counter()
    for answer in answers:
        if answer.cached:
            tokens[served[answer.deployment]] += answer.usage.input + answer.usage.output
    for one in stage.ledger.attempts.between(-math.inf, until):
        if one.request.id in known:
            model = served[one.deployment]
            levels[model, "DEFAULT" if one.fault is None else "ERROR"] += 1
            costs[model].append(one.usage.cost)
            tokens[model] += one.usage.input + one.usage.output
    for model, amounts in costs.items():
        yield "model_cost_usd", {"model": model}, math.fsum(amounts)
        yield "model_total_tokens", {"model": model}, float(tokens[model])
    for (model, level), count in levels.items():
        yield "model_observations", {"model": model, "level": level}, float(count)


def value_of(raw: int) -> float:
    """Return the value of a point."""
    found: float = struct.unpack("<d", struct.pack("<Q", raw))[0]
    return found


def _with(one: Watched, labels: Iterable[tuple[str, str]] | dict[str, str]) -> Labels:
    return tuple(sorted({**dict(one.target.extra or {}), **dict(labels)}.items()))


def _same(value: float) -> float:
    return value


def _differs(number: float) -> Callable[[float], float]:
    return lambda value: float(value != number)
