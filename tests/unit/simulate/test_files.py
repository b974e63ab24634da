"""Fleet and scenario files: what they say becomes values, and every mistake is named with its line, key and remedy."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.errors import NotFoundError
from inferdeck.simulate import fleet_check, fleet_file, scenario
from inferdeck.simulate.actions import ClockSkew, GatewayChange, Load, ProviderOutage, Reachable, Step
from inferdeck.simulate.checking import check
from inferdeck.simulate.fleet import Fleet, Price, Spread
from inferdeck.simulate.generated_fleet import Generate, generated
from inferdeck.simulate.yaml_file import FileError, parse

BAD = Path(__file__).parent / "bad"
HEAD = "name: x\ntitle: T\nabout: A.\n"


def bad() -> list[Path]:
    return sorted(BAD.glob("*.yaml"))


def written(folder: Path, text: str, name: str = "file.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("file", bad(), ids=lambda file: file.stem)
def test_a_bad_file_is_answered_with_exactly_this_text(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    found = check(Path(file.name))
    assert not found.right and found.problems
    text = "".join(f"{problem}\n" for problem in found.problems)
    assert text == file.with_suffix(".txt").read_text(encoding="utf-8")


def test_every_bad_file_has_its_text_and_every_text_its_file() -> None:
    assert {file.stem for file in bad()} == {file.stem for file in BAD.glob("*.txt")}


@pytest.mark.parametrize("name", fleet_file.available())
def test_every_fleet_that_comes_with_us_is_right_and_called_as_its_file(name: str) -> None:
    found = fleet_file.load(fleet_file.find(name))
    assert found.fleet.name == name and found.about
    assert list(fleet_check.complaints(found.fleet)) == []


def test_the_small_company_is_what_the_demo_shows() -> None:
    fleet = fleet_file.named("small-company")
    assert sorted(one.kind for one in fleet.engines) == ["llamacpp", "ollama", "sglang", "tgi", "vllm", "vllm"]
    assert (len(fleet.gpus), len(fleet.providers), len(fleet.agents), len(fleet.teams)) == (8, 2, 10, 6)
    assert sum(agent.requests_per_minute for agent in fleet.agents) == pytest.approx(9.0)
    assert [gateway.database for gateway in fleet.gateways] == [True]


def test_the_huge_fleet_has_as_many_targets_and_models_as_it_wishes() -> None:
    known = fleet_check.names(fleet_file.named("huge"))
    assert (len(known.processes), len(known.of("public model"))) == (200, 500)


@given(
    st.builds(
        Generate,
        targets=st.integers(1, 120),
        models=st.integers(1, 150),
        gateways=st.integers(1, 5),
        providers=st.integers(1, 5),
        agents=st.integers(0, 30),
        teams=st.integers(1, 9),
    )
)
def test_a_generated_fleet_holds_together_and_has_its_size(wishes: Generate) -> None:
    if wishes.mistake():
        return
    fleet = generated(wishes)
    assert list(fleet_check.complaints(fleet)) == []
    known = fleet_check.names(fleet)
    assert len(known.processes) == wishes.targets and len(known.of("public model")) == wishes.models
    assert generated(replace(wishes)) == fleet


def test_a_fleet_file_says_every_kind_of_value(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
name: f
hub: true
hosts: [{name: h, memory_bytes: 64GiB, docker: false}]
providers: [{name: p, first_token_seconds: 450ms, decode_speed: {median: 50}}]
gateways:
  - name: g
    version: 1.80
    host: h
    cache_seconds: null
    deployments: [{id: d, model: m, target: p, served: s, price: {input: 1, output: 2.5}}]
    fallbacks: {}
use_cases: [{name: u, prompt_tokens: 300, output_tokens: 0, think_seconds: 1m30s}]
teams: [{name: t, budget_usd: 20, budget_seconds: 7d}]
agents: [{name: a, team: t, use_case: u, models: {m: 1}, requests_per_minute: 1_0.5}]
""",
    )
    fleet = fleet_file.load(path).fleet
    assert fleet.hosts[0].memory_bytes == 64 * 2**30 and not fleet.hosts[0].docker and fleet.hub
    # What a spread does not say is as in the key's default.
    assert fleet.providers[0].first_token_seconds == Spread(0.45, 0.35, 0.05, 60.0)
    assert fleet.providers[0].decode_speed == Spread(50.0, 0.25, 5.0, 1000.0)
    assert (fleet.gateways[0].version, fleet.gateways[0].cache_seconds) == ("1.80", None)
    assert fleet.gateways[0].deployments[0].price == Price(1.0, 2.5)
    assert fleet.use_cases[0].think_seconds == Spread(90.0, 0.8) and fleet.use_cases[0].output_tokens.largest == 0
    assert (fleet.teams[0].budget_seconds, fleet.agents[0].requests_per_minute) == (604_800.0, 10.5)


def test_a_scenario_file_says_what_is_done_and_when(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        HEAD
        + """
fleet: small-company
load: 2
duration: 1h30m
timeline:
  - {at: 20m, for: 15m, do: provider_outage, provider: openai}
  - {at: 90s, do: load, factor: 3, agents: support-chat}
  - {at: 2m, do: clock_skew, host: gpu-1, seconds: -90s}
  - {at: 3m, do: reachable, mode: refused, processes: [gpu-1/dcgm, vllm-a]}
  - {at: 4m, do: gateway_change, gateway: litellm, text: shift, weights: {vllm-a-llama: 3, vllm-b-llama: 0}}
observer:
  - {from: 20m, about: openai, conclude: provider_down}
""",
    )
    found = scenario.load(path)
    assert found.steps == (
        Step(90.0, Load(3.0, ("support-chat",))),
        Step(120.0, ClockSkew("gpu-1", -90.0)),
        Step(180.0, Reachable("refused", ("gpu-1/dcgm", "vllm-a"))),
        Step(240.0, GatewayChange("litellm", "shift", weights=(("vllm-a-llama", 3.0), ("vllm-b-llama", 0.0)))),
        Step(1200.0, ProviderOutage("openai"), 900.0),
    )
    assert (found.duration, found.observer[0].from_, found.observer[0].until) == (5400.0, 1200.0, None)
    assert sum(agent.requests_per_minute for agent in found.fleet.agents) == pytest.approx(18.0)


def test_a_change_merges_mappings_and_leaves_the_rest(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        HEAD
        + """
fleet: small-company
change:
  vllm-a: {model: {context: 4096}}
  litellm: {database: false, workers: 2}
  openai-gpt-4o: {price: {input: 9}}
  ollama-gemma: {load_seconds: {weights: 1m}}
""",
    )
    fleet, before = scenario.load(path).fleet, fleet_file.named("small-company")
    assert fleet.engines[0].model == replace(before.engines[0].model, context=4096)
    assert (fleet.gateways[0].database, fleet.gateways[0].workers) == (False, 2)
    assert fleet.gateways[0].deployments[0].price == Price(9.0, 10.0, 1.25)
    assert fleet.gateways[0].deployments[1:] == before.gateways[0].deployments[1:]
    assert fleet.engines[4].load_seconds == {"weights": 60.0, "compile": 0.0, "warmup": 1.0}
    untouched = replace(fleet, engines=before.engines, gateways=before.gateways)
    assert untouched == before


def test_a_fleet_of_ones_own_is_found_beside_the_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    written(tmp_path, "name: mine\nhosts: [{name: h}]", "deep/mine.yaml")
    path = written(tmp_path, HEAD + "fleet: ./mine.yaml", "deep/scene.yaml")
    monkeypatch.chdir("/")
    assert [host.name for host in scenario.load(path).fleet.hosts] == ["h"]


def test_a_scenario_is_found_by_its_name_or_file(tmp_path: Path) -> None:
    assert scenario.named("calm-day") == scenario.named(str(scenario.FOLDER / "calm-day.yaml"))
    with pytest.raises(NotFoundError, match='did you mean "calm-day"'):
        scenario.named("calm-dey")
    with pytest.raises(FileError, match=r"gone\.yaml:1: cannot be read: no such file"):
        scenario.named(str(tmp_path / "gone.yaml"))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    with suppress(FileError):
        fleet_file.of(parse(body, "any.yaml"))


words = st.sampled_from(
    [
        "name",
        "hosts",
        "agents",
        "gpus",
        "engines",
        "generate",
        "models",
        "x",
        "1",
        "-3",
        "null",
        "1e999",
        "9" * 40,
        "5m",
    ]
)
trees = st.recursive(
    words,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(words, part, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, trees, max_size=5), st.sampled_from([fleet_file.of, scenario.of]))
def test_no_shape_of_values_breaks_the_checker(tree: dict[str, object], reader: object) -> None:
    file = parse(json.dumps({"name": "n", **tree}).encode(), "any.yaml")
    if reader is fleet_file.of:
        found: object = fleet_file.of(file)
    else:
        head = {"name": "n", "title": "t", "about": "a", "fleet": "single-host"}
        file = parse(json.dumps({**head, "timeline": [tree], "observer": [tree], "change": tree}).encode(), "any.yaml")
        found = scenario.of(file, Path())
    assert (found is None) <= bool(file.problems)


def test_an_empty_fleet_is_right() -> None:
    assert list(fleet_check.complaints(Fleet())) == []
