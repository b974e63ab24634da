"""Runs a plan: first whether each model answers at all, then what rests on that, pools last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from inferdeck.probing.cases import alpha
from inferdeck.probing.gateway import Told
from inferdeck.probing.judging import Judge, skipped
from inferdeck.probing.requests import ask, failing
from inferdeck.probing.sender import Sender, wait_all
from inferdeck.probing.values import Answer, Ask, Case, Cause, Kind, Plan, Report, Result, State

PARALLEL = 4
"""Requests at once: a probe is not to be a load test."""
Progress = Callable[[int, int, Result | None], None]
"""Told after every request: sent so far, of how many, and the result where a case has ended."""
_FIRST = (Kind.DIRECT, Kind.MEMBER, Kind.EMBEDDING)
_UNTRUE = frozenset({Cause.MAPPING_MISSING, Cause.MODEL_ABSENT, Cause.GATEWAY_GONE, Cause.GARBAGE, Cause.GATEWAY_KEY})
"""Failures that are no failing provider, so that no fallback can be expected."""


@dataclass(slots=True)
class Run:
    """One run of a plan; `stop` may be set from a signal handler, what is on its way is then given up."""

    plan: Plan
    told: Told
    sender: Sender
    progress: Progress
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _results: dict[str, Result] = field(default_factory=dict)
    _sent: int = 0
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARALLEL))

    async def go(self) -> Report:
        """Send everything and return the report; an interrupted run's report has what was found until then."""
        begun, clock = time.time(), time.monotonic()
        working = asyncio.create_task(self._all())
        stopping = asyncio.create_task(self.stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        interrupted = not working.done()
        await wait_all([stopping, *([working] if interrupted else [])])
        if not interrupted:
            working.result()
        for case in self.plan.cases:
            self._results.setdefault(case.id, skipped(case, "interrupted"))
        return Report(
            self.plan.gateway,
            self.plan.simulated,
            begun,
            time.monotonic() - clock,
            self.plan.bill,
            self.plan.requests,
            tuple(self._results[case.id] for case in self.plan.cases),
            self.plan.left_out,
            self.plan.notes,
            interrupted,
        )

    async def _all(self) -> None:
        judge = Judge(self.told, alpha(self.plan.cases), {one.id: one for one in self.told.deployments})
        cases = self.plan.cases
        await self._each([case for case in cases if case.kind in _FIRST], judge)
        await self._each([case for case in cases if case.kind not in (*_FIRST, Kind.POOL)], judge)
        for case in cases:
            if case.kind is Kind.POOL:
                await self._one(case, judge)

    async def _each(self, cases: Sequence[Case], judge: Judge) -> None:
        """Ask cases beside each other, with as many workers as requests may be on their way."""
        waiting = iter(cases)

        async def work() -> None:
            for case in waiting:
                await self._one(case, judge)

        async with asyncio.TaskGroup() as group:
            for _ in range(PARALLEL):
                group.create_task(work())

    async def _one(self, case: Case, judge: Judge) -> None:
        why = case.because or self._vain(case)
        result = skipped(case, why) if why else await self._asked(case, judge)
        self._results[case.id] = result
        self.progress(self._sent, self.plan.requests, result)

    async def _asked(self, case: Case, judge: Judge) -> Result:
        if case.kind is Kind.POOL:
            return judge.pool(case, await self._many(case))
        if case.kind is Kind.FALLBACK:
            down = self._fails(case.model) and not case.too_long
            asked = ask(case, litellm=self.told.litellm)
            answer = await self._send(asked if down else failing(asked, too_long=case.too_long))
            bad = {name for name in case.order if self._fails(name) or not self._known(name)}
            return judge.fallback(case, answer, bad, forced=not down)
        return judge.single(case, await self._send(ask(case, litellm=self.told.litellm)))

    async def _many(self, case: Case) -> list[Answer]:
        found: list[Answer] = []
        left = iter(range(case.requests))

        async def work() -> None:
            for _ in left:
                found.append(await self._send(ask(case, litellm=self.told.litellm)))
                self.progress(self._sent, self.plan.requests, None)

        async with asyncio.TaskGroup() as group:
            for _ in range(PARALLEL):
                group.create_task(work())
        return found

    async def _send(self, asked: Ask) -> Answer:
        async with self._gate:
            self._sent += 1
            return await self.sender.send(asked)

    def _vain(self, case: Case) -> str:
        """Return why a case need not be asked: what it rests on has failed and is reported already."""
        if case.kind in _FIRST:
            return ""
        bad = self._bad(case.model)
        if case.kind is Kind.FALLBACK:
            if not self.told.litellm and not bad:
                return "it works, and this gateway is no LiteLLM, which lets a request fail on demand"
            if bad and bad[0].cause in _UNTRUE:
                return f"{bad[0].id} failed: {bad[0].cause}"
            if bad and case.too_long:
                return f"{bad[0].id} failed: {bad[0].cause}"
            if bad and not self._fails(case.model):
                return f"only a part of it fails ({bad[0].id}), so who answers proves nothing"
            if all(self._fails(name) for name in case.order):
                return "none of its fallbacks answers"
            return ""
        if bad:
            return f"{bad[0].id} failed: {bad[0].cause}"
        if case.kind is Kind.CAPABILITY and self._alone(case, Kind.EMBEDDING) and not case.embeds:
            return "it makes vectors"
        return ""

    def _alone(self, case: Case, kind: Kind) -> bool:
        return any(one.kind is kind and (one.group or one.model) == case.model for one in self.plan.cases)

    def _of(self, model: str) -> list[Result]:
        kinds = {str(kind) for kind in _FIRST}
        return [one for one in self._results.values() if one.kind in kinds and one.model == model]

    def _bad(self, model: str) -> list[Result]:
        return [one for one in self._of(model) if one.state is State.FAILED]

    def _fails(self, model: str) -> bool:
        """Return whether every place of a model failed when it was asked."""
        found = [one for one in self._of(model) if one.state is not State.SKIPPED]
        return bool(found) and all(one.state is State.FAILED for one in found)

    def _known(self, model: str) -> bool:
        return not self.told.deployments or model in self.told.groups() or model in self.told.listed


def total(cases: Iterable[Case]) -> int:
    """Return how many requests cases send at most."""
    return sum(case.requests for case in cases if not case.because)
