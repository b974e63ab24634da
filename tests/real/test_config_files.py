"""A real LiteLLM beside the file that it was started with: found, compared, its routes; no secret of it shows."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real import programs
from tests.real.daemon import Place, all_up

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

KEY = "sk-planted-master-4711"
CONFIG = f"""\
model_list:
  - model_name: one
    litellm_params: {{model: openai/one, api_base: "http://127.0.0.1:9/v1/", api_key: planted-key-a, rpm: 100}}
    model_info: {{id: id-one}}
  - model_name: two
    litellm_params: {{model: hosted_vllm/two, api_base: "http://127.0.0.1:9/v1", api_key: planted-key-b, weight: 2}}
  - model_name: two
    litellm_params:
      {{model: hosted_vllm/two, api_base: os.environ/SECOND_BASE, api_key: os.environ/SECOND_KEY, order: 2}}
  - model_name: plain
    litellm_params: {{model: gpt-4o, api_key: planted-key-c}}
router_settings:
  routing_strategy: least-busy
  num_retries: 2
  timeout: 33
  fallbacks: [{{one: [two, plain]}}]
  context_window_fallbacks: [{{one: [plain]}}]
litellm_settings:
  callbacks: [prometheus]
  default_fallbacks: [plain]
general_settings: {{master_key: {KEY}}}
"""
CHANGED = (
    CONFIG.replace("rpm: 100", "rpm: 200")
    .replace("{one: [two, plain]}", "{one: [plain]}")
    .replace("num_retries: 2", "num_retries: 7")
    .replace("model_name: plain", "model_name: renamed")
    .replace("router_settings", "  - {model_name: new, litellm_params: {model: openai/new}}\nrouter_settings", 1)
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    programs.litellm_executable()
    folder = tmp_path_factory.mktemp("files")
    environment = {"SECOND_BASE": "http://127.0.0.1:9/second", "SECOND_KEY": "planted-key-d"}
    with programs.litellm(folder / "litellm", CONFIG, environment=environment) as proxy:
        found = Place.of(
            folder / "deck",
            f"litellm: {{url: {proxy.url}, key: {{env: KEY}}, poll_inventory: 2s, interval: {{interval}}}}",
        )
        locked = Place(found.directory, found.port, {"KEY": KEY})
        with locked.up():
            locked.status_when(all_up)
            yield locked


def when(place: Place, wanted: Callable[[dict[str, Any]], bool], *words: str) -> dict[str, Any]:
    """Return the first answer of a command for which `wanted` holds."""
    end = time.monotonic() + 60
    while True:
        done = place.run(*words, "--json")
        found: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        if found and wanted(found):
            return found
        assert time.monotonic() < end, done.stdout + done.stderr
        time.sleep(0.5)


def test_the_running_gateway_is_as_its_file_says_until_the_file_changes(place: Place) -> None:
    file = place.directory.parent / "litellm" / "config.yaml"
    same = when(place, lambda one: one["file"]["drift"]["state"] == "same", "config", "files", str(file))
    assert same["file"]["origin"].startswith("command line of process ")
    assert same["file"]["drift"]["unknown"] == [] and same["file"]["problems"] == []
    assert "os.environ/SECOND_KEY" in same["content"]
    routes = when(place, lambda one: one["total"] > 0, "routes", "--origin", str(file))
    told = {one["model"]: one for one in place_routes(place) if one["origin"] == "gateway"}
    for route in routes["items"]:
        if route["model"] in told:
            ids = {edge["id"] for edge in route["deployments"]}
            assert ids == {edge["id"] for edge in told[route["model"]]["deployments"]}
            assert sorted(edge["to"] for edge in route["fallbacks"]) == sorted(
                edge["to"] for edge in told[route["model"]]["fallbacks"]
            )
    assert {one["model"] for one in routes["items"]} == set(told)
    file.write_text(CHANGED)
    changed = when(place, lambda one: one["file"]["drift"]["state"] == "differs", "config", "files", str(file))
    found = {(one["change"], one["what"], one["key"]) for one in changed["file"]["drift"]["differences"]}
    plain = next(edge["id"] for edge in told["plain"]["deployments"])
    assert found == {
        ("changed", "deployment one", "model_list[0].litellm_params.rpm"),
        ("added", "deployment renamed", "model_list[3]"),
        ("added", "deployment new", "model_list[4]"),
        ("removed", "deployment plain", f"model_info.id: {plain}"),
        ("changed", "fallback one", "router_settings.fallbacks[0].one"),
        ("changed", "routing", "router_settings.num_retries"),
    }
    events = when(place, lambda one: one["total"] > 0, "events", "--kind", "config_revision")
    assert [one["subject"] for one in events["items"]] == [str(file)]


def place_routes(place: Place) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = when(place, lambda one: one["total"] > 0, "routes")["items"]
    return items


def test_no_secret_of_the_file_shows_anywhere(place: Place) -> None:
    done = place.run("annotate", f"rotated {KEY}", "--tag", "planted-tag-sk-planted-0123456789")
    assert done.returncode == 0, done.stderr
    commands = [("config", "files"), ("config", "files", "config.yaml"), ("routes",), ("events",), ("status",)]
    commands += [("annotations", "list"), ("sources", "list"), ("doctor",), ("models",), ("services",)]
    texts = {}
    for words in commands:
        for form in ((), ("--json",)):
            done = place.run(*words, *form)
            texts[" ".join((*words, *form))] = done.stdout + done.stderr
    with sqlite3.connect(place.directory / "data" / "state.db") as raw:
        for number, (content,) in enumerate(raw.execute("SELECT content FROM revision")):
            texts[f"revision {number}"] = zlib.decompress(content).decode()
    raw.close()
    for path in (place.directory / "data").rglob("*"):
        if path.is_file():
            texts[str(path)] = path.read_bytes().decode("latin-1")
    assert len(texts) > 25
    assert [name for name, text in texts.items() if "planted-key" in text or "planted-master" in text] == []


def test_what_the_daemon_writes_lies_where_only_its_owner_reads_it(place: Place) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        path = Path(place.directory / "data" / name)
        assert not path.exists() or path.stat().st_mode & 0o077 == 0
