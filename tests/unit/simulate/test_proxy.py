"""A gateway's rules one by one, before targets that answer as the test says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from inferdeck.simulate.cloud import Served
from inferdeck.simulate.events import (
    Answered,
    Attempted,
    AttemptEnded,
    CacheAsked,
    CooledDown,
    Fault,
    FellBack,
    Limited,
    Reconfigured,
    Request,
)
from inferdeck.simulate.fleet import Deployment, Gateway, Price, Spread, Team
from inferdeck.simulate.limits import Spending
from inferdeck.simulate.proxy import Proxy
from tests.unit.simulate.parts import Watched, request

OVERHEAD = 0.01
GOOD = Served(None, "stop", 0.5, 0.0, 0.5, 0.5, 100, 11, 20)


def failed(fault: Fault) -> Served:
    return Served(fault, "error", None, 0.0, 0.1, 0.0, 0, 0, 0)


class Bench:
    """A gateway with the models `model` (deployments a and b) and `other` (c); targets are called as deployments."""

    def __init__(self, *, team: Team | None = None, **gateway: Any) -> None:
        self.watched = Watched()
        self.kernel = self.watched.kernel
        price = Price(2.0, 10.0, 0.5)
        values: dict[str, Any] = {
            "deployments": (
                Deployment("a", "model", "a", "m", price=price),
                Deployment("b", "model", "b", "m", weight=0.0, price=price),
                Deployment("c", "other", "c", "o", price=price),
            ),
            "overhead_seconds": Spread(OVERHEAD, 0.0, 0.001),
            "cache_seconds": None,
            "retries": 0,
        }
        self.teams = {team.name: Spending(team)} if team else {}
        self.proxy = Proxy(Gateway("gate", **(values | gateway)), self.kernel, 1, self.teams, self.reach, self.number)
        self.proxy.up = True
        self.script: dict[str, list[Served]] = {}
        self.seconds = 1.0
        self.dropped: list[int] = []
        self.answers: dict[int, Answered] = {}
        self._numbers = 1000

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def reach(self, target: str) -> tuple[Callable[..., None], Callable[[int], None]]:
        return partial(self._send, target), self.dropped.append

    def _send(
        self, target: str, _number: int, _request: Request, first: Callable[..., None], done: Callable[..., None]
    ) -> None:
        waiting = self.script.get(target, [])
        served = waiting.pop(0) if waiting else GOOD
        seconds = self.seconds if served.fault is None else 0.1
        if served.fault is None:
            self.kernel.at(self.kernel.now + seconds / 2, lambda: first(self.kernel.now))
        self.kernel.at(self.kernel.now + seconds, partial(done, served))

    def take(self, number: int, **given: Any) -> None:
        one = request(number, **({"time": self.kernel.now} | given))

        def answered(event: Answered) -> None:
            self.answers[number] = event

        self.proxy.take(one, answered)

    def ask(self, number: int, **given: Any) -> Answered:
        self.take(number, **given)
        self.kernel.run_until(self.kernel.now + 20)
        return self.answers[number]

    def attempts(self) -> list[str]:
        return [one.deployment for one in self.watched.of(Attempted)]


def test_an_answer_takes_its_attempt_and_the_overhead_and_costs_its_tokens() -> None:
    bench = Bench()
    answer = bench.ask(1)
    assert answer.time == pytest.approx(1.0 + OVERHEAD) and answer.overhead_seconds == OVERHEAD
    assert (answer.fault, answer.group, answer.deployment, answer.attempts, answer.fallbacks) == (
        None, "model", "a", 1, 0,
    )  # fmt: skip
    # 80 tokens at 2, 20 remembered ones at 0.5, 11 at 10 USD per million.
    assert answer.usage.cost == pytest.approx((80 * 2 + 20 * 0.5 + 11 * 10) / 1e6)


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.OUTAGE, Fault.UNREACHABLE, Fault.TIMEOUT, Fault.ABORTED])
def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    bench = Bench(retries=2, allowed_fails=10, cooldown_seconds=0.0)
    bench.script["a"] = [failed(fault), failed(fault)]
    answer = bench.ask(1)
    assert (answer.fault, answer.attempts, answer.fallbacks) == (None, 3, 0)
    assert answer.time == pytest.approx(1.2 + OVERHEAD)
    assert [one.number for one in bench.watched.of(AttemptEnded)] == [0, 1, 2]


def test_a_prompt_that_is_too_long_is_not_tried_again_and_blames_nobody() -> None:
    bench = Bench(retries=2, allowed_fails=0)
    bench.script["a"] = [failed(Fault.CONTEXT)]
    answer = bench.ask(1)
    assert (answer.fault, answer.attempts) == (Fault.CONTEXT, 1)
    assert not bench.watched.of(CooledDown)


def test_more_failures_than_allowed_within_a_minute_cool_a_deployment_down() -> None:
    bench = Bench(allowed_fails=2, cooldown_seconds=30.0)
    bench.script["a"] = [failed(Fault.OUTAGE)] * 3
    for number in range(3):
        bench.take(number)
        bench.kernel.run_until(bench.kernel.now + 1)
    cooled = bench.watched.of(CooledDown)
    assert [(one.deployment, one.fault) for one in cooled] == [("a", Fault.OUTAGE)]
    assert cooled[0].until == cooled[0].time + 30
    assert bench.ask(4).fault is Fault.NO_DEPLOYMENT
    bench.kernel.run_until(cooled[0].until)
    assert bench.ask(5).fault is None


def test_failures_that_are_far_apart_cool_nothing_down() -> None:
    bench = Bench(allowed_fails=2)
    bench.script["a"] = [failed(Fault.OUTAGE)] * 6
    for number in range(6):
        bench.take(number)
        bench.kernel.run_until(bench.kernel.now + 31)
    assert not bench.watched.of(CooledDown)


def test_a_single_429_cools_down_at_once() -> None:
    bench = Bench(allowed_fails=10, cooldown_seconds=30.0)
    bench.script["a"] = [failed(Fault.RATE_LIMIT)]
    bench.ask(1)
    assert [one.fault for one in bench.watched.of(CooledDown)] == [Fault.RATE_LIMIT]


def test_fallbacks_are_tried_in_their_order_and_their_end_is_told() -> None:
    bench = Bench(fallbacks={"model": ("other",)}, retries=1, allowed_fails=10)
    bench.script["a"] = [failed(Fault.OUTAGE)] * 2
    answer = bench.ask(1)
    assert bench.attempts() == ["a", "a", "c"]
    assert (answer.group, answer.deployment, answer.attempts, answer.fallbacks) == ("other", "c", 3, 1)
    assert [(one.to, one.fault, one.succeeded) for one in bench.watched.of(FellBack)] == [("other", Fault.OUTAGE, True)]
    bench.script |= {"a": [failed(Fault.OUTAGE)] * 2, "c": [failed(Fault.TIMEOUT)] * 2}
    answer = bench.ask(2)
    assert (answer.fault, answer.group, answer.usage.cost) == (Fault.TIMEOUT, "", 0.0)
    assert bench.watched.of(FellBack)[-1].succeeded is False


def test_without_anybody_to_ask_the_fallback_is_asked_without_an_attempt() -> None:
    bench = Bench(fallbacks={"model": ("other",)})
    bench.script["a"] = [failed(Fault.RATE_LIMIT)]
    bench.ask(1)
    answer = bench.ask(2)
    assert (answer.group, answer.attempts, answer.fallbacks) == ("other", 1, 1)
    assert bench.watched.of(FellBack)[-1].fault is Fault.NO_DEPLOYMENT


def test_an_unknown_model_is_refused_without_an_attempt() -> None:
    bench = Bench()
    answer = bench.ask(1, model="nobody")
    assert (answer.fault, answer.attempts) == (Fault.UNKNOWN_MODEL, 0) and not bench.attempts()


def test_weights_share_the_requests_and_zero_gives_none() -> None:
    bench = Bench()
    for number in range(50):
        bench.take(number)
    bench.kernel.run_until(100)
    assert set(bench.attempts()) == {"a"}
    deployments = tuple(
        Deployment(one.id, one.model, one.target, one.served, {"a": 1.0, "b": 3.0}.get(one.id, 1.0), one.price)
        for one in bench.proxy.gateway.deployments
    )
    bench = Bench(deployments=deployments)
    for number in range(400):
        bench.take(number)
    bench.kernel.run_until(100)
    # Binomial with 400 and 3/4: 300, standard deviation 8.7.
    assert 260 < bench.attempts().count("b") < 340


def test_a_deployments_limits_leave_it_out_for_the_rest_of_the_minute() -> None:
    bench = Bench(deployments=(Deployment("a", "model", "a", "m", requests_per_minute=2),))
    for number in range(3):
        bench.take(number)
    bench.kernel.run_until(50)
    assert [bench.answers[number].fault for number in range(3)] == [None, None, Fault.NO_DEPLOYMENT]
    bench.kernel.run_until(60)
    assert bench.ask(4).fault is None
    bench = Bench(deployments=(Deployment("a", "model", "a", "m", tokens_per_minute=100),))
    assert bench.ask(1).fault is None
    assert bench.ask(2).fault is Fault.NO_DEPLOYMENT


def test_a_team_has_so_many_requests_and_tokens_a_minute() -> None:
    bench = Bench(team=Team("team", requests_per_minute=2))
    answers = [bench.ask(number).fault for number in range(2)]
    assert answers == [None, None] and bench.ask(3).fault is Fault.RATE_LIMIT
    assert bench.ask(4, team="other").fault is None
    assert [one.limit for one in bench.watched.of(Limited)] == ["requests"]
    bench = Bench(team=Team("team", tokens_per_minute=111))
    assert [bench.ask(number).fault for number in range(2)] == [None, Fault.RATE_LIMIT]
    assert [one.limit for one in bench.watched.of(Limited)] == ["tokens"]
    bench.kernel.run_until(60)
    assert bench.ask(5).fault is None


def test_a_spent_budget_refuses_until_its_period_ends() -> None:
    bench = Bench(team=Team("team", budget_usd=0.0003, budget_seconds=3600.0))
    # Each costs 0.00028 USD: the second begins with some left, the third with none.
    assert [bench.ask(number).fault for number in range(3)] == [None, None, Fault.BUDGET]
    assert bench.teams["team"].usd == pytest.approx(2 * 0.00028)
    assert [one.limit for one in bench.watched.of(Limited)] == ["budget"]
    bench.kernel.run_until(3600)
    assert bench.ask(4).fault is None


def test_a_remembered_response_costs_nothing_and_asks_nobody_until_it_runs_out() -> None:
    bench = Bench(cache_seconds=100.0)
    first = bench.ask(1, prompt=7)
    again = bench.ask(2, prompt=7)
    assert (again.cached, again.attempts, again.usage.cost) == (True, 0, 0.0)
    assert (again.usage.output, again.deployment) == (first.usage.output, "a")
    assert again.time - again.request.time == pytest.approx(OVERHEAD)
    assert bench.ask(3, prompt=7, model="other").cached is False
    bench.kernel.run_until(first.time + 101)
    assert bench.ask(4, prompt=7).cached is False
    assert [one.hit for one in bench.watched.of(CacheAsked)] == [False, True, False, False]
    bench.proxy.forget()
    assert bench.ask(5, prompt=7).cached is False


def test_without_its_redis_it_neither_looks_nor_remembers() -> None:
    bench = Bench(cache_seconds=100.0)
    bench.proxy.cache_up = False
    bench.ask(1, prompt=7)
    bench.proxy.cache_up = True
    assert bench.ask(2, prompt=7).cached is False
    assert len(bench.watched.of(CacheAsked)) == 1


def test_failures_are_not_remembered() -> None:
    bench = Bench(cache_seconds=100.0)
    bench.script["a"] = [failed(Fault.OUTAGE)]
    bench.ask(1, prompt=7)
    assert bench.ask(2, prompt=7).cached is False


def test_an_attempt_that_takes_too_long_fails_and_is_given_up() -> None:
    bench = Bench(timeout_seconds=0.4)
    answer = bench.ask(1)
    assert answer.fault is Fault.TIMEOUT and answer.time == pytest.approx(0.4 + OVERHEAD)
    ended = bench.watched.of(AttemptEnded)
    assert len(ended) == 1 and ended[0].prefill_seconds == pytest.approx(0.4)
    assert bench.dropped == [ended[0].attempt]


def test_a_restart_ends_what_is_under_way_and_forgets_failures() -> None:
    bench = Bench(allowed_fails=10, cooldown_seconds=100.0)
    bench.script["a"] = [failed(Fault.RATE_LIMIT)]
    bench.ask(1)
    bench.take(2, model="other")
    bench.kernel.run_until(bench.kernel.now + 0.5)
    bench.proxy.end()
    assert bench.answers[2].fault is Fault.ABORTED
    assert bench.dropped == [bench.watched.of(Attempted)[-1].attempt]
    assert bench.watched.of(AttemptEnded)[-1].fault is Fault.ABORTED
    bench.kernel.run_until(bench.kernel.now + 50)
    assert len(bench.watched.of(Answered)) == 2
    bench.proxy.up = True
    assert bench.ask(3).fault is None


@pytest.mark.parametrize("moment", [0.001, 0.3, 1.006])
def test_a_client_that_goes_away_ends_its_request_once(moment: float) -> None:
    bench = Bench()
    bench.take(1)
    bench.kernel.run_until(moment)
    bench.proxy.drop(1)
    bench.proxy.drop(1)
    bench.kernel.run_until(50)
    answers = bench.watched.of(Answered)
    assert [(one.fault, one.time) for one in answers] == [(Fault.ABORTED, moment)]
    assert len(bench.watched.of(Attempted)) == len(bench.watched.of(AttemptEnded)) == (moment > 0.01)
    assert len(bench.dropped) == (moment == 0.3)


def test_a_rename_takes_fallbacks_along_and_refuses_the_old_name() -> None:
    bench = Bench(fallbacks={"model": ("other",), "other": ("model",)})
    bench.proxy.rename("model", "next")
    told = bench.watched.of(Reconfigured)[-1].settings
    assert told.fallbacks == {"next": ("other",), "other": ("next",)}
    assert [one.model for one in told.deployments] == ["next", "next", "other"]
    assert bench.ask(1).fault is Fault.UNKNOWN_MODEL
    assert bench.ask(2, model="next").deployment == "a"
    bench.proxy.rename("nobody", "x")
    assert len(bench.watched.of(Reconfigured)) == 1


def test_workers_take_requests_in_turn() -> None:
    bench = Bench(workers=2)
    assert [bench.ask(number).worker for number in range(4)] == [0, 1, 0, 1]


def test_a_request_may_forbid_retries_and_fallbacks() -> None:
    bench = Bench(retries=2, allowed_fails=10, fallbacks={"model": ("other",)})
    bench.script["a"] = [failed(Fault.OUTAGE)] * 2
    answer = bench.ask(1, retries=0, fall_back=False)
    assert (answer.fault, answer.attempts, answer.fallbacks) == (Fault.OUTAGE, 1, 0)
    assert bench.ask(2, retries=0).deployment == "c"


def test_a_request_may_ask_for_one_deployment_whatever_its_weight() -> None:
    bench = Bench()
    assert [bench.ask(number, model="b").deployment for number in range(3)] == ["b"] * 3


def test_a_mocked_request_fails_before_its_model_is_asked() -> None:
    bench = Bench(fallbacks={"model": ("other",)})
    answer = bench.ask(1, mocked=True)
    assert (answer.fault, answer.group, answer.deployment, answer.fallbacks) == (None, "other", "c", 1)
    assert bench.attempts() == ["c"]
    assert bench.ask(2, mocked=True, fall_back=False).fault is Fault.MOCKED
    assert bench.watched.of(FellBack)[0].fault is Fault.MOCKED


def test_a_picture_fails_at_a_model_that_sees_none_and_cools_nothing_down() -> None:
    blind = Deployment("a", "model", "a", "m", supports=("tools",))
    bench = Bench(deployments=(blind,), allowed_fails=0, retries=2)
    answer = bench.ask(1, image=True)
    assert (answer.fault, answer.attempts) == (Fault.UNSUPPORTED, 1)
    assert bench.ask(2).fault is None
    assert not bench.watched.of(CooledDown)
