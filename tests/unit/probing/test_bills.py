"""What a plan costs at most."""

from __future__ import annotations

import pytest

from inferdeck.probing.bills import bill
from inferdeck.probing.report import cost
from inferdeck.probing.requests import ask
from inferdeck.probing.values import Case, Kind
from tests.unit.probing.told import deployed, told

CHEAP = {"input_cost_per_token": "0.000001", "output_cost_per_token": "0.000002"}
DEAR = {"input_cost_per_token": "0.00001", "output_cost_per_token": "0.00002"}
GATEWAY = told(
    deployed("cheap-1", "cheap", **CHEAP),
    deployed("mixed-1", "mixed", **CHEAP),
    deployed("mixed-2", "mixed", **DEAR),
    deployed("free-1", "free", input_cost_per_token="0", output_cost_per_token="0"),
    deployed("own-1", "own", provider="hosted_vllm", api_base="http://gpu-1:8000/v1"),
    deployed("odd-1", "odd"),
    deployed("half-1", "half", input_cost_per_token="0.000001"),
    deployed("vectors-1", "vectors", mode="embedding", input_cost_per_token="0.000001"),
)


def direct(model: str, requests: int = 1) -> Case:
    return Case(Kind.DIRECT, model, requests=requests)


def test_a_request_costs_its_tokens_at_the_price_of_the_gateway() -> None:
    found = bill([direct("cheap", 7)], GATEWAY, None, 0.0)
    asked = ask(direct("cheap"))
    assert found.usd == pytest.approx(7 * (asked.tokens_in * 1e-6 + asked.tokens_out * 2e-6))
    assert (found.priced, found.unpriced) == (7, 0)
    assert found.sources == ("the gateway's own prices",)


def test_of_several_prices_the_highest_counts() -> None:
    mixed, cheap = (bill([direct(name)], GATEWAY, None, 0.0).usd for name in ("mixed", "cheap"))
    assert mixed == pytest.approx(10 * cheap)
    fallback = Case(Kind.FALLBACK, "cheap", order=("cheap", "mixed"))
    assert bill([fallback], GATEWAY, None, 0.0).usd == pytest.approx(mixed)


def test_free_self_hosted_and_unpriced_are_three_things() -> None:
    cases = [direct("free"), direct("own", 2), direct("odd", 3), direct("half", 4), direct("nobody", 5)]
    found = bill(cases, GATEWAY, None, 0.0)
    assert (found.usd, found.priced, found.free, found.self_hosted, found.unpriced) == (0.0, 0, 1, 2, 12)
    assert found.unpriced_models == ("odd", "half", "nobody")
    text = cost(found)
    assert "12 unpriced, so that what they cost is not known (odd, half, nobody)" in text
    assert "$0" not in text


def test_vectors_need_no_price_of_output() -> None:
    case = Case(Kind.EMBEDDING, "vectors", embeds=True)
    assert bill([case], GATEWAY, None, 0.0).priced == 1


def test_what_is_not_sent_costs_nothing() -> None:
    found = bill([Case(Kind.POOL, "cheap", requests=50, because="no shares are promised")], GATEWAY, None, 0.0)
    assert found.priced == 0
    assert cost(found) == "nothing is sent"
