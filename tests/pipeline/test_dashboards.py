"""The numbers of the dashboards' panels are those of the ledger: counts, tokens, cost, rates and shares of them.

Everything is read every 15 seconds while the world stands still. A window that holds all collections makes PromQL's
extrapolation the same known factor for every series, so that equality can be asked for. A series that was born within
the window lacks its first value, as everywhere in PromQL; what such series count is left out, and counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from inferdeck.dashboards.interpolation import Window
from inferdeck.query.local import LocalQueryService
from inferdeck.simulate import scenario
from tests.pipeline import panels
from tests.pipeline.applications import PREFIX, ApplicationTruth
from tests.pipeline.collecting import Stage, stage
from tests.pipeline.counters import Claim, Key, stored, summed
from tests.pipeline.gateways import GatewayTruth
from tests.pipeline.test_scenarios import NINE_O_CLOCK

STEP = 15.0
COLLECTIONS = 60
SPAN = STEP * COLLECTIONS
WINDOW = SPAN + STEP
"""One interval longer than the span of the samples, which PromQL bridges whole."""
PER = "1h"
BEGINS = {"calm-day": NINE_O_CLOCK, "provider-outage": 900.0, "cache-stampede": 900.0}
LEAST = {"calm-day": 100, "provider-outage": 40, "cache-stampede": 40}
"""Numbers that are compared at least; a scenario that has just begun has many young series."""


@dataclass(frozen=True)
class Figure:
    """One query of a panel: the sum of a family by these labels; as a rate per second where `rate`, times `scale`."""

    place: str
    family: str
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    rate: bool = True
    scale: float = 1.0
    over: tuple[str, tuple[tuple[str, str], ...]] | None = None
    """What it is divided by: a family and the labels' values."""
    stretched: float = WINDOW
    """Window of an increase, in seconds; what lies further than an interval from the samples is not bridged."""

    @property
    def factor(self) -> float:
        """What PromQL makes of an amount of 1."""
        if self.over is not None:
            return self.scale
        if self.rate:
            return self.scale / SPAN
        beyond = self.stretched - SPAN
        return self.scale * (SPAN + (beyond if beyond <= STEP else STEP / 2)) / SPAN


IN, OUT = (("token_type", "input"),), (("token_type", "output"),)
BAD, GOOD = (("status", "error"),), (("status", "success"),)
DAY = 86_400.0
HOUR = 3600.0
REQUESTS, TOKENS, COST = "llm_requests_total", "llm_tokens_used_total", "llm_cost_total"
GATEWAY = [
    Figure("overview/request-rate/A", REQUESTS),
    Figure("overview/error-rate/A", REQUESTS, where=BAD, over=(REQUESTS, ())),
    Figure("overview/token-rate/A", TOKENS, where=(*IN, *OUT)),
    Figure("overview/cost-today/A", COST, rate=False, stretched=DAY),
    Figure("overview/cost/A", COST, ("model",), scale=3600.0),
    Figure("overview/requests-by-model/A", REQUESTS, ("model",)),
    Figure("gateway/requests/A", REQUESTS, ("status",), rate=False, stretched=HOUR),
    Figure("gateway/requests-by-model/A", REQUESTS, ("model",), rate=False, stretched=HOUR),
    Figure("gateway/tokens/A", TOKENS, ("token_type",), rate=False, stretched=HOUR),
    Figure("gateway/tokens-by-model/A", TOKENS, ("model", "token_type"), (*IN, *OUT), rate=False, stretched=HOUR),
    Figure("gateway/cost-today/A", COST, rate=False, stretched=DAY),
    Figure("gateway/cost-by-model/A", COST, ("model",), rate=False, stretched=HOUR),
    Figure(
        "gateway/fallbacks/A", "llm_fallbacks_total", ("from_model", "to_model", "status"), rate=False, stretched=HOUR
    ),
    Figure("compare/table/requests", REQUESTS, ("model",)),
    Figure("compare/table/tokens", TOKENS, ("model",), (*IN, *OUT)),
    Figure("compare/table/errors", REQUESTS, ("model",), BAD, over=(REQUESTS, ())),
    Figure("compare/table/request_cost", COST, ("model",), over=(REQUESTS, GOOD)),
    Figure("compare/table/token_cost", COST, ("model",), scale=1e6, over=(TOKENS, (*IN, *OUT))),
    Figure("usage/tokens-by-model/A", TOKENS, ("model",), (*IN, *OUT), rate=False, stretched=HOUR),
    Figure("usage/cost-by-team/cost", COST, ("team",), rate=False),
    Figure("usage/cost-by-team/requests", REQUESTS, ("team",), rate=False),
    Figure("llm-usage/total-requests/A", REQUESTS),
    Figure("llm-usage/total-cost/A", COST, rate=False, stretched=DAY),
    Figure("llm-usage/error-rate/A", REQUESTS, where=BAD, over=(REQUESTS, ())),
    Figure("llm-usage/tokens-by-model/A", TOKENS, ("model", "token_type"), (*IN, *OUT)),
    Figure("llm-usage/cost-by-model/A", COST, ("model",), rate=False),
]
USAGE = [
    *(one for one in GATEWAY if one.place.startswith("llm-usage/")),
    Figure("llm-usage/requests-per-agent/A", REQUESTS, ("agent_id",)),
    Figure("llm-usage/cost-per-team/A", COST, ("agent_id",), rate=False),
    Figure("llm-usage/cache-performance/A", "llm_cache_hits_total"),
    Figure("llm-usage/cache-performance/B", "llm_cache_misses_total"),
    Figure("llm-usage/errors-by-provider/A", "llm_errors_total", ("error_type",)),
    Figure("llm-usage/success-rate/A", REQUESTS, where=GOOD, over=(REQUESTS, ())),
]
EDGE = [
    Figure("gateway-overview/request-rate/A", f"{PREFIX}requests_total"),
    Figure("gateway-overview/error-rate/A", f"{PREFIX}requests_total", where=BAD, over=(f"{PREFIX}requests_total", ())),
    Figure("gateway-overview/token-rate/A", f"{PREFIX}tokens_total", where=(("type", "input"), ("type", "output"))),
    Figure("gateway-overview/rate-by-model/A", f"{PREFIX}requests_total", ("model",)),
    Figure("gateway-overview/token-distribution/A", f"{PREFIX}tokens_total", ("type",)),
]


@dataclass(slots=True)
class Report:
    """How many numbers were compared, by panel, and how many were left out for young series."""

    equal: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    young: int = 0


@pytest.mark.parametrize("name", list(BEGINS))
async def test_panels_say_what_happened(name: str, tmp_path: Path) -> None:
    async with stage(scenario.named(name), tmp_path) as found:
        begin = BEGINS[name]
        for number in range(COLLECTIONS + 1):
            await found.go(begin + number * STEP)
        service, report = LocalQueryService(found.database), Report()
        try:
            fleet = found.scenario.fleet
            for gateway in fleet.gateways:
                await compare(found, service, gateway.name, GatewayTruth(found, gateway).claims(), GATEWAY, report)
            for one in fleet.applications:
                figures = USAGE if one.metrics == "llm" else EDGE
                await compare(found, service, one.name, ApplicationTruth(found, one).claims(), figures, report)
        finally:
            service.close()
    print(f"{name}: {sum(report.equal.values())} numbers of {len(report.equal)} panels equal, {report.young} too young")
    every = {figure.place for figure in (*GATEWAY, *USAGE, *EDGE)}
    if name == "calm-day":
        never = {"gateway/fallbacks/A", "llm-usage/errors-by-provider/A"}
        assert every - report.equal.keys() <= never, every - report.equal.keys()
    assert sum(report.equal.values()) >= LEAST[name]


async def compare(
    found: Stage, service: LocalQueryService, process: str, claims: list[Claim], figures: list[Figure], report: Report
) -> None:
    """Compare the figures of one program."""
    end = found.clock.now()
    window = Window(round((end - WINDOW) * 1000), round(end * 1000), round(SPAN * 1000))

    async def values(label: str, selector: str) -> list[str]:
        return list((await service.label_values(label, [selector], window.start_ms, window.end_ms)).items)

    asked: dict[str, panels.Asked] = {}
    for one in panels.dashboards():
        given = {"gateway": process, "per": PER}
        if one.variable("gateway") is not None:
            chosen = await panels.choose(one, values, window, given)
            asked |= {query.place: query for query in panels.queries(one, chosen, window)}
    born = Births(found, process)
    for figure in figures:
        result = await service.instant(asked[figure.place].text, window.end_ms)
        told = {
            tuple(dict(series).get(_label(figure, name), "") for name in figure.by): float(row[0])
            for series, row in zip(result.series, result.values, strict=True)
        }
        check(figure, told, Truth(found, claims, born), report)


def _label(figure: Figure, name: str) -> str:
    return "variant" if figure.place.startswith("compare/") else name


def check(figure: Figure, told: dict[Key, float], truth: Truth, report: Report) -> None:
    """Compare one query with the ledger, key by key."""
    amounts, young = truth.amounts(figure.family, figure.by, figure.where)
    parts: dict[Key, float] = {}
    if figure.over is not None:
        parts, more = truth.amounts(figure.over[0], figure.by, figure.over[1])
        young |= more
    for key in amounts.keys() | parts.keys() | told.keys():
        if key in young:
            report.young += 1
            continue
        amount = amounts.get(key, 0.0)
        if figure.over is not None:
            if not parts.get(key):
                assert key not in told, (figure.place, key, told)
                continue
            amount /= parts[key]
        wanted = amount * figure.factor
        if key not in told:
            assert wanted == 0, (figure.place, key, wanted)
            continue
        assert math.isclose(told[key], wanted, rel_tol=1e-9, abs_tol=1e-12), (figure.place, key, told[key], wanted)
        report.equal[figure.place] += wanted > 0


class Births:
    """Which series of a program began, or began anew, after `begin`, which is that of all collections."""

    def __init__(self, found: Stage, process: str, begin: float | None = None) -> None:
        self._found = found
        self._one = found.watched[process]
        self.begin = self._one.read[0] if begin is None else begin
        self.end = self._one.read[-1]

    def keys(self, family: str, by: tuple[str, ...], where: tuple[tuple[str, str], ...]) -> set[Key]:
        """Return the keys of which some series was not there at the beginning, or was reset, or is near to nothing."""
        found = set()
        for series, values in stored(self._found, self._one, family):
            labels = dict(series)
            if not _fits(labels, where):
                continue
            line = [values[at] for at in sorted(values) if at >= round(self.begin * 1000)]
            span = self.end - self.begin
            steady = min(values) <= round(self.begin * 1000) and len(line) == span / STEP + 1 and line == sorted(line)
            # A counter cannot have been below zero, so little is added before a first value that is small.
            if not steady or line[0] * span < (line[-1] - line[0]) * STEP:
                found.add(tuple(labels.get(name, "") for name in by))
        return found


@dataclass(frozen=True, slots=True)
class Truth:
    """The ledger's amounts of one program between the first collection and the last."""

    found: Stage
    claims: list[Claim]
    born: Births

    def amounts(
        self, family: str, by: tuple[str, ...], where: tuple[tuple[str, str], ...]
    ) -> tuple[dict[Key, float], set[Key]]:
        """Return amounts by key, and the keys that cannot be compared."""
        start, end = self.born.begin, self.born.end
        total: dict[Key, float] = defaultdict(float)
        for claim in self.claims:
            if claim.family != family or not _may(claim, where):
                continue
            names = (*claim.keep, *(name for name, _ in claim.where))
            for key, amount in summed(claim.truth(start, end)).items():
                labels = dict(zip(names, (*key, *(value for _, value in claim.where)), strict=True))
                if _fits(labels, where):
                    total[tuple(labels.get(name, "") for name in by)] += amount
        return total, self.born.keys(family, by, where)


def _fits(labels: dict[str, str], where: Iterable[tuple[str, str]]) -> bool:
    """Whether labels have, for each name, one of the values that are given for it."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for name, value in where:
        wanted[name].add(value)
    return all(labels.get(name, "") in values for name, values in wanted.items())


def _may(claim: Claim, where: tuple[tuple[str, str], ...]) -> bool:
    """Whether a claim about one kind of tokens is among those that are asked for."""
    return _fits(dict(claim.where), [pair for pair in where if pair[0] in dict(claim.where)])
