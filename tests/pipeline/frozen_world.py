"""Questions about the world at the frozen instant, and their answers as figures of tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inferdeck.model.answers import Number
from inferdeck.model.figure_text import shown
from inferdeck.query.status import WINDOW_SECONDS
from inferdeck.simulate.fleet import Gateway
from tests.pipeline.oracle import Oracle
from tests.pipeline.playing import Played


@dataclass(slots=True)
class World:
    """What is asked of the world at the frozen instant."""

    played: Played
    oracle: Oracle

    @property
    def now(self) -> float:
        return self.played.now

    @property
    def gateway(self) -> Gateway:
        return self.played.stage.scenario.fleet.gateways[0]

    def ask(self, text: str) -> float | None:
        """Return the one number that a question gives."""
        (answer,) = self.oracle.answers(text, [self.now], self.now, self.now, 1.0)
        return next(iter(answer.values()), None)

    def texts(self, *figures: tuple[str, str]) -> set[str]:
        """Return what questions give, as figures of a unit: pairs of PromQL and unit."""
        found: set[str] = set()
        for text, unit in figures:
            value = self.ask(text)
            if value is not None and not math.isnan(value):
                found.add(told(value, unit))
        return found

    def rate(self, family: str, where: str) -> str:
        return f"sum(rate({family}{{{where}}}[{WINDOW_SECONDS:.0f}s]))"


def told(value: float, unit: str) -> str:
    """Return a figure as tables have it."""
    return shown(Number(value, unit, "measured"))
