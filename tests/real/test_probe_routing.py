"""`inferdeck probe routing` before a real LiteLLM proxy with mocked models: it passes and fails as planted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.real import programs

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

KEY = "sk-inferdeck-tests-probe-4711"
CLOSED = "http://127.0.0.1:9/v1"
"""Nothing listens on the port of "discard"."""


def _mock(model: str, identity: str, target: str = "openai/gpt-4o-mini", more: str = "") -> str:
    params = f'model: {target}, api_key: k, mock_response: "ok"{more}'
    return f"  - {{model_name: {model}, litellm_params: {{{params}}}, model_info: {{id: {identity}}}}}\n"


RIGHT = (
    "model_list:\n"
    + _mock("first", "first-1")
    + _mock("second", "second-1")
    + _mock("third", "third-1")
    + _mock("pool", "pool-a")
    + _mock("pool", "pool-b")
)
SETTINGS = f"""
general_settings:
  master_key: {KEY}
  dangerously_allow_mock_testing_request_params: true
"""
ROUTES = """
cases:
  - {direct: first, deployments: first-1}
  - {stream: first}
  - {fallback: first, order: [second, third]}
  - {pool: pool, shares: {pool-a: 1, pool-b: 1}}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the command gave."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    def failed(self) -> dict[str, str]:
        return {one["id"]: one["cause"] for one in self.report["results"] if one["state"] == "failed"}

    def state(self, case: str) -> str:
        return next(str(one["state"]) for one in self.report["results"] if one["id"] == case)


def probe(folder: Path, url: str, *options: str, key: str = KEY) -> Outcome:
    """Run the command in an environment of its own."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "INFERDECK_DATA_DIR": str(folder / "data"),
        "LITELLM_API_KEY": key,
    }
    command = [str(Path(sys.executable).parent / "inferdeck"), "probe", "routing", "--gateway", url, *options]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=200, check=False)
    assert key not in done.stdout + done.stderr
    return Outcome(done.returncode, done.stdout, done.stderr)


def probe_right(folder: Path, url: str, *options: str) -> Outcome:
    """Run the command where all is right, twice if need be: of 100 right pools one is called wrong, as it is said."""
    found = probe(folder, url, *options)
    return found if found.code == 0 else probe(folder, url, *options)


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    programs.litellm_executable()
    folder = tmp_path_factory.mktemp("right")
    (folder / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    config = RIGHT + "router_settings: {num_retries: 0, fallbacks: [{first: [second, third]}], "
    config += "context_window_fallbacks: [{first: [third]}]}\n" + SETTINGS
    with programs.litellm(folder / "litellm", config) as proxy:
        yield folder, proxy.url


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The same with faults: the fallbacks turned, one member of the pool starved, a key missing, a closed port."""
    programs.litellm_executable()
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    models = (
        RIGHT.replace(_mock("pool", "pool-b"), _mock("pool", "pool-b", more=", weight: 1"))
        + "  - {model_name: keyless, litellm_params: {model: anthropic/claude-sonnet-4-20250514}, "
        + "model_info: {id: keyless-1}}\n"
        + f"  - {{model_name: closed, litellm_params: {{model: openai/gpt-4o, api_key: k, api_base: '{CLOSED}'}}, "
        + "model_info: {id: closed-1}}\n"
        + _mock("vectors", "vectors-1", "openai/text-embedding-3-small")
    )
    settings = "router_settings: {num_retries: 0, fallbacks: [{first: [third, second]}, {closed: [second]}]}\n"
    with programs.litellm(folder / "litellm", models + settings + SETTINGS) as proxy:
        yield folder, proxy.url


def test_nothing_is_sent_without_leave(right: tuple[Path, str]) -> None:
    folder, url = right
    refused = probe(folder, url, "--config", "routes.yaml")
    assert refused.code == 2
    assert refused.out == ""
    assert "Sends 52 requests to" in refused.err
    assert "Cost: at most $" in refused.err
    assert "--yes" in refused.err


def test_what_is_right_passes(right: tuple[Path, str]) -> None:
    folder, url = right
    found = probe_right(folder, url, "--config", "routes.yaml", "--yes", "--format", "json")
    assert found.code == 0, found.out
    assert {one["state"] for one in found.report["results"]} == {"passed"}
    fallback = next(one for one in found.report["results"] if one["kind"] == "fallback")
    assert "x-litellm-model-id: second-1" in fallback["evidence"]
    assert "x-litellm-attempted-fallbacks: 1" in fallback["evidence"]
    pool = next(one for one in found.report["results"] if one["kind"] == "pool")["distribution"]
    assert pool["power"] >= 0.8
    assert {one["id"] for one in pool["shares"]} == {"pool-a", "pool-b"}


def test_without_a_file_the_gateways_own_settings_are_tested(right: tuple[Path, str]) -> None:
    folder, url = right
    found = probe_right(folder, url, "--yes", "--format", "junit")
    assert found.code == 0, found.out
    suite = ElementTree.fromstring(found.out)
    assert suite.get("failures") == "0"
    names = {case.get("name") for case in suite.iter("testcase")}
    assert {
        "direct:first",
        "fallback:first",
        "fallback:context window/first",
        "member:pool/pool-a",
        "pool:pool",
        "stream:third",
    } <= names


def test_each_planted_fault_is_found_and_nothing_else(wrong: tuple[Path, str]) -> None:
    folder, url = wrong
    planned = probe(folder, url, "--config", "routes.yaml", "--yes", "--format", "json")
    assert planned.code == 1
    assert planned.failed() == {"fallback:first": "wrong order", "pool:pool": "starved pool member"}
    made = probe(folder, url, "--yes", "--format", "json", "--kind", "direct", "--kind", "embedding")
    assert made.failed() == {
        "direct:keyless": "provider key unset",
        "direct:closed": "provider unreachable",
        # A mocked answer of an embedding is text where its vector should be.
        "embedding:vectors": "no vector",
    }
    assert "ANTHROPIC_API_KEY" in next(one["advice"] for one in made.report["results"] if "keyless" in one["id"])


def test_a_provider_that_fails_by_itself_proves_its_fallback(wrong: tuple[Path, str]) -> None:
    folder, url = wrong
    found = probe(folder, url, "--yes", "--format", "json", "--model", "closed")
    assert found.failed() == {"direct:closed": "provider unreachable"}
    assert found.state("fallback:closed") == "passed"
    assert found.state("stream:closed") == "skipped"


def test_a_wrong_key_is_refused_and_not_shown(right: tuple[Path, str]) -> None:
    folder, url = right
    found = probe(folder, url, "--yes", key="sk-wrong-key-0815-x")
    assert found.code == 4
    assert "LITELLM_API_KEY" in found.err
