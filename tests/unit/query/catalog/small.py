"""A small stack for tests of the catalog: a gateway, engines, a price book of one entry."""

from __future__ import annotations

from inferdeck.model.model_catalog import Offer, PriceSource
from inferdeck.model.stack import Chain
from inferdeck.model.target import Fact, TargetState
from inferdeck.pricing.published import Published
from inferdeck.query.catalog.drafted import Ending
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.query.stack import around, counter, filled, series, state

GATE = {"job": "litellm", "instance": "g:4000", "gateway": "g:4000"}


class OneBook:
    """A price book of one entry."""

    def __init__(self, deprecated: bool = False) -> None:
        self._deprecated = deprecated

    def source(self, now: float) -> PriceSource:
        return PriceSource("book", "1", "2027-01-01", 3)

    def look_up(self, provider: str, target: str, endpoint: str, now: float) -> Published | None:
        if target != "openai/gpt-4o" or endpoint:
            return None
        return Published(Offer("book 1", 2.5, 10.0, age_seconds=3 * 86400.0), self._deprecated, 128_000)


def gateway(*facts: Fact, **changes: object) -> TargetState:
    return state("litellm", "g:4000", inventory=facts, **changes)


def deployed(name: str, model: str, target: str, **facts: str) -> Fact:
    provider = target.partition("/")[0]
    return Fact("deployment", name, {"model": model, "provider": provider, "litellm_model": target, **facts})


def engine(name: str, *models: Fact, **changes: object) -> TargetState:
    return state("vllm", f"{name}:8000", name=name, inventory=models, **changes)


def catalog(
    *states: TargetState,
    store: MemoryStore | None = None,
    chains: tuple[Chain, ...] = (),
    book: OneBook | None = None,
    endings: dict[str, Ending] | None = None,
) -> LocalCatalog:
    held = store or filled({series("up", job="x"): [1.0]})
    return LocalCatalog(held, lambda: around(*states), book or OneBook(), lambda: chains, endings or {})


HOSTILE = "\x1b[31m<script>\u202e'; x"
ATTEMPTS = ("llm_requests_total", "llm_provider_attempts_total")


def small_catalog() -> LocalCatalog:
    """Return questions over a gateway with a cloud's model and an engine's of a hostile name, and its traffic."""
    served = Fact("model", HOSTILE, {"status": "available", "context": "8192", "capabilities": HOSTILE})
    own = deployed("d", HOSTILE, f"hosted_vllm/{HOSTILE}", api_base="http://vllm-a:8000/v1")
    cloud = deployed("c", "gpt-4o", "openai/gpt-4o", mode="chat", supports="vision", deprecation_date="2027-02-01")
    label = {**GATE, "provider": "openai", "model": "gpt-4o", "deployment": "c", "status": "success"}
    latency = {**GATE, "provider": "openai", "model": "gpt-4o"}
    buckets = {
        series("llm_request_duration_seconds_bucket", **latency, le=le): counter(2.0) for le in ("1", "5", "+Inf")
    }
    store = filled({series(name, **label): counter(2.0) for name in ATTEMPTS} | buckets)
    chain = Fact("fallback", "gpt-4o", {"to": HOSTILE, "on": "any error"})
    front = gateway(own, cloud, chain)
    return catalog(front, engine("vllm-a", served), store=store, endings={"gpt-4o": Ending("", HOSTILE)})
