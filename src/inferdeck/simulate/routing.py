"""Which deployment a gateway sends a request to: by weight, among those that are not left alone and have room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from inferdeck.simulate.cloud import Minute, Served
from inferdeck.simulate.events import Fault
from inferdeck.simulate.fleet import Deployment, Gateway, Price

FAIL_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class Route:
    """One deployment as the gateway keeps it."""

    deployment: Deployment
    price: Price
    minute: Minute = field(default_factory=Minute)
    fails: deque[float] = field(default_factory=deque)
    cool_until: float = float("-inf")


class Router:
    """The routes of one gateway."""

    def __init__(self, gateway: Gateway, chance: Random) -> None:
        self._chance = chance
        self._routes: dict[str, Route] = {one.id: Route(one, one.price) for one in gateway.deployments}
        self._groups: dict[str, list[Route]] = {}
        self.follow(gateway)

    def follow(self, gateway: Gateway) -> None:
        """Take over new weights, names, limits and rules; what was counted stays."""
        self._rules = gateway
        self._groups = {}
        for one in gateway.deployments:
            route = self._routes[one.id]
            route.deployment = one
            self._groups.setdefault(one.model, []).append(route)

    def serves(self, model: str) -> bool:
        """Say whether there is such a public model, or a deployment of that id, as LiteLLM takes one for a model."""
        return model in self._groups or model in self._routes

    def routes(self) -> Iterator[Route]:
        """Yield all routes."""
        yield from self._routes.values()

    def choose(self, group: str, now: float) -> Route | None:
        """Return where one more request of a public model goes, which is counted; None where nothing takes it."""
        able = [
            route
            for route in self._groups.get(group) or filter(None, [self._routes.get(group)])
            if route.cool_until <= now
            and (route.deployment.weight > 0 or route.deployment.id == group)
            and route.minute.within(now, route.deployment.requests_per_minute, route.deployment.tokens_per_minute)
        ]
        if not able:
            return None
        route = able[0]
        if len(able) > 1:
            route = self._chance.choices(able, [one.deployment.weight for one in able])[0]
        route.minute.requests += 1
        return route

    def failed(self, route: Route, fault: Fault, now: float) -> bool:
        """Count a failure; say whether the deployment is left alone from now on (until `route.cool_until`)."""
        if fault in (Fault.CONTEXT, Fault.UNSUPPORTED):
            return False
        route.fails.append(now)
        while route.fails and route.fails[0] <= now - FAIL_WINDOW_SECONDS:
            route.fails.popleft()
        often = len(route.fails) > self._rules.allowed_fails or fault is Fault.RATE_LIMIT
        if not often or route.cool_until > now:
            return False
        route.cool_until = now + self._rules.cooldown_seconds
        route.fails.clear()
        return True

    def forget(self) -> None:
        """Lose what was counted of failures: the process ended."""
        for route in self._routes.values():
            route.fails.clear()
            route.cool_until = float("-inf")


def cost(price: Price, served: Served) -> float:
    """Return USD: tokens times price, cached ones at theirs."""
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = served.input - served.cached
    return (fresh * price.input + served.cached * cached_price + served.output * price.output) / 1e6
