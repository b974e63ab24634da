"""What a team may still use: requests and tokens of this minute, money of this budget period."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferdeck.simulate.cloud import Minute
from inferdeck.simulate.events import Usage
from inferdeck.simulate.fleet import Team


@dataclass(slots=True)
class Spending:
    """What a team has used of its limits."""

    team: Team
    minute: Minute = field(default_factory=Minute)
    period: int = -1
    usd: float = 0.0

    def turn(self, now: float) -> None:
        """Begin a new budget period where one is due."""
        if (period := int(now // self.team.budget_seconds)) != self.period:
            self.period, self.usd = period, 0.0

    def take(self, now: float) -> str:
        """Count one more request and return ""; or return the limit that refuses it: budget, requests or tokens."""
        team = self.team
        self.turn(now)
        if team.budget_usd is not None and self.usd >= team.budget_usd:
            return "budget"
        if not self.minute.within(now, team.requests_per_minute, None):
            return "requests"
        if not self.minute.within(now, None, team.tokens_per_minute):
            return "tokens"
        self.minute.requests += 1
        return ""

    def spend(self, now: float, usage: Usage) -> None:
        """Count what an answer used."""
        self.turn(now)
        self.usd += usage.cost
        self.minute.turn(now)
        self.minute.tokens += usage.input + usage.output
