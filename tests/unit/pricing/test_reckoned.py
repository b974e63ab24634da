"""What a gateway reckons with, which of two prices counts, and the four words."""

from __future__ import annotations

import pytest

from inferdeck.model.model_catalog import FREE, PRICED, SELF_HOSTED, UNPRICED, Offer
from inferdeck.pricing.reckoned import difference, price, reckoned, together

PUBLISHED = Offer("genai-prices 1", 2.5, 10.0)


def own(**per_token: str) -> Offer | None:
    return reckoned(per_token, "gateway g", 5.0)


def test_prices_per_token_become_prices_per_million_exactly() -> None:
    found = own(input_cost_per_token="0.00000015", cache_read_input_token_cost="0.000000075", price_origin="cost map")
    assert found == Offer("gateway g", 0.15, None, 0.075, None, 5.0, "cost map")
    assert own() is None
    assert own(price_origin="cost map", input_cost_per_token="dear") is None


@pytest.mark.parametrize(
    ("given", "published", "runs_here", "word", "value"),
    [
        (own(input_cost_per_token="0.000001"), PUBLISHED, False, PRICED, 1.0),
        (own(input_cost_per_token="0.000001"), None, True, PRICED, 1.0),
        (own(input_cost_per_token="0", output_cost_per_token="0"), PUBLISHED, False, FREE, 0.0),
        (own(input_cost_per_token="0"), None, False, FREE, 0.0),
        (own(input_cost_per_token="0"), None, True, SELF_HOSTED, None),
        (None, PUBLISHED, False, PRICED, 2.5),
        (None, Offer("genai-prices 1", 0.0, 0.0), False, FREE, 0.0),
        (None, None, False, UNPRICED, None),
        (None, None, True, SELF_HOSTED, None),
    ],
)
def test_four_words(
    given: Offer | None, published: Offer | None, runs_here: bool, word: str, value: float | None
) -> None:
    found = price(given, published, runs_here=runs_here)
    assert (found.word, found.input.value) == (word, value)
    if word in (UNPRICED, SELF_HOSTED):
        assert found.input.quality == "unpriced", "never 0"


def test_a_difference_is_said_and_rounding_is_none() -> None:
    mine = own(input_cost_per_token="0.000003", output_cost_per_token="0.00001")
    assert mine is not None
    assert difference(mine, PUBLISHED) == "gateway g against genai-prices 1: input 3 against 2.5"
    assert difference(Offer("g", 2.5000001, 10.0), PUBLISHED) == ""
    assert difference(mine, None) == ""


def test_several_places_show_the_highest_and_every_word() -> None:
    places = [
        price(own(input_cost_per_token="0.000001"), None, runs_here=False),
        price(own(input_cost_per_token="0.000004"), None, runs_here=False),
        price(None, None, runs_here=True),
    ]
    found = together(places)
    assert (found.word, found.input.value, found.varies) == ("priced, self-hosted", 4.0, True)
    assert found.output.value is None
    assert together(places[2:]).word == SELF_HOSTED
    assert together([]).word == UNPRICED
