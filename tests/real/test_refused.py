"""A real LiteLLM that we have no key for, or a wrong one: up, told what it lacks, and its counters left in peace."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.real import gateway, programs
from tests.real.access import AccessLog, access_log
from tests.real.daemon import Place, service

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

OPEN_TO_ALL = {"/health/liveliness", "/health/readiness"}
INTERVALS = 12


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[programs.Running]:
    directory = tmp_path_factory.mktemp("litellm")
    with programs.litellm(directory, gateway.config("http://127.0.0.1:9", 1)) as found:
        yield found


def failed_by_route(url: str) -> Counter[str]:
    """Return LiteLLM's own count of failed requests."""
    request = urllib.request.Request(f"{url}/metrics/", headers=gateway.MASTER)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "litellm_proxy_failed_requests_metric_total":
                found[sample.labels["route"]] += int(sample.value)
    return found


def _watched(place: Place, log: AccessLog, least: int) -> dict[str, object]:
    with place.up():
        end = time.monotonic() + 60
        while Counter(entry.path for entry in log.entries)["/health/liveliness"] < least:
            assert time.monotonic() < end, log.entries
            time.sleep(0.2)
        return {
            "status": place.status(),
            "text": place.run("status").stdout,
            "doctor": place.run("doctor").stdout,
            "test": place.run("sources", "test", "litellm", log.url),
        }


@pytest.mark.parametrize("key", ["", ", key: sk-not-the-key"])
async def test_one_refusal_and_no_more(tmp_path: Path, proxy: programs.Running, key: str) -> None:
    before = failed_by_route(proxy.url)
    async with access_log(proxy.url) as log:
        place = Place.of(tmp_path, f"litellm: {{url: {log.url}, interval: 500ms, deadline: 10s{key}}}")
        found = await asyncio.to_thread(_watched, place, log, INTERVALS)
        # `sources test` is the user's own request, and the last one here.
        asked = Counter(entry.path for entry in log.entries)
    failed = failed_by_route(proxy.url) - before
    assert asked["/metrics/"] == 2, "one by the daemon, one by `sources test`"
    assert set(asked) == {"/metrics/", *OPEN_TO_ALL}
    assert failed == {"/metrics/": 2}
    status = found["status"]
    assert isinstance(status, dict)
    shown = service(status, "litellm")
    assert shown["health"] == "up"
    assert ("refuses the key" if key else "needs a key") in shown["error"]
    line = f"sources: {{litellm: [{{url: {log.url}, key: {{env: LITELLM_MASTER_KEY}}}}]}}"
    assert [one["fix"] for one in status["advice"] if one["id"] == "key-needed"] == [line]
    assert line in str(found["text"])
    assert line in str(found["doctor"])
    trial = found["test"]
    assert getattr(trial, "returncode", 0) != 0
