"""Where requests come from: sessions of users of agents, as Poisson processes that follow the hours of the week.

Unverified: the hours are made up, no company's traffic was measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from random import Random

from inferdeck.simulate.chance import draw, stream, whole
from inferdeck.simulate.events import Answered, Request
from inferdeck.simulate.fleet import Agent, UseCase
from inferdeck.simulate.kernel import Kernel

HOUR = 3600
REPEATABLE = 40
"""Prompts of each agent that may come again word for word."""
LONGEST_PROMPT = 120_000
RUNAWAY_TURNS = 25
"""Turns after which a runaway agent begins a new session."""


def rhythm(kind: str, hour: int) -> float:
    """Return the weight of an hour of the week (0 is Monday, midnight UTC) for a kind of rhythm."""
    day, clock = divmod(hour % 168, 24)
    weekend = day >= 5
    if kind == "office":
        return (0.12 if weekend else 1.0) * (
            0.06 + math.exp(-(((clock - 10.5) / 2.6) ** 2)) + 0.9 * math.exp(-(((clock - 15.0) / 2.4) ** 2))
        )
    if kind == "evening":
        return (1.3 if weekend else 1.0) * (0.1 + math.exp(-(((clock - 20.5) / 2.8) ** 2)))
    if kind == "night":
        return 1.0 if clock in (1, 2, 3) else 0.02
    return 1.0


def shares(kind: str) -> list[float]:
    """Return the factors of the 168 hours of a week, of mean 1."""
    weights = [rhythm(kind, hour) for hour in range(168)]
    mean = sum(weights) / len(weights)
    return [weight / mean for weight in weights]


@dataclass(slots=True)
class _Session:
    name: str
    user: str
    model: str
    turn: int
    context: int
    endless: bool = False


class Source:
    """One agent. `send` takes a request and what to call with its answer; factors are set by the scenario."""

    def __init__(
        self,
        agent: Agent,
        use: UseCase,
        gateway: str,
        kernel: Kernel,
        seed: int,
        number: Callable[[], int],
        send: Callable[[Request, Callable[[Answered | None], None]], None],
    ) -> None:
        self.agent = agent
        self._use = use
        self.gateway = gateway
        self._kernel = kernel
        self._number = number
        self._send = send
        self._arrivals: Random = stream(seed, "agent", agent.name, "arrivals")
        self._lengths: Random = stream(seed, "agent", agent.name, "lengths")
        self._hours = shares(agent.rhythm)
        self._models = list(agent.models)
        self._weights = list(accumulate(agent.models.values()))
        """Of each model and those before it."""
        self._said: deque[tuple[int, int, int, int]] = deque(maxlen=REPEATABLE)
        self._sessions = 0
        self._version = 0
        self.factor = 1.0
        self.prompt_factor = 1.0
        self.output_factor = 1.0
        self.renamed: dict[str, str] = {}
        self.runaway = 0.0
        """Requests per minute of the loop that it is caught in."""

    def begin(self) -> None:
        """Let sessions arrive from now on, at the present factor; call it again when the factor changes."""
        self._version += 1
        self._next_arrival(self._version)

    def run_away(self, requests_per_minute: float) -> None:
        """Begin, or with 0 end, an endless loop of requests."""
        running = self.runaway > 0
        self.runaway = requests_per_minute
        if requests_per_minute > 0 and not running:
            self._turn(self._open(endless=True))

    def _next_arrival(self, version: int) -> None:
        """Schedule the next session: within an hour arrivals are a Poisson process, which forgets at the hour's end."""
        now = self._kernel.now
        rate = self.agent.requests_per_minute * self.factor / max(1.0, self._use.turns) / 60.0
        rate *= self._hours[_hour(now)]
        end = (now // HOUR + 1) * HOUR
        wait = self._arrivals.expovariate(rate) if rate > 0 else math.inf
        if now + wait < end:
            self._kernel.at(now + wait, partial(self._arrive, version))
        else:
            self._kernel.at(end, partial(self._again, version))

    def _again(self, version: int) -> None:
        if version == self._version:
            self._next_arrival(version)

    def _arrive(self, version: int) -> None:
        if version == self._version:
            self._turn(self._open())
            self._next_arrival(version)

    def _open(self, *, endless: bool = False) -> _Session:
        self._sessions += 1
        user = f"{self.agent.name}-{self._arrivals.randrange(self.agent.users) + 1}"
        model = self._arrivals.choices(self._models, cum_weights=self._weights)[0]
        return _Session(f"{self.agent.name}-s{self._sessions}", user, model, 0, self._use.system_tokens, endless)

    def _turn(self, session: _Session) -> None:
        session.turn += 1
        request = self._request(session)
        session.context = request.prompt_tokens + request.output_tokens
        self._send(request, partial(self._heard, session, request))

    def _request(self, session: _Session) -> Request:
        use, chance, now = self._use, self._lengths, self._kernel.now
        number = self._number()
        if session.turn == 1 and self._said and chance.random() < use.repeat:
            prompt, prompt_tokens, output, reasoning = self._said[chance.randrange(len(self._said))]
        else:
            prompt = number
            new = whole(use.prompt_tokens, chance, self.prompt_factor)
            prompt_tokens = min(session.context + new, LONGEST_PROMPT)
            output = 0 if use.output_tokens.largest <= 0 else whole(use.output_tokens, chance, self.output_factor)
            reasoning = int(output * use.reasoning)
            if session.turn == 1:
                self._said.append((prompt, prompt_tokens, output, reasoning))
        return Request(
            number,
            now,
            self.gateway,
            self.agent.name,
            self.agent.team,
            session.user,
            session.name,
            session.turn,
            self.renamed.get(session.model, session.model),
            use.name,
            use.route,
            chance.random() < use.stream,
            prompt,
            prompt_tokens,
            min(use.system_tokens, prompt_tokens),
            min(session.context, prompt_tokens),
            output,
            reasoning,
            use.max_tokens,
        )

    def _heard(self, session: _Session, request: Request, answered: Answered | None) -> None:
        """Go on with a session, or with the loop, after an answer; None: the gateway was not there."""
        now = self._kernel.now
        if session.endless:
            if self.runaway > 0:
                if session.turn >= RUNAWAY_TURNS:
                    session = self._open(endless=True)
                self._kernel.at(max(now, request.time + 60.0 / self.runaway), partial(self._loop, session))
            return
        if answered is None or answered.fault is not None or session.context > LONGEST_PROMPT // 2:
            return
        if self._use.turns > 1 and self._lengths.random() < 1 - 1 / self._use.turns:
            wait = draw(self._use.think_seconds, self._lengths)
            self._kernel.at(now + wait, partial(self._turn, session))

    def _loop(self, session: _Session) -> None:
        if self.runaway > 0:
            self._turn(session)


def _hour(now: float) -> int:
    """Return the hour of the week in UTC; 1970-01-01 was a Thursday."""
    return (int(now // HOUR) + 3 * 24) % 168
