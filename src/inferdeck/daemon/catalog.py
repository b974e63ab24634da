"""The catalog of models as the daemon answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from inferdeck.config.schema import Settings
from inferdeck.model.stack import Chain
from inferdeck.pricing.published import PublishedPrices
from inferdeck.query.catalog.drafted import Ending
from inferdeck.query.catalog.local import LocalCatalog
from inferdeck.query.status import Surroundings
from inferdeck.store.interface import MetricReader


def catalog(
    settings: Settings,
    reader: MetricReader,
    around: Callable[[], Surroundings],
    chains: Callable[[], Iterable[Chain]],
    prices: PublishedPrices,
) -> LocalCatalog:
    """Return the questions about models and providers."""
    endings = {one.model: Ending(one.date or "", one.replacement or "") for one in settings.deprecations}
    return LocalCatalog(reader, around, prices, chains, endings)


async def load_prices(prices: PublishedPrices) -> None:
    """Read the published prices once, beside everything else: it takes a process of its own about a second."""
    await asyncio.to_thread(prices.load)
