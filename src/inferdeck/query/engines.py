"""Inference engines: what runs, what waits, how full the KV cache is, how fast tokens come."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from inferdeck.model.answers import Engine
from inferdeck.model.target import Health, TargetState
from inferdeck.query.figures import Figures, total
from inferdeck.query.rows import Group

BY = ("environment", "instance")
GAUGES = ("llm_engine_requests_running", "llm_engine_requests_waiting", "llm_engine_kv_cache_usage_ratio")
COUNTERS = ("llm_engine_prompt_tokens_total", "llm_engine_generation_tokens_total")
METRICS = (*GAUGES, *COUNTERS, "llm_model_status", "llm_engine_info")
KINDS = frozenset({"llamacpp", "vllm", "sglang", "tgi", "ollama"})


def engines(figures: Figures, states: Iterable[TargetState]) -> tuple[Engine, ...]:
    """Return every engine that is a target or has series; a figure that its engine does not give is missing."""
    known = {(s.key.environment, s.key.instance): s for s in states if s.source_kind in KINDS}
    gauges = {name: figures.last(name) for name in GAUGES}
    running, waiting = (total(gauges[name], BY) for name in GAUGES[:2])
    fullness = _largest(figures, GAUGES[2])
    prefill, decode = (total(figures.rate(name), BY) for name in COUNTERS)
    models, words = _models(figures), _words(figures)
    keys = {*known, *running, *waiting, *fullness, *prefill, *decode}
    found = []
    for key in sorted(keys):
        state = known.get((key[0], key[1]))
        found.append(
            Engine(
                name=state.name if state else key[1],
                kind=state.source_kind if state else "",
                environment=key[0],
                model=_shown_models(models.get(key, set()), state),
                state=_state(words.get(key, ()), state),
                running=figures.number(running.get(key), "count", GAUGES[0], BY, key),
                waiting=figures.number(waiting.get(key), "count", GAUGES[1], BY, key),
                kv_cache=figures.number(fullness.get(key), "ratio", GAUGES[2], BY, key),
                prefill=figures.number(prefill.get(key), "tokens/s", COUNTERS[0], BY, key),
                decode=figures.number(decode.get(key), "tokens/s", COUNTERS[1], BY, key),
            )
        )
    return tuple(found)


def _largest(figures: Figures, name: str) -> dict[Group, float]:
    """A ratio is never added up: of several caches in one engine the fullest one counts."""
    found: dict[Group, float] = {}
    for row in figures.last(name):
        key = (row.labels.get("environment", ""), row.labels.get("instance", ""))
        found[key] = max(found.get(key, row.value), row.value)
    return found


def _models(figures: Figures) -> dict[Group, set[str]]:
    found: dict[Group, set[str]] = {}
    for name in ("llm_engine_info", "llm_engine_prompt_tokens_total", "llm_model_status"):
        for environment, instance, model in total(figures.last(name), (*BY, "model")):
            if model:
                found.setdefault((environment, instance), set()).add(model)
    return found


def _shown_models(named: set[str], state: TargetState | None) -> str:
    """Of an engine that has several models, those in memory, without adapters; all where it has one at most."""
    facts = [fact for fact in state.inventory if fact.kind == "model"] if state is not None else []
    idle = {fact.name for fact in facts if fact.facts.get("sleeping") == "true" or fact.facts.get("remote")}
    idle |= {fact.name for fact in facts if fact.facts.get("adapter_of")}
    known = named or {fact.name for fact in facts}
    return ", ".join(sorted(known - idle if len(facts) > 1 else known))


def _words(figures: Figures) -> dict[Group, set[str]]:
    """Return what each engine says of its models."""
    found: dict[Group, set[str]] = {}
    for row in figures.last("llm_model_status"):
        if row.value == 1:
            found.setdefault(row.named.group(BY), set()).add(row.labels.get("status", ""))
    return found


def _state(words: Collection[str], state: TargetState | None) -> str:
    """The engine's own word where it gives one, else whether it answers."""
    if state is not None and state.health is Health.DOWN and not words:
        return "down"
    for word in ("error", "degraded", "loading", "available"):
        if word in words:
            return word
    if state is not None and state.health is Health.UP:
        return "available"
    return "unknown"
