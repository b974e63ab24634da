"""Files of cases and of routes, and what is said of their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.config import document
from inferdeck.errors import ConfigError
from inferdeck.probing import cases_file
from inferdeck.probing.cases import Wish, make, sized
from inferdeck.probing.values import Kind
from tests.unit.probing.told import deployed, told

GATEWAY = told(
    deployed("a-1", "a"),
    deployed("p-1", "p"),
    deployed("p-2", "p"),
    deployed("v-1", "v", mode="embedding"),
)


def written(folder: Path, text: str) -> Path:
    file = folder / "probe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_cases_of_every_kind(tmp_path: Path) -> None:
    text = """
gateway: {url: http://gateway:4000, key: {env: MY_KEY}}
cases:
  - {direct: a, deployments: a-1}
  - {stream: a}
  - {fallback: a, order: [p, v]}
  - {pool: p, shares: {p-1: 3, p-2: 1}}
  - {capability: vision, models: [a, p]}
  - {embedding: v, dimensions: 1024}
"""
    given = cases_file.read(written(tmp_path, text), {"MY_KEY": "sk-mine-0815"})
    assert (given.url, given.key) == ("http://gateway:4000", "sk-mine-0815")
    assert "sk-mine" not in repr(cases_file.cases(given, GATEWAY, Wish()))
    found = {one.id: one for one in sized(cases_file.cases(given, GATEWAY, Wish()), Wish())}
    assert list(found) == [
        "direct:a", "stream:a", "fallback:a", "pool:p", "capability:vision/a", "capability:vision/p", "embedding:v",
    ]  # fmt: skip
    assert [one.weight for one in found["pool:p"].members] == [3.0, 1.0]
    assert found["pool:p"].requests > 40
    assert found["pool:p"].source == "probe.yaml:7"
    assert found["embedding:v"].dimensions == 1024
    assert found["fallback:a"].order == ("p", "v")
    only = cases_file.cases(given, GATEWAY, Wish(kinds=(Kind.STREAM,)))
    assert [one.id for one in only] == ["stream:a"]


def test_a_pool_with_its_own_number_of_requests(tmp_path: Path) -> None:
    given = cases_file.read(written(tmp_path, "cases: [{pool: p, requests: 12}]"), {})
    (case,) = sized(cases_file.cases(given, GATEWAY, Wish()), Wish())
    assert (case.requests, [one.weight for one in case.members]) == (12, [1.0, 1.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [{direct: a, stream: b}]", "probe.yaml:1: cases[0]: give exactly one of direct, embedding"),
        ("cases:\n  - {fallback: a}", "probe.yaml:2: cases[0]: fallback wants order"),
        ("cases:\n  - {capability: poetry, models: a}", "probe.yaml:2: cases[0]: capability is one of vision, tools"),
        ("cases:\n  - {direkt: a}", 'probe.yaml:2: cases[0].direkt: unknown key, did you mean "direct"?'),
        ("cases: [{pool: p, shares: {a: 0}}]", "must be greater than 0"),
        ("gateway: {url: http://x, key: {env: NOT_SET}}", "NOT_SET"),
        ("expect: nothing.yaml", "nothing.yaml: cannot be read"),
        ("sources: {}", "neither LiteLLM's configuration"),
        ("- a list", "neither LiteLLM's configuration"),
        ("cases: [", "probe.yaml:1"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        cases_file.read(written(tmp_path, text), {})
    assert message in str(error.value)


def test_files_of_routes_are_read_alone_or_beside_cases(tmp_path: Path) -> None:
    (tmp_path / "litellm.yaml").write_text(
        "model_list:\n  - {model_name: a, litellm_params: {model: openai/a}, model_info: {id: a-1}}\n"
        "router_settings:\n  fallbacks: [{a: [p]}]\n",
        encoding="utf-8",
    )
    alone = cases_file.read(tmp_path / "litellm.yaml", {})
    assert alone.intended[0].fallbacks == {"a": ("p",)}
    assert alone.intended[0].place("fallback a") == "litellm.yaml:4"
    beside = cases_file.read(written(tmp_path, "expect: litellm.yaml"), {})
    assert beside.intended[0].models["a"][0].id == "a-1"
    assert not beside.entries


def test_what_is_for_the_probe_is_told_from_inferdecks_own_file(tmp_path: Path) -> None:
    for text, expected in (("cases: []", True), ("exact_matches: {}", True), ("sources: {}", False), ("", False)):
        assert cases_file.is_one(document.read(written(tmp_path, text))) is expected


def test_cases_and_routes_go_together(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("fallback_chains: {a: [p]}\n", encoding="utf-8")
    text = "expect: routes.yaml\ncases: [{fallback: a, order: [v]}, {pool: p, requests: 1}]"
    given = cases_file.read(written(tmp_path, text), {})
    own = cases_file.cases(given, GATEWAY, Wish())
    found = {one.id: one for one in make(GATEWAY, given.intended, Wish(), own).cases}
    assert found["fallback:a"].order == ("v",)
    assert found["pool:p"].requests == 1
    assert {"direct:a", "member:p/p-1", "embedding:v"} <= set(found)
