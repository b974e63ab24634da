"""What a gateway works with, and what its configuration file says: the same, but while nobody has restarted it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inferdeck.simulate.fleet import Gateway


@dataclass(frozen=True, slots=True)
class Setup:
    """All settings of a gateway."""

    gateway: Gateway
    overhead_factor: float = 1.0
    """Of what it adds to each request."""

    def renamed(self, model: str, to: str) -> Setup:
        """Return it with another name for a public model."""
        fallbacks = {
            (to if name == model else name): tuple(to if one == model else one for one in others)
            for name, others in self.gateway.fallbacks.items()
        }
        deployments = (replace(one, model=to) if one.model == model else one for one in self.gateway.deployments)
        return replace(self, gateway=replace(self.gateway, deployments=tuple(deployments), fallbacks=fallbacks))


@dataclass(frozen=True, slots=True)
class Some:
    """Some settings of a gateway: values by the name of their field, weights by deployment."""

    values: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    overhead_factor: float | None = None

    def of(self, setup: Setup) -> Some:
        """Return the same settings as they are there."""
        gateway = setup.gateway
        weights = {one.id: one.weight for one in gateway.deployments if one.id in self.weights}
        factor = None if self.overhead_factor is None else setup.overhead_factor
        return Some({name: getattr(gateway, name) for name in self.values}, weights, factor)

    def put_into(self, setup: Setup) -> Setup:
        """Return all settings with these among them."""
        gateway = setup.gateway
        deployments = (replace(one, weight=self.weights.get(one.id, one.weight)) for one in gateway.deployments)
        factor = setup.overhead_factor if self.overhead_factor is None else self.overhead_factor
        return Setup(replace(gateway, **self.values, deployments=tuple(deployments)), factor)
