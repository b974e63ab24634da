"""What a gateway reckons with, and which of several prices counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inferdeck.model.answers import Number, number
from inferdeck.model.metric import Quality
from inferdeck.model.model_catalog import FREE, PRICE_WORDS, PRICED, SELF_HOSTED, UNPRICED, Offer, Price

UNIT = "usd/Mtok"
MILLION = 1e6
FIELDS = ("input", "output", "cached_input", "cache_creation")
_KEYS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_creation": "cache_creation_input_token_cost",
}
_CLOSE = 1e-6


def reckoned(facts: Mapping[str, str], source: str, age_seconds: float | None) -> Offer | None:
    """Return what a deployment's or model group's facts say a token costs; None where they say nothing."""
    values = {name: _per_million(facts.get(key, "")) for name, key in _KEYS.items()}
    if all(value is None for value in values.values()):
        return None
    return Offer(source, **values, age_seconds=age_seconds, detail=facts.get("price_origin", ""))


def _per_million(text: str) -> float | None:
    try:
        value = float(text) * MILLION if text else None
    except ValueError:
        return None
    # 0.00000015 * 1e6 is 0.15 again only after rounding.
    return None if value is None else float(f"{value:.12g}")


def price(own: Offer | None, published: Offer | None, *, runs_here: bool) -> Price:
    """Return the price of one place: what its gateway reckons, else what is published.

    An explicit 0 is free, or self-hosted where the model runs here; nothing at all is self-hosted or unpriced.
    """
    offers = tuple(offer for offer in (own, published) if offer is not None)
    best = next((offer for offer in offers if _cost(offer)), None)
    if best is not None:
        word = PRICED
    elif runs_here:
        word, best = SELF_HOSTED, None
    else:
        best = offers[0] if offers else None
        word = FREE if offers else UNPRICED
    # A published price above a gateway's explicit 0 is not what is billed.
    if own is not None and word == PRICED and best is not own and _says(own):
        word, best = (SELF_HOSTED, None) if runs_here else (FREE, own)
    return Price(
        word, *_numbers(lambda name: _number(best, name)), offers=offers, difference=difference(own, published)
    )


def _numbers(one: Callable[[str], Number]) -> tuple[Number, Number, Number, Number]:
    return one("input"), one("output"), one("cached_input"), one("cache_creation")


def _cost(offer: Offer) -> bool:
    return any((getattr(offer, name) or 0.0) > 0 for name in FIELDS)


def _says(offer: Offer) -> bool:
    return offer.input is not None or offer.output is not None


def _number(offer: Offer | None, name: str) -> Number:
    value = None if offer is None else getattr(offer, name)
    if offer is None or value is None:
        return Number(None, UNIT, Quality.UNPRICED.value if offer is None else Quality.MISSING.value)
    return number(value, UNIT, source=offer.source, age_seconds=offer.age_seconds)


def difference(own: Offer | None, published: Offer | None) -> str:
    """Return in words where two sources name different prices, "" where they agree or one is silent."""
    if own is None or published is None:
        return ""
    found = []
    for name in FIELDS:
        mine, theirs = getattr(own, name), getattr(published, name)
        if mine is not None and theirs is not None and abs(mine - theirs) > _CLOSE * max(mine, theirs):
            found.append(f"{name.replace('_', ' ')} {mine:g} against {theirs:g}")
    return f"{own.source} against {published.source}: {', '.join(found)}" if found else ""


def together(prices: Sequence[Price]) -> Price:
    """Return the price of a model with several places: the highest of each kind, and every word that applies."""
    if len(prices) == 1:
        return prices[0]
    words = [word for word in PRICE_WORDS if any(one.word == word for one in prices)]
    highest = _numbers(lambda name: _highest([getattr(one, name) for one in prices]))
    named = {(one.word, *(getattr(one, name).value for name in FIELDS)) for one in prices}
    offers = tuple(dict.fromkeys(offer for one in prices for offer in one.offers))
    differences = dict.fromkeys(one.difference for one in prices if one.difference)
    return Price(", ".join(words) or UNPRICED, *highest, len(named) > 1, offers, "; ".join(differences))


def _highest(numbers: Sequence[Number]) -> Number:
    known = [one for one in numbers if one.value is not None]
    if known:
        return max(known, key=lambda one: one.value or 0.0)
    return numbers[0] if numbers else Number(None, UNIT, Quality.UNPRICED.value)
