"""What is said of a fleet's programs to who watches them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inferdeck.config.load import load
from inferdeck.simulate import scenario
from inferdeck.simulate.fleet import Fleet
from inferdeck.simulate.lifecycle import processes
from inferdeck.simulate.servers import hub, langfuse
from inferdeck.simulate.servers.configuration import ConfigFiles
from inferdeck.simulate.servers.logs import LogFiles
from inferdeck.simulate.targets import HUB_TOKEN, LANGFUSE_KEYS, config_files, entries, targets, unwatched
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
    files = config_files(fleet, tmp_path / "config")
    with file.open("w") as stream:
        YAML(typ="safe").dump({"config_files": files, "sources": found}, stream)
    settings = load(path=file, environ={}, kinds=config_classes())
    assert [one.gateway for one in settings.config_files] == [one.name for one in fleet.gateways]
    assert [one.path for one in settings.config_files] == [
        ConfigFiles(tmp_path / "config", fleet, 0.0).path(one.name) for one in fleet.gateways
    ]
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


def test_lines_are_read_from_files_where_no_docker_has_them(tmp_path: Path) -> None:
    company = scenario.named("calm-day").fleet
    assert "logs" not in entries(company, urls(company), tmp_path)
    hosts = tuple(replace(one, docker=one.name != "app-1") for one in company.hosts)
    fleet = replace(company, hosts=hosts)
    [entry] = entries(fleet, urls(fleet), tmp_path)["logs"]
    files = LogFiles(tmp_path, fleet)
    alone = ("litellm", "redis", "helpdesk", "intranet", "langfuse")
    assert entry["files"] == [str(files.path(one)) for one in alone]
    assert "logs" not in entries(fleet, urls(fleet))


def test_a_program_without_an_address_has_no_entry() -> None:
    fleet = scenario.named("calm-day").fleet
    assert entries(fleet, {}) == {}
