"""What may be asked about models and providers."""

from __future__ import annotations

from typing import Protocol

from inferdeck.model.model_catalog import ModelPage, Models, Providers
from inferdeck.query.stack.interface import EVERYTHING, Wanted

MODEL_SORTS = ("name", "type", "provider", "status", "context", "parameters", "price", "requests")
PROVIDER_SORTS = ("name", "state", "requests", "errors", "latency", "cost", "score")


class CatalogQuestions(Protocol):
    """Blocking, from any thread. Raises UsageError (no such filter, value or order), LimitError, StoreError."""

    def models(self, wanted: Wanted = EVERYTHING, sort: str = "name") -> Models:
        """Return models; filters: type, provider, capability, status, environment; sort: MODEL_SORTS, "-" reverses."""
        ...

    def model(self, name: str, environment: str = "", at: float | None = None) -> ModelPage:
        """Return everything known of one model; raises NotFoundError, and where several environments have it.

        at: the moment that is asked about, Unix seconds; None is now.
        """
        ...

    def providers(self, wanted: Wanted = EVERYTHING, sort: str = "name") -> Providers:
        """Return providers; filters: state, gateway, environment; sort: PROVIDER_SORTS, "-" reverses."""
        ...
