"""The model definitions of the project: what the gateways' deployments cost, a new one whenever a price changes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from inferdeck.simulate.fleet import Gateway, Price
from inferdeck.simulate.servers.langfuse.records import PROJECT, ModelPrice, iso
from inferdeck.simulate.servers.langfuse.window import identity

_DASH = r"\-"
"""Python escapes it; JavaScript's unicode expressions refuse the escape."""


class Models:
    """The definitions in the order in which they were made."""

    def __init__(self, gateways: tuple[Gateway, ...]) -> None:
        self.all: list[ModelPrice] = []
        self._owners: dict[str, tuple[str, str]] = {}
        """Model -> the deployment whose price its definitions follow; others of the same name send their own costs."""
        for gateway in gateways:
            for deployment in gateway.deployments:
                if deployment.price.input or deployment.price.output:
                    owner = self._owners.setdefault(deployment.served, (gateway.name, deployment.id))
                    if owner == (gateway.name, deployment.id):
                        self.define(deployment.served, deployment.price, None)

    def repriced(self, gateway: str, deployment: str, model: str, price: Price, moment: int) -> None:
        """Add a definition that is valid from a moment (ms) on."""
        if self._owners.setdefault(model, (gateway, deployment)) == (gateway, deployment):
            self.define(model, price, moment)

    def define(self, model: str, price: Price, since: int | None) -> None:
        """Add a definition."""
        cached = price.input if price.cached_input is None else price.cached_input
        prices = {"input": price.input / 1e6, "input_cached_tokens": cached / 1e6, "output": price.output / 1e6}
        prices["output_reasoning_tokens"] = prices["output"]
        self.all.append(ModelPrice(identity(f"model {model} {since}", 12), model, since, prices))

    def match(self, model: str | None, moment: int) -> ModelPrice | None:
        """Return the definition that was valid for a model at a moment (ms)."""
        fitting = [one for one in self.all if one.model == model and (one.since is None or one.since <= moment)]
        return max(fitting, key=lambda one: -1 if one.since is None else one.since, default=None)


def body(one: ModelPrice, created: int) -> dict[str, Any]:
    """Return a definition as /models gives it; `created` (ms) is when the instance was set up."""
    return {
        "id": one.id,
        "projectId": PROJECT,
        "modelName": one.model,
        "matchPattern": f"(?i)^({re.escape(one.model).replace(_DASH, '-')})$",
        "startDate": None if one.since is None else iso(one.since),
        "unit": "TOKENS",
        "inputPrice": one.prices["input"],
        "outputPrice": one.prices["output"],
        "totalPrice": None,
        "tokenizerId": None,
        "tokenizerConfig": None,
        "isLangfuseManaged": False,
        "createdAt": iso(one.since or created),
        "prices": {name: {"price": price} for name, price in one.prices.items()},
        "pricingTiers": [
            {
                "id": f"{one.id}_tier_default",
                "name": "Standard",
                "isDefault": True,
                "priority": 0,
                "conditions": [],
                "prices": dict(one.prices),
            }
        ],
    }


def decimal(price: float | None) -> str | None:
    """Return a price as v2/observations gives it: a decimal string without an exponent."""
    return None if price is None else f"{Decimal(repr(price)):f}"
