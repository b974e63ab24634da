"""A real LiteLLM proxy, traffic of every kind, and our canonical series beside the ledger of what was sent.

One run feeds all tests: LiteLLM without a database, a provider that fails in every way, a Redis as its response cache,
inferdeck behind an access log. The ledger is the second witness; LiteLLM's own counters are the third.
"""

from __future__ import annotations

import asyncio
import urllib.request
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from inferdeck.model.labels import get, metric_name
from inferdeck.model.target import TargetState
from inferdeck.sources import registry
from tests.real import gateway, programs
from tests.real.access import AccessLog, access_log
from tests.real.traffic import Call, Entry, Generator, Ledger
from tests.real.upstream import upstream
from tests.real.watched import Series, by, total, watched

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

FORBIDDEN = {"/health", "/spend/logs", "/health/services"}
MANY = 1500
SETTLE_SECONDS = 3.0
"""LiteLLM counts after it has answered."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run left behind."""

    ledger: Ledger
    ours: Series
    theirs: dict[str, list[tuple[dict[str, str], float]]]
    log: AccessLog
    polls: int
    """Requests that inferdeck sent while the traffic ran."""
    state: TargetState


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    programs.litellm_executable()
    return asyncio.run(_run(tmp_path_factory.mktemp("litellm")))


async def _run(directory: Path) -> Run:
    async with upstream() as provider:
        with (
            programs.redis_server(directory / "redis") as redis,
            programs.litellm(directory / "litellm", gateway.config(provider.url, redis.port)) as proxy,
        ):
            async with access_log(proxy.url) as log:
                config = registry.config_class("litellm")(url=log.url, key=SecretStr(gateway.KEY))
                async with watched("litellm", config, directory / "store") as target:
                    await target.collected_again()
                    before = len(log.entries)
                    traffic = Generator(proxy.url, gateway.KEY)
                    await traffic.send(gateway.every_way(), 8)
                    await traffic.send([Call("mock")] * MANY, 16)
                    polls = len(log.entries) - before
                    await asyncio.sleep(SETTLE_SECONDS)
                    await target.collected_again()
                    return Run(traffic.ledger, target.latest(), _native(proxy.url), log, polls, target.state())


def _native(url: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return LiteLLM's own series by name, read by Prometheus' own client library."""
    request = urllib.request.Request(f"{url}/metrics/", headers=gateway.MASTER)
    with urllib.request.urlopen(request, timeout=30) as response:
        text = response.read().decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def _failed(entry: Entry) -> bool:
    return entry.status >= 400 or entry.broken


def _known_as(entry: Entry) -> str:
    """Return the model under which LiteLLM counts a request: the served one after a fallback, `other` if unknown."""
    if entry.model == gateway.UNKNOWN:
        return "other"
    return entry.served if entry.fallbacks else entry.model


def test_totals_over_all_models_equal_the_ledger(run: Run) -> None:
    entries = run.ledger.entries
    failed = sum(map(_failed, entries))
    assert len(entries) == MANY + len(gateway.every_way())
    assert total(run.ours, "llm_requests_total") == len(entries)
    assert total(run.ours, "llm_requests_total", status="error") == failed
    assert total(run.ours, "llm_errors_total") == failed
    assert by(run.ours, "llm_tokens_used_total", "token_type") == dict(run.ledger.tokens())
    assert total(run.ours, "llm_cost_total") == pytest.approx(sum(map(gateway.charged, entries)), rel=1e-12)


def test_what_answers_report_as_cost_is_what_is_counted(run: Run) -> None:
    """The header carries the cost of every answer that is not a stream; on a cache hit, of the answer kept."""
    for entry in run.ledger.entries:
        if entry.cost is not None and not entry.cached and not _failed(entry):
            assert entry.cost == pytest.approx(gateway.charged(entry), rel=1e-12)


def test_each_model_is_exact_except_those_that_fell_back(run: Run) -> None:
    """Requests for `chain` fell back: LiteLLM counts them under `good`, the model that served them."""
    fell_back = {entry.model: entry.served for entry in run.ledger.entries if entry.fallbacks}
    assert fell_back == {"chain": "good"}
    expected = Counter(_known_as(entry) for entry in run.ledger.entries)
    assert by(run.ours, "llm_requests_total", "model") == dict(expected)
    for model in expected:
        tokens: Counter[str] = Counter()
        for entry in run.ledger.entries:
            if _known_as(entry) == model:
                tokens.update(entry.tokens)
        ours = {series: value for series, value in run.ours.items() if get(series, "model") == model}
        assert by(ours, "llm_tokens_used_total", "token_type") == dict(tokens), model


def test_the_models_on_both_ends_of_a_fallback_carry_that_quality(run: Run) -> None:
    marked = {
        get(series, "model")
        for series in run.ours
        if metric_name(series) == "inferdeck_quality" and get(series, "reason") == "fallback_served_model"
    }
    assert marked == {"chain", "good"}
    fallbacks = sum(entry.fallbacks for entry in run.ledger.entries)
    assert total(run.ours, "llm_fallbacks_total", from_model="chain", to_model="good") == fallbacks


def test_cache_hits_equal_the_ledger(run: Run) -> None:
    assert total(run.ours, "llm_cache_hits_total") == sum(entry.cached for entry in run.ledger.entries)


def test_time_to_first_token_is_counted_exactly_and_falls_into_the_same_bucket(run: Run) -> None:
    """Streams that broke off are not in LiteLLM's histogram. The provider waits as long before its first token."""
    name = "llm_time_to_first_token_seconds"
    whole = [entry for entry in run.ledger.entries if entry.stream and not _failed(entry)]
    assert total(run.ours, f"{name}_count") == len(whole)
    for model in ("good", "thinking"):
        seen = sorted(entry.seconds_to_first or 0.0 for entry in whole if _known_as(entry) == model)
        ours = {series: value for series, value in run.ours.items() if get(series, "model") == model}
        counts = {float(le): value for le, value in by(ours, f"{name}_bucket", "le").items()}
        bounds = sorted(counts)
        median = next(index for index, bound in enumerate(bounds) if counts[bound] >= len(seen) / 2)
        assert abs(bounds.index(bounds[median]) - bisect_left(bounds, seen[len(seen) // 2])) <= 1


def test_litellm_itself_agrees(run: Run) -> None:
    """The facts of sources/litellm/README.md that the mapping rests on, from LiteLLM's own counters."""
    requests = run.theirs["litellm_proxy_total_requests_metric_total"]
    assert sum(value for _, value in requests) == len(run.ledger.entries)
    statuses: Counter[str] = Counter()
    for entry in run.ledger.entries:
        # Without a key the client sees 500 and LiteLLM counts no status; a broken stream had said 200.
        statuses["None" if entry.keyless else "500" if entry.broken else str(entry.status)] += 1
    counted: Counter[str] = Counter()
    for series, value in requests:
        counted[series["status_code"]] += int(value)
    assert counted == statuses
    failures = run.theirs["litellm_proxy_failed_requests_metric_total"]
    assert sum(value for _, value in failures) == sum(map(_failed, run.ledger.entries))


def test_watching_asks_for_nothing_harmful_and_little(run: Run) -> None:
    assert run.state.health == "up"
    assert run.log.entries
    assert not run.log.paths() & FORBIDDEN
    assert {entry.method for entry in run.log.entries} == {"GET"}
    assert run.polls < 0.01 * len(run.ledger.entries)
    # Nothing that we asked shows up in the gateway's own count of requests.
    routes = {series["route"] for series, _ in run.theirs["litellm_proxy_total_requests_metric_total"]}
    assert routes == {"/v1/chat/completions", "/v1/embeddings"}
