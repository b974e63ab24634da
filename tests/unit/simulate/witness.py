"""Whether a conclusion of the vocabulary is true of a thing in a part of a story: judged from the event log alone."""

from __future__ import annotations

import math
from collections import defaultdict
from statistics import mean, median

from inferdeck.simulate import fleet_check
from inferdeck.simulate.events import (
    Answered,
    Arrived,
    BatchChanged,
    CacheAsked,
    CacheFlushed,
    ClockShifted,
    Configured,
    CooledDown,
    Ended,
    Fault,
    Filed,
    FirstToken,
    GpuChanged,
    Limited,
    Phase,
    Preempted,
    Rated,
    Reachability,
    Reconfigured,
    Repriced,
    Started,
)
from inferdeck.simulate.fleet import Gateway, Price
from tests.unit.simulate.story import Story, Test, length, share

Span = tuple[float, float]
TESTS: dict[str, Test] = {}


def word(test: Test) -> Test:
    TESTS[test.__name__] = test
    return test


@word
def calm(story: Story, _: str, span: Span) -> bool:
    waiting = max((one.waiting for one in story.of(BatchChanged, span)), default=0)
    return story.error_share("fleet", span) < 0.02 and not story.of(Ended, span) and waiting < 10


@word
def recovered(story: Story, about: str, span: Span) -> bool:
    fleet = story.scenario.fleet
    if any(gpu.name == about for gpu in fleet.gpus):
        return not gpu_throttled(story, about, span) and hottest(story, about, span) < 80
    if any(one.name == about for one in fleet.providers):
        same = story.first_token(about, span) < 1.5 * story.first_token(about, story.usual)
        return story.failed_share(about, span) < 0.05 and same and bool(story.attempts(about, span))
    if any(one.name == about for one in fleet.engines):
        phase = story.before(Phase, span[0], lambda one: one.engine == about)
        up = phase is not None and phase.phase == "ready" and not ended(story, about, span)
        return up and story.failed_share(about, span) < 0.05 and not engine_slow(story, about, span)
    fine = story.error_share(about, span) < 0.05 and bool(story.of(Answered, span, story.asked(about)))
    before = story.latency(about, story.usual)
    # A name that is new has no usual latency.
    return fine and (math.isnan(before) or story.latency(about, span) < 1.5 * before)


@word
def provider_down(story: Story, about: str, span: Span) -> bool:
    return story.failed_share(about, span) >= 0.5


@word
def provider_degraded(story: Story, about: str, span: Span) -> bool:
    return 0.1 <= story.failed_share(about, span) < 0.5


@word
def provider_slow(story: Story, about: str, span: Span) -> bool:
    return story.first_token(about, span) >= 2 * story.first_token(about, story.usual)


first_token_slow = TESTS["first_token_slow"] = provider_slow


@word
def rate_limited(story: Story, about: str, span: Span) -> bool:
    if any(one.name == about for one in story.scenario.fleet.providers):
        return story.failed_share(about, span, Fault.RATE_LIMIT) >= 0.1
    refused = story.of(Limited, span, lambda one: story.asked(about)(one) and one.limit != "budget")
    return share(refused, story.of(Answered, span, story.asked(about))) >= 0.1


@word
def cooldown(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(CooledDown, span, lambda one: one.deployment == about))


@word
def fallback_active(story: Story, about: str, span: Span) -> bool:
    right = [one for one in story.of(Answered, span, story.asked(about)) if one.fault is None and not one.cached]
    return share([one for one in right if one.group != about], right) >= 0.2


@word
def errors_rising(story: Story, about: str, span: Span) -> bool:
    now, usual = story.error_share(about, span), story.error_share(about, story.usual)
    return now >= 0.05 and now >= 3 * usual


@word
def load_rising(story: Story, about: str, span: Span) -> bool:
    return story.arrivals(about, span) >= 1.5 * story.arrivals(about, story.usual)


@word
def runaway(story: Story, about: str, span: Span) -> bool:
    own = story.arrivals(about, span)
    return own >= 0.5 * story.arrivals("fleet", span) and own >= 5 * story.arrivals(about, story.usual)


@word
def budget_burning(story: Story, about: str, span: Span) -> bool:
    team = next(team for team in story.scenario.fleet.teams if team.name == about)
    speed = story.cost(about, span)
    early = team.budget_usd is not None and speed * team.budget_seconds > team.budget_usd
    return early and speed >= 3 * story.cost(about, story.usual)


@word
def budget_exceeded(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Limited, span, lambda one: one.request.team == about and one.limit == "budget"))


@word
def cost_rising(story: Story, about: str, span: Span) -> bool:
    return story.cost(about, span) >= 1.5 * story.cost(about, story.usual) > 0 or (
        story.cost(about, story.usual) == 0 < story.cost(about, span)
    )


@word
def price_changed(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Repriced, (span[0], span[0] + 60), lambda one: one.deployment in deployments(story, about)))


@word
def unpriced(story: Story, about: str, span: Span) -> bool:
    there = deployments(story, about)
    first = [one.price for gate in story.scenario.fleet.gateways for one in gate.deployments if one.id in there]
    repriced = story.of(Repriced, (0.0, span[1]), lambda one: one.deployment in there)
    return set(first) == {Price()} and not repriced


@word
def latency_regression(story: Story, about: str, span: Span) -> bool:
    slower = story.latency(about, span) >= 1.5 * story.latency(about, story.usual)
    return slower and not load_rising(story, about, span)


@word
def quality_drop(story: Story, about: str, span: Span) -> bool:
    def score(part: Span) -> float:
        own = story.of(Rated, part, lambda one: one.request.model == about and one.name == "quality")
        return mean(one.value for one in own)

    return score(span) <= score(story.usual) - 0.1


@word
def config_changed(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Configured, (span[0], span[0] + 60), lambda one: one.subject == about))


@word
def config_drift(story: Story, about: str, span: Span) -> bool:
    """At its beginning, in its midst, and at its end."""
    gateway = next(one for one in story.scenario.fleet.gateways if one.name == about)

    def last(kind: type[Filed] | type[Reconfigured], moment: float) -> Gateway:
        found = story.before(kind, moment, lambda one: one.gateway == about)
        return gateway if found is None else found.settings

    return all(last(Filed, one) != last(Reconfigured, one) for one in (span[0] + 1, middle(span), span[1]))


@word
def model_renamed(story: Story, about: str, span: Span) -> bool:
    there = deployments(story, about)
    served = story.of(Answered, (span[0] + 60, span[1]), lambda one: one.fault is None)
    old = [one for one in served if one.request.model == about]
    return not old and any(one.deployment in there and one.request.model != about for one in served)


@word
def queue_growing(story: Story, about: str, span: Span) -> bool:
    return any(one.waiting >= 5 for one in story.of(BatchChanged, span, lambda one: one.engine == about))


@word
def kv_cache_full(story: Story, about: str, span: Span) -> bool:
    room = next(one.kv_tokens for one in story.scenario.fleet.engines if one.name == about)
    return any(one.kv_tokens >= 0.9 * room for one in story.of(BatchChanged, span, lambda one: one.engine == about))


@word
def preempting(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Preempted, span, lambda one: one.engine == about))


@word
def engine_slow(story: Story, about: str, span: Span) -> bool:
    now, usual = speeds(story, about, span), speeds(story, about, story.usual)
    both = [size for size in now if size in usual]
    return bool(both) and mean(now[size] / usual[size] for size in both) <= 0.7


@word
def engine_loading(story: Story, about: str, span: Span) -> bool:
    inside = (span[0] + 1, span[1] - 1)
    ready = story.of(Phase, inside, lambda one: one.engine == about and one.phase == "ready")
    begun = story.of(Phase, span, lambda one: one.engine == about and one.phase != "sleeping")
    return bool(begun) and not ready and not story.of(FirstToken, inside, lambda one: one.engine == about)


@word
def engine_asleep(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Phase, span, lambda one: one.engine == about and one.phase == "sleeping"))


@word
def engine_restarted(story: Story, about: str, span: Span) -> bool:
    return bool(ended(story, about, span)) and counter_reset(story, about, span)


@word
def counter_reset(story: Story, about: str, span: Span) -> bool:
    return bool(story.of(Started, span, lambda one: one.process == about and one.reason != "start"))


@word
def crash_loop(story: Story, about: str, span: Span) -> bool:
    return len([one for one in ended(story, about, span) if one.code != 0]) >= 3


@word
def metrics_renamed(story: Story, about: str, span: Span) -> bool:
    before = story.before(Started, span[0], lambda one: one.process == about)
    after = story.of(Started, span, lambda one: one.process == about)
    return before is not None and any(one.version != before.version for one in after)


@word
def target_down(story: Story, about: str, span: Span) -> bool:
    return mode(story, about, span) in ("refused", "hanging") or bool(ended(story, about, (span[0], span[0] + 30)))


@word
def target_unreadable(story: Story, about: str, span: Span) -> bool:
    return mode(story, about, span) in ("garbage", "error")


@word
def target_slow(story: Story, about: str, span: Span) -> bool:
    return mode(story, about, span) == "slow"


@word
def gpu_hot(story: Story, about: str, span: Span) -> bool:
    return hottest(story, about, span) >= 80


@word
def gpu_throttled(story: Story, about: str, span: Span) -> bool:
    return any(one.throttled == "thermal" for one in story.of(GpuChanged, span, lambda one: one.gpu == about))


@word
def cache_cold(story: Story, about: str, span: Span) -> bool:
    gateways = {one.name for one in story.scenario.fleet.gateways if one.cache == about}

    def hits(part: Span) -> float:
        asked = story.of(CacheAsked, part, lambda one: one.request.gateway in gateways)
        return share([one for one in asked if one.hit], asked)

    lost = story.of(CacheFlushed, (span[0], span[0] + 60), lambda one: one.cache == about)
    return bool(lost) and hits(span) <= 0.5 * hits(story.usual)


@word
def clock_skewed(story: Story, about: str, span: Span) -> bool:
    last = story.before(ClockShifted, middle(span), lambda one: one.host == about)
    return last is not None and abs(last.seconds) > 5


@word
def estimated_values(story: Story, about: str, span: Span) -> bool:
    return len({one.worker for one in story.of(Arrived, span, lambda one: one.request.gateway == about)}) > 1


@word
def no_database(story: Story, about: str, _: Span) -> bool:
    return not next(one.database for one in story.scenario.fleet.gateways if one.name == about)


@word
def empty(story: Story, _: str, span: Span) -> bool:
    return not fleet_check.processes(story.scenario.fleet) and not story.of(Started, span)


@word
def many_targets(story: Story, _: str, span: Span) -> bool:
    known = fleet_check.names(story.scenario.fleet)
    up = {one.process for one in story.of(Started, (float("-inf"), span[1]))}
    return len(known.processes) >= 100 and len(known.of("public model")) >= 100 and set(known.processes) <= up


@word
def hostile_names(story: Story, _: str, __: Span) -> bool:
    names = fleet_check.names(story.scenario.fleet)
    every = "".join((*names.things, *names.of("public model")))
    return all(letter in every for letter in "\"'\\\n\x1b<>$`;{}[]\u202e") and max(map(len, names.things)) >= 300


def ended(story: Story, about: str, span: Span) -> list[Ended]:
    return story.of(Ended, span, lambda one: one.process == about)


def deployments(story: Story, model: str) -> set[str]:
    return {one.id for gate in story.scenario.fleet.gateways for one in gate.deployments if one.model == model}


def mode(story: Story, about: str, span: Span) -> str:
    last = story.before(Reachability, middle(span), lambda one: one.process == about)
    return "ok" if last is None else last.mode


def middle(span: Span) -> float:
    return span[0] + length(span) / 2


def speeds(story: Story, engine: str, span: Span) -> dict[int, float]:
    """The median speed of a sequence for each number of sequences up to 8 that were decoded together."""
    found: dict[int, list[float]] = defaultdict(list)
    for one in story.of(BatchChanged, span, lambda one: one.engine == engine and 0 < one.decoding <= 8):
        if one.speed > 0:
            found[one.decoding].append(one.speed)
    return {size: median(values) for size, values in found.items()}


def hottest(story: Story, gpu: str, span: Span) -> float:
    """The highest temperature of a card: it goes from one event's to what that settles at, exponentially."""
    card = next(one for one in story.scenario.fleet.gpus if one.name == gpu)
    own = [*story.of(GpuChanged, (float("-inf"), span[1]), lambda one: one.gpu == gpu)]
    begin, end = story.scenario.start + span[0], story.scenario.start + span[1]
    top = float("-inf")
    for place, one in enumerate(own):
        until = own[place + 1].time if place + 1 < len(own) else end
        for moment in (max(one.time, begin), until):
            if begin <= moment <= end and moment <= until:
                gone = math.exp(-(moment - one.time) / card.heat_seconds)
                top = max(top, one.settle_celsius + (one.celsius - one.settle_celsius) * gone)
    return top
