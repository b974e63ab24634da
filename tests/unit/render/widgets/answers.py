"""Small answers of the daemon, for tests of what widgets show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inferdeck.model.answers import (
    Cache,
    Gateway,
    Number,
    Own,
    Service,
    Status,
    StoreState,
    number,
)
from inferdeck.model.config_files import ConfigFile, Drift
from inferdeck.model.dashboard_answers import DashboardData, PanelData, QueryData, Series
from inferdeck.model.model_catalog import Known, ModelRow, Models, Price, ProviderRow, Providers, Score, ScorePart
from inferdeck.model.stack import Card, Link, LinkState, StackService

HOSTILE = "\x1b[31m#(reboot)#[fg=red]<b>|bash=x\u202e\nnew"
NONE = Number()


def told(value: float | None, unit: str, *, quality: str = "", age: float = 3.0) -> Number:
    """Return a figure that was read a moment ago."""
    return number(value, unit, source="test", age_seconds=age, quality=quality)


def service(name: str, kind: str = "litellm", health: str = "up", **changes: Any) -> Service:
    """Return one watched target."""
    made = Service(
        id=f"default/{kind}/{name}",
        name=name,
        kind=kind,
        environment="default",
        instance=f"{name}:4000",
        url=f"http://{name}:4000",
        health=health,
        origin="configured",
        port=4000,
        version="1.2.3",
        latency=told(0.0123, "seconds"),
        age=number(3.0, "seconds"),
        error="" if health == "up" else "connection refused",
        next_attempt_seconds=None,
    )
    return replace(made, **changes)


def gateway(name: str = "gate", **changes: Any) -> Gateway:
    """Return a gateway with 45 requests per minute, of which 1 % fail."""
    made = Gateway(
        name=name,
        kind="litellm",
        environment="default",
        requests=told(0.75, "requests/s"),
        errors=told(0.01, "ratio"),
        latency_p50=told(0.089, "seconds"),
        latency_p95=told(0.234, "seconds"),
        ttft_p95=told(0.05, "seconds"),
        tokens={},
        cost=told(1.5, "usd/h"),
        active=told(2.0, "count"),
        queued=told(None, "count"),
        cache_hits=told(None, "ratio"),
        latency_p99=told(0.456, "seconds"),
        cached=told(0.3, "requests/s"),
    )
    return replace(made, **changes)


def cache(name: str = "redis", **changes: Any) -> Cache:
    """Return a Redis that uses a tenth of its memory."""
    made = Cache(
        name=name,
        environment="default",
        memory=told(100.0 * 2**20, "bytes"),
        memory_limit=told(1000.0 * 2**20, "bytes"),
        keys=told(1456.0, "count"),
        hits=told(0.5, "ratio"),
        evicted=told(23.0, "count"),
        clients=told(4.0, "count"),
        ttl=told(1234.0, "seconds"),
        expiring=told(0.9, "ratio"),
    )
    return replace(made, **changes)


def status(
    services: tuple[Service, ...] = (), gateways: tuple[Gateway, ...] = (), caches: tuple[Cache, ...] = ()
) -> Status:
    """Return a stack."""
    n = NONE
    store = StoreState("", True, "", n, n, n, n, n)
    own = Own("", 1, 0.0, "", n, n, n, n, n)
    return Status(1_800_000_000.0, 300.0, services, gateways, (), (), caches, (), (), (), store, own)


def provider(name: str, *, rate: float | None = 1.0, score: float | None = None, **changes: Any) -> ProviderRow:
    """Return a provider of the gateway "gate"."""
    parts = tuple(ScorePart(part, 0.25, NONE, 0.5) for part in ("latency", "errors", "availability", "throughput"))
    made = ProviderRow(
        name=name,
        gateway="gate",
        environment="default",
        state="ok",
        requests=told(rate, "requests/s"),
        errors=told(0.0, "ratio"),
        latency_p50=told(0.123, "seconds"),
        latency_p95=told(0.4, "seconds"),
        ttft_p95=told(None, "seconds"),
        models=3,
        tokens={},
        cost=told(None, "usd/h"),
        cache_hits=told(None, "ratio"),
        availability=told(1.0, "ratio"),
        speed=told(None, "tokens/s"),
        score=None if score is None else Score(score, "B", "Secondary", parts, "measured"),
    )
    return replace(made, **changes)


def providers(*rows: ProviderRow) -> Providers:
    """Return a page of them."""
    return Providers(rows, len(rows), window_seconds=300.0)


def model(name: str, state: str = "available", *, price: str = "priced", **changes: Any) -> ModelRow:
    """Return one model."""
    made = ModelRow(
        name=name,
        environment="default",
        id=name,
        type="LLM",
        providers=("openai",),
        gateways=("gate",),
        endpoints=(),
        state=Known(state),
        size=NONE,
        parameters=NONE,
        quantization="",
        context=NONE,
        price=Price(price, NONE, NONE, NONE, NONE),
        licence="",
        link="",
        capabilities=(),
        version="",
        deprecation=None,
        requests=told(0.5, "requests/s"),
    )
    return replace(made, **changes)


def models(*rows: ModelRow, total: int | None = None) -> Models:
    """Return a page of them."""
    return Models(rows, len(rows) if total is None else total)


def card(index: str = "0", **changes: Any) -> Card:
    """Return a card that is well."""
    made = Card(
        uuid=f"GPU-{index}",
        index=index,
        model="H100",
        host="h1",
        environment="default",
        driver="1",
        utilisation=told(0.5, "ratio"),
        memory_used=told(40.0 * 2**30, "bytes"),
        memory_total=told(80.0 * 2**30, "bytes"),
        temperature=told(60.0, "celsius"),
        memory_temperature=NONE,
        power=told(300.0, "watts"),
        energy=NONE,
        sm_clock=NONE,
        memory_clock=NONE,
        throttled=(),
        throttle_known=True,
        ecc=told(0.0, "count"),
        ecc_corrected=NONE,
        remapped_rows=NONE,
        xid=None,
        xid_text="",
        used_by=(Link(LinkState.KNOWN.value, "vllm-a"),),
    )
    return replace(made, **changes)


def stacked(one: Service, **changes: Any) -> StackService:
    """Return a service with the process behind it."""
    unknown = Link(LinkState.UNKNOWN.value)
    made = StackService(
        service=one,
        host="h1",
        container=unknown,
        process=unknown,
        unit="litellm.service",
        status="active",
        pid=12345,
        cpu=told(0.042, "cores"),
        memory=told(234.5 * 2**20, "bytes"),
        connections=told(12.0, "count"),
        uptime=told(310_000.0, "seconds"),
        started=told(1_762_560_000.0, "unix"),
        restarts=told(0.0, "count"),
        config_hash="0a1b2c3d4e5f",
        config_changed=NONE,
    )
    return replace(made, **changes)


def file(gateway: str, drift: str) -> ConfigFile:
    """Return the configuration file that a gateway runs from; gateway: the id of its target."""
    return ConfigFile(
        id="f",
        path="/etc/litellm/config.yaml",
        name="config.yaml",
        kind="litellm",
        gateway="gate",
        environment="default",
        origin="config_files",
        state="read",
        error="",
        hash="f" * 64,
        size=10,
        modified=1.0,
        changed=None,
        revisions=1,
        routes=2,
        problems=(),
        drift=Drift(drift, gateway),
    )


def panels(values: dict[str, tuple[dict[str, str], float]]) -> DashboardData:
    """Return a dashboard's answer: by panel the labels of its series and its newest value."""
    made = tuple(
        PanelData(
            name, "ok", 4.0, "measured", queries=(QueryData("A", True, (Series(labels, name, (None, value, None)),)),)
        )
        for name, (labels, value) in values.items()
    )
    return DashboardData("d", "1", 0.0, 1.0, 1.0, 1.0, None, 1.0, {}, made)
