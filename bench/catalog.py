"""What a question about models and providers costs with 500 models, 200 targets and a large gateway's series.

    .venv/bin/python -m bench.catalog

Beside each stands the plain status answer on the same store, and a bare read of the same series.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from inferdeck.model.answers import Own, StoreState, number
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import Labels, labels
from inferdeck.model.page import LARGEST_LIMIT
from inferdeck.model.scrape import Layout, Scrape
from inferdeck.model.target import Fact, Health, TargetKey, TargetState
from inferdeck.pricing.published import PublishedPrices
from inferdeck.query import status
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.query.status import Surroundings
from inferdeck.store.metrics.database import MetricDatabase

MODELS, ENGINES, OTHERS, PROVIDERS = 500, 150, 49, 20
START = 1_800_000_000
SCRAPES = 21
GOAL_MS = 100.0
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "10", "30", "60", "120", "+Inf")
GATEWAY = "gateway:4000"
_OURS = {"job": "litellm", "instance": GATEWAY, "environment": "bench", "gateway": GATEWAY}


def gateway_series() -> list[Labels]:
    """Return what one gateway counts of MODELS models for two teams."""
    found: list[Labels] = []
    for place in range(MODELS):
        model, provider = f"model-{place:03}", f"provider-{place % PROVIDERS:02}"
        own = {**_OURS, "model": model, "provider": provider}
        deployed = {**own, "deployment": f"d-{place}"}
        words = ("available", "degraded", "error")
        found += [labels({**deployed, "status": word}, "llm_model_status") for word in words]
        for team in ("red", "blue"):
            mine = {**deployed, "team": team}
            for word in ("success", "error"):
                found.append(labels({**mine, "status": word}, "llm_requests_total"))
                found.append(labels({**mine, "status": word}, "llm_provider_attempts_total"))
            kinds = ("input", "output", "cached_input")
            found += [labels({**mine, "token_type": kind}, "llm_tokens_used_total") for kind in kinds]
            found.append(labels(mine, "llm_cost_total"))
            name = "llm_request_duration_seconds"
            found += [labels({**own, "team": team, "le": bound}, f"{name}_bucket") for bound in BOUNDS]
            found.append(labels({**own, "team": team}, f"{name}_sum"))
    return found


def filled(folder: Path) -> MetricDatabase:
    """Return a store with five minutes of the gateway and of ENGINES engines."""
    database = MetricDatabase.open(folder, clock=ManualClock(float(START)))
    gateway = Layout(tuple(gateway_series()))
    random = np.random.default_rng(7)
    steps = random.uniform(0.0, 5.0, len(gateway))
    for scrape in range(SCRAPES):
        stamp = (START - (SCRAPES - 1 - scrape) * 15) * 1000
        database.append(Scrape("gateway", stamp, gateway, np.floor(steps * scrape)))
    for place in range(ENGINES):
        own = {"job": "vllm", "instance": f"engine-{place}:8000", "environment": "bench", "model": f"m/{place}"}
        names = ("llm_engine_requests_running", "llm_engine_kv_cache_usage_ratio", "llm_engine_prompt_tokens_total")
        layout = Layout(tuple(labels(own, name) for name in names))
        for scrape in range(SCRAPES):
            stamp = (START - (SCRAPES - 1 - scrape) * 15) * 1000
            database.append(Scrape(f"engine-{place}", stamp, layout, np.array([1.0, 0.5, 100.0 * scrape])))
    return database


def _state(job: str, instance: str, facts: tuple[Fact, ...]) -> TargetState:
    return TargetState(
        TargetKey(job, instance, "bench"),
        instance,
        f"http://{instance}",
        "configured",
        Health.UP,
        last_success_ms=START * 1000,
        inventory=facts,
    )


def states() -> list[TargetState]:
    """Return the gateway with its deployments, the engines and other targets."""
    facts = []
    for place in range(MODELS):
        here = place < ENGINES
        given = {
            "model": f"model-{place:03}",
            "provider": "hosted_vllm" if here else ("openai", "anthropic", "groq")[place % 3],
            "litellm_model": f"hosted_vllm/m/{place}" if here else f"openai/gpt-{place}",
            "mode": "chat",
            "supports": "tools, vision, json",
            "input_cost_per_token": "0.000001",
            "output_cost_per_token": "0.000002",
        }
        if here:
            given["api_base"] = f"http://engine-{place}:8000/v1"
        facts.append(Fact("deployment", f"d-{place}", given))
    engines = [
        _state(
            "vllm",
            f"engine-{place}:8000",
            (Fact("model", f"m/{place}", {"status": "available", "context": "32768", "parameters": "8000000000"}),),
        )
        for place in range(ENGINES)
    ]
    others = [_state("node", f"host-{place}:9100", ()) for place in range(OTHERS)]
    return [_state("litellm", GATEWAY, tuple(facts)), *engines, *others]


def best(ask: Callable[[], object], times: int = 7) -> tuple[float, float, float]:
    """Return the first and the shortest time of a question and its least CPU time, in milliseconds."""
    taken, spent = [], []
    for _ in range(times):
        begin, begun = time.perf_counter(), time.thread_time()
        ask()
        taken.append((time.perf_counter() - begin) * 1000)
        spent.append((time.thread_time() - begun) * 1000)
    return taken[0], min(taken), min(spent)


def main() -> None:
    """Print what each question takes."""
    none = number(None, "count")
    with tempfile.TemporaryDirectory() as folder:
        database = filled(Path(folder))
        every = states()
        store = StoreState(folder, True, "", none, none, none, none, none)
        own = Own("bench", 1, 0.0, "", none, none, none, none, none)
        around = Surroundings(float(START), every, (), store, own)
        prices = PublishedPrices()
        prices.load()
        stack = LocalStackQuestions(database, lambda: around)
        asked = LocalCatalog(database, lambda: around, prices, lambda: stack.joins().chains())
        whole = Wanted(limit=LARGEST_LIMIT)
        gc.freeze()  # as the daemon does
        questions: dict[str, Callable[[], object]] = {
            "models, a page of 100": asked.models,
            "models, all": lambda: asked.models(whole),
            "models, q": lambda: asked.models(Wanted(q="model-04")),
            "one model of an engine": lambda: asked.model("model-003"),
            "one model of a provider": lambda: asked.model("model-400"),
            "providers": lambda: asked.providers(whole),
            "(status)": lambda: status.status(database, around, ()),
        }
        print(f"{len(every)} targets, {asked.models().total} models, {len(gateway_series())} series of the gateway")
        print(f"{'question':28}{'first ms':>10}{'best ms':>10}{'CPU ms':>10}   goal {GOAL_MS:.0f}")
        for name, ask in questions.items():
            print(f"{name:28}" + "".join(f"{taken:>10.1f}" for taken in best(ask)))
        database.close()


if __name__ == "__main__":
    main()
