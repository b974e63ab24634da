"""What happened in a scenario: all events of its world, and what can be measured in a part of its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import TypeVar

from inferdeck.simulate import changes, events, scenario
from inferdeck.simulate.events import Answered, Arrived, Attempted, AttemptEnded, Event, Fault
from inferdeck.simulate.scenario import Scenario
from inferdeck.simulate.world import World

E = TypeVar("E", bound=Event)
Test = Callable[..., bool]


def every_kind() -> list[type[Event]]:
    return [one for one in vars(events).values() if isinstance(one, type) and issubclass(one, Event)]


@dataclass(slots=True)
class Story:
    """One run of a scenario; times are seconds from its beginning."""

    scenario: Scenario
    log: dict[type[Event], list[Event]] = field(default_factory=lambda: defaultdict(list))

    @property
    def usual(self) -> tuple[float, float]:
        """The time before anything is done to the world."""
        return 0.0, min([step.at for step in self.scenario.steps], default=self.scenario.duration)

    def of(self, kind: type[E], span: tuple[float, float], test: Callable[[E], bool] = lambda _: True) -> list[E]:
        begin, end = (self.scenario.start + moment for moment in span)
        return [one for one in self.log[kind] if isinstance(one, kind) and begin <= one.time < end and test(one)]

    def before(self, kind: type[E], moment: float, test: Callable[[E], bool]) -> E | None:
        """The last event of a kind up to a moment."""
        found = self.of(kind, (float("-inf"), moment), test)
        return found[-1] if found else None

    def targets(self, name: str) -> set[str]:
        """The deployments of a target."""
        return {one.id for gate in self.scenario.fleet.gateways for one in gate.deployments if one.target == name}

    def asked(self, name: str) -> Callable[[Event], bool]:
        """Whether an event with a request belongs to a gateway, model, team, agent, or to all of the fleet."""

        def test(event: Event) -> bool:
            request = getattr(event, "request")  # noqa: B009
            return name in ("fleet", request.gateway, request.model, request.team, request.agent)

        return test

    def attempts(self, target: str, span: tuple[float, float]) -> list[AttemptEnded]:
        there = self.targets(target)
        return self.of(AttemptEnded, span, lambda one: one.deployment in there)

    def failed_share(self, target: str, span: tuple[float, float], fault: Fault | None = None) -> float:
        """The share of attempts at a target that failed, but for being too long; with a fault, for that one."""
        ended = [one for one in self.attempts(target, span) if one.fault is not Fault.CONTEXT]
        wrong = [one for one in ended if (one.fault is not None if fault is None else one.fault is fault)]
        return share(wrong, ended)

    def error_share(self, name: str, span: tuple[float, float]) -> float:
        """The share of requests that failed, those included that found nobody."""
        answered = self.of(Answered, span, self.asked(name))
        missed = self.of(events.Missed, span, self.asked(name))
        wrong = [one for one in answered if one.fault is not None]
        return share([*wrong, *missed], [*answered, *missed])

    def arrivals(self, name: str, span: tuple[float, float]) -> float:
        """Requests per second that a gateway, model, team, agent, engine, provider or the fleet gets."""
        if there := self.targets(name):
            return len(self.of(Attempted, span, lambda one: one.deployment in there)) / length(span)
        return len(self.of(Arrived, span, self.asked(name))) / length(span)

    def cost(self, name: str, span: tuple[float, float]) -> float:
        """USD per second."""
        return sum(one.usage.cost for one in self.of(Answered, span, self.asked(name))) / length(span)

    def latency(self, name: str, span: tuple[float, float]) -> float:
        """The median time that a successful request took, remembered responses left out."""
        right = [one for one in self.of(Answered, span, self.asked(name)) if one.fault is None and not one.cached]
        return median(one.time - one.request.time for one in right) if right else float("nan")

    def first_token(self, name: str, span: tuple[float, float]) -> float:
        """The median time to the first token of attempts at a target or for a model."""
        there = self.targets(name)
        found = self.of(AttemptEnded, span, lambda one: one.deployment in there or one.group == name)
        times = [one.first_token - one.started for one in found if one.first_token is not None]
        return median(times) if times else float("nan")


def share(part: Iterable[object], whole: Iterable[object]) -> float:
    count = len(list(whole))
    return len(list(part)) / count if count else 0.0


def length(span: tuple[float, float]) -> float:
    return max(1.0, span[1] - span[0])


@cache
def told(name: str) -> Story:
    """Run a scenario by its name, once for all tests."""
    found = scenario.named(name)
    return run(found)


def run(found: Scenario) -> Story:
    """Run a scenario to its end."""
    world = World(found.fleet, seed=found.seed, start=found.start)
    story = Story(found)
    # Events are kept in the order in which they happen, each kind for itself.
    world.subscribe({(kind, ""): story.log[kind].append for kind in every_kind()})
    changes.schedule(world, found.steps)
    world.run_until(found.start + found.duration)
    return story
