"""What the joins ought to say of a fleet, told from the world alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from inferdeck.model.answers import Own, StoreState, number
from inferdeck.model.stack import Machine
from inferdeck.model.target import Health, TargetState
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.query.status import Surroundings
from inferdeck.simulate.actions import RenameModel
from inferdeck.simulate.fleet import Deployment, Engine, Gateway
from inferdeck.simulate.servers.dcgm import uuid
from tests.pipeline.collecting import Stage, Watched

HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?")
"""What an address can name; an engine of another name cannot be meant by any api_base."""


def questions(found: Stage, machine: Machine | None = None) -> LocalStackQuestions:
    """Return the questions about what was collected last."""
    around = surroundings(found, machine)
    return LocalStackQuestions(found.database, lambda: around)


def surroundings(found: Stage, machine: Machine | None = None) -> Surroundings:
    """Return what a daemon would know after the last collection."""
    n = number(None, "count")
    states = tuple(state(process, one) for process, one in found.watched.items())
    return Surroundings(
        found.clock.now(),
        states,
        (),
        StoreState("", True, "", n, n, n, n, n),
        Own("", 1, 0.0, "", n, n, n, n, n),
        machine=machine or Machine("the-observers-own"),
    )


def state(process: str, one: Watched) -> TargetState:
    """Return a target as the runner would have it."""
    target = one.target
    failed = one.failed and (not one.read or one.failed[-1] > one.read[-1])
    return TargetState(
        key=target.key,
        name=process,
        url=target.url,
        origin="configured",
        health=Health.DOWN if failed else Health.UP if one.read else Health.UNKNOWN,
        last_success_ms=round(one.read[-1] * 1000) if one.read else 0,
        inventory=one.inventory,
        kind=target.source.kind,
        gateway=getattr(target.config, "gateway", None) or "",
    )


@dataclass(frozen=True, slots=True)
class StackTruth:
    """A fleet's wiring as it is now."""

    stage: Stage

    @property
    def engines(self) -> Mapping[str, Engine]:
        """Engines by name."""
        return {engine.name: engine for engine in self.stage.scenario.fleet.engines}

    def deployments(self, gateway: Gateway) -> list[Deployment]:
        """Return a gateway's deployments under the public names that they have by now."""
        names = self._renamed(gateway)
        return [replace(one, model=names.get(one.model, one.model)) for one in gateway.deployments]

    def fallbacks(self, gateway: Gateway) -> dict[str, tuple[str, ...]]:
        """Return what is tried after each public model."""
        names = self._renamed(gateway)
        return {
            names.get(model, model): tuple(names.get(one, one) for one in targets)
            for model, targets in gateway.fallbacks.items()
        }

    def engine(self, deployment: Deployment) -> Engine | None:
        """Return the engine that a deployment leads to; None for a provider, and for one that no address names."""
        engine = self.engines.get(deployment.target)
        return engine if engine is not None and HOST_NAME.fullmatch(engine.name) else None

    def cards(self, engine: Engine) -> dict[str, str]:
        """Return the UUIDs of an engine's cards, with the host of each."""
        return {uuid(gpu): gpu.host for gpu in self.stage.scenario.fleet.gpus if gpu.name in engine.gpus}

    def pid(self, process: str) -> int:
        """Return the process' number, 0 where it is down."""
        found = self.stage.world.processes.all[process]
        return found.pid if found.up else 0

    def _renamed(self, gateway: Gateway) -> dict[str, str]:
        names: dict[str, str] = {}
        for step in self.stage.scenario.steps:
            action = step.action
            happened = self.stage.world.now >= self.stage.begin + step.at
            if happened and isinstance(action, RenameModel) and action.gateway == gateway.name:
                names[action.model] = action.to
        return names
