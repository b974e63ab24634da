"""A gateway against its file: what was added, removed, changed, with the key; what is not known."""

from __future__ import annotations

from dataclasses import replace

from inferdeck.config.document import parse
from inferdeck.model.target import Fact, TargetState
from inferdeck.routing import drift, litellm_file
from inferdeck.routing.interface import RouteFile
from tests.unit.query.stack import state

FILE = """\
model_list:
  - model_name: a
    litellm_params: {model: openai/a, rpm: 100}
    model_info: {id: one}
  - model_name: b
    litellm_params: {model: hosted_vllm/b, api_base: "http://h:8000/v1/"}
  - model_name: b
    litellm_params: {model: hosted_vllm/b, api_base: os.environ/SECOND}
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  fallbacks: [{a: [b]}]
"""


def read(text: str = FILE) -> RouteFile:
    return litellm_file.read(parse(text.encode(), "c.yaml"))


def deployment(name: str, model: str, target: str, **facts: str) -> Fact:
    return Fact("deployment", name, {"model": model, "litellm_model": target, "origin": "file", **facts})


RUNNING = (
    deployment("one", "a", "openai/a", rpm="100"),
    deployment("x1", "b", "hosted_vllm/b", api_base="http://other:8000/v1"),
    deployment("x2", "b", "hosted_vllm/b", api_base="http://h:8000/v1"),
    deployment("db", "z", "openai/z", origin="database"),
    Fact("fallback", "a", {"to": "b", "on": "any error"}),
    Fact("routing", "simple-shuffle", {"num_retries": "2", "timeout": "600"}),
)


def gateway(*facts: Fact) -> TargetState:
    return state("litellm", "g:4000", inventory=facts)


def test_a_gateway_that_runs_its_file_is_the_same() -> None:
    found = drift.drift(read(), gateway(*RUNNING))
    assert (found.state, found.differences, found.unknown) == ("same", (), ())
    assert found.gateway == "default/litellm/g:4000"


def changes(text: str, *facts: Fact) -> list[tuple[str, str, str, int, str, str]]:
    found = drift.drift(read(text), gateway(*facts))
    assert found.state == "differs"
    return [(one.change, one.what, one.key, one.line, one.file, one.running) for one in found.differences]


def test_a_changed_value_has_its_key_and_line() -> None:
    assert changes(FILE.replace("rpm: 100", "rpm: 200"), *RUNNING) == [
        ("changed", "deployment a", "model_list[0].litellm_params.rpm", 3, "200", "100")
    ]
    assert changes(FILE.replace(", rpm: 100", ""), *RUNNING) == [
        ("removed", "deployment a", "model_list[0].litellm_params.rpm", 2, "", "100")
    ]
    assert changes(FILE.replace("rpm: 100", "rpm: 100, tpm: 9"), *RUNNING) == [
        ("added", "deployment a", "model_list[0].litellm_params.tpm", 3, "9", "")
    ]
    assert changes(FILE.replace("openai/a", "openai/a2").replace("name: a", "name: a2"), *RUNNING) == [
        ("changed", "deployment a2", "model_list[0].model_name", 2, "a2", "a"),
        ("changed", "deployment a2", "model_list[0].litellm_params.model", 3, "openai/a2", "openai/a"),
    ]


def test_added_and_removed_deployments_are_told() -> None:
    more = FILE.replace("router_settings", "  - {model_name: new, litellm_params: {model: x/new}}\nrouter_settings")
    assert changes(more, *RUNNING) == [("added", "deployment new", "model_list[3]", 9, "x/new", "")]
    gone = (*RUNNING, deployment("old", "old", "openai/old", api_base="http://old"))
    assert changes(FILE, *gone) == [
        ("removed", "deployment old", "model_info.id: old", 0, "", "openai/old at http://old")
    ]


def test_fallbacks_and_settings_are_compared() -> None:
    assert changes(
        FILE.replace("{a: [b]}", "{a: [b, c]}, {b: [a]}").replace("num_retries: 2", "num_retries: 5"), *RUNNING
    ) == [
        ("changed", "fallback a", "router_settings.fallbacks[0].a", 12, "b, c", "b"),
        ("added", "fallback b", "router_settings.fallbacks[1].b", 12, "a", ""),
        ("changed", "routing", "router_settings.num_retries", 11, "5", "2"),
    ]
    more = (*RUNNING, Fact("fallback", "b", {"to": "a", "on": "policy"}))
    assert changes(FILE, *more) == [("removed", "fallback b (policy)", "router_settings.fallbacks", 0, "", "a")]


def test_what_a_gateway_does_not_tell_is_unknown_and_not_the_same() -> None:
    deployments = [fact for fact in RUNNING if fact.kind == "deployment"]
    silent = drift.drift(read(), gateway(*deployments))
    assert (silent.state, silent.differences) == ("unknown", ())
    assert silent.unknown == (
        "fallbacks and router settings: the gateway does not tell them (GET /get/config/callbacks)",
    )
    nothing = drift.drift(read(), gateway())
    assert nothing.state == "unknown" and len(nothing.unknown) == 2
    assert drift.drift(read(), None).state == "none"
    assert drift.drift(read(), None, "several gateways").unknown == ("several gateways",)
    included = drift.drift(replace(read(), missing=("more.yaml",)), gateway(*RUNNING, deployment("m", "m", "openai/m")))
    assert (included.state, included.unknown) == ("unknown", ("more.yaml is included, and not read here",))
