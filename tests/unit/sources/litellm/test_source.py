"""The LiteLLM source against a server that answers with captured bodies, and the totals that they come to."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest
from aiohttp import web
from pydantic import SecretStr

from inferdeck.errors import AuthError, MetricsOffError, StatusError
from inferdeck.model.clock import ManualClock
from inferdeck.model.labels import get, labels, metric_name
from inferdeck.model.metric import SideEffect
from inferdeck.model.target import TargetKey
from inferdeck.sources import catalog
from inferdeck.sources.exposition import ExpositionParser
from inferdeck.sources.http import HttpClient
from inferdeck.sources.interface import Collected
from inferdeck.sources.litellm import inventory
from inferdeck.sources.litellm.config import LitellmConfig
from inferdeck.sources.litellm.source import PROBES, LitellmSource, make
from inferdeck.sources.mapping import Mapper
from inferdeck.sources.repair import Repair
from tests.unit.sources.endpoint import serving

KEY = "sk-planted-9f31c2"
SAMPLES = Path(catalog.FOLDER) / "litellm" / "samples"
COSTS = (
    b'{"sample_spec": {"deprecation_date": "date when the model becomes deprecated in the format YYYY-MM-DD"}, "x": 3,'
    b' "claude-sonnet-4-5": {"deprecation_date": "2027-02-01", "mode": "chat"}, "gpt-4o": {"mode": "chat"}}'
)
AVAILABILITY = ["/health/liveliness", "/health/readiness"]
FORBIDDEN = {"/health", "/health/services", "/spend/logs", "/cache/ping"}


def sample(name: str) -> bytes:
    raw = (SAMPLES / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


class Proxy:
    """Answers like LiteLLM 1.106.2: a key for everything but /health/readiness, /metrics redirected to /metrics/."""

    def __init__(self) -> None:
        self.metrics = web_body(sample("metrics_1.106.2_traffic.txt.gz"), "text/plain; version=0.0.4")
        self.refusal = (401, sample("metrics_401_1.106.2.json"))
        self.asked: list[tuple[str, bool]] = []
        self.broken: set[str] = set()
        self.answers_broken_with = 500
        self.open: set[str] = set()
        self.readiness = sample("health_readiness_1.106.2.json")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        keyed = request.headers.get("Authorization") == f"Bearer {KEY}"
        self.asked.append((request.path, "Authorization" in request.headers))
        if request.path in self.broken:
            return web.Response(status=self.answers_broken_with, text="DB not connected")
        if request.path == "/health/readiness":
            return web.Response(body=self.readiness, content_type="application/json")
        if request.path == "/health/liveliness":
            return web.Response(text='"I\'m alive!"')
        if request.path == inventory.COST_MAP:
            return web.Response(body=COSTS, content_type="application/json")
        if not keyed and request.path not in self.open:
            return web.Response(status=self.refusal[0], body=self.refusal[1])
        pages: dict[str, Callable[[], web.StreamResponse]] = {
            "/metrics/": self.metrics,
            "/health/readiness/details": web_body(sample("health_readiness_details_1.109.1.json")),
            "/model/info": web_body(sample("model_info_1.106.2.json.gz")),
            "/model_group/info": web_body(sample("model_group_info_1.106.2.json.gz")),
            "/get/config/callbacks": web_body(sample("get_config_callbacks_1.106.2.json.gz")),
            "/v1/models": web_body(sample("v1_models_1.106.2.json")),
            "/health/backlog": web_body(sample("health_backlog_1.106.2.json")),
        }
        return pages[request.path]() if request.path in pages else web.Response(status=404)


def web_body(body: bytes, kind: str = "application/json") -> Callable[[], web.StreamResponse]:
    return lambda: web.Response(body=body, headers={"Content-Type": kind})


def source(url: str, http: HttpClient, clock: ManualClock, **config: object) -> LitellmSource:
    address = url.removeprefix("http://")
    target = TargetKey("litellm", address, "test")
    extra = labels({"job": "litellm", "instance": address, "environment": "test"})
    return make(LitellmConfig.model_validate({"url": url, **config}), http, clock, target, extra)


async def collect(
    proxy: Proxy, use: Callable[[LitellmSource, ManualClock], Awaitable[Collected]], **config: object
) -> Collected:
    async with serving(("/{path:.*}", proxy.answer)) as url:
        http, clock = HttpClient(), ManualClock(1e9)
        try:
            return await use(source(url, http, clock, **config), clock)
        finally:
            await http.aclose()


async def once(found: LitellmSource, clock: ManualClock) -> Collected:
    return await found.collect(clock.now())


async def test_one_collection_brings_metrics_version_and_inventory() -> None:
    proxy = Proxy()
    found = await collect(proxy, once, key=KEY)
    assert found.version == "1.109.1"
    assert found.warnings == ()
    kinds = {fact.kind for fact in found.inventory}
    assert kinds == {"service", "deployment", "model_group", "fallback", "routing", "reading"}
    fallback = next(fact for fact in found.inventory if fact.kind == "fallback")
    assert (fallback.name, fallback.facts["to"]) == ("chain", "up429, good")
    info = [series for series in found.layout.series if metric_name(series) == "llm_model_info"]
    assert len(info) == sum(fact.kind == "deployment" for fact in found.inventory) == 19
    assert found.requests == len(proxy.asked) == 6


async def test_deployments_tell_what_the_proxy_reckons_what_they_can_do_and_when_they_end() -> None:
    found = await collect(Proxy(), once, key=KEY)
    facts = {fact.facts["model"]: fact.facts for fact in found.inventory if fact.kind == "deployment"}
    claude = facts["mock-claude"]
    prices = {key: claude[key] for key in inventory.PRICES}
    assert prices == {
        "input_cost_per_token": "0.000003",
        "output_cost_per_token": "0.000015",
        "cache_read_input_token_cost": "0.0000003",
        "cache_creation_input_token_cost": "0.00000375",
    }
    assert (claude["price_origin"], facts["good"]["price_origin"]) == ("cost map", "configuration")
    assert claude["supports"] == "computer_use, json, pdf, prompt_caching, reasoning, streaming, tools, vision"
    assert (claude["max_input_tokens"], claude["deprecation_date"]) == ("200000", "2027-02-01")
    ends = {
        get(series, "model"): value
        for series, value in zip(found.layout.series, found.values, strict=True)
        if metric_name(series) == "llm_model_deprecation_timestamp_seconds"
    }
    assert ends["mock-claude"] == datetime(2027, 2, 1, tzinfo=UTC).timestamp() and "up500" not in ends
    assert not {*inventory.PRICES, "price_origin", "supports", "deprecation_date"} & facts["up500"].keys()
    assert facts["emb"]["output_cost_per_token"] == "0"
    assert {fact.name: fact.facts["time"] for fact in found.inventory if fact.kind == "reading"} == {
        "inventory": "1000000000.000",
        "cost map": "1000000000.000",
    }


@pytest.mark.parametrize(("setting", "reads"), [("1d", 2), ("off", 0)])
async def test_the_cost_map_is_read_once_a_day_without_the_key(setting: str, reads: int) -> None:
    proxy = Proxy()

    async def two_days(found: LitellmSource, clock: ManualClock) -> Collected:
        for _ in range(40):
            await found.collect(clock.now())
            await clock.advance(3600)
        return await found.collect(clock.now())

    await collect(proxy, two_days, key=KEY, poll_prices=setting)
    assert [keyed for path, keyed in proxy.asked if path == inventory.COST_MAP] == [False] * reads


@pytest.mark.parametrize("value", [True, None, "free", "nan", "-1", [], "1e-400", "1e400", 1e300])
def test_what_is_no_price_is_none(value: object) -> None:
    body = orjson.dumps({"data": [{"model_name": "m", "model_info": {"id": "d", "input_cost_per_token": value}}]})
    [fact] = inventory.deployment_facts(inventory.deployments(body))
    assert "input_cost_per_token" not in fact.facts


async def test_inventory_is_read_seldom_and_nothing_that_does_harm_ever() -> None:
    proxy = Proxy()

    async def often(found: LitellmSource, clock: ManualClock) -> Collected:
        last = await found.collect(clock.now())
        for _ in range(39):
            await clock.advance(15)
            last = await found.collect(clock.now())
        await clock.advance(15)
        assert last.layout is (await found.collect(clock.now())).layout
        return last

    await collect(proxy, often, key=KEY)
    paths = [path for path, _ in proxy.asked]
    assert paths.count("/metrics/") == 41
    assert paths.count("/model/info") == 3
    assert not FORBIDDEN.intersection(paths)


async def test_inventory_is_read_at_once_when_the_proxy_began_anew() -> None:
    proxy = Proxy()
    began = b"process_start_time_seconds 1.79522766377e+09"
    lives = [b"process_start_time_seconds %d" % (1_795_300_000 + life) for life in (0, 1)]
    text = sample("metrics_1.106.2_traffic.txt.gz")
    assert began in text

    async def use(found: LitellmSource, clock: ManualClock) -> Collected:
        last = await found.collect(clock.now())
        # Two workers that answer in turn began once each.
        for start in (began, lives[0], began, lives[0], lives[1], lives[0], lives[1], b""):
            await clock.advance(5)
            proxy.metrics = web_body(text.replace(began, start), "text/plain; version=0.0.4")
            last = await found.collect(clock.now())
        return last

    await collect(proxy, use, key=KEY)
    assert [path for path, _ in proxy.asked].count("/model/info") == 3


async def test_probes_that_do_harm_are_named_and_cannot_be_switched_on() -> None:
    harmful = {probe.request.split()[1] for probe in PROBES if probe.effect is not SideEffect.NONE}
    assert harmful == {*FORBIDDEN, "of"}
    sent = [probe.name for probe in PROBES if probe.effect is not SideEffect.NONE and probe.required]
    assert sent == ["refused"]
    assert not any(probe.enabled_by for probe in PROBES if probe.effect is not SideEffect.NONE)


@pytest.mark.parametrize(
    ("refusal", "config", "words"),
    [
        ((401, b'"Unauthorized"'), {}, "needs a key (HTTP 401); set `key` under sources.litellm"),
        ((401, b'"Unauthorized"'), {"key": "sk-other"}, "refuses the key it was given (HTTP 401); check `key`"),
        ((400, sample("wrong_key_1.106.2.json")), {"key": "sk-other"}, "refuses the key it was given (HTTP 400)"),
        ((500, b"Internal Server Error"), {}, "as LiteLLM without a database does to a request without a key"),
    ],
)
async def test_a_refusal_names_the_line_that_ends_it(
    refusal: tuple[int, bytes], config: dict[str, object], words: str
) -> None:
    proxy = Proxy()
    proxy.refusal = refusal
    found = await collect(proxy, once, **config)
    assert isinstance(found.withheld, AuthError)
    assert words in str(found.withheld)
    assert "require_auth_for_metrics_endpoint: false" in str(found.withheld)
    assert "sk-other" not in str(found.withheld)
    assert [path for path, _ in proxy.asked] == ["/metrics/", *AVAILABILITY]
    assert len(found.layout) == 0


@pytest.mark.parametrize("config", [{}, {"key": "sk-other"}])
async def test_after_a_refusal_only_what_is_open_to_all_is_asked_for_an_hour(config: dict[str, object]) -> None:
    proxy = Proxy()

    async def an_hour(found: LitellmSource, clock: ManualClock) -> Collected:
        for _ in range(240):
            last = await found.collect(clock.now())
            assert isinstance(last.withheld, AuthError)
            await clock.advance(15)
        return await found.collect(clock.now())

    found = await collect(proxy, an_hour, **config)
    paths = [path for path, _ in proxy.asked]
    assert paths == ["/metrics/", *AVAILABILITY * 240, "/metrics/", *AVAILABILITY]
    assert not any(keyed for path, keyed in proxy.asked if path != "/metrics/")
    [service] = found.inventory
    assert service.facts["status"]


async def test_a_proxy_that_went_away_or_changed_is_asked_again_at_once() -> None:
    proxy = Proxy()

    async def use(found: LitellmSource, clock: ManualClock) -> Collected:
        await found.collect(clock.now())
        proxy.broken = {"/health/liveliness"}
        with pytest.raises(StatusError):
            await found.collect(clock.now())
        proxy.broken = set()
        await found.collect(clock.now())
        proxy.readiness = b'{"status": "healthy", "db": "connected"}'
        await found.collect(clock.now())
        proxy.open = {"/metrics/"}
        return await found.collect(clock.now())

    found = await collect(proxy, use)
    assert [path for path, _ in proxy.asked].count("/metrics/") == 3
    assert found.withheld is None
    assert len(found.layout) > 0


async def test_a_key_that_may_not_read_a_route_is_refused_once_an_hour() -> None:
    proxy = Proxy()
    proxy.broken = {"/model/info", "/health/backlog"}

    async def use(found: LitellmSource, clock: ManualClock) -> Collected:
        last = await found.collect(clock.now())
        for _ in range(10):
            await clock.advance(300)
            last = await found.collect(clock.now())
        assert sum("needs a database" in warning for warning in last.warnings) == 1
        return last

    await collect(proxy, use, key=KEY, backlog=True)
    paths = [path for path, _ in proxy.asked]
    assert (paths.count("/model/info"), paths.count("/health/backlog"), paths.count("/metrics/")) == (1, 1, 11)


async def test_an_error_of_a_proxy_that_was_read_before_is_no_refusal() -> None:
    proxy = Proxy()
    proxy.open = {"/metrics/"}

    async def use(found: LitellmSource, clock: ManualClock) -> Collected:
        await found.collect(clock.now())
        proxy.broken = {"/metrics/"}
        return await found.collect(clock.now())

    with pytest.raises(StatusError, match="answers HTTP 500"):
        await collect(proxy, use)


async def test_an_error_with_a_good_key_is_the_proxys_own() -> None:
    proxy = Proxy()
    proxy.broken = {"/metrics/"}
    with pytest.raises(StatusError, match="answers HTTP 500"):
        await collect(proxy, once, key=KEY)


async def test_metrics_that_are_off_are_said_with_the_lines_that_switch_them_on() -> None:
    proxy = Proxy()
    proxy.metrics = lambda: web.Response(status=404, body=b'{"detail":"Not Found"}', content_type="application/json")
    found = await collect(proxy, once, key=KEY)
    assert found.version == "1.109.1"
    assert isinstance(found.withheld, MetricsOffError)
    assert 'callbacks: ["prometheus"]' in str(found.withheld)
    proxy.metrics = web_body(
        b"# TYPE litellm_not_a_premium_user_metric gauge\nlitellm_not_a_premium_user_metric 1\n", "text/plain"
    )
    found = await collect(proxy, once, key=KEY)
    assert "only with a licence" in str(found.withheld)


async def test_without_a_key_a_guarded_route_is_asked_once_and_never_again() -> None:
    proxy = Proxy()
    proxy.open = {"/metrics/"}

    async def thrice(found: LitellmSource, clock: ManualClock) -> Collected:
        for _ in range(2):
            await found.collect(clock.now())
            await clock.advance(400)
        return await found.collect(clock.now())

    found = await collect(proxy, thrice)
    assert sum(path == "/health/readiness/details" for path, _ in proxy.asked) == 1
    assert ["deployments and fallbacks are unknown without a key" in warning for warning in found.warnings] == [True]
    assert {path for path, _ in proxy.asked} == {"/metrics/", "/health/readiness/details", "/health/readiness"}
    assert not any(keyed for _, keyed in proxy.asked)


async def test_a_proxy_without_any_key_tells_everything() -> None:
    proxy = Proxy()
    proxy.open = {"/metrics/", "/health/readiness/details", "/model/info", "/model_group/info", "/get/config/callbacks"}
    found = await collect(proxy, once)
    assert found.version == "1.109.1"
    assert found.warnings == ()
    assert {fact.kind for fact in found.inventory} >= {"deployment", "fallback"}


async def test_a_route_that_needs_a_database_is_noted_and_the_rest_kept() -> None:
    proxy = Proxy()
    proxy.broken = {"/model_group/info", "/get/config/callbacks"}
    found = await collect(proxy, once, key=KEY)
    assert sum("needs a database" in warning for warning in found.warnings) == 2
    assert {fact.kind for fact in found.inventory} == {"service", "deployment", "model_group", "reading"}


async def test_the_backlog_is_read_only_where_asked_for() -> None:
    proxy = Proxy()
    found = await collect(proxy, once, key=KEY, backlog=True, gateway="front")
    depth = [
        (series, value)
        for series, value in zip(found.layout.series, found.values, strict=True)
        if metric_name(series) == "llm_queue_depth"
    ]
    assert [(get(series, "gateway"), value) for series, value in depth] == [("front", 0)]


def test_no_secret_of_the_inventory_gets_through() -> None:
    body = b"""{"data": [{"model_name": "m", "litellm_params": {"model": "openai/m", "api_key": "sk-planted",
        "api_base": "https://me:sk-planted@host:8443/v1?key=sk-planted", "extra_headers": {"X": "sk-planted"}},
        "model_info": {"id": "d", "note": "sk-planted"}}]}"""
    routing = b"""{"callbacks": [{"name": "langfuse", "variables": {"SECRET": "sk-planted"}}],
        "router_settings": {"redis_password": "sk-planted", "fallbacks": [{"a": [{"model": "b", "k": "sk-planted"}]}]}
    }"""
    found = inventory.deployments(body)
    facts = [*inventory.deployment_facts(found), *inventory.routing(routing)[0]]
    groups = b'{"data": [{"model_group": "m", "description": "use key=sk-planted-9f31c2aa0b11 and be nice"}]}'
    [group] = inventory.groups(groups)
    assert group.facts["description"].endswith("and be nice")
    assert "sk-planted" not in repr((group, found, facts, list(inventory.model_info("g", found))))
    assert facts[0].facts["api_base"] == "https://host:8443/v1"
    assert inventory.routing(routing)[1] is False


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"data": 3}', b'{"data": [1, null, {}]}', b"\xff\xfe", b'{"router_settings": []}']
)
def test_strange_answers_are_no_facts(body: bytes) -> None:
    assert inventory.deployments(body) == ()
    assert list(inventory.groups(body)) == list(inventory.names(body)) == []
    assert inventory.routing(body)[0] == ()
    assert inventory.service(body) == inventory.Service()


def canonical(name: str) -> dict[tuple[str, ...], float]:
    """What repair and mapping make of a captured body: sums by (family, status or token type)."""
    known = catalog.load("litellm")
    identity = {"job": "litellm", "instance": "h:1", "environment": "test"}
    read = ExpositionParser(labels(identity)).parse_sync(sample(name), "text/plain")
    repaired = Repair(known, None).apply(read.layout, read.values)
    mapped = Mapper(known, identity).apply(repaired.layout, repaired.values)
    assert not np.any(mapped.values < 0)
    sums: dict[tuple[str, ...], float] = {}
    for series, value in zip(mapped.layout.series, mapped.values.tolist(), strict=True):
        if metric_name(series).startswith("llm_"):
            key = tuple(
                part for part in (metric_name(series), get(series, "status"), get(series, "token_type")) if part
            )
            sums[key] = sums.get(key, 0.0) + value
            assert "litellm-internal-health-check" not in dict(series).values()
            assert "None" not in dict(series).values()
            assert not {"user", "end_user", "hashed_api_key", "client_ip", "user_agent"}.intersection(dict(series))
    return sums


def test_totals_of_a_captured_run_are_those_of_its_clients() -> None:
    """Counted by hand from the capture's rows of LLM routes, LiteLLM's own health checks left out."""
    found = canonical("metrics_1.106.2_traffic.txt.gz")
    lines = sample("metrics_1.106.2_traffic.txt.gz").decode().splitlines()

    def by_hand(family: str, *needed: str) -> float:
        rows = [line for line in lines if line.startswith(f"{family}{{") and "health-check" not in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in rows if all(word in line for word in needed))

    total = "litellm_proxy_total_requests_metric_total"
    llm = sum(
        by_hand(total, f'route="/v1/{route}"')
        for route in ("chat/completions", "completions", "embeddings", "rerank", "messages", "responses")
    )
    good = sum(
        by_hand(total, f'route="/v1/{route}"', 'status_code="200"')
        for route in ("chat/completions", "completions", "embeddings", "rerank", "messages", "responses")
    )
    assert found["llm_requests_total", "success"] == good > 20
    assert found["llm_requests_total", "error"] == llm - good == found["llm_errors_total",] == 12
    assert found["llm_tokens_used_total", "input"] == by_hand("litellm_input_tokens_metric_total")
    assert found["llm_tokens_used_total", "output"] == by_hand("litellm_output_tokens_metric_total")
    assert found["llm_tokens_used_total", "cached_input"] == 44
    assert found["llm_cost_total",] == pytest.approx(by_hand("litellm_spend_metric_total"), rel=1e-12)
    assert found["llm_request_duration_seconds_count",] == by_hand("litellm_request_total_latency_metric_count")
    assert found["llm_fallbacks_total", "success"] > 0
    assert found["llm_rate_limit_hits_total",] == 2


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("metrics_*.txt.gz")), ids=lambda path: path.name)
def test_every_captured_body_gives_the_core_of_the_vocabulary(path: Path) -> None:
    families = {key[0].removesuffix("_count") for key in canonical(path.name)}
    assert {
        "llm_requests_total",
        "llm_tokens_used_total",
        "llm_cost_total",
        "llm_request_duration_seconds",
        "llm_active_requests",
        "llm_model_status",
        "llm_provider_health",
    } <= families


def test_families_listed_by_the_real_proxy_are_all_claimed() -> None:
    known = catalog.load("litellm")
    names = [line.split()[0] for line in sample("families_1.106.2.txt").decode().splitlines()]
    assert len(names) > 100
    assert [name for name in names if known.claim(name).kind is catalog.ClaimKind.UNCLAIMED] == []


def test_the_key_shows_nowhere() -> None:
    assert KEY not in repr(LitellmConfig(url="http://h:1", key=SecretStr(KEY)))


def test_a_harmful_probe_that_no_key_switches_on_is_shown_as_never_sent() -> None:
    harmful = [one for one in PROBES if one.effect is not SideEffect.NONE and not one.required and not one.enabled_by]
    assert {one.request for one in harmful} == {f"GET {path}" for path in FORBIDDEN}
    assert not any(one.sent(frozenset()) for one in harmful)
    assert all(one.never for one in harmful)
    rest = {one.name: (one.sent(frozenset()), one.never) for one in PROBES if one not in harmful}
    assert rest.pop("backlog") == (False, False)
    assert set(rest.values()) == {(True, False)}, "what may be sent is shown as sent, the refused route too"


async def test_what_did_not_answer_in_time_is_asked_again_soon_and_what_answered_is_not() -> None:
    proxy = Proxy()
    details = "/health/readiness/details"

    async def busy(found: LitellmSource, clock: ManualClock) -> Collected:
        proxy.broken.add(details)
        assert (await found.collect(clock.now())).version == ""
        proxy.broken.clear()
        await clock.advance(15)
        return await found.collect(clock.now())

    proxy.answers_broken_with = 504
    assert (await collect(proxy, busy, key=KEY)).version == "1.109.1"
    assert [path for path, _ in proxy.asked].count(details) == 2
