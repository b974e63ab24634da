"""What an observer of a fleet can conclude: the closed vocabulary of a scenario's `observer:` part.

Each says of which kinds of things it is said, what it means in terms of what really happens (a test holds that against
the event log of every scenario), and where it is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FLEET = "fleet"
ANY = "anything"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One word of the vocabulary."""

    kinds: tuple[str, ...]
    """Of what it is said: kinds of things; fleet: of all of it; anything."""
    meaning: str
    """What really happens then."""
    seen: str
    """What shows it."""


CONCLUSIONS: Mapping[str, Conclusion] = {
    "calm": Conclusion(
        (FLEET,), "Under 2 % of the requests fail, nothing is down, no engine has a long queue.", "no alert at all"
    ),
    "recovered": Conclusion(
        (ANY,),
        "What was concluded of it before is over: it serves, with as few errors as at the beginning.",
        "the same",
    ),
    "provider_down": Conclusion(
        ("provider",),
        "At least half of the attempts at it fail (prompts that are too long not counted, as everywhere).",
        "errors by provider; cooldowns of its deployments",
    ),
    "provider_degraded": Conclusion(
        ("provider",), "Between a tenth and half of the attempts at it fail.", "errors by provider; retries"
    ),
    "provider_slow": Conclusion(
        ("provider",), "Its median time to the first token is at least twice the usual.", "time to first token"
    ),
    "rate_limited": Conclusion(
        ("provider", "team", "agent"), "At least a tenth of its requests are refused with 429.", "429s; limit hits"
    ),
    "cooldown": Conclusion(
        ("deployment",), "Its gateway leaves it alone for a while.", "circuit breaker; deployment state"
    ),
    "fallback_active": Conclusion(
        ("model",), "At least a fifth of its requests are served by another model.", "fallbacks from it to another"
    ),
    "errors_rising": Conclusion(
        ("gateway", "model", "team", "agent"),
        "At least 5 % of its requests fail, and at least three times the usual share.",
        "error share",
    ),
    "load_rising": Conclusion(
        ("gateway", "engine", "provider", "model", "team", "agent", FLEET),
        "It gets at least half as many requests again as usual.",
        "requests per minute",
    ),
    "runaway": Conclusion(
        ("agent",), "It alone sends at least half of all requests, five times its usual number.", "requests by agent"
    ),
    "budget_burning": Conclusion(
        ("team",), "It spends at least three times as fast as usual; so its budget ends early.", "spend; forecast"
    ),
    "budget_exceeded": Conclusion(
        ("team",), "Its requests are refused since its budget is spent.", "remaining budget 0 or below; budget errors"
    ),
    "cost_rising": Conclusion(
        ("gateway", "model", "team", "agent", FLEET), "It costs at least half as much again per minute.", "cost rate"
    ),
    "price_changed": Conclusion(
        ("model",), "The same tokens cost something else than before.", "cost per token; the price in the model list"
    ),
    "unpriced": Conclusion(
        ("model",),
        "Its deployments have no price: its cost is not known (which is not 0).",
        "no price in the model list",
    ),
    "latency_regression": Conclusion(
        ("gateway", "model", "agent"),
        "The median request takes at least half as long again as usual, at an ordinary load.",
        "latency percentiles",
    ),
    "first_token_slow": Conclusion(
        ("model", "engine", "provider"),
        "The median time to the first token is at least twice the usual.",
        "its histogram",
    ),
    "quality_drop": Conclusion(("model",), "Judged answers score at least 0.1 less than usual.", "scores in Langfuse"),
    "config_changed": Conclusion(
        ("gateway", "process"),
        "Somebody changed its configuration at the beginning of this time.",
        "revisions of its file; annotation",
    ),
    "config_drift": Conclusion(
        ("gateway",),
        "Its configuration file says something else than it works with, since it did not begin again after a change.",
        "drift of its file (`inferdeck config files`)",
    ),
    "model_renamed": Conclusion(
        ("model",), "It is gone under this name and continues under another one.", "the model list; two series, one end"
    ),
    "queue_growing": Conclusion(("engine",), "At least five requests wait in it at some moment.", "waiting requests"),
    "kv_cache_full": Conclusion(
        ("engine",), "Its key-value memory is at least 90 % full at some moment.", "key-value cache usage"
    ),
    "preempting": Conclusion(
        ("engine",), "It puts sequences back into the queue for want of key-value memory.", "preemptions"
    ),
    "engine_slow": Conclusion(
        ("engine",), "A sequence alone or among few is decoded at most at 70 % of the usual speed.", "time per token"
    ),
    "engine_loading": Conclusion(("engine",), "It loads its model and serves nothing yet.", "load phase; not ready"),
    "engine_asleep": Conclusion(
        ("engine",), "It freed its memory since nobody asked it.", "sleeping; model not loaded"
    ),
    "engine_restarted": Conclusion(("engine",), "It ended and began again.", "counters and start time; container"),
    "counter_reset": Conclusion(
        ("process",), "It began again: its counters start at 0, which is no negative traffic.", "process start time"
    ),
    "crash_loop": Conclusion(("process",), "It dies at least three times.", "restart count; exit codes"),
    "metrics_renamed": Conclusion(
        ("process",),
        "Another version has other names for the same metrics; the canonical series go on.",
        "version; names",
    ),
    "target_down": Conclusion(
        ("process",), "It does not answer: it ended, refuses or hangs.", "up 0; the age of values"
    ),
    "target_unreadable": Conclusion(
        ("process",), "It answers with garbage or an error: its values are missing, not 0.", "up 0 with the reason"
    ),
    "target_slow": Conclusion(("process",), "It answers after seconds.", "scrape duration"),
    "gpu_hot": Conclusion(("gpu",), "It is at 80 °C or more.", "temperature"),
    "gpu_throttled": Conclusion(("gpu",), "It lowers its clock since it is too hot.", "clock; throttle reasons"),
    "cache_cold": Conclusion(
        ("cache",), "It lost its keys; the share of remembered responses falls by half or more.", "keys; hit ratio"
    ),
    "clock_skewed": Conclusion(
        ("host",),
        "Its clock is wrong by more than 5 seconds; stamps of its programs are, too.",
        "its time against ours",
    ),
    "estimated_values": Conclusion(
        ("gateway",), "Several workers answer in turn, so that totals are put together.", "quality: estimated"
    ),
    "no_database": Conclusion(
        ("gateway",), "It keeps no keys, spend or logs: those are missing, not 0.", "its database endpoints fail"
    ),
    "empty": Conclusion((FLEET,), "There is nothing to watch; that is not an error.", "no target"),
    "many_targets": Conclusion((FLEET,), "At least 100 targets and 100 models are there and all are shown.", "counts"),
    "hostile_names": Conclusion(
        (FLEET,), "Names hold quotes, line breaks, markup or shell words; they are shown and harm nothing.", "the names"
    ),
}
