"""What is said of a fleet's programs to who watches them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inferdeck.config.load import load
from inferdeck.simulate import scenario
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.lifecycle import processes
from inferdeck.simulate.servers import hub, langfuse
from inferdeck.simulate.targets import HUB_TOKEN, LANGFUSE_KEYS, entries, targets, unwatched
from inferdeck.sources.registry import config_classes

NAMES = ("calm-day", "hostile-names", "huge-fleet", "empty-fleet")


def urls(fleet: Fleet) -> dict[str, str]:
    found = {}
    for port, one in enumerate(targets(fleet), 20_000):
        scheme = "redis" if one.kind == "redis" else "http"
        found[one.process] = f"unix:///tmp/{port}.sock" if one.kind == "docker" else f"{scheme}://127.0.0.1:{port}"
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_process_of_a_fleet_is_a_target_once(name: str) -> None:
    fleet = scenario.named(name).fleet
    found = list(targets(fleet))
    assert sorted(one.process for one in found) == sorted(one.name for one in processes(fleet))
    versions = {one.name: one.version for one in processes(fleet)}
    assert {one.process: one.version for one in found} == versions


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_right_as_configuration(name: str, tmp_path: Path) -> None:
    fleet = scenario.named(name).fleet
    file = tmp_path / "inferdeck.yaml"
    found = entries(fleet, urls(fleet))
    with file.open("w") as stream:
        YAML(typ="safe").dump({"sources": found}, stream)
    settings = load(path=file, environ={}, kinds=config_classes())
    shown = [entry for kind in settings.sources.values() for entry in kind]
    assert len(shown) == sum(map(len, found.values())) == len(list(targets(fleet))) - len(unwatched(fleet))
    assert all(entry.labels == {"simulated": "true"} for entry in shown)
    assert {entry.name for entry in shown} == {one.process for one in targets(fleet)} - set(unwatched(fleet))


def test_what_asks_for_a_key_says_so_and_an_entry_has_it() -> None:
    fleet = scenario.named("calm-day").fleet
    keys = {one.kind: one.key for one in targets(fleet) if one.key}
    assert keys["litellm"] == "sk-inferdeck-demo"
    assert keys.get("langfuse", LANGFUSE_KEYS) == f"{langfuse.PUBLIC_KEY}:{langfuse.SECRET_KEY}"
    assert keys.get("hub", HUB_TOKEN) == hub.TOKEN
    found = entries(fleet, urls(fleet))
    assert all(entry["key"] == "sk-inferdeck-demo" and entry["gateway"] == entry["name"] for entry in found["litellm"])
    assert all(entry["key"] == hub.TOKEN for entry in found.get("huggingface", ()))
    for entry in found.get("langfuse", ()):
        assert f"{entry['public_key']}:{entry['secret_key']}" == LANGFUSE_KEYS
    keyed = {"litellm", "huggingface"}
    assert all("key" not in entry for kind, made in found.items() if kind not in keyed for entry in made)


def test_the_job_of_an_exposition_is_its_program() -> None:
    fleet = scenario.named("calm-day").fleet
    jobs = {entry["name"]: entry["job"] for entry in entries(fleet, urls(fleet))["prometheus"]}
    kinds = {one.process: one.kind for one in targets(fleet)}
    for process, job in jobs.items():
        assert job == (process if kinds[process].startswith("llm") else kinds[process])
    assert "node" in jobs.values()


def test_a_program_without_an_address_has_no_entry() -> None:
    fleet = scenario.named("calm-day").fleet
    assert entries(fleet, {}) == {}
