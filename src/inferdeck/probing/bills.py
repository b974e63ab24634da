"""What a plan costs at most: tokens of its requests times the highest price of whoever may answer each."""

from __future__ import annotations

from collections.abc import Sequence

from inferdeck.model.model_catalog import FREE, PRICED, SELF_HOSTED, UNPRICED, Price
from inferdeck.pricing import matching, reckoned
from inferdeck.pricing.published import PriceBook
from inferdeck.probing.gateway import Deployed, Told
from inferdeck.probing.requests import ask
from inferdeck.probing.values import Bill, Case, Kind

GATEWAY = "the gateway's own prices"


def bill(cases: Sequence[Case], told: Told, book: PriceBook | None, now: float) -> Bill:
    """Reckon what the cases cost; a model without a price makes its requests unpriced, never free."""
    prices = {model: _of(group, book, now) for model, group in told.groups().items()}
    usd, counts = 0.0, {PRICED: 0, FREE: 0, SELF_HOSTED: 0, UNPRICED: 0}
    unpriced: dict[str, None] = {}
    sources: dict[str, None] = {}
    for case in cases:
        if case.because:
            continue
        asked = ask(case)
        names = case.order if case.kind is Kind.FALLBACK else (case.group or case.model,)
        known = [prices.get(name) for name in names]
        unknown = [name for name, price in zip(names, known, strict=True) if not _known(price, asked.tokens_out)]
        if unknown:
            counts[UNPRICED] += case.requests
            unpriced |= dict.fromkeys(unknown)
            continue
        each = [price for price in known if price is not None]
        most = max((_usd(price, asked.tokens_in, asked.tokens_out) for price in each), default=0.0)
        usd += most * case.requests
        hosted = any(SELF_HOSTED in _words(price) for price in each)
        counts[PRICED if most else SELF_HOSTED if hosted else FREE] += case.requests
        for price in each:
            sources |= dict.fromkeys(_said_by(offer.source) for offer in price.offers)
    return Bill(
        usd, counts[PRICED], counts[FREE], counts[SELF_HOSTED], counts[UNPRICED], tuple(unpriced), tuple(sources)
    )


def _of(group: Sequence[Deployed], book: PriceBook | None, now: float) -> Price:
    return reckoned.together([_one(deployed, book, now) for deployed in group])


def _one(one: Deployed, book: PriceBook | None, now: float) -> Price:
    own = reckoned.reckoned(one.facts, GATEWAY, None)
    found = book.look_up(one.provider, one.target, one.api_base, now) if book is not None else None
    published = found.offer if found is not None else None
    return reckoned.price(own, published, runs_here=matching.self_hosted(one.provider, one.api_base))


def _words(price: Price) -> list[str]:
    return [word.strip() for word in price.word.split(",")]


def _known(price: Price | None, tokens_out: int) -> bool:
    """Return whether a request's cost can be told: every place has a price, for both kinds of tokens."""
    if price is None or UNPRICED in _words(price):
        return False
    if PRICED not in _words(price):
        return True
    return price.input.value is not None and (not tokens_out or price.output.value is not None)


def _usd(price: Price, tokens_in: int, tokens_out: int) -> float:
    """Return USD of one request; what is free or runs here has no price."""
    return ((price.input.value or 0.0) * tokens_in + (price.output.value or 0.0) * tokens_out) / reckoned.MILLION


def _said_by(source: str) -> str:
    return source or GATEWAY
