"""Which cases are made of what is known."""

from __future__ import annotations

from typing import Any

import pytest

from inferdeck.model.answers import number
from inferdeck.model.stack import Chain, DeploymentEdge, FallbackEdge, Link, Route, RouteTarget
from inferdeck.probing import statistics
from inferdeck.probing.cases import MOST_POOL_REQUESTS, Wish, alpha, make
from inferdeck.probing.intended import Intended, of_routes
from inferdeck.probing.requests import ask, failing
from inferdeck.probing.running import total
from inferdeck.probing.values import Case, Kind
from tests.unit.probing.told import deployed, told


def by_id(cases: tuple[Case, ...]) -> dict[str, Case]:
    found = {one.id: one for one in cases}
    assert len(found) == len(cases)
    return found


def test_a_model_with_one_deployment_is_asked_twice_and_its_fallbacks_once() -> None:
    made = make(told(deployed("a-1", "a"), deployed("b-1", "b"), fallbacks={"a": ("b",)}), [], Wish())
    assert list(by_id(made.cases)) == ["direct:a", "stream:a", "fallback:a", "direct:b", "stream:b"]
    assert by_id(made.cases)["direct:a"].deployments == ("a-1",)
    assert by_id(made.cases)["fallback:a"].order == ("b",)
    assert total(made.cases) == 5


def test_a_model_for_vectors_is_asked_for_one_and_other_kinds_are_left_alone() -> None:
    made = make(told(deployed("v-1", "v", mode="embedding"), deployed("p-1", "p", mode="image_generation")), [], Wish())
    cases = by_id(made.cases)
    assert list(cases) == ["embedding:v", "direct:p"]
    assert cases["embedding:v"].embeds
    assert cases["direct:p"].because == "image_generation is not probed"
    assert total(made.cases) == 1


def test_members_of_a_pool_are_asked_one_by_one_and_then_together() -> None:
    made = make(told(deployed("p-1", "p"), deployed("p-2", "p")), [], Wish())
    cases = by_id(made.cases)
    assert list(cases) == ["member:p/p-1", "member:p/p-2", "pool:p", "stream:p"]
    wanted = statistics.needed((0.5, 0.5), 0.01)
    assert wanted < cases["pool:p"].requests <= wanted * 1.1


@pytest.mark.parametrize(
    ("facts", "weights"),
    [
        ([{}, {}], [1.0, 1.0]),
        ([{"weight": "3"}, {"weight": "1"}], [3.0, 1.0]),
        ([{"weight": "3"}, {}], [3.0, 1.0]),
        ([{"rpm": "60"}, {"rpm": "20"}], [60.0, 20.0]),
        # LiteLLM gives the second one nothing: that is what the probe is to find.
        ([{"rpm": "60"}, {}], [1.0, 1.0]),
        ([{"tpm": "10", "rpm": "2"}, {"tpm": "30", "rpm": "4"}], [2.0, 4.0]),
        ([{"weight": "1"}, {"weight": "1"}, {"weight": "0"}], [1.0, 1.0]),
        ([{"order": "1"}, {"order": "1"}, {"order": "2"}], [1.0, 1.0]),
    ],
)
def test_the_weights_of_a_pool(facts: list[dict[str, str]], weights: list[float]) -> None:
    group = [deployed(f"p-{number}", "p", **one) for number, one in enumerate(facts)]
    case = by_id(make(told(*group), [], Wish()).cases)["pool:p"]
    assert [one.weight for one in case.members] == weights


def test_shares_are_not_tested_where_none_are_promised() -> None:
    group = (deployed("p-1", "p"), deployed("p-2", "p"))
    case = by_id(make(told(*group, strategy="latency-based-routing"), [], Wish()).cases)["pool:p"]
    assert case.because == "latency-based-routing promises no shares"
    alone = (deployed("p-1", "p", order="1"), deployed("p-2", "p", order="2"))
    assert "one member gets all" in by_id(make(told(*alone), [], Wish()).cases)["pool:p"].because


def test_a_pool_that_is_too_large_is_asked_only_when_wanted() -> None:
    group = [deployed(f"p-{number}", "p") for number in range(12)]
    case = by_id(make(told(*group), [], Wish()).cases)["pool:p"]
    assert case.because.startswith("a verdict needs ")
    wanted = int(case.because.split()[3])
    assert wanted > MOST_POOL_REQUESTS
    assert by_id(make(told(*group), [], Wish(pool_requests=wanted)).cases)["pool:p"].requests == wanted


def test_several_pools_share_the_error() -> None:
    group = [deployed(f"{pool}-{number}", pool) for pool in "abcd" for number in range(2)]
    made = make(told(*group), [], Wish())
    assert alpha(made.cases) == pytest.approx(0.01 / 4)


def test_a_file_says_what_should_be() -> None:
    wanted = Intended(
        "routes.yaml",
        {
            "p": (_target("", "p", "llama", "http://one:1"), _target("", "p", "llama", "http://two:2", weight="3")),
            "gone": (_target("", "gone", "x", ""),),
            "*": (),
        },
        {"a": ("c", "b")},
        {},
        {"vision": ("a",), "poetry": ("b",)},
        {"gone": 7, "fallback a": 9, "capability vision": 12},
    )
    gateway = told(
        deployed("p-1", "p", target="openai/llama", api_base="http://one:1/v1"),
        deployed("p-2", "p", target="openai/llama", api_base="http://two:2/v1"),
        deployed("a-1", "a"),
        deployed("b-1", "b"),
        fallbacks={"a": ("b", "c")},
    )
    cases = by_id(make(gateway, [wanted], Wish()).cases)
    assert [(one.id, one.weight) for one in cases["pool:p"].members] == [("p-1", 1.0), ("p-2", 3.0)]
    assert (cases["fallback:a"].order, cases["fallback:a"].source) == (("c", "b"), "routes.yaml:9")
    assert cases["direct:gone"].source == "routes.yaml:7"
    assert cases["capability:vision/a"].source == "routes.yaml:12"
    assert cases["capability:poetry/b"].because == 'no request shows whether it can "poetry"'
    assert "direct:*" not in cases


def _target(identity: str, model: str, name: str, base: str, **values: Any) -> RouteTarget:
    return RouteTarget(identity, model, "x", name, base, **values)


def test_ten_thousand_models_are_cut_and_counted() -> None:
    many = told(*(deployed(f"id-{number}", f"model-{number}") for number in range(10_000)))
    made = make(many, [], Wish())
    assert len({one.model for one in made.cases}) == 50
    assert made.left_out == 9_950
    one = make(many, [], Wish(models=("model-9999",)))
    assert list(by_id(one.cases)) == ["direct:model-9999", "stream:model-9999"]
    assert one.left_out == 0


def test_a_model_that_nobody_knows_is_asked_for_all_the_same() -> None:
    made = make(told(deployed("a-1", "a")), [], Wish(models=("typo",)))
    assert list(by_id(made.cases)) == ["direct:typo"]
    assert made.notes == ("neither the gateway nor a file knows typo",)


def test_names_with_stars_are_told_not_asked() -> None:
    made = make(told(deployed("all", "openai/*")), [], Wish())
    assert not made.cases
    assert "openai/*" in made.notes[0]


def test_kinds_may_be_chosen() -> None:
    made = make(told(deployed("p-1", "p"), deployed("p-2", "p")), [], Wish(kinds=(Kind.POOL,)))
    assert list(by_id(made.cases)) == ["pool:p"]


def test_of_several_gateways_the_files_of_the_probed_one_count() -> None:
    """Gateways are told apart by the ids of their deployments, whatever a file or a source calls them."""

    def route(gateway: str, origin: str, *ids: str) -> Route:
        n = number(None, "count")
        link = Link("unknown")
        chain = Chain("e", gateway, "", "a", "", "", "", link, link, link, link, ())
        edges = tuple(DeploymentEdge(one, "", "openai/a", "", "", "", "", "", "", n, n, chain) for one in ids)
        fallback = FallbackEdge("any error", f"after-{gateway}", 1, True, n, n)
        return Route("e", gateway, "a", origin, "", "", n, n, edges, (fallback,))

    routes = [
        route("one", "gateway", "a-1"),
        route("two", "gateway", "a-2"),
        route("one", "/etc/one.yaml", "a-1"),
        route("two", "/etc/two.yaml", "a-2"),
    ]
    (found,) = of_routes(routes, told(deployed("a-2", "a")))
    assert (found.origin, found.fallbacks) == ("/etc/two.yaml", {"a": ("after-two",)})
    (alone,) = of_routes(routes[::2], told())
    assert alone.origin == "/etc/one.yaml"


def test_fallbacks_for_prompts_that_are_too_long_are_cases_of_their_own() -> None:
    gateway = told(deployed("a-1", "a"), deployed("b-1", "b"), context_fallbacks={"a": ("b",)})
    case = by_id(make(gateway, [], Wish()).cases)["fallback:context window/a"]
    assert (case.order, case.too_long, case.source) == (("b",), True, "gateway")
    assert failing(ask(case), too_long=True).body["mock_testing_context_fallbacks"] is True
    wanted = Intended("litellm.yaml", context_fallbacks={"a": ("c",)}, lines={"context window a": 4})
    case = by_id(make(gateway, [wanted], Wish()).cases)["fallback:context window/a"]
    assert (case.order, case.source) == (("c",), "litellm.yaml:4")
